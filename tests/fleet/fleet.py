"""The fleet: a proxy, two gateways, a worker, pgbouncer, PostgreSQL; each a process of its own."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from tests.postgres import PostgresServer, free_port, postgres_server
from tests.programs import haproxy, pgbouncer, through
from tests.servers import ROOT, Mailbox, environment_for, mailbox, prepare_database

DRAIN_S = 2.0
READY_WITHIN_S = 60.0
GATEWAY = [sys.executable, "-m", "gateway"]


@dataclass
class Member:
    """A process of the fleet that is restarted as a deployment would."""

    name: str
    command: list[str]
    environment: dict[str, str]
    log: Path
    ready_at: str | None
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and go on at once."""
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    async def is_ready(self) -> None:
        """Wait until it may get requests.

        Raises:
            TimeoutError: It takes too long.
        """
        if self.ready_at is None:
            return
        async with asyncio.timeout(READY_WITHIN_S), httpx2.AsyncClient(trust_env=False) as http:
            while True:
                try:
                    if (await http.get(self.ready_at)).is_success:
                        return
                except httpx2.TransportError:
                    pass
                await asyncio.sleep(0.1)

    async def restart(self) -> float:
        """End it by SIGTERM, wait until it has ended, and start it anew; how long it was away."""
        began = time.perf_counter()
        await asyncio.to_thread(self.stop)
        self.start()
        await self.is_ready()
        return time.perf_counter() - began

    def stop(self) -> None:
        """End it by SIGTERM."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=60)


@dataclass
class Fleet:
    """All of it."""

    url: str
    database_url: str
    """Past pgbouncer."""
    server: PostgresServer
    mailbox: Mailbox
    gateways: list[Member]
    worker: Member
    environment: dict[str, str]


@contextmanager
def fleet(folder: Path) -> Iterator[Fleet]:
    """A fleet that serves."""
    with ExitStack() as stack:
        # It waits for the disk: what was acknowledged must outlive PostgreSQL's restart.
        server = stack.enter_context(postgres_server(settings=()))
        database_url = server.create_database("fleet")
        pooled = through(stack.enter_context(pgbouncer(server, folder)), database_url)
        mails = stack.enter_context(mailbox())
        port = free_port()
        environment = environment_for(
            f"http://127.0.0.1:{port}",
            pooled,
            GATEWAY_SMTP_URL=mails.server.url,
            GATEWAY_MAIL_FROM="portal@gateway.example",
            GATEWAY_DRAIN_SECONDS=str(DRAIN_S),
            PYTHONUNBUFFERED="1",
        )
        prepare_database(environment)
        ports = (free_port(), free_port())
        gateways = [
            Member(
                f"gateway {number}",
                [*GATEWAY, "serve", "--port", str(each), "--no-mail"],
                environment,
                folder / f"gateway-{number}.log",
                f"http://127.0.0.1:{each}/readyz",
            )
            for number, each in enumerate(ports, start=1)
        ]
        worker = Member("worker", [*GATEWAY, "worker"], environment, folder / "worker.log", None)
        for member in (*gateways, worker):
            member.start()
            stack.callback(member.stop)
        stack.enter_context(haproxy(port, ports, folder))
        yield Fleet(
            environment["GATEWAY_PUBLIC_URL"],
            database_url,
            server,
            mails,
            gateways,
            worker,
            environment,
        )


def verified_trail(fleet: Fleet) -> str:
    """What `gateway audit verify` says last; its exit status is part of it."""
    done = subprocess.run(
        [*GATEWAY, "audit", "verify"],
        cwd=ROOT,
        env={**os.environ, **fleet.environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return (
        f"{done.stdout.splitlines()[-1] if done.stdout else done.stderr} (exit {done.returncode})"
    )
