"""PostgreSQL through asyncpg.

Tortoise 1.1 loses a connection of the pool, and leaves the task with a dead one, if a transaction
fails to begin or its connection fails to go back. It also waits for ever for a free connection.
Its migrations know the engine by this module's name.
"""

from types import TracebackType
from typing import Any

import asyncpg
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import (
    PoolConnectionWrapper,
    TransactionalDBClient,
    TransactionContext,
    TransactionContextPooled,
)
from tortoise.connection import get_connections

FREE_WITHIN_S = 20.0
"""How long a request waits for a connection of the pool to become free."""

BACK_WITHIN_S = 5.0
"""How long a connection may take to end what it was doing; then it is cut."""


class _Borrowed(PoolConnectionWrapper[Any]):
    """One statement's connection."""

    async def __aenter__(self) -> Any:
        await self.ensure_connection()
        self.connection = await _acquired(self.client._pool)  # noqa: SLF001 - as in Tortoise
        return self.connection

    async def __aexit__(self, *_error: object) -> None:
        await _give_back(self.client._pool, self.connection)  # noqa: SLF001 - likewise


class _Transaction(TransactionContextPooled):
    """A transaction that leaves nothing behind, wherever it fails."""

    async def __aenter__(self) -> TransactionalDBClient:
        await self.ensure_connection()
        pool = self.client._parent._pool  # noqa: SLF001 - as in Tortoise
        self.client._connection = await _acquired(pool)  # noqa: SLF001 - likewise
        try:
            await self.client.begin()
        except BaseException:
            await _give_back(pool, self.client._connection)  # noqa: SLF001 - likewise
            raise
        self.token = get_connections().set(self.connection_name, self.client)
        return self.client

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pool = self.client._parent._pool  # noqa: SLF001 - likewise
        connection = self.client._connection  # noqa: SLF001 - likewise
        try:
            if kind is None:
                await self.client.commit()
            elif not connection.is_closed():
                await self.client.rollback()
        finally:
            get_connections().reset(self.token)
            await _give_back(pool, connection)


async def _acquired(pool: asyncpg.Pool) -> Any:
    """A connection.

    Raises:
        TimeoutError: All are in use, and none became free.
    """
    # With a time limit it takes a task of its own, which a free connection does not need.
    return await pool.acquire(timeout=None if pool.get_idle_size() else FREE_WITHIN_S)


async def _give_back(pool: asyncpg.Pool | None, connection: Any) -> None:
    """Let another have the connection; one that can't is cut, and a new one takes its place."""
    if pool is None:
        return
    try:
        await pool.release(connection, timeout=BACK_WITHIN_S)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        # What the work came to is told by its own statements; asyncpg has ended the connection.
        return


class Client(AsyncpgDBClient):
    """What Tortoise makes for `gateway.engines.asyncpg`."""

    def acquire_connection(self) -> PoolConnectionWrapper[Any]:
        """A connection for one statement."""
        return _Borrowed(self, self._pool_init_lock)

    def cut(self) -> None:
        """End all connections at once, whatever is under way on them; the next use makes new."""
        if self._pool is not None:
            self._pool.terminate()
            self._pool = None

    def _in_transaction(self) -> TransactionContext:
        return _Transaction(TransactionWrapper(self), self._pool_init_lock)


client_class = Client
