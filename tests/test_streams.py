"""Changes reach those who follow an organization's users, and nobody else."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest

from gateway.streams.exchange import LOOKS_EVERY_S
from models.accounts import AccessScope
from models.organizations import Organization
from models.rows import new_id
from resolvers.announcements import (
    ChangeKind,
    UserChanged,
    announce,
    announcements_in,
    announcing_transaction,
    payloads,
)
from schema.nodes import decode_id
from tests import documents
from tests.people import Gateway, Person
from tests.streaming import FOLLOW, create, events, following, opened, served_gateway

__all__ = ["served_gateway"]


async def test_an_administrator_follows_a_user_from_the_first_save_to_the_removal(
    gateway: Gateway, alice: Person, contoso: str
) -> None:
    async with following(alice, contoso, query=FOLLOW) as socket:
        dora = await create(alice, contoso, "Dora")
        created = await socket.change()
        await alice.invite(dora)
        invited = await socket.change()
        await (await gateway.person("dora@live.example")).accept((await gateway.tokens())[-1])
        associated = await socket.change()
        seen = await alice.see(dora)
        assert seen
        edited_user = (await alice.edit(seen, firstName="Doris", roles={"set": []}))["user"]
        edited = await socket.change()
        await alice.remove(edited_user)
        removed = await socket.change()

    def shown(kind: str, first_name: str, status: str, *roles: str) -> dict[str, Any]:
        user = {
            "id": dora["id"],
            "firstName": first_name,
            "lastName": "Diaz",
            "status": status,
            "selectedRoles": [{"code": role} for role in roles],
        }
        return {"kind": kind, "userId": dora["id"], "user": user}

    assert [created, invited, associated, edited, removed] == [
        shown("CREATED", "Dora", "NOT_INVITED", "viewer"),
        shown("INVITED", "Dora", "INVITED", "viewer"),
        shown("ASSOCIATED", "Dora", "ASSOCIATED", "viewer"),
        shown("EDITED", "Doris", "ASSOCIATED"),
        {"kind": "REMOVED", "userId": dora["id"], "user": None},
    ]


async def test_sending_again_and_revoking_are_told_and_so_is_a_further_sign_up(
    alice: Person, contoso: str
) -> None:
    dora = await create(alice, contoso, "Dora")
    async with following(alice, contoso) as socket:
        invited = await alice.invite(dora)
        await alice.invite(dora)
        invitation = invited["results"][0]["invitation"]["id"]
        await alice.do(documents.REVOKE_INVITATIONS, input={"invitationIds": [invitation]})
        await alice.sign_up("sites-services", organizationId=contoso)
        changes = [await socket.change() for _ in range(4)]

    dora_invited = {"kind": "INVITED", "user": {"firstName": "Dora"}}
    alice_edited = {"kind": "EDITED", "user": {"firstName": "Alice"}}
    assert changes == [dora_invited, dora_invited, dora_invited, alice_edited]


async def test_what_is_refused_or_changes_nothing_is_not_told(
    alice: Person, bob: Person, contoso: str
) -> None:
    async with following(alice, contoso) as socket:
        await bob.create(contoso)
        await alice.create(contoso, firstName="")
        seen = await alice.see(alice.user)
        assert seen
        await alice.edit(seen, firstName=seen["firstName"])
        await create(alice, contoso, "Dora")

        assert await socket.change() == {"kind": "CREATED", "user": {"firstName": "Dora"}}


async def test_removing_many_at_once_tells_each_in_order(alice: Person, contoso: str) -> None:
    users = []
    for number in range(40):
        user = await create(alice, contoso, f"Dora{number}")
        users.append((await alice.edit(user, roles={"set": []}))["user"])
    async with following(alice, contoso, query=FOLLOW) as socket:
        await alice.remove(*users)
        changes = [await socket.change() for _ in users]

    assert changes == [{"kind": "REMOVED", "userId": user["id"], "user": None} for user in users]


async def test_a_mutation_with_a_key_is_told_once_and_after_its_commit(
    gateway: Gateway, alice: Person, contoso: str
) -> None:
    """Its fields are one transaction, in which theirs are savepoints."""
    role = await gateway.role("commerce-services/viewer")
    form = {**documents.FORM, "organizationId": contoso, "roles": {"set": [role]}}
    request = {"query": documents.CREATE_USER, "variables": {"input": form}}
    headers = {"cookie": f"session={alice.cookie}", "idempotency-key": "one"}
    async with following(alice, contoso) as socket:
        for _ in range(2):
            await gateway.client.post("/graphql", json=request, headers=headers)
        await create(alice, contoso, "Erin")
        changes = [await socket.change() for _ in range(2)]

    assert [each["user"]["firstName"] for each in changes] == ["Dora", "Erin"]


async def test_a_member_is_told_of_himself_alone(alice: Person, bob: Person, contoso: str) -> None:
    async with following(bob, contoso) as socket:
        await create(alice, contoso, "Dora")
        seen = await alice.see(bob.user)
        assert seen
        await alice.edit(seen, firstName="Robert")

        assert await socket.change() == {"kind": "EDITED", "user": {"firstName": "Robert"}}


async def test_an_administrator_who_becomes_a_member_is_told_of_himself_alone(
    gateway: Gateway, alice: Person, bob: Person, contoso: str
) -> None:
    """Rule 35: permission is looked at for each event."""
    administrator = await gateway.role("commerce-services/service-administrator")
    seen = await alice.see(bob.user)
    assert seen
    promoted = (await alice.edit(seen, roles={"add": [administrator]}))["user"]
    async with following(bob, contoso) as socket:
        await create(alice, contoso, "Dora")
        before = await socket.change()
        demoted = (await alice.edit(promoted, roles={"remove": [administrator]}))["user"]
        between = await socket.change()
        await create(alice, contoso, "Erin")
        await alice.edit(demoted, firstName="Robert")
        after = await socket.change()

    assert [before, between, after] == [
        {"kind": "CREATED", "user": {"firstName": "Dora"}},
        {"kind": "EDITED", "user": {"firstName": "Bob"}},
        {"kind": "EDITED", "user": {"firstName": "Robert"}},
    ]


@pytest.mark.parametrize("known", [True, False])
async def test_a_stranger_is_refused_as_if_there_were_no_such_organization(
    mallory: Person, contoso: str, alice: Person, *, known: bool
) -> None:
    id_ = contoso if known else alice.user["id"]
    async with events(mallory, organizationId=id_) as stream:
        refusal = await stream.event()
        last = await stream.event()

    (error,) = json.loads(refusal["data"])["errors"]
    assert error["message"] == "You belong to no organization with this id."
    assert error["extensions"] == {"code": "FORBIDDEN"}
    assert last["event"] == "complete"


async def test_a_batch_of_announcements_fits_what_postgresql_can_carry() -> None:
    changes = [UserChanged(ChangeKind.ASSOCIATED, new_id(), new_id()) for _ in range(1000)]
    texts = list(payloads(changes))

    assert max(len(text.encode()) for text in texts) < 8000
    assert [each for text in texts for each in announcements_in(text)] == changes


async def test_what_a_newer_version_announces_is_left_out_and_nonsense_is_refused() -> None:
    change = UserChanged(ChangeKind.EDITED, new_id(), new_id())

    assert announcements_in(f"PAINTED:1:2:3 {change}") == [change]
    with pytest.raises(ValueError, match="hexadecimal"):
        announcements_in("EDITED:1:2")


async def test_what_is_rolled_back_is_not_told(alice: Person, contoso: str) -> None:
    ids = decode_id("Organization", contoso), decode_id("User", alice.user["id"])
    async with following(alice, contoso) as socket:
        async with announcing_transaction():
            await Organization.filter(id=ids[0]).update(name="Contoso")
            announce(UserChanged(ChangeKind.EDITED, *ids))
            with pytest.raises(ZeroDivisionError):
                await _fail(UserChanged(ChangeKind.INVITED, *ids))
        with pytest.raises(ZeroDivisionError):
            await _fail(UserChanged(ChangeKind.REMOVED, *ids))
        await create(alice, contoso, "Erin")
        kinds = [(await socket.change())["kind"] for _ in range(2)]

    assert kinds == ["EDITED", "CREATED"]


async def test_the_number_of_statements_of_an_event_does_not_grow_with_those_who_follow(
    alice: Person, contoso: str, statements: list[str]
) -> None:
    """Rule 43, for streams."""
    sent = []
    for number in (1, 10):
        async with following(alice, contoso) as socket:
            for index in range(1, number):
                await socket.follow(contoso, id_=f"more {index}")
            statements.clear()
            await create(alice, contoso, f"Dora{number}")
            for _ in range(number):
                await socket.change()
            # Beside the requests a change has it looked whether an import waits.
            sent.append(len([text for text in statements if 'FROM "user_imports"' not in text]))

    assert sent[0] == sent[1]


async def test_a_stream_ends_with_its_session_whoever_ends_it(
    gateway: Gateway, alice: Person, contoso: str
) -> None:
    elsewhere = await gateway.person("alice@live.example")
    async with (
        following(alice, contoso) as socket,
        events(alice, organizationId=contoso) as stream,
        following(elsewhere, contoso) as survivor,
    ):
        await elsewhere.ask(documents.SIGN_OUT, scope="OTHER_SESSIONS")
        closed = await socket.closed()
        refusal, last, end = [await stream.event() for _ in range(3)]
        await create(elsewhere, contoso, "Dora")
        told = await survivor.change()

    (error,) = json.loads(refusal["data"])["errors"]
    assert closed == (
        4401,
        "The session has ended, or the credential is not valid. Sign in again.",
    )
    assert error["extensions"] == {"code": "UNAUTHENTICATED"}
    assert (last["event"], end) == ("complete", {})
    assert told["user"] == {"firstName": "Dora"}


async def test_a_stream_ends_when_the_access_token_expires(
    gateway: Gateway, alice: Person, contoso: str
) -> None:
    """Within seconds: what ends unannounced is looked for once a minute."""
    program = await alice.program(AccessScope.READ, days=1)
    gateway.clock.pass_by(timedelta(days=1, seconds=-30))
    async with following(program, contoso) as socket:
        await asyncio.sleep(2 * LOOKS_EVERY_S)  # it is looked for now, and then in a minute
        gateway.clock.pass_by(timedelta(seconds=30))
        code, _ = await socket.closed()

    assert code == 4401


async def test_a_stream_ends_when_the_session_expires(
    gateway: Gateway, alice: Person, contoso: str
) -> None:
    async with following(alice, contoso) as socket:
        gateway.clock.pass_by(timedelta(hours=12))
        code, _ = await socket.closed()

    assert code == 4401


async def test_a_websocket_ends_with_its_session_though_it_follows_nothing(
    alice: Person, bob: Person, contoso: str
) -> None:
    async with opened(alice) as socket, opened(bob) as survivor:
        await socket.initialise()
        await survivor.initialise()
        await alice.ask(documents.SIGN_OUT, scope="THIS_SESSION")
        closed = await socket.closed()
        await survivor.follow(contoso)

    assert closed == (
        4401,
        "The session has ended, or the credential is not valid. Sign in again.",
    )


async def test_a_removed_users_streams_end(alice: Person, bob: Person, contoso: str) -> None:
    seen = await alice.see(bob.user)
    assert seen
    async with following(bob, contoso) as socket:
        edited = (await alice.edit(seen, roles={"set": []}))["user"]
        await socket.change()
        await alice.remove(edited)
        code, _ = await socket.closed()

    assert code == 4401


async def _fail(change: UserChanged) -> None:
    """Announce something with a transaction that comes to nothing."""
    async with announcing_transaction():
        await Organization.filter(id=change.organization_id).update(name="Fabrikam")
        announce(change)
        raise ZeroDivisionError
