"""Rounds of load, in each of which one process is killed at a random moment and started again."""

import asyncio
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import httpx2

from models.invitations import DeliveryStatus, OutgoingMail
from tests.faults.clients import LIMITS, Links, Replicas
from tests.faults.companies import Company, Founding
from tests.faults.ledger import Ledger
from tests.faults.people import Administrator
from tests.faults.stage import Stage, stage
from tests.servers import ROOT

COMPANIES = 3
LONGEST_BEFORE_S = 1.5
LONGEST_DEATH_S = 1.0
AFTERWARDS_S = 0.7
QUIET_WITHIN_S = 90.0
NOTHING_MOVES_S = 1.5
"""So long without a delivery means that only leases of the dead are left."""


@dataclass
class Run:
    """All rounds, and what came of them."""

    stage: Stage
    replicas: Replicas
    links: Links
    founding: Founding
    companies: list[Company]
    random: Random
    ledger: Ledger = field(default_factory=Ledger)
    kills: Counter[str] = field(default_factory=Counter)
    _victims: list[int] = field(default_factory=list)

    @property
    def administrators(self) -> list[Administrator]:
        """All who are at work."""
        return [each for company in self.companies for each in company.administrators]

    async def round(self) -> None:
        """Load, a kill, quiet, and a look at what is there."""
        await self.invite_newcomers()
        async with self.load():
            await self._kill_one()
            await self.stage.ready()
            await asyncio.sleep(AFTERWARDS_S)
        await self.compare()

    async def invite_newcomers(self) -> None:
        """Fill up the accounts that new users are made of."""
        for company in self.companies:
            await self.founding.invite_newcomers(company)

    @asynccontextmanager
    async def load(self, *, pause_s: float = 0) -> AsyncIterator[None]:
        """Let everybody work while the block runs; all that was begun is brought to its end."""
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for each in self.administrators:
                group.create_task(self._working(each.act, stop, pause_s))
            for company in self.companies:
                group.create_task(self._working(company.pair.fight, stop, pause_s))
            try:
                yield
            finally:
                stop.set()

    async def _working(
        self, act: Callable[[], Awaitable[None]], stop: asyncio.Event, pause_s: float
    ) -> None:
        while not stop.is_set():
            await act()
            await asyncio.sleep(pause_s)

    async def compare(self) -> None:
        """Once all is quiet, compare what is there with what was acknowledged."""
        await self._quiet()
        for each in self.administrators:
            await self.ledger.compare(each)
        await self.ledger.look_at_mails(self.links)

    async def _kill_one(self) -> None:
        await asyncio.sleep(self.random.uniform(0.05, LONGEST_BEFORE_S))
        if not self._victims:
            self._victims = list(range(len(self.stage.victims)))
            self.random.shuffle(self._victims)
        victim = self.stage.victims[self._victims.pop()]
        await victim.kill()
        self.kills[victim.name] += 1
        await asyncio.sleep(self.random.uniform(0, LONGEST_DEATH_S))
        await victim.start()

    async def _quiet(self) -> None:
        """Wait for the outbox to be empty; leases of the dead are ended, as five minutes would."""
        deadline = time.monotonic() + QUIET_WITHIN_S
        before, since = -1, time.monotonic()
        while (waiting := await OutgoingMail.filter(status=DeliveryStatus.QUEUED).count()) > 0:
            if waiting != before:
                before, since = waiting, time.monotonic()
            elif time.monotonic() - since > NOTHING_MOVES_S:
                now = datetime.now(UTC)
                await OutgoingMail.filter(
                    status=DeliveryStatus.QUEUED, next_attempt_at__gt=now
                ).update(next_attempt_at=now)
                since = time.monotonic()
            if time.monotonic() > deadline:
                return  # what was not delivered is counted
            await asyncio.sleep(0.1)

    async def verify_trail(self) -> str:
        """What `gateway audit verify` says last."""
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "gateway", "audit", "verify"],
            cwd=ROOT,
            env=self.stage.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        self.ledger.faulty_chains = int(done.returncode != 0)
        return done.stdout.strip().splitlines()[-1] if done.stdout else done.stderr


@asynccontextmanager
async def begun(folder: Path, *, seed: int, replicas: int) -> AsyncIterator[Run]:
    """Everything that a run needs: processes, organizations, people."""
    random = Random(seed)  # noqa: S311 - load and moments, not secrets
    async with stage(folder, replicas=replicas) as built, AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(
                httpx2.AsyncClient(base_url=url, limits=LIMITS, trust_env=False, timeout=60)
            )
            for url in built.urls
        ]
        sent = Replicas(clients, random)
        links = Links(built.mailbox)
        founding = await Founding.begun(sent, links, random)
        companies = [await founding.company(f"company{number}") for number in range(COMPANIES)]
        yield Run(built, sent, links, founding, companies, random)


async def run_rounds(
    folder: Path, *, rounds: int, seed: int, replicas: int, tell: Callable[[str], object]
) -> Run:
    """Do so many rounds, and tell what came of them."""
    async with begun(folder, seed=seed, replicas=replicas) as run:
        began = time.monotonic()
        for number in range(1, rounds + 1):
            await run.round()
            if number % 10 == 0 or run.ledger.broken:
                tell(f"round {number}: {run.ledger.acknowledged} changes, {run.ledger.broken}")
        trail = await run.verify_trail()
        tell(f"{rounds} rounds with seed {seed} in {time.monotonic() - began:.0f} s")
        tell(f"killed: {dict(sorted(run.kills.items()))}")
        tell(f"mutations: {dict(run.replicas.outcomes)}, {dict(run.replicas.reasons)}")
        refused = sum((each.refused for each in run.administrators), Counter[str]())
        fights = sum((company.pair.outcomes for company in run.companies), Counter[str]())
        tell(f"refused: {dict(refused)}; fights over the last administrator: {dict(fights)}")
        tell(run.ledger.told())
        tell(f"gateway audit verify: {trail}")
    return run
