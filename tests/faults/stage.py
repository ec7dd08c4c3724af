"""The processes that are killed: gateways, the mail worker, PostgreSQL, as operators run them."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from gateway.database import connected
from tests.postgres import PostgresServer, free_port, postgres_server
from tests.servers import ROOT, Mailbox, environment_for, mailbox, prepare_database

READY_WITHIN_S = 60.0


@dataclass
class Process:
    """A command that can be killed and started again."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    ready_at: str | None = None
    """Answers once the process is ready; a process without it is not waited for."""
    running: subprocess.Popen[bytes] | None = field(default=None, init=False)

    async def start(self) -> None:
        """Start it and wait until it is ready."""
        await asyncio.to_thread(self._start)
        await self.ready()

    def _start(self) -> None:
        with self.log.open("ab") as output:
            self.running = subprocess.Popen(
                self.command, cwd=ROOT, env=self.environment, stdout=output, stderr=output
            )

    async def ready(self) -> None:
        """Wait until it answers."""
        deadline = time.monotonic() + READY_WITHIN_S
        async with httpx2.AsyncClient(trust_env=False, timeout=5) as client:
            while self.ready_at is not None:
                try:
                    if (await client.get(self.ready_at)).is_success:
                        return
                except httpx2.TransportError:
                    pass
                if time.monotonic() > deadline:
                    raise TimeoutError(self.log.read_text()[-5000:])
                await asyncio.sleep(0.05)

    async def kill(self) -> None:
        """`kill -9`."""
        if self.running is not None:
            self.running.kill()
            await asyncio.to_thread(self.running.wait)

    async def stop(self) -> None:
        """End it in peace."""
        if self.running is not None and self.running.poll() is None:
            self.running.terminate()
            await asyncio.to_thread(self.running.wait)


@dataclass
class Database:
    """PostgreSQL as one of the victims."""

    server: PostgresServer
    name: str = "database"

    async def start(self) -> None:
        """Start it and wait until it answers."""
        await asyncio.to_thread(self.server.start)

    async def kill(self) -> None:
        """`kill -9` of every one of its processes."""
        await asyncio.to_thread(self.server.crash)


@dataclass
class Stage:
    """Everything that takes part."""

    database: Database
    database_url: str
    gateways: list[Process]
    worker: Process
    mailbox: Mailbox
    environment: Mapping[str, str]

    @property
    def urls(self) -> list[str]:
        """Where the gateways are."""
        return [str(each.ready_at).removesuffix("/readyz") for each in self.gateways]

    @property
    def victims(self) -> list[Process | Database]:
        """What may be killed."""
        return [*self.gateways, self.worker, self.database]

    async def ready(self) -> None:
        """Wait until every gateway is ready."""
        for each in self.gateways:
            await each.ready()


@asynccontextmanager
async def stage(folder: Path, *, replicas: int) -> AsyncIterator[Stage]:
    """Everything running on one PostgreSQL, to which this process is connected too.

    Its data is written as in production, with fsync.
    """
    async with AsyncExitStack() as stack:
        server = await asyncio.to_thread(stack.enter_context, postgres_server(settings=()))
        mails = await asyncio.to_thread(stack.enter_context, mailbox())
        ports = [free_port() for _ in range(replicas)]
        url = server.create_database("faults")
        environment = environment_for(
            f"http://127.0.0.1:{ports[0]}",
            url,
            GATEWAY_SMTP_URL=mails.server.url,
            GATEWAY_MAIL_FROM="portal@gateway.example",
            GATEWAY_RECIPIENT_MAIL_RATE="off",  # the same few people are invited again and again
        )
        await asyncio.to_thread(prepare_database, environment)
        command = [sys.executable, "-m", "gateway"]
        gateways = [
            Process(
                f"gateway {number}",
                [*command, "serve", "--no-mail", "--port", str(port)],
                environment,
                folder / f"gateway{number}.log",
                f"http://127.0.0.1:{port}/readyz",
            )
            for number, port in enumerate(ports, 1)
        ]
        worker = Process("worker", [*command, "worker"], environment, folder / "worker.log")
        for each in (*gateways, worker):
            await each.start()
            stack.push_async_callback(each.stop)
        await stack.enter_async_context(connected(url))
        yield Stage(Database(server), url, gateways, worker, mails, environment)
