"""Reading from a replica of the database, where it holds all that the caller has to see.

Who asks and what he may do comes from the primary with each request, and with it the transactions
that last changed his organizations. The replica tells which transactions have ended there. So a
caller is let to it if those of his organizations have: he sees his own changes, what he was told of
by an event, and whatever else was done there before he asked. Nothing is noted for it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, NoReturn, TypeVar

import structlog
from pydantic import SecretStr
from tortoise.connection import get_connections

from gateway.database import DATABASE_TROUBLE, own_connection, pool_parameters
from gateway.engines.asyncpg import Client
from gateway.logs import report_failure
from gateway.observers import Observers
from gateway.replica.positions import (
    ANSWERS_WITHIN_S,
    LOOKS_AGAIN_AFTER_S,
    MAX_LAG_S,
    Lag,
    Position,
    Unfit,
    check_fit,
    position_of,
    primary_position,
)
from resolvers.caller import Caller

log = structlog.get_logger(__name__)

Read = TypeVar("Read")

LOOKS_EVERY_S = 1.0
"""Sooner where a caller was turned away, since what he has to see may have come by now."""

READS_WITHIN_S = 10.0
"""How long one statement may take there; the query then begins anew at the primary."""

NOT_SEEN = "it has not been seen to follow yet"


class Unread(Exception):  # noqa: N818 - it is read again
    """What was read is of no use, because of this exception's cause."""


class ReadReplica:
    """The replica that this process reads from, if one is set: whether it is fit, and for whom."""

    def __init__(
        self, url: SecretStr | None, *, observers: Observers, max_lag_s: float = MAX_LAG_S
    ) -> None:
        self._url = url
        self._observers = observers
        self._max_lag_s = max_lag_s
        self._client: Client | None = None
        self._problem: str | None = NOT_SEEN
        """Why nobody reads there."""
        self._unfinished = 0
        self._reads: set[asyncio.Timeout] = set()
        self._wanted = asyncio.Event()

    @asynccontextmanager
    async def followed(self) -> AsyncIterator[None]:
        """Keep an eye on it while the block runs; it may be away all the time."""
        if self._url is None:
            yield
            return
        url = self._url.get_secret_value()
        parameters = pool_parameters(
            url, answered_within_s=READS_WITHIN_S, on_statement=self._observers.on_statement
        )
        self._client = Client(connection_name="replica", **parameters)
        watching = asyncio.create_task(self._watch(url), name="replica")
        watching.add_done_callback(report_failure)
        try:
            yield
        finally:
            watching.cancel()
            await asyncio.wait([watching])
            self._client.cut()

    async def read(self, caller: Caller, do: Callable[[], Awaitable[Read]]) -> Read | None:
        """What `do` gives, reading from the replica; None if it is to be done at the primary.

        That is where there is no replica, or it lacks what this caller has to see, and where it
        failed over this. If `do` keeps errors to itself it says so by `Unread`.
        """
        if self._client is None:
            return None
        if self._problem is not None or not self._holds(caller.last_writers):
            self._observers.count_read("primary")
            return None
        connections = get_connections()
        token = connections.set("default", self._client)
        read = asyncio.timeout(None)
        try:
            async with read:
                self._reads.add(read)
                done = await do()
        except (*DATABASE_TROUBLE, Unread) as error:
            cause = error.__cause__ if isinstance(error, Unread) else error
            log.warning("read_again", problem=type(cause).__name__)
            self._observers.count_read("both")
            return None
        finally:
            self._reads.discard(read)
            connections.reset(token)
        self._observers.count_read("replica")
        return done

    def _holds(self, writers: tuple[int | None, ...]) -> bool:
        """Whether all these have ended at the replica, as far as is known; it is asked if not."""
        # They are numbers modulo 2**32, each of which comes before the 2**31 that follow it.
        if all(
            writer is not None and 0 < (self._unfinished - writer) % 2**32 < 2**31
            for writer in writers
        ):
            return bool(writers)
        self._wanted.set()
        return False

    async def _watch(self, url: str) -> NoReturn:
        while True:
            try:
                async with asyncio.timeout(ANSWERS_WITHIN_S):
                    connection = await own_connection(url)
                try:
                    connection.add_termination_listener(lambda _: self._wanted.set())
                    await self._follow(connection)
                finally:
                    connection.terminate()
            except (*DATABASE_TROUBLE, Unfit) as error:
                self._judge(str(error) if isinstance(error, Unfit) else type(error).__name__)
                self._cut()
            await asyncio.sleep(LOOKS_EVERY_S)

    async def _follow(self, connection: Any) -> NoReturn:
        """Look at it again and again.

        Raises:
            Unfit: It is no replica of the database.
            OSError: It is away; so may errors of the driver.
        """
        clock = asyncio.get_running_loop().time
        lag, asked_at = Lag(), float("-inf")
        primary: Position | None = None
        while True:
            now = clock()
            if now - asked_at >= LOOKS_EVERY_S:
                asked_at = now
                # A primary that is busy, or away, is no reason to leave the replica.
                with suppress(*DATABASE_TROUBLE):
                    primary = await primary_position()
                    lag.primary_was(primary.written, at=now)
            replica = await position_of(connection)
            if primary is not None:
                check_fit(replica, primary)
            lag.replica_is(replica.written)
            self._unfinished = replica.unfinished
            self._judge(self._problem_with(lag.seconds(clock())), lag_s=lag.seconds(clock()))
            await asyncio.sleep(LOOKS_AGAIN_AFTER_S)
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOKS_EVERY_S - LOOKS_AGAIN_AFTER_S):
                    await self._wanted.wait()
            self._wanted.clear()

    def _problem_with(self, lag_s: float | None) -> str | None:
        if lag_s is None:
            return NOT_SEEN
        return f"it lags more than {self._max_lag_s:g} s" if lag_s > self._max_lag_s else None

    def _judge(self, problem: str | None, *, lag_s: float | None = None) -> None:
        if problem is None and self._problem is not None:
            log.info("replica_taken")
        elif problem is not None and problem != self._problem:
            log.warning("replica_left", problem=problem)
        self._problem = problem
        self._observers.note_replica(is_used=problem is None, lag_s=lag_s)

    def _cut(self) -> None:
        """Let nobody wait for it any longer: what is being read begins anew at the primary."""
        if self._client is not None:
            self._client.cut()
        now = asyncio.get_running_loop().time()
        for read in self._reads:
            read.reschedule(now)
        self._reads.clear()
