"""The audit trail is append-only, and what is done behind its back is found."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from tortoise.connection import get_connection
from tortoise.exceptions import IntegrityError

from gateway.database import DATABASE_TROUBLE, is_sqlite
from models.audit import AuditAction, AuditChain, AuditEvent, event_hash
from models.audit_triggers import SQLITE_TRIGGERS
from models.rows import new_id
from resolvers.audit import record, recorded_transaction
from resolvers.audit_chains import VerifiedChain, verified_chains
from resolvers.caller import Caller
from resolvers.sessions import Identity, sign_in
from schema.nodes import decode_id
from tests import documents
from tests.people import BEGINNING, ISSUER, Gateway, Person, associated


async def run(*statements: str) -> None:
    """Send statements past the gateway, as someone with a database client would."""
    for statement in statements:
        await get_connection("default").execute_query(statement)


async def without_triggers(url: str) -> None:
    """What the owner of the tables can do, and nobody else."""
    if is_sqlite(url):
        names = [text.split("TRIGGER ")[1].split()[0] for text in SQLITE_TRIGGERS]
        await run(*(f"DROP TRIGGER {name}" for name in names))
    else:
        await run(
            "ALTER TABLE audit_events DISABLE TRIGGER USER",
            "ALTER TABLE audit_chains DISABLE TRIGGER USER",
        )


async def verified() -> list[VerifiedChain]:
    return [chain async for chain in verified_chains()]


async def faults() -> list[str]:
    return [fault for chain in await verified() for fault in chain.faults]


@pytest.fixture
async def trail(bob: Person, carol: Person, contoso: str) -> list[AuditEvent]:
    """The events of Contoso in order; six or more."""
    assert bob.user["organization"] == carol.user["organization"]
    organization_id = decode_id("Organization", contoso)
    return await AuditEvent.filter(organization_id=organization_id).order_by("sequence")


@pytest.mark.usefixtures("mallory")
async def test_every_organization_s_events_are_a_chain(trail: list[AuditEvent]) -> None:
    chains = await verified()
    ends = {row.id: (row.sequence, row.hash) for row in await AuditChain.all()}

    assert [event.sequence for event in trail] == list(range(1, len(trail) + 1))
    assert len(trail) >= 6
    assert [event.previous_hash for event in trail] == ["", *(e.hash for e in trail[:-1])]
    assert [event.hash for event in trail] == [event_hash(event) for event in trail]
    assert len(chains) == 3
    assert {chain.faults for chain in chains} == {()}
    assert sum(chain.events for chain in chains) == await AuditEvent.all().count()
    assert ends[trail[0].organization_id or UUID(int=0)] == (len(trail), trail[-1].hash)


@pytest.mark.usefixtures("alice", "bob")
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_events SET actor_name = 'Nobody'",
        "UPDATE audit_events SET sequence = sequence + 100",
        "DELETE FROM audit_events",
        "UPDATE audit_chains SET sequence = sequence - 1",
        "UPDATE audit_chains SET sequence = sequence + 2",
        "DELETE FROM audit_chains",
        "INSERT INTO audit_events SELECT * FROM audit_events WHERE sequence = 1",
    ],
)
async def test_the_database_itself_keeps_events_as_they_are(statement: str) -> None:
    before = await AuditEvent.all().order_by("id").values()

    with pytest.raises(DATABASE_TROUBLE):
        await run(statement)

    assert await AuditEvent.all().order_by("id").values() == before
    assert await faults() == []


async def test_postgresql_refuses_to_truncate_the_trail(gateway: Gateway) -> None:
    if is_sqlite(gateway.database_url):
        return  # has no TRUNCATE

    with pytest.raises(DATABASE_TROUBLE, match="never changed"):
        await run("TRUNCATE audit_events")


async def test_a_sequence_number_is_unique_in_an_organization_and_outside_of_all(
    gateway: Gateway, trail: list[AuditEvent]
) -> None:
    await without_triggers(gateway.database_url)
    common = await AuditEvent.filter(organization_id=None).first()
    assert common

    for event in (trail[2], common):
        with pytest.raises(IntegrityError):
            await copy_of(event).save(force_create=True)


def copy_of(event: AuditEvent, **changes: Any) -> AuditEvent:
    """A new row like an event's, but for what is given and its hash."""
    names = AuditEvent._meta.db_fields  # noqa: SLF001 - what Tortoise tells of a table
    columns: dict[str, Any] = {name: getattr(event, name) for name in names}
    copy = AuditEvent(**{**columns, "id": new_id(), **changes})
    copy.hash = event_hash(copy)
    return copy


async def changed(trail: list[AuditEvent]) -> None:
    await AuditEvent.filter(id=trail[2].id).update(actor_name="Nobody")


async def changed_with_its_hash(trail: list[AuditEvent]) -> None:
    event = trail[2]
    event.actor_name = "Nobody"
    event.hash = event_hash(event)
    await event.save()


async def deleted(trail: list[AuditEvent]) -> None:
    await AuditEvent.filter(id__in=[trail[2].id, trail[3].id]).delete()


async def deleted_and_numbered_anew(trail: list[AuditEvent]) -> None:
    await AuditEvent.filter(id=trail[2].id).delete()
    for event in trail[3:]:
        event.sequence -= 1
        await event.save()


async def put_in(trail: list[AuditEvent]) -> None:
    await run("DROP INDEX events_by_sequence")
    await copy_of(trail[2], actor_name="Nobody").save(force_create=True)


async def swapped(trail: list[AuditEvent]) -> None:
    one, other = trail[2], trail[3]
    for event, sequence in ((one, 1000), (other, one.sequence), (one, other.sequence)):
        await AuditEvent.filter(id=event.id).update(sequence=sequence)


async def cut_off(trail: list[AuditEvent]) -> None:
    await AuditEvent.filter(id__in=[trail[-1].id, trail[-2].id]).delete()


async def emptied(trail: list[AuditEvent]) -> None:
    await AuditEvent.filter(organization_id=trail[0].organization_id).delete()


async def emptied_with_its_end(trail: list[AuditEvent]) -> None:
    await emptied(trail)
    await AuditChain.filter(id=trail[0].organization_id).delete()


async def put_on(trail: list[AuditEvent]) -> None:
    last = trail[-1]
    forged = copy_of(last, sequence=last.sequence + 1, previous_hash=last.hash)
    await forged.save(force_create=True)


async def end_rewritten(trail: list[AuditEvent]) -> None:
    await AuditChain.filter(id=trail[0].organization_id).update(hash="0" * 64)


TAMPERED = {
    changed: ["change: event 3"],
    changed_with_its_hash: ["break: event 4"],
    deleted: ["gap: events 3 to 4 are missing", "break: event 5"],
    deleted_and_numbered_anew: ["change: event 3", "change: event 4"],
    put_in: ["fork: there is more than one event 3", "break: event 3"],
    swapped: ["change: event 3", "change: event 4"],
    cut_off: ["gap: events {before_last} to {last} are missing at the end"],
    emptied: ["gap: events 1 to {last} are missing at the end"],
    emptied_with_its_end: ["end: the row that tells the chain's end is missing"],
    put_on: ["end: events after {last} were put in"],
    end_rewritten: ["end: event {last} is not the one"],
}


@pytest.mark.parametrize("tamper", TAMPERED, ids=lambda tamper: tamper.__name__)
async def test_what_is_done_behind_the_trail_s_back_is_named(
    gateway: Gateway, trail: list[AuditEvent], tamper: Any
) -> None:
    await without_triggers(gateway.database_url)
    last = len(trail)

    await tamper(trail)

    found = await faults()
    expected = [text.format(last=last, before_last=last - 1) for text in TAMPERED[tamper]]
    assert [text for text in expected if not any(text in fault for fault in found)] == []
    assert len({chain.organization_id for chain in await verified() if chain.faults}) == 1


async def test_a_change_that_is_refused_leaves_nothing_but_the_refusal(
    gateway: Gateway, trail: list[AuditEvent], bob: Person, contoso: str
) -> None:
    before = await AuditEvent.all().count()

    await bob.create(contoso)

    events = (await gateway.events())[before:]
    assert [(event.action, event.outcome, event.sequence) for event in events] == [
        (AuditAction.USER_CREATED, "DENIED", len(trail) + 1)
    ]


async def test_what_is_recorded_is_lost_with_its_transaction(trail: list[AuditEvent]) -> None:
    caller = Caller(request_id="test")

    async def fail() -> None:
        async with recorded_transaction():
            record(
                caller,
                AuditAction.SIGNED_IN,
                organization_id=trail[0].organization_id,
                subject=None,
                now=BEGINNING,
            )
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()

    assert await AuditEvent.filter(organization_id=trail[0].organization_id).count() == len(trail)
    assert await faults() == []


async def test_nothing_is_recorded_outside_of_a_transaction_that_would_write_it() -> None:
    with pytest.raises(AssertionError):
        record(
            Caller(request_id="test"),
            AuditAction.SIGNED_IN,
            organization_id=None,
            subject=None,
            now=BEGINNING,
        )


async def test_an_event_takes_two_statements(
    trail: list[AuditEvent], statements: list[str]
) -> None:
    """The chain's end is locked by one, and moved on by the insertion itself."""
    async with recorded_transaction():
        record(
            Caller(request_id="test"),
            AuditAction.SIGNED_IN,
            organization_id=trail[0].organization_id,
            subject=None,
            now=BEGINNING,
        )

    assert [text.split()[2].strip('"') for text in statements if "INSERT" in text] == [
        "audit_chains",
        "audit_events",
    ]
    assert len([text for text in statements if text.split()[0] in {"SELECT", "UPDATE"}]) == 0


@pytest.fixture
async def both(gateway: Gateway, alice: Person, contoso: str) -> dict[str, Any]:
    """Someone who administers two organizations, with a user to invite in each."""
    second = {**documents.CONTOSO, "name": "Adatum"}
    payload = await alice.sign_up("commerce-services", newOrganization=second)
    adatum = payload["user"]["organization"]["id"]
    viewer = await gateway.role("commerce-services/viewer")
    users = [
        (await alice.create(id_, roles={"set": [viewer]}))["user"]["id"]
        for id_ in (contoso, adatum)
    ]
    return {"organizations": [contoso, adatum], "users": users}


async def test_appending_at_once_neither_forks_nor_waits_in_circles(
    gateway: Gateway, alice: Person, mallory: Person, both: dict[str, Any]
) -> None:
    """Sign-ins to both organizations, invitations in both orders, refusals and edits, at once."""
    identity = Identity(
        issuer=ISSUER,
        subject="alice@live.example",
        microsoft_account="alice@live.example",
        display_name=None,
    )
    before = await AuditEvent.all().count()

    def invite(users: list[str]) -> Any:
        return alice.do(documents.INVITE_USERS, input={"userIds": users})

    def enter() -> Any:
        return sign_in(
            identity,
            client=None,
            request_id="test",
            now=gateway.clock(),
            lifetime=timedelta(hours=1),
        )

    rounds = 12
    results = await asyncio.gather(
        *(
            action
            for _ in range(rounds)
            for action in (
                invite(both["users"]),
                invite(both["users"][::-1]),
                enter(),
                mallory.create(both["organizations"][0]),
            )
        ),
        verified(),
    )

    assert [chain.faults for chain in results[-1]] == [()] * len(results[-1])
    assert await faults() == []
    assert await AuditEvent.all().count() == before + rounds * (2 + 2 + 2 + 1)


async def test_one_organization_can_be_verified_alone(
    gateway: Gateway, mallory: Person, trail: list[AuditEvent]
) -> None:
    await without_triggers(gateway.database_url)
    await changed(trail)
    fabrikam = decode_id("Organization", mallory.user["organization"]["id"])

    chains = [chain async for chain in verified_chains(fabrikam)]

    assert [(chain.organization_id, chain.faults) for chain in chains] == [(fabrikam, ())]


async def test_a_chain_longer_than_a_step_is_walked_whole(trail: list[AuditEvent]) -> None:
    organization_id = trail[0].organization_id
    async with recorded_transaction():
        for _ in range(1100):
            record(
                Caller(request_id="test"),
                AuditAction.SIGNED_IN,
                organization_id=organization_id,
                subject=None,
                now=BEGINNING,
            )

    chain = next(each for each in await verified() if each.organization_id == organization_id)
    assert (chain.events, chain.faults) == (len(trail) + 1100, ())


@pytest.mark.usefixtures("bob")
async def test_events_of_an_association_are_chained_too(
    alice: Person, contoso: str, gateway: Gateway
) -> None:
    await associated(
        alice, contoso, "dora@live.example", role="commerce-services/viewer", name="Dora Diaz"
    )
    last = (await gateway.events(action=AuditAction.ACCOUNT_ASSOCIATED))[-1]

    assert last.hash == event_hash(last)
    assert await faults() == []
