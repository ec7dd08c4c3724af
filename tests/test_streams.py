"""Changes reach those who follow an organization's users, and nobody else."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from gateway.app import create_app
from gateway.catalog_file import read_catalogue
from gateway.settings import Settings
from resolvers.catalogue_changes import apply_catalogue
from tests import documents
from tests.people import Clock, Gateway, Person
from tests.postgres import free_port
from tests.streaming import FOLLOW, Events, Socket, events, following, opened, served


@pytest.fixture
async def gateway(
    migrated_database: str, clock: Clock, oidc_settings: dict[str, str]
) -> AsyncIterator[Gateway]:
    """The gateway behind a real server."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    settings = Settings.model_validate(
        {"database_url": migrated_database, "public_url": url, **oidc_settings}
    )
    async with (
        served(create_app(settings, delivers_mail=False, now=clock), port=port),
        httpx2.AsyncClient(base_url=url, trust_env=False) as client,
    ):
        await apply_catalogue(read_catalogue(None), now=clock())
        yield Gateway(client, clock, migrated_database)


async def create(alice: Person, contoso: str, name: str, **form: Any) -> dict[str, Any]:
    """A user of Contoso."""
    role = await alice.gateway.role("commerce-services/viewer")
    given = {"firstName": name, "microsoftAccount": f"{name.lower()}@live.example", **form}
    payload = await alice.create(contoso, roles={"set": [role]}, **given)
    user: dict[str, Any] = payload["user"]
    return user


async def test_an_administrator_follows_a_user_from_the_first_save_to_the_removal(
    gateway: Gateway, alice: Person, contoso: str
) -> None:
    async with following(alice, contoso, query=FOLLOW) as socket:
        dora = await create(alice, contoso, "Dora")
        await alice.invite(dora)
        person = await gateway.person("dora@live.example")
        await person.accept((await gateway.tokens())[-1])
        seen = await alice.see(dora)
        assert seen
        edited = (await alice.edit(seen, firstName="Doris", roles={"set": []}))["user"]
        await alice.remove(edited)
        changes = [await socket.change() for _ in range(5)]

    assert [(each["kind"], each["userId"] == dora["id"]) for each in changes] == [
        ("CREATED", True),
        ("INVITED", True),
        ("ASSOCIATED", True),
        ("EDITED", True),
        ("REMOVED", True),
    ]
    assert changes[-1]["user"] is None
    assert changes[-2]["user"] == {
        "id": dora["id"],
        "firstName": "Doris",
        "lastName": "Diaz",
        "status": "ASSOCIATED",
        "selectedRoles": [],
    }
