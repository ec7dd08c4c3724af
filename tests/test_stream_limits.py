"""Slow readers, floods, and a thousand streams that are idle."""

import asyncio
import shutil
import socket
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest

from gateway.catalog_file import read_catalogue
from gateway.database import connected
from gateway.streams.socket import INITIALISED_WITHIN_S
from resolvers.announcements import ChangeKind, UserChanged, announce, announcing_transaction
from resolvers.catalogue_changes import apply_catalogue
from schema.nodes import decode_id
from tests.many_streams import (
    OF_EACH,
    follow,
    leave,
    organization_of_administrators,
    resident_mb,
)
from tests.people import Gateway, Person
from tests.postgres import free_port
from tests.servers import environment_for, serving
from tests.streaming import create, following, opened, served_gateway

__all__ = ["served_gateway"]

AT_ONCE = 400
STREAMS = 1_000
KB_A_STREAM = 60
"""What an idle stream over a WebSocket may take, with its connection."""

STILL_GROWS_MB = 15
"""What a second thousand may add to the memory that a first one took."""


@pytest.fixture
def migrated_database(migrated_file: Path, tmp_path: Path) -> str:
    """One process is the same on every database."""
    return f"sqlite://{shutil.copy(migrated_file, tmp_path)}"


async def test_a_slow_reader_is_dropped_with_a_code_and_delays_nobody(
    alice: Person, contoso: str
) -> None:
    ids = decode_id("Organization", contoso), decode_id("User", alice.user["id"])
    kinds = (ChangeKind.EDITED, ChangeKind.INVITED)
    small = socket.socket()
    small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    small.setblocking(False)
    address = httpx2.URL(alice.gateway.client.base_url)
    await asyncio.get_running_loop().sock_connect(small, (address.host, address.port or 80))
    took = []
    async with following(alice, contoso, sock=small) as slow, following(alice, contoso) as quick:
        for _ in range(60):
            began = time.monotonic()
            async with announcing_transaction():
                for number in range(AT_ONCE):
                    announce(UserChanged(kinds[number % 2], *ids))
            for _ in range(AT_ONCE):
                await quick.change()
            took.append(time.monotonic() - began)
        closed = await slow.closed(within_s=20)
        await create(alice, contoso, "Dora")
        after = await quick.change()

    assert closed == (
        4410,
        "Events were not read fast enough, and are not kept. Connect again and read anew.",
    )
    assert after["kind"] == "CREATED"
    assert max(took) < 10 * sorted(took)[len(took) // 2] + 5


async def test_silent_connections_make_room_by_themselves_and_others_are_answered_meanwhile(
    gateway: Gateway, alice: Person
) -> None:
    async with AsyncExitStack() as stack:
        silent = [await stack.enter_async_context(opened(gateway.anyone())) for _ in range(200)]
        began = time.monotonic()
        assert (await alice.ask("{ viewer { microsoftAccount } }"))["viewer"]
        answered_s = time.monotonic() - began
        codes = {(await each.closed(within_s=20))[0] for each in silent}

    assert codes == {4408}
    assert answered_s < INITIALISED_WITHIN_S


@pytest.fixture
async def server(migrated_database: str, tmp_path: Path) -> AsyncIterator[tuple[Gateway, int]]:
    """A gateway in a process of its own, and its process's number."""
    url = f"http://127.0.0.1:{free_port()}"
    environment = environment_for(url, migrated_database)
    async with connected(migrated_database):
        await apply_catalogue(read_catalogue(None), now=datetime.now(UTC))
        with serving(environment, "--no-mail", log=tmp_path / "gateway.log") as process:
            async with httpx2.AsyncClient(base_url=url, trust_env=False) as client:
                now = lambda: datetime.now(UTC)  # noqa: E731 - the real clock
                yield Gateway(client, now, migrated_database), process.pid  # type: ignore[arg-type]  # likewise


async def test_a_thousand_idle_streams_take_little_memory_and_give_it_back_to_the_next(
    server: tuple[Gateway, int],
) -> None:
    gateway, pid = server
    accounts = STREAMS // OF_EACH
    id_, people = await organization_of_administrators(gateway, accounts)
    cookies = [person.cookie or "" for person in people]
    await leave(await follow(str(gateway.client.base_url), cookies[:1], [id_]))
    sizes = [resident_mb(pid)]
    for _ in range(2):
        followers = await follow(str(gateway.client.base_url), cookies, [id_] * accounts)
        sizes.append(resident_mb(pid))
        assert len(followers) == STREAMS
        await leave(followers)

    at_rest, first, second = sizes
    assert (first - at_rest) * 1000 / STREAMS < KB_A_STREAM, sizes
    assert second - first < STILL_GROWS_MB, sizes
