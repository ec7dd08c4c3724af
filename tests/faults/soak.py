"""`make soak`: a mixed load at a moderate rate for long, and whether anything grows meanwhile."""

import argparse
import asyncio
import logging
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import SystemRandom
from statistics import median

import httpx2
from tortoise.connection import get_connection

from models.invitations import DeliveryStatus, OutgoingMail
from tests.faults.people import Administrator
from tests.faults.rounds import Run, begun

MINUTES = 30.0
SAMPLES = 30
PAUSE_S = 0.15
"""Of each administrator between two acts; readers have the same."""

POOL = 10
"""Connections that a process may have to PostgreSQL."""

MEMORY_GROWS_MB = 25.0
"""From the second fifth of the time to the last one: caches fill, and Python gives nothing back."""

FILES_GROW = 10

CONNECTIONS = "SELECT count(*) AS count FROM pg_stat_activity WHERE datname = current_database()"

LISTS = """query($organization: ID!) {
  organization(id: $organization) { name auditEvents(first: 20) { nodes { action subjectName } } }
  users(organizationId: $organization, first: 50) { totalCount nodes { id firstName status
    selectedRoles { name } invitation { status delivery } } } }"""


@dataclass
class Sample:
    """How it is at a moment."""

    at_s: float
    memory_mb: list[float]
    """Of each gateway, and of the worker."""
    files: list[int]
    connections: int
    outbox: int
    answers: int
    slowest_ms: float
    """Of the reads since the last sample, but for one in a hundred."""

    def told(self) -> str:
        """A line of the table."""
        memory = " ".join(f"{each:6.1f}" for each in self.memory_mb)
        files = " ".join(f"{each:4d}" for each in self.files)
        return (
            f"{self.at_s:7.0f} {memory} {files} {self.connections:11d} {self.outbox:6d} "
            f"{self.answers:8d} {self.slowest_ms:9.0f}"
        )


@dataclass
class Soak:
    """A run of it."""

    run: Run
    samples: list[Sample] = field(default_factory=list)
    reads_ms: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def heading(self) -> str:
        """Of the table."""
        names = [f"g{number}" for number in range(1, len(self.run.stage.gateways) + 1)] + ["w"]
        memory = " ".join(f"{name + ' MB':>6}" for name in names)
        files = " ".join(f"{name + ' fd':>4}" for name in names)
        return f"seconds {memory} {files} connections outbox answered p99_of_reads_ms"

    async def sample(self, at_s: float) -> Sample:
        """Look at everything."""
        processes = [*self.run.stage.gateways, self.run.stage.worker]
        numbers = [each.running.pid for each in processes if each.running is not None]
        (row,) = await get_connection("default").execute_query_dict(CONNECTIONS)
        reads, self.reads_ms = sorted(self.reads_ms), []
        taken = Sample(
            at_s,
            [_memory_mb(number) for number in numbers],
            [_open_files(number) for number in numbers],
            int(row["count"]),
            await OutgoingMail.filter(status=DeliveryStatus.QUEUED).count(),
            self.run.replicas.outcomes["answered"],
            reads[int(len(reads) * 0.99)] if reads else 0.0,
        )
        self.samples.append(taken)
        return taken

    async def read(self, reader: Administrator, stop: asyncio.Event) -> None:
        """Look at the lists again and again."""
        headers = {"cookie": f"session={reader.cookie}"}
        body = {"query": LISTS, "variables": {"organization": reader.organization}}
        while not stop.is_set():
            client = self.run.random.choice(self.run.replicas.clients)
            began = time.perf_counter()
            try:
                answer = (await client.post("/graphql", json=body, headers=headers)).json()
            except httpx2.TransportError as error:
                self.problems.append(f"a read failed: {error!r}")
                continue
            self.reads_ms.append((time.perf_counter() - began) * 1000)
            if "errors" in answer:
                self.problems.append(f"a read was answered by {answer['errors']}")
            await asyncio.sleep(PAUSE_S)

    def judge(self) -> list[str]:
        """What grew, or went wrong."""
        fifth = max(1, len(self.samples) // 5)
        early, late = self.samples[fifth : 2 * fifth] or self.samples[:1], self.samples[-fifth:]
        found = [*dict.fromkeys(self.problems)]
        for index in range(len(self.samples[0].memory_mb)):
            grown = median(each.memory_mb[index] for each in late) - median(
                each.memory_mb[index] for each in early
            )
            if grown > MEMORY_GROWS_MB:
                found.append(f"the memory of process {index + 1} grew by {grown:.0f} MB")
            more = median(each.files[index] for each in late) - median(
                each.files[index] for each in early
            )
            if more > FILES_GROW:
                found.append(f"the open files of process {index + 1} grew by {more:.0f}")
        processes = len(self.samples[0].memory_mb) + 1  # this one too
        most = max(each.connections for each in self.samples)
        if most > processes * POOL:
            found.append(f"{most} connections to the database")
        if self.run.replicas.reasons or self.run.replicas.outcomes["refused"]:
            found.append(f"mutations without an answer: {dict(self.run.replicas.reasons)}")
        found += [f"{name}: {count}" for name, count in self.run.ledger.broken.items()]
        return found


def _open_files(process: int) -> int:
    return len(list(Path(f"/proc/{process}/fd").iterdir()))


def _memory_mb(process: int) -> float:
    status = Path(f"/proc/{process}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


async def run_soak(
    folder: Path, *, minutes: float, seed: int, replicas: int, tell: Callable[[str], object]
) -> list[str]:
    """Load for so many minutes; what is wrong afterwards."""
    async with begun(folder, seed=seed, replicas=replicas) as run:
        soak = Soak(run)
        await run.invite_newcomers()
        began, stop = time.monotonic(), asyncio.Event()
        readers = [
            asyncio.create_task(soak.read(company.administrators[0], stop))
            for company in run.companies
        ]
        tell(soak.heading())
        async with run.load(pause_s=PAUSE_S):
            for number in range(1, SAMPLES + 1):
                await asyncio.sleep(began + number * minutes * 60 / SAMPLES - time.monotonic())
                tell((await soak.sample(time.monotonic() - began)).told())
                await run.invite_newcomers()
        stop.set()
        await asyncio.gather(*readers)
        await run.compare()
        trail = await run.verify_trail()
        tell(run.ledger.told())
        tell(f"gateway audit verify: {trail}")
        return soak.judge()


def main() -> int:
    """Exit 1 if anything grew or broke."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=MINUTES, help="30 if left out")
    parser.add_argument("--replicas", type=int, default=2, help="gateways; 2 if left out")
    given = parser.parse_args()
    logging.getLogger("asyncpg").addHandler(logging.NullHandler())

    def tell(line: str) -> None:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    seed = SystemRandom().getrandbits(32)
    with tempfile.TemporaryDirectory(prefix="gateway-soak-") as name:
        soaking = run_soak(
            Path(name), minutes=given.minutes, seed=seed, replicas=given.replicas, tell=tell
        )
        found = asyncio.run(soaking)
    tell("\n".join(["BROKEN:", *found]) if found else "Nothing grew, nothing is broken.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
