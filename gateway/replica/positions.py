"""Where a database and its replica are, and by how much the replica is behind."""

import asyncio
from collections import deque
from typing import Any, NamedTuple

from tortoise.connection import get_connection

from gateway.database import own_connection

ANSWERS_WITHIN_S = 2.0
"""Else it is away."""

MAX_LAG_S = 5.0
"""More, and nobody reads there."""

LOOKS_AGAIN_AFTER_S = 0.1

POSITION = """
SELECT system_identifier, current_database(), pg_is_in_recovery(),
    (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
        ELSE pg_current_wal_flush_lsn() END - '0/0')::bigint,
    pg_snapshot_xmin(pg_current_snapshot())
FROM pg_control_system()
"""


class Position(NamedTuple):
    """Where a server is."""

    system: int
    """Tells a server and its replicas from all others."""
    database: str
    is_replica: bool
    written: int
    """How much of the write-ahead log has come to stay there, in bytes."""
    unfinished: int
    """The transaction of which all before have ended there."""


class Unfit(Exception):  # noqa: N818 - it is looked at again
    """The server can't be read from; the text says why."""


class Lag:
    """How far a replica is behind: since when it lacks what the primary held."""

    def __init__(self) -> None:
        self._lacking: deque[tuple[float, int]] = deque()
        self._has_followed = False

    def primary_was(self, written: int, *, at: float) -> None:
        """The primary held this much at that time, in seconds of any clock."""
        self._lacking.append((at, written))

    def replica_is(self, written: int) -> None:
        """The replica holds this much."""
        while self._lacking and self._lacking[0][1] <= written:
            self._lacking.popleft()
            self._has_followed = True

    def seconds(self, now: float) -> float | None:
        """By how much; None while it has not been seen to follow."""
        if not self._has_followed:
            return None
        return now - self._lacking[0][0] if self._lacking else 0.0


async def primary_position() -> Position:
    """Where the connected database is.

    Raises:
        TimeoutError: It does not answer in time; so may other errors of it.
    """
    async with asyncio.timeout(ANSWERS_WITHIN_S):
        (row,) = await get_connection("default").execute_query_dict(POSITION)
    return Position(*row.values())


async def position_of(connection: Any) -> Position:
    """Where the server of an asyncpg connection is.

    Raises:
        TimeoutError: It does not answer in time; so may other errors of it.
    """
    async with asyncio.timeout(ANSWERS_WITHIN_S):
        return Position(*await connection.fetchrow(POSITION))


def check_fit(replica: Position, primary: Position) -> None:
    """See that one is a replica of the other.

    Raises:
        Unfit: It is none.
    """
    if not replica.is_replica:
        message = "it is no replica: it takes changes itself"
        raise Unfit(message)
    if (replica.system, replica.database) != (primary.system, primary.database):
        message = "it is a replica of another database than GATEWAY_DATABASE_URL names"
        raise Unfit(message)


async def check_replica(url: str) -> None:
    """See that a replica of the connected database is there, and follows.

    Raises:
        Unfit: It is none, or lags.
        OSError: It can't be reached; so may errors of Tortoise and of the driver.
    """
    async with asyncio.timeout(ANSWERS_WITHIN_S):
        connection = await own_connection(url)
    try:
        primary = await primary_position()
        try:
            async with asyncio.timeout(MAX_LAG_S):
                while True:
                    replica = await position_of(connection)
                    check_fit(replica, primary)
                    if replica.written >= primary.written:
                        return
                    await asyncio.sleep(LOOKS_AGAIN_AFTER_S)
        except TimeoutError:
            message = f"it lags more than {MAX_LAG_S:g} s"
            raise Unfit(message) from None
    finally:
        connection.terminate()
