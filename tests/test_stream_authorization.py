"""Who is told what: each subscription, against `authorization.toml`."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.people import Gateway, Person
from tests.streaming import Events, events, served_gateway
from tests.test_authorization import CALLERS, TABLE, Outcome, answer_for
from tests.world import World, build_world

__all__ = ["served_gateway"]

USER_CHANGED = """
subscription UserChanged($organizationId: ID!) {
  userChanged(organizationId: $organizationId) { kind userId user { id } }
}
"""

FIELDS = ("kind", "userId", "user")


@pytest.fixture
def migrated_database(migrated_file: Path, tmp_path: Path) -> str:
    """Who is told is the same on every database, as the tests of streams show."""
    return f"sqlite://{shutil.copy(migrated_file, tmp_path)}"


@pytest.fixture
async def world(
    gateway: Gateway, alice: Person, bob: Person, carol: Person, mallory: Person, contoso: str
) -> World:
    """Two organizations with one of everything."""
    people = {"alice": alice, "bob": bob, "carol": carol, "mallory": mallory}
    return await build_world(gateway, people, contoso)


def rows(section: str) -> Mapping[str, Any]:
    """A section of the table."""
    found: Mapping[str, Any] = TABLE["fields"][f"{section} of userChanged"]
    return found


@pytest.mark.parametrize("caller", CALLERS)
async def test_each_caller_is_told_what_the_table_says(
    world: World, alice: Person, caller: str
) -> None:
    """Dora is changed first, then the caller; what comes before the latter was told of Dora."""
    given = world.fill(TABLE["subscriptions"]["userChanged"], caller)
    own = world.ids.get(world.profile_of(caller))
    async with events(world.callers[caller], USER_CHANGED, **given) as stream:
        seen: dict[str, Outcome]
        if stream.response.status_code == 401:
            seen = _alike("401")
        else:
            for id_ in (world.ids["Dora"], own):
                user = await alice.see({"id": id_}) if id_ else None
                if user is not None:
                    await alice.edit(user, lastName="Changed")
            seen = await _told(stream, {world.ids["Dora"]: "", own: " (oneself)"})

    assert seen == {
        f"UserChange{whose}.{field}": answer_for(caller, rows(f"UserChange{whose}")[field])
        for whose in ("", " (oneself)")
        for field in FIELDS
    }


def _alike(outcome: Outcome) -> dict[str, Outcome]:
    return {f"UserChange{whose}.{name}": outcome for whose in ("", " (oneself)") for name in FIELDS}


async def _told(stream: Events, about: Mapping[str | None, str]) -> dict[str, Outcome]:
    """What is told up to the caller's own change, or why nothing is."""
    seen = _alike("absent")
    while True:
        answer = json.loads((await stream.event())["data"])
        if "errors" in answer:
            return _alike(answer["errors"][0]["extensions"]["code"])
        change = answer["data"]["userChanged"]
        whose = about[change["userId"]]
        seen |= {f"UserChange{whose}.{name}": "data" for name in FIELDS if change[name]}
        if whose:
            return seen
