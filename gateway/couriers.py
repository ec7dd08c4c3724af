"""What delivers beside the requests, for as long as the process lives: mail, and webhooks.

A courier claims what is due and delivers it; a round of its work goes on until it is told to stop.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, Protocol, TypeVar

import structlog

from gateway.database import DATABASE_TROUBLE, is_away, pending_migrations

log = structlog.get_logger("gateway.couriers")

LONGEST_DATABASE_PAUSE_S = 30.0
ASK_AGAIN_AFTER_S = 1.0

T = TypeVar("T")
Batch = TypeVar("Batch")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace(ABC):
    """How much at once, how often, how long."""

    batch: int
    """Claimed at a time, delivered one after the other."""
    sessions: int
    """Batches on their way at a time."""
    poll_s: float = 1.0
    lease_s: float = 300.0
    recording_s: float = 20.0
    """Kept of the lease for writing the last outcome."""
    keep_finished: timedelta = timedelta(days=30)
    housekeeping_s: float = 3600.0

    def __post_init__(self) -> None:
        """Refuse a lease that one delivery outlasts."""
        if self.sending_s <= 0:
            message = "the lease must be longer than the waits of one delivery together"
            raise ValueError(message)

    @property
    @abstractmethod
    def one_s(self) -> float:
        """The longest that one delivery takes."""

    @property
    def sending_s(self) -> float:
        """How long after its claim a batch may begin another, and end within the lease."""
        return self.lease_s - self.one_s - self.recording_s


class Courier(Protocol[Batch]):
    """Who claims and delivers one kind of thing."""

    @property
    def pace(self) -> Pace:
        """How much at once."""

    async def claim(self) -> Batch | None:
        """What to deliver next, leased to this process; false if nothing is due."""

    async def deliver(self, batch: Batch, /, *, stop: asyncio.Event, until: float) -> bool:
        """Try each once; False if all of them would fail now.

        On `stop`, or past `until` on the loop's clock, what was not begun is given back.
        """

    async def keep_house(self) -> int:
        """Forget what was finished long ago; how much."""


class Round(Generic[Batch]):
    """The work of one courier: batches, each delivered by a task of its own."""

    def __init__(
        self, name: str, courier: Courier[Batch], *, stop: asyncio.Event, wake: asyncio.Event
    ) -> None:
        self._name = name
        self._batches: set[asyncio.Task[bool]] = set()
        self._courier = courier
        self._stop = stop
        self._wake = wake
        self._clock = asyncio.get_running_loop().time
        self._housekeeping_at = self._clock()

    async def run(self) -> None:
        """Deliver until `stop`, then finish what is in hand and give the others back.

        It looks each second, and at once when `wake` is set. Any number of processes may do this. A
        database that is away is waited for.

        To end it early set `stop` rather than cancel: a cancelled database call can leave
        Tortoise's connection locked.
        """
        try:
            await self._go_on()
        finally:
            await asyncio.gather(*self._batches, return_exceptions=True)

    async def _go_on(self) -> None:
        pace = self._courier.pace
        database_pause_s = pace.poll_s
        while not self._stop.is_set():
            self._wake.clear()
            try:
                is_reachable = self._collect()
                has_more = await self._start_batch()
                await self._keep_house()
            except DATABASE_TROUBLE as error:
                log.warning(
                    "delivery_waits_for_database", of=self._name, problem=type(error).__name__
                )
                await wait_for_any(database_pause_s, self._stop)
                database_pause_s = min(LONGEST_DATABASE_PAUSE_S, database_pause_s * 2)
                continue
            database_pause_s = pace.poll_s
            if not is_reachable:
                await wait_for_any(pace.poll_s, self._stop)
            elif not has_more:
                await wait_for_any(pace.poll_s, self._stop, self._wake, early=self._batches)

    def _collect(self) -> bool:
        """Take note of the batches that are done; False if one could not reach the mail server.

        Raises whatever ended one early.
        """
        is_reachable = True
        for batch in [batch for batch in self._batches if batch.done()]:
            self._batches.remove(batch)
            is_reachable &= batch.result()
        return is_reachable

    async def _start_batch(self) -> bool:
        """Claim a batch and begin to deliver it; whether there may be another."""
        pace = self._courier.pace
        if len(self._batches) >= pace.sessions:
            return False
        until = self._clock() + pace.sending_s
        batch = await self._courier.claim()
        if not batch:
            return False
        delivery = self._courier.deliver(batch, stop=self._stop, until=until)
        self._batches.add(asyncio.create_task(delivery))
        return True

    async def _keep_house(self) -> None:
        if self._clock() < self._housekeeping_at:
            return
        count = await self._courier.keep_house()
        self._housekeeping_at = self._clock() + self._courier.pace.housekeeping_s
        if count:
            log.info("finished_forgotten", of=self._name, count=count)


async def wait_for_any(
    seconds: float, *events: asyncio.Event, early: Iterable[asyncio.Task[bool]] = ()
) -> None:
    """Wait, but not past one of the events, or the end of one of the `early` tasks."""
    waits = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait([*waits, *early], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


async def wait_for_database(stop: asyncio.Event) -> None:
    """Wait, but not past `stop`, for a database that is away, as when all is restarted at once.

    What is wrong with it raises: one of `DATABASE_TROUBLE`.
    """
    while not stop.is_set():
        try:
            await pending_migrations()
        except DATABASE_TROUBLE as error:
            if not is_away(error):
                raise
            log.warning("worker_waits_for_database", problem=type(error).__name__)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), ASK_AGAIN_AFTER_S)
        else:
            return


async def insisting(write: Callable[[], Awaitable[T]]) -> T:
    """Write an outcome, and again if the database is away for a moment.

    What can't be written is delivered a second time once the lease has ended.
    """
    for pause_s in (0.1, 0.4, 1.6, 3.2):
        try:
            return await write()
        except DATABASE_TROUBLE as error:
            log.warning("outcome_waits_for_database", problem=type(error).__name__)
            await asyncio.sleep(pause_s)
    return await write()
