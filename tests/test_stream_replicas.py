"""Streams of several gateways on one PostgreSQL, as an operator runs them."""

import asyncio
import itertools
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from gateway.catalog_file import read_catalogue
from gateway.database import connected, own_connection
from resolvers.catalogue_changes import apply_catalogue
from tests import documents
from tests.people import Gateway, Person
from tests.postgres import PostgresServer, free_port
from tests.servers import environment_for, serving
from tests.streaming import SHORT, create, events, following, opened

numbers = itertools.count()

STOPS_WITHIN_S = 10
"""Half of what requests under way may take, on a busy machine too."""


@dataclass
class Replicas:
    """Gateways on one database."""

    database_url: str
    folder: Path
    stack: ExitStack
    clients: AsyncExitStack
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    async def start(self, *options: str, **settings: str) -> Gateway:
        """One more."""
        url = f"http://127.0.0.1:{free_port()}"
        environment = environment_for(url, self.database_url, **settings)
        log = self.folder / f"gateway-{len(self.processes)}.log"
        starting = serving(environment, "--no-mail", *options, log=log)
        self.processes.append(await asyncio.to_thread(self.stack.enter_context, starting))
        client = httpx2.AsyncClient(base_url=url, trust_env=False)
        await self.clients.enter_async_context(client)
        return Gateway(client, lambda: datetime.now(UTC), self.database_url)  # type: ignore[arg-type]  # the real clock

    def log(self, number: int) -> str:
        """What one has written."""
        return (self.folder / f"gateway-{number}.log").read_text()


@pytest.fixture
async def replicas(
    engine_server: PostgresServer, migrated_template: str, tmp_path: Path
) -> AsyncIterator[Replicas]:
    """None yet; their database is there."""
    database_url = engine_server.create_database(
        f"replicas_{next(numbers)}", template=migrated_template
    )
    async with AsyncExitStack() as clients, connected(database_url):
        await apply_catalogue(read_catalogue(None), now=datetime.now(UTC))
        with ExitStack() as stack:
            yield Replicas(database_url, tmp_path, stack, clients)


async def administrator(gateway: Gateway) -> Person:
    """Alice, who administers Contoso."""
    alice = await gateway.person("alice@live.example")
    alice.user = (await alice.sign_up("commerce-services", newOrganization=documents.CONTOSO))[
        "user"
    ]
    return alice


def at(gateway: Gateway, person: Person) -> Person:
    """The same browser, at another replica."""
    return Person(gateway, person.account, person.cookie, user=person.user)


async def test_what_is_done_at_one_replica_is_told_at_another_and_so_is_a_sign_out(
    replicas: Replicas,
) -> None:
    here, there = await replicas.start(), await replicas.start("--workers", "2")
    alice = await administrator(here)
    contoso = alice.user["organization"]["id"]
    async with (
        following(at(there, alice), contoso) as socket,
        events(at(there, alice), organizationId=contoso) as stream,
    ):
        for name in ("Dora", "Erin", "Fred"):
            await create(alice, contoso, name)
        told = [await socket.change() for _ in range(3)]
        told_too = [await stream.change() for _ in range(3)]
        elsewhere = await here.person("alice@live.example")
        await elsewhere.do(documents.SIGN_OUT, scope="OTHER_SESSIONS")
        code, _ = await socket.closed(within_s=2)
        last = await stream.event()

    expected = [
        {"kind": "CREATED", "user": {"firstName": name}} for name in ("Dora", "Erin", "Fred")
    ]
    assert told == told_too == expected
    assert code == 4401
    assert "UNAUTHENTICATED" in last["data"]


async def test_losing_the_connection_that_listens_ends_all_streams_and_they_can_begin_anew(
    replicas: Replicas,
) -> None:
    gateway = await replicas.start()
    alice = await administrator(gateway)
    contoso = alice.user["organization"]["id"]
    operator = await own_connection(replicas.database_url)
    async with following(alice, contoso) as socket, events(alice, organizationId=contoso) as stream:
        ended = await operator.fetchval(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE query LIKE 'LISTEN%' AND datname = current_database()"
        )
        closed = await socket.closed()
        last = await stream.event()
    await operator.close()
    async with following(alice, contoso) as socket:
        await create(alice, contoso, "Dora")
        told = await socket.change()

    assert ended == 1
    assert closed == (1013, "Events may have been missed. Connect again and read anew.")
    assert last == {}, "it ends without `complete`, so that the client comes back"
    assert told["kind"] == "CREATED"
    assert "not_listening" in replicas.log(0)


async def test_where_nothing_comes_in_nobody_is_led_to_believe_that_nothing_happens(
    replicas: Replicas, engine_server: PostgresServer
) -> None:
    """As through pgbouncer in transaction mode: it can be listened, and nothing is heard."""
    deaf = engine_server.create_database(f"deaf_{next(numbers)}")
    gateway = await replicas.start(GATEWAY_LISTEN_DATABASE_URL=deaf)
    alice = await administrator(gateway)
    contoso = alice.user["organization"]["id"]
    async with events(alice, organizationId=contoso) as stream:
        status = stream.response.status_code
        retry_after = stream.response.headers["retry-after"]
    async with opened(alice) as socket:
        await socket.initialise()
        payload = {"query": SHORT, "variables": {"organizationId": contoso}}
        await socket.send("subscribe", id="1", payload=payload)
        closed = await socket.closed()
    await asyncio.sleep(3)

    assert (status, retry_after) == (503, "3")
    assert "GATEWAY_LISTEN_DATABASE_URL" in replicas.log(0)
    assert closed == (1013, "Changes can't be followed at the moment; try again soon.")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_server_that_stops_tells_its_streams_and_does_not_wait_for_them(
    replicas: Replicas, number: int
) -> None:
    gateway = await replicas.start()
    alice = await administrator(gateway)
    contoso = alice.user["organization"]["id"]
    async with following(alice, contoso) as socket, events(alice, organizationId=contoso) as stream:
        replicas.processes[0].send_signal(number)
        code, _ = await socket.closed()
        last = await stream.event()
        await asyncio.to_thread(replicas.processes[0].wait, STOPS_WITHIN_S)

    assert code == 1012
    assert last == {}
    assert '"error"' not in replicas.log(0)


async def test_a_process_holds_no_more_connections_than_it_may(replicas: Replicas) -> None:
    gateway = await replicas.start(GATEWAY_MAX_STREAMS="3")
    alice = await administrator(gateway)
    contoso = alice.user["organization"]["id"]
    statuses: list[Any] = []
    async with AsyncExitStack() as stack:
        for _ in range(3):
            await stack.enter_async_context(events(alice, SHORT, organizationId=contoso))
        async with events(alice, organizationId=contoso) as stream:
            statuses.append(stream.response.status_code)
    async with events(alice, organizationId=contoso) as stream:
        statuses.append(stream.response.status_code)

    assert statuses == [503, 200]
