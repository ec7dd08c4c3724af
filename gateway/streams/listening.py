"""How announcements come from PostgreSQL: one connection that listens, and proves that it does."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import NoReturn, Self

import structlog

from gateway.database import DATABASE_TROUBLE, is_sqlite, own_connection
from gateway.logs import report_failure
from gateway.settings import Settings
from gateway.streams.exchange import Exchange
from models.rows import new_id
from resolvers.announcements import CHANNEL, announcements_in, notify

log = structlog.get_logger(__name__)

PROVES_EVERY_S = 10.0
HEARD_FIRST_WITHIN_S = 5.0
HEARD_WITHIN_S = 20.0
"""How long a message of our own may take through the database: longer once one has been heard, for
a process that is short of time still listens."""

PAUSES_S = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Before connecting anew, the last one again and again."""

PROOF = "PROOF:"

UNHEARD = (
    "what was sent through the database did not come back: if the database is reached through "
    "pgbouncer, GATEWAY_LISTEN_DATABASE_URL must name PostgreSQL itself"
)
LOST = "the connection that listens was lost"


class NotListening(Exception):  # noqa: N818 - it is tried again
    """Announcements do not come in; the text says why."""


@asynccontextmanager
async def followed(settings: Settings, exchange: Exchange) -> AsyncIterator[None]:
    """Keep the exchange running while the block does, with announcements coming in."""
    url = (settings.listen_database_url or settings.database_url).get_secret_value()
    async with exchange.running():
        if is_sqlite(url):
            yield
            return
        listening = asyncio.create_task(listen_forever(url, exchange), name="listening")
        listening.add_done_callback(report_failure)
        try:
            yield
        finally:
            listening.cancel()
            await asyncio.wait([listening])


async def listen_forever(url: str, exchange: Exchange) -> NoReturn:
    """Bring what is announced to the exchange, until cancelled; tell it when some may be missing.

    `url` names PostgreSQL itself: pgbouncer in transaction mode hands a connection on after each
    transaction, and what comes for it to nobody.
    """
    failures = 0
    while True:
        try:
            await Line(exchange).hold(url)
        except (*DATABASE_TROUBLE, NotListening) as error:
            failures = 0 if exchange.is_listening else failures + 1
            exchange.missed()
            pause = PAUSES_S[min(failures, len(PAUSES_S) - 1)]
            problem = str(error) if isinstance(error, NotListening) else type(error).__name__
            log.warning("not_listening", problem=problem, pause_s=pause)
            await asyncio.sleep(pause)


async def check_listening(url: str, settings: Settings, *, now: Callable[[], datetime]) -> None:
    """See that what is sent by the connected database comes back by this way.

    Raises:
        NotListening: It does not.
        OSError: PostgreSQL can't be reached there; so may errors of Tortoise and of the driver.
    """
    async with Line(Exchange(settings, now=now)).held(url) as line:
        await line.prove(HEARD_FIRST_WITHIN_S)


class Line:
    """One connection that listens.

    It proves all the time that a message sent by the pool's way comes back by this one. So a
    connection that died without a word is found too, and one that can't listen.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._proof = ""
        self._heard = asyncio.Event()
        self._lost = asyncio.Event()

    async def hold(self, url: str) -> NoReturn:
        """Listen for as long as the connection lasts.

        Raises:
            NotListening: It was lost, or is of no use.
            OSError: The database can't be reached; so may errors of Tortoise and of the driver.
        """
        async with self.held(url):
            within_s = HEARD_FIRST_WITHIN_S
            while True:
                await self.prove(within_s)
                within_s = HEARD_WITHIN_S
                self._exchange.listens()
                with suppress(TimeoutError):
                    async with asyncio.timeout(PROVES_EVERY_S):
                        await self._lost.wait()

    @asynccontextmanager
    async def held(self, url: str) -> AsyncIterator[Self]:
        """Connected, and told what is sent, while the block runs."""
        async with asyncio.timeout(HEARD_FIRST_WITHIN_S):
            connection = await own_connection(url)
        try:
            connection.add_termination_listener(lambda _: self._lose())
            await connection.add_listener(CHANNEL, lambda *told: self._hear(str(told[-1])))
            yield self
        finally:
            connection.terminate()

    async def prove(self, within_s: float) -> None:
        """See that a message of our own comes back.

        Raises:
            NotListening: It does not.
        """
        self._proof = f"{PROOF}{new_id().hex}"
        self._heard.clear()
        try:
            async with asyncio.timeout(within_s):
                if not self._lost.is_set():
                    await notify([self._proof])
                    await self._heard.wait()
        except TimeoutError:
            raise NotListening(UNHEARD) from None
        if self._lost.is_set():
            raise NotListening(LOST)

    def _lose(self) -> None:
        self._lost.set()
        self._heard.set()
        self._exchange.missed()

    def _hear(self, payload: str) -> None:
        if payload.startswith(PROOF):
            if payload == self._proof:
                self._heard.set()
            return
        try:
            self._exchange.hear(announcements_in(payload))
        except ValueError:
            # Something was announced, and nobody knows what.
            log.warning("announcement_unread", length=len(payload))
            self._exchange.missed()
            self._exchange.listens()
