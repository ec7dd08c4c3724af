"""How many WebSockets and streams one may have, and that each ends with its credential."""

import asyncio
import shutil
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest
from websockets.exceptions import InvalidStatus

from gateway.streams.places import MAX_OF_ACCOUNT
from models.accounts import AccessScope
from tests import documents
from tests.people import Gateway, Person
from tests.streaming import Socket, events, opened, served_gateway
from tests.test_stream_admission import elsewhere

__all__ = ["served_gateway"]


@pytest.fixture
def migrated_database(migrated_file: Path, tmp_path: Path) -> str:
    """One process is the same on every database."""
    return f"sqlite://{shutil.copy(migrated_file, tmp_path)}"


def through_proxy(address: str) -> dict[str, str]:
    """What the proxy says of its client."""
    return {"x-forwarded-for": address}


async def refused(person: Person, headers: Mapping[str, str]) -> tuple[int, str | None]:
    """The status with which a handshake is refused, and when to come back."""
    with pytest.raises(InvalidStatus) as refusal:
        async with opened(person, headers=headers):
            pass
    response = refusal.value.response
    return response.status_code, response.headers.get("retry-after")


async def test_an_address_takes_its_own_places_and_leaves_the_others_to_everybody(
    alice: Person, contoso: str, tmp_path: Path
) -> None:
    one, other = through_proxy("203.0.113.7"), through_proxy("2001:db8::1")
    settings = {"GATEWAY_TRUSTED_PROXIES": "127.0.0.1", "GATEWAY_MAX_STREAMS_PER_ADDRESS": "3"}
    async with elsewhere(alice, tmp_path, **settings) as there:
        async with AsyncExitStack() as held:
            for _ in range(2):
                await held.enter_async_context(opened(there.gateway.anyone(), headers=one))
            await held.enter_async_context(events(there, headers=one, organizationId=contoso))
            socket = await refused(there, one)
            async with events(there, headers=one, organizationId=contoso) as stream:
                response: httpx2.Response = stream.response
            for headers in (other, other, other, {}, {}, {}, {}):
                socket_ = await held.enter_async_context(opened(there, headers=headers))
                await socket_.initialise()
            of_network = await refused(there, through_proxy("2001:db8::2"))
        async with opened(there, headers=one) as again:
            await again.initialise()

    assert (socket, of_network) == ((503, "3"), (503, "3"))
    assert (response.status_code, response.headers["retry-after"]) == (503, "3")


async def test_an_account_takes_its_own_places_and_leaves_the_others_to_everybody(
    alice: Person, bob: Person
) -> None:
    async with AsyncExitStack() as held:
        sockets = [await held.enter_async_context(opened(alice)) for _ in range(MAX_OF_ACCOUNT)]
        for each in sockets:
            await each.initialise()
        async with opened(alice) as one_more, opened(bob) as another:
            await one_more.send("connection_init")
            closed = await one_more.closed()
            await another.initialise()
        await sockets[0].connection.close()
        async with opened(alice) as again:
            await initialised_in_the_end(again)

    assert closed == (1013, "You have 50 WebSockets open already; close some.")


async def initialised_in_the_end(socket: Socket) -> None:
    """Say who one is, a moment after another WebSocket has left."""
    await asyncio.sleep(0.2)
    await socket.initialise()


async def test_who_takes_his_credential_back_has_no_websocket_left(
    gateway: Gateway, alice: Person
) -> None:
    program = await alice.program(AccessScope.READ)
    async with opened(program) as revoked, opened(gateway.anyone()) as by_payload:
        await revoked.initialise()
        await by_payload.initialise(**program.headers())
        await alice.do(documents.REVOKE_ACCESS_TOKEN, id=program.user["id"])
        codes = [(await each.closed())[0] for each in (revoked, by_payload)]

    assert codes == [4401, 4401]


async def test_a_websocket_ends_when_the_session_or_the_access_token_expires(
    gateway: Gateway, alice: Person
) -> None:
    program = await alice.program(AccessScope.READ, days=1)
    async with opened(alice) as of_session, opened(program) as of_token:
        await of_session.initialise()
        await of_token.initialise()
        gateway.clock.pass_by(timedelta(days=1))
        codes = [(await each.closed())[0] for each in (of_session, of_token)]

    assert codes == [4401, 4401]


async def test_a_removed_user_has_no_websocket_left(alice: Person, bob: Person) -> None:
    seen = await alice.see(bob.user)
    assert seen
    async with opened(bob) as socket:
        await socket.initialise()
        await alice.remove((await alice.edit(seen, roles={"set": []}))["user"])
        code, _ = await socket.closed()

    assert code == 4401
