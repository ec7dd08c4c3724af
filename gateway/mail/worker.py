"""The worker: delivers whatever is due, for as long as the process lives."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

import structlog

from gateway.database import DATABASE_TROUBLE, is_away, pending_migrations
from gateway.mail.delivery import Courier, Pace
from gateway.mail.server import Security
from gateway.settings import LOOPBACK_HOSTS, Settings
from resolvers import outbox

log = structlog.get_logger("gateway.mail")

LONGEST_DATABASE_PAUSE_S = 30.0
ASK_AGAIN_AFTER_S = 1.0


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
            log.warning("mail_waits_for_database", problem=type(error).__name__)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), ASK_AGAIN_AFTER_S)
        else:
            return


async def deliver_forever(
    settings: Settings,
    *,
    now: Callable[[], datetime],
    stop: asyncio.Event,
    wake: asyncio.Event,
    pace: Pace | None = None,
) -> None:
    """Deliver mail until `stop`, then finish the mail in hand and give the others back.

    It looks each second, and at once when `wake` is set. Any number of processes may do this. A
    database or a mail server that is away is waited for.

    To end it early set `stop` rather than cancel: a cancelled database call can leave Tortoise's
    connection locked.

    Raises:
        ValueError: The settings for mail are missing. Anything else that is raised is a defect; the
            mails in hand are tried again once their leases have ended.
    """
    courier = Courier.from_settings(settings, now=now, pace=pace or Pace())
    _warn_of_open_credentials(courier)
    worker = _Worker(courier, stop=stop, wake=wake)
    try:
        await worker.run()
    finally:
        await asyncio.gather(*worker.batches, return_exceptions=True)


def _warn_of_open_credentials(courier: Courier) -> None:
    server = courier.server
    if (
        server.username is not None
        and server.security is Security.PLAIN
        and server.host not in LOOPBACK_HOSTS
    ):
        log.warning("mail_password_travels_unencrypted", mend="use smtps:// or ?starttls=true")


class _Worker:
    """Claims batches, each delivered by a task of its own with one session."""

    def __init__(self, courier: Courier, *, stop: asyncio.Event, wake: asyncio.Event) -> None:
        self.batches: set[asyncio.Task[bool]] = set()
        self._courier = courier
        self._stop = stop
        self._wake = wake
        self._clock = asyncio.get_running_loop().time
        self._housekeeping_at = self._clock()

    async def run(self) -> None:
        pace = self._courier.pace
        database_pause_s = pace.poll_s
        while not self._stop.is_set():
            self._wake.clear()
            try:
                is_reachable = self._collect()
                has_more = await self._start_batch()
                await self._keep_house()
            except DATABASE_TROUBLE as error:
                log.warning("mail_waits_for_database", problem=type(error).__name__)
                await self._wait(database_pause_s)
                database_pause_s = min(LONGEST_DATABASE_PAUSE_S, database_pause_s * 2)
                continue
            database_pause_s = pace.poll_s
            if not is_reachable:
                await self._wait(pace.poll_s)
            elif not has_more:
                await self._wait(pace.poll_s, self._wake, early=self.batches)

    def _collect(self) -> bool:
        """Take note of the batches that are done; False if one could not reach the mail server.

        Raises whatever ended one early.
        """
        is_reachable = True
        for batch in [batch for batch in self.batches if batch.done()]:
            self.batches.remove(batch)
            is_reachable &= batch.result()
        return is_reachable

    async def _start_batch(self) -> bool:
        """Claim a batch and begin to deliver it; whether there is likely to be another."""
        pace = self._courier.pace
        if len(self.batches) >= pace.sessions:
            return False
        until = self._clock() + pace.sending_s
        mails = await self._courier.claim()
        if mails:
            self.batches.add(
                asyncio.create_task(self._courier.deliver(mails, stop=self._stop, until=until))
            )
        return len(mails) == pace.batch

    async def _keep_house(self) -> None:
        if self._clock() < self._housekeeping_at:
            return
        pace = self._courier.pace
        count = await outbox.forget_finished(before=self._courier.now() - pace.keep_finished)
        self._housekeeping_at = self._clock() + pace.housekeeping_s
        if count:
            log.info("mail_finished_forgotten", count=count)

    async def _wait(
        self,
        seconds: float,
        *events: asyncio.Event,
        early: set[asyncio.Task[bool]] | None = None,
    ) -> None:
        """Wait, but not past `stop`, one of the events, or the end of one of the `early` tasks."""
        waits = [asyncio.create_task(event.wait()) for event in (self._stop, *events)]
        try:
            await asyncio.wait(
                [*waits, *(early or ())], timeout=seconds, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            for wait in waits:
                wait.cancel()
