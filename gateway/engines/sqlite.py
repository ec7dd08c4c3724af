"""SQLite through aiosqlite.

Tortoise 1.1 keeps its only connection locked for ever if that can't be opened, or a transaction
fails to begin. A commit that fails, for lack of room, stays open: what it reported as failed would
commit with the next transaction. And when SQLite gives a transaction up by itself, Tortoise would
run the rest of it outside of any. Its migrations know the engine by this module's name.
"""

import asyncio
from types import TracebackType
from typing import Any

import aiosqlite
from tortoise.backends.base.client import (
    ConnectionWrapper,
    NestedTransactionContext,
    TransactionalDBClient,
    TransactionContext,
)
from tortoise.backends.sqlite.client import (
    SqliteClient,
    SqliteTransactionContext,
    SqliteTransactionWrapper,
)
from tortoise.connection import get_connections
from tortoise.exceptions import OperationalError

GIVEN_UP = "SQLite has given the transaction up"


class _Borrowed(ConnectionWrapper[aiosqlite.Connection]):
    """The connection for one statement."""

    async def __aenter__(self) -> aiosqlite.Connection:
        await self._lock.acquire()
        try:
            await self.ensure_connection()
        except BaseException:
            self._lock.release()
            raise
        return self.connection


class _Inside(ConnectionWrapper[aiosqlite.Connection]):
    """The connection for one statement of a transaction."""

    async def __aenter__(self) -> aiosqlite.Connection:
        await self._lock.acquire()
        if not self.connection.in_transaction:
            self._lock.release()
            raise OperationalError(GIVEN_UP)
        return self.connection


class _Transaction(SqliteTransactionContext):
    """A transaction that leaves nothing behind, wherever it fails."""

    async def __aenter__(self) -> TransactionalDBClient:
        await self._trxlock.acquire()
        try:
            await self.ensure_connection()
            await self.connection.begin()
        except BaseException:
            self._trxlock.release()
            raise
        self.token = get_connections().set(self.connection_name, self.connection)
        client: TransactionalDBClient = self.connection
        return client

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                await self.connection.commit()
            else:
                await self.connection.rollback()
        finally:
            get_connections().reset(self.token)
            self._trxlock.release()


class _TransactionClient(SqliteTransactionWrapper):
    """What runs the statements of a transaction."""

    def acquire_connection(self) -> ConnectionWrapper[aiosqlite.Connection]:
        """The connection, as long as it is in the transaction."""
        return _Inside(self._lock, self)

    def _in_transaction(self) -> TransactionContext:
        return NestedTransactionContext(_TransactionClient(self))

    async def begin(self) -> None:
        """Begin, after whatever a cancelled task has left open is undone."""
        if self._connection.in_transaction:
            await self._connection.rollback()
        await self._connection.execute("BEGIN")

    async def commit(self) -> None:
        """Commit, or undo it all.

        Raises:
            OperationalError: It was undone: there is no room, or SQLite gave it up before.
        """
        if not self._connection.in_transaction:
            raise OperationalError(GIVEN_UP)
        try:
            await super().commit()
        except BaseException:
            await asyncio.shield(self._connection.rollback())
            raise

    async def savepoint(self) -> None:
        """Begin a transaction within this one."""
        if not self._connection.in_transaction:
            raise OperationalError(GIVEN_UP)
        await super().savepoint()


class Client(SqliteClient):
    """What Tortoise makes for `gateway.engines.sqlite`."""

    def acquire_connection(self) -> ConnectionWrapper[Any]:
        """The connection for one statement."""
        return _Borrowed(self._lock, self)

    def _in_transaction(self) -> TransactionContext:
        return _Transaction(_TransactionClient(self), self._lock)


client_class = Client
