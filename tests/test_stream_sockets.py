"""The protocol `graphql-transport-ws`, and what a WebSocket is refused."""

import asyncio
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from gateway.allowance import Allowance
from gateway.streams.places import MAX_OF_ACCOUNT
from gateway.streams.socket import INITIALISED_WITHIN_S, MAX_OPERATIONS
from models.accounts import AccessScope
from tests import documents
from tests.people import Gateway, Person
from tests.streaming import SHORT, Socket, create, following, opened, served_gateway

__all__ = ["served_gateway"]


@pytest.fixture
def migrated_database(migrated_file: Path, tmp_path: Path) -> str:
    """The protocol is the same on every database."""
    return f"sqlite://{shutil.copy(migrated_file, tmp_path)}"


async def refusal_of(person: Person, **options: Any) -> int:
    """The status with which a handshake is refused."""
    with pytest.raises(InvalidStatus) as refused:
        async with opened(person, **options):
            pass
    return refused.value.response.status_code


# ------------------------------------------------------------------ who may come in


async def test_a_page_of_another_origin_is_refused_though_the_browser_sends_the_cookie(
    alice: Person,
) -> None:
    assert await refusal_of(alice, origin="https://evil.example") == 403
    assert await refusal_of(alice, origin="null") == 403
    assert await refusal_of(alice, headers={"sec-fetch-site": "cross-site"}) == 403


async def test_our_own_page_and_a_program_without_an_origin_are_let_in(
    gateway: Gateway, alice: Person, contoso: str
) -> None:
    for options in ({"origin": str(gateway.client.base_url).rstrip("/")}, {}):
        async with following(alice, contoso, **options) as socket:
            await create(alice, contoso, "Dora" if options else "Erin")

            assert (await socket.change())["kind"] == "CREATED"


async def test_who_is_not_signed_in_is_told_so_and_closed_soon(
    gateway: Gateway, contoso: str
) -> None:
    """No credential is an anonymous caller, who may follow nothing."""
    async with opened(gateway.anyone()) as socket:
        await socket.initialise()
        error = await error_of(socket, SHORT, organizationId=contoso)

        assert error["extensions"]["code"] == "UNAUTHENTICATED"
        assert await socket.closed() == (4401, "Sign in first.")


@pytest.mark.parametrize("where", ["handshake", "authorization", "Authorization"])
async def test_a_credential_that_is_not_valid_is_refused_whatever_the_cookie_says(
    alice: Person, where: str
) -> None:
    bad = "Bearer made-up"
    headers, said = ({"authorization": bad}, {}) if where == "handshake" else (None, {where: bad})
    async with opened(alice, headers=headers) as socket:
        await socket.send("connection_init", payload=said)

        code, reason = await socket.closed()

    assert code == 4401
    assert reason


@pytest.mark.parametrize("where", ["handshake", "authorization", "Authorization"])
async def test_a_program_follows_by_its_access_token_until_that_is_revoked(
    alice: Person, contoso: str, where: str
) -> None:
    program = await alice.program(AccessScope.READ)
    person = program if where == "handshake" else alice.gateway.anyone()
    async with opened(person) as socket:
        credential = program.headers()["authorization"]
        await socket.initialise(**({} if where == "handshake" else {where: credential}))
        await socket.follow(contoso)
        await create(alice, contoso, "Dora")
        told = await socket.change()
        await alice.do(documents.REVOKE_ACCESS_TOKEN, id=program.user["id"])
        code, _ = await socket.closed(within_s=3)

    assert told == {"kind": "CREATED", "user": {"firstName": "Dora"}}
    assert code == 4401


async def test_a_program_whose_token_may_not_read_follows_nothing(
    alice: Person, contoso: str
) -> None:
    program = await alice.program(AccessScope.INVITE_USERS)
    async with opened(program) as socket:
        await socket.initialise()
        error = await error_of(socket, SHORT, organizationId=contoso)

    assert error["extensions"]["code"] == "FORBIDDEN"


async def test_a_connection_speaks_the_subprotocol_or_is_closed(alice: Person) -> None:
    async with opened(alice, subprotocols=[Subprotocol("graphql-ws")]) as socket:
        assert await socket.closed() == (4406, "Subprotocol not acceptable")


async def test_a_silent_connection_is_closed_and_an_initialised_one_may_be_silent(
    alice: Person,
) -> None:
    began = time.monotonic()
    async with opened(alice) as silent, opened(alice) as quiet:
        await quiet.initialise()
        closed = await silent.closed()
        took = time.monotonic() - began
        await asyncio.sleep(1)
        await quiet.ping()

    assert closed == (4408, "Connection initialisation timeout")
    assert INITIALISED_WITHIN_S - 0.5 < took < 3 * INITIALISED_WITHIN_S


# ------------------------------------------------------------------ messages


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        (["hello"], 4400),
        (["[1]"], 4400),
        (['{"kind": "ping"}'], 4400),
        (["[" * 10_000], 4400),
        (['{"type": "hello"}'], 4400),
        ([b"\x00\x01"], 1003),
        (['{"type": "connection_init", "payload": {"authorization": 3}}'], 4400),
        (['{"type": "subscribe", "id": "1", "payload": {"query": "{ __typename }"}}'], 4401),
        (['{"type": "connection_init"}'] * 2, 4429),
        (['{"type": "connection_init"}', '{"type": "subscribe", "payload": {}}'], 4400),
        (['{"type": "connection_init"}', '{"type": "subscribe", "id": "1"}'], 4400),
        (['{"type": "connection_init"}', '{"type": "subscribe", "id": "", "payload": {}}'], 4400),
        (['{"type": "connection_init"}', '{"type": "subscribe", "id": "1", "payload": {}}'], 4400),
        (['{"type": "ping", "payload": "' + "x" * 70_000 + '"}'], 1009),
    ],
)
async def test_what_is_no_message_of_the_protocol_closes_the_connection(
    alice: Person, messages: list[str | bytes], code: int
) -> None:
    async with opened(alice) as socket:
        for message in messages:
            await socket.connection.send(message)

        assert (await socket.closed())[0] == code


async def test_pings_are_answered_before_and_after_the_initialisation(alice: Person) -> None:
    async with opened(alice) as socket:
        await socket.ping()
        await socket.initialise()
        await socket.send("pong")
        await socket.ping()


TOO_MANY = (1008, "Too many messages: 100 may come at once, and 20 a second.")


@pytest.mark.parametrize("kind", ["messages", "pings", "parts"])
async def test_a_connection_that_is_flooded_is_closed_for_good(alice: Person, kind: str) -> None:
    """The protocol's clients don't come back after 1008."""
    async with opened(alice) as socket, opened(alice) as other:
        await socket.initialise()
        with suppress(ConnectionClosed):
            await flood(socket, kind)
        closed = await socket.closed(within_s=5)
        await other.ping()

    assert closed == TOO_MANY


async def flood(socket: Socket, kind: str) -> None:
    """Send more than anyone has to say."""
    if kind == "parts":
        await socket.connection.send("" for _ in range(2_000))
    for _ in range(2_000):
        if kind == "pings":
            await socket.connection.ping()
        else:
            await socket.send("ping")


async def test_as_many_messages_as_a_page_sends_at_once_are_taken(
    alice: Person, contoso: str
) -> None:
    """Twenty widgets begin to follow, and all of them again, since the page has changed."""
    payload = {"query": SHORT, "variables": {"organizationId": contoso}}
    async with opened(alice) as socket:
        await socket.initialise()
        for turn in range(2):
            for number in range(MAX_OPERATIONS):
                await socket.send("subscribe", id=f"{turn} {number}", payload=payload)
            for number in range(MAX_OPERATIONS):
                await socket.send("complete", id=f"{turn} {number}")
        await socket.ping()


def test_an_allowance_is_refilled_by_time_up_to_what_may_come_at_once() -> None:
    allowance = Allowance(100, 20, since_s=1_000)
    taken = [
        allowance.take(number, now_s=now_s)
        for now_s, number in [
            (1_000, 100),
            (1_000, 1),
            (1_001, 21),
            (1_001, 20),
            (9_000, 101),
            (9_000, 100),
        ]
    ]

    assert taken == [True, False, False, True, False, True]


async def error_of(socket: Socket, query: str, **variables: Any) -> dict[str, Any]:
    """The first error with which an operation is refused."""
    await socket.send("subscribe", id="refused", payload={"query": query, "variables": variables})
    message = await socket.message()
    assert (message["type"], message["id"]) == ("error", "refused"), message
    error: dict[str, Any] = message["payload"][0]
    return error


@pytest.mark.parametrize(
    ("query", "code", "said"),
    [
        ("{ viewer { displayName } }", "BAD_REQUEST", "A query can't be sent this way"),
        ("mutation { signOut { signedOutSessions } }", "BAD_REQUEST", "A mutation can't be sent"),
        ("subscription {", "GRAPHQL_PARSE_FAILED", "Syntax Error"),
        ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED", "Cannot query field"),
        (
            SHORT + SHORT.replace("Follow", "Again"),
            "BAD_REQUEST",
            "The document has several operations",
        ),
        (SHORT, "BAD_REQUEST", "Variable"),
        (
            """subscription { userChanged(organizationId: 1) { user { organization {
              users(first: 100) { nodes { id firstName selectedRoles { actions } } } } } } }""",
            "QUERY_TOO_COMPLEX",
            "Too complex: cost of an event",
        ),
        (
            "subscription { "
            + " ".join(f"a{i}: userChanged(organizationId: 1) {{ kind }}" for i in range(101))
            + " }",
            "QUERY_TOO_COMPLEX",
            "Too complex: ",
        ),
        (
            'subscription { userChanged(organizationId: "nothing") { kind } }',
            "FORBIDDEN",
            "You belong to no organization",
        ),
    ],
)
async def test_an_operation_that_can_not_begin_gets_its_errors_and_the_connection_stays(
    alice: Person, query: str, code: str, said: str
) -> None:
    async with opened(alice) as socket:
        await socket.initialise()
        error = await error_of(socket, query)
        await socket.ping()

    assert error["extensions"]["code"] == code
    assert error["message"].startswith(said)


async def test_an_operation_ends_when_the_client_completes_it_and_its_id_is_free_again(
    alice: Person, contoso: str
) -> None:
    async with following(alice, contoso) as socket:
        await socket.follow(contoso, id_="2")
        await socket.send("complete", id="1")
        await socket.send("complete", id="unknown")
        await create(alice, contoso, "Dora")
        told = await socket.message()
        await socket.follow(contoso, id_="1")
        await create(alice, contoso, "Erin")
        again = sorted([(await socket.message())["id"] for _ in range(2)])

    assert told["id"] == "2"
    assert again == ["1", "2"]


async def test_an_id_is_taken_as_long_as_its_operation_lasts(alice: Person, contoso: str) -> None:
    async with following(alice, contoso) as socket:
        payload = {"query": SHORT, "variables": {"organizationId": contoso}}
        await socket.send("subscribe", id="1", payload=payload)

        assert await socket.closed() == (4409, "Subscriber for this id already exists")


async def test_who_comes_back_with_the_last_events_id_is_told_that_some_may_be_missing(
    alice: Person, contoso: str
) -> None:
    async with following(alice, contoso) as socket:
        await create(alice, contoso, "Dora")
        id_ = (await socket.message())["payload"]["extensions"]["eventId"]
    async with opened(alice) as socket:
        await socket.initialise()
        payload = {
            "query": SHORT,
            "variables": {"organizationId": contoso},
            "extensions": {"lastEventId": id_},
        }
        await socket.send("subscribe", id="1", payload=payload)
        first = await socket.message()
        await create(alice, contoso, "Erin")
        second = await socket.change()

    assert first["payload"] == {"data": None, "extensions": {"mayHaveMissedEvents": True}}
    assert second == {"kind": "CREATED", "user": {"firstName": "Erin"}}


async def test_the_cost_is_told_on_request(alice: Person, contoso: str) -> None:
    async with opened(alice) as socket:
        await socket.initialise()
        await socket.follow(contoso, cost=True)
        await create(alice, contoso, "Dora")
        message = await socket.message()

    assert message["payload"]["extensions"]["cost"]["requested"] == 4


# ------------------------------------------------------------------ how many


async def test_a_connection_and_an_account_have_limits(alice: Person, contoso: str) -> None:
    async with opened(alice) as first, opened(alice) as second, opened(alice) as third:
        sockets = [first, second, third]
        for socket in sockets:
            await socket.initialise()
        begun = 0
        for number in range(MAX_OF_ACCOUNT):
            await sockets[number // MAX_OPERATIONS].follow(contoso, id_=str(number))
            begun += 1
        of_connection = await error_of(first, SHORT, organizationId=contoso)
        of_account = await error_of(third, SHORT, organizationId=contoso)

    assert begun == 50
    assert of_connection["message"] == "This connection carries 20 subscriptions already."
    assert of_account["message"] == "You have 50 streams open already; close some."
    assert {each["extensions"]["code"] for each in (of_connection, of_account)} == {"RATE_LIMITED"}
    async with following(alice, contoso) as socket:
        await create(alice, contoso, "Dora")
        assert (await socket.change())["kind"] == "CREATED"
