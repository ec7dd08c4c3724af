"""What SECURITY.md says is so."""

import re
import tomllib
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from packaging.version import Version
from tortoise.connection import get_connection

from gateway.command_database import CommandFailed
from gateway.database import connected, is_sqlite
from gateway.grants import grant_to
from models.audit import AuditEvent
from resolvers.audit_chains import verified_chains
from tests import documents
from tests.people import Gateway, Person

ROOT = Path(__file__).parent.parent
SECURITY = (ROOT / "SECURITY.md").read_text()
MINIMA: dict[str, Any] = tomllib.loads((ROOT / "tests/minimum_versions.toml").read_text())


def test_every_control_names_a_test_that_is_there() -> None:
    rows = re.findall(r"^\| .+ \| .+ \| .+ \| (.+) \|$", SECURITY, re.MULTILINE)[2:]
    named = [re.fullmatch(r"`((?:browser/)?test_\w+)::(test_\w+)`", cell) for cell in rows]
    missing = [
        match.group()
        for match in named
        if match and f"def {match[2]}(" not in (ROOT / "tests" / f"{match[1]}.py").read_text()
    ]

    assert len(rows) >= 20
    assert (missing, [cell for cell, match in zip(rows, named, strict=True) if not match]) == (
        [],
        [],
    )


def test_the_table_of_minimum_versions_is_the_one_that_is_checked() -> None:
    shown = re.findall(r"^\| ([a-z0-9-]+) \| ([0-9.]+) \| (.+) \|$", SECURITY, re.MULTILINE)

    assert shown == [(name, each["version"], each["because"]) for name, each in MINIMA.items()]


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-dev.txt"])
def test_no_lock_falls_below_a_minimum_version(lock: str) -> None:
    pins = dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", (ROOT / lock).read_text(), re.MULTILINE))
    below = [
        f"{name} {pins[name]} is below {each['version']}: {each['because']}"
        for name, each in MINIMA.items()
        if Version(pins[name]) < Version(each["version"])
    ]

    assert below == []


async def test_a_role_that_owns_nothing_works_but_can_not_rewrite_the_trail(
    gateway: Gateway, alice: Person, contoso: str
) -> None:
    """The gateway goes on as a role that owns nothing."""
    if is_sqlite(gateway.database_url):
        return  # has no roles
    await get_connection("default").execute_script(
        "DO $$ BEGIN CREATE ROLE gateway LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;"
    )
    await grant_to("gateway", gateway.database_url)
    url = gateway.database_url.replace("postgres@", "gateway@")
    async with connected(url):
        await alice.do(documents.SIGN_OUT)
        again = await gateway.person("alice@live.example")
        viewer = await gateway.role("commerce-services/viewer")
        made = await again.create(contoso, roles={"set": [viewer]})
        await again.invite(made["user"])
        faults = [fault async for chain in verified_chains() for fault in chain.faults]
        events = await AuditEvent.all().count()
        for statement in (
            "UPDATE audit_events SET actor_name = 'Nobody'",
            "DELETE FROM audit_events",
            "TRUNCATE audit_events",
            "DELETE FROM audit_chains",
            "ALTER TABLE audit_events DISABLE TRIGGER ALL",
            "DROP TRIGGER audit_events_stay ON audit_events",
            "ALTER FUNCTION audit_events_stay() RENAME TO audit_events_go",
        ):
            with pytest.raises(Exception) as raised:  # noqa: PT011 - Tortoise wraps some of them
                await get_connection("default").execute_query(statement)
            cause = raised.value.__cause__ or raised.value
            assert isinstance(cause, asyncpg.InsufficientPrivilegeError), statement

        assert (made["userErrors"], faults) == ([], [])
        assert await AuditEvent.all().count() == events


async def test_a_role_that_can_not_be_kept_from_anything_is_given_nothing(database: str) -> None:
    reasons = {"nobody's": "there is no role nobody's", "postgres": "postgres is a superuser"}
    for role, reason in reasons.items():
        expected = "SQLite has no roles" if is_sqlite(database) else reason
        with pytest.raises(CommandFailed, match=expected):
            await grant_to(role, database)
