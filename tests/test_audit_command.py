"""`gateway audit verify`, as an operator meets it."""

from pathlib import Path

import pytest
from tortoise.connection import get_connection

from models.audit import AuditEvent
from schema.nodes import decode_id
from tests.people import Gateway, Person
from tests.test_audit_chains import without_triggers
from tests.test_commands import Runner


@pytest.fixture
def run(tmp_path: Path) -> Runner:
    """Runs `gateway` with no setting but those given."""
    return Runner(tmp_path)


async def test_a_sound_trail_is_told_by_its_ends(
    gateway: Gateway, bob: Person, contoso: str, run: Runner
) -> None:
    assert bob.user
    organization_id = decode_id("Organization", contoso)
    last = await AuditEvent.filter(organization_id=organization_id).order_by("-sequence").first()
    assert last

    done = run("audit", "verify", GATEWAY_DATABASE_URL=gateway.database_url)

    assert (done.returncode, done.stderr) == (0, "")
    assert f"{organization_id}: {last.sequence} events, last {last.hash}\n" in done.stdout
    assert done.stdout.endswith(" 0 chains are faulty.\n")


async def test_a_trail_that_was_tampered_with_fails_and_is_named(
    gateway: Gateway, bob: Person, contoso: str, run: Runner
) -> None:
    assert bob.user
    organization_id = decode_id("Organization", contoso)
    await without_triggers(gateway.database_url)
    await get_connection("default").execute_query(
        "UPDATE audit_events SET actor_name = 'Nobody' WHERE sequence = 2"
    )

    done = run(
        *("audit", "verify", "--organization", str(organization_id)),
        GATEWAY_DATABASE_URL=gateway.database_url,
    )

    assert done.returncode == 1
    assert f"{organization_id}: change: event 2 (" in done.stdout
    assert done.stdout.endswith(" in 1 chains; 1 chains are faulty.\n")
