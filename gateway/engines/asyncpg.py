"""PostgreSQL through asyncpg.

Tortoise 1.1 loses a connection of the pool, and leaves the task with a dead one, if a transaction
fails to begin or its connection fails to go back. It also waits for ever for a free connection.
Its migrations know the engine by this module's name.
"""

import asyncio
from types import TracebackType
from typing import Any, NamedTuple, cast

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


LOST = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What a connection that ends, or takes too long, is met with; by the last, while it is told that
the server ends."""

AT_HAND_FOR_S = 1.0
"""How long a connection may go from statement to statement before the pool has a look at it."""


class PoolState(NamedTuple):
    """The connections of this process."""

    in_use: int
    idle: int
    waiting: int
    """Tasks that wait for one."""


class _Borrowed(PoolConnectionWrapper[Any]):
    """One statement's connection."""

    client: "Client"

    async def __aenter__(self) -> Any:
        self.connection = await self.client.borrow()
        return self.connection

    async def __aexit__(self, kind: type[BaseException] | None, *_error: object) -> None:
        await self.client.give_back(self.connection, is_sound=kind is None)


class _Transaction(TransactionContextPooled):
    """A transaction that leaves nothing behind, wherever it fails."""

    async def __aenter__(self) -> TransactionalDBClient:
        client = cast("Client", self.client._parent)  # noqa: SLF001 - as in Tortoise
        self.client._connection = await client.borrow()  # noqa: SLF001 - likewise
        try:
            await self.client.begin()
        except BaseException:
            await client.give_back(self.client._connection, is_sound=False)  # noqa: SLF001 - likewise
            raise
        self.token = get_connections().set(self.connection_name, self.client)
        return self.client

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        client = cast("Client", self.client._parent)  # noqa: SLF001 - likewise
        connection = self.client._connection  # noqa: SLF001 - likewise
        is_sound = False
        try:
            if kind is None:
                await self.client.commit()
                is_sound = True
            elif not connection.is_closed():
                await self.client.rollback()
        finally:
            get_connections().reset(self.token)
            await client.give_back(connection, is_sound=is_sound)


class Client(AsyncpgDBClient):
    """What Tortoise makes for `gateway.engines.asyncpg`.

    asyncpg's pool takes more of a small statement than PostgreSQL's protocol does: a task that
    gives the connection back, and two timers. So a connection that did its work well stays at hand
    for the next statement, while nobody waits for one, and goes back to the pool every second. The
    pool ends those that are old or idle, as ever.
    """

    def __init__(self, *parameters: Any, **named: Any) -> None:
        super().__init__(*parameters, **named)
        self._at_hand: list[Any] = []
        self._returns: asyncio.TimerHandle | None = None
        self._returning: set[asyncio.Task[None]] = set()

    def acquire_connection(self) -> PoolConnectionWrapper[Any]:
        """A connection for one statement."""
        return _Borrowed(self, self._pool_init_lock)

    def cut(self) -> None:
        """End all connections at once, whatever is under way on them; the next use makes new."""
        if self._pool is not None:
            self._pool.terminate()
            self._pool = None
        self._at_hand.clear()

    def _in_transaction(self) -> TransactionContext:
        return _Transaction(TransactionWrapper(self), self._pool_init_lock)

    def pool_state(self) -> PoolState | None:
        """How many connections there are; None before the first use."""
        pool: asyncpg.Pool | None = self._pool
        if pool is None:
            return None
        at_hand = sum(each._con is not None for each in self._at_hand)  # noqa: SLF001 - as in `borrow`
        idle = pool.get_idle_size() + at_hand
        waiting = sum(not each.done() for each in pool._queue._getters)  # noqa: SLF001 - else unknown
        return PoolState(pool.get_size() - idle, idle, waiting)

    async def borrow(self) -> Any:
        """A connection, to be given back by `give_back`.

        Raises:
            TimeoutError: All are in use, and none became free.
        """
        while self._at_hand:
            connection = self._at_hand.pop()
            bare = connection._con  # noqa: SLF001 - else unknown
            if bare is None:
                continue  # It was lost, and asyncpg has noticed: the pool has its place back.
            if not bare.is_closed():
                return connection
            await self._return(connection)
        if not self._pool:
            await PoolConnectionWrapper(self, self._pool_init_lock).ensure_connection()
        pool = cast("asyncpg.Pool", self._pool)
        # With a time limit it takes a task of its own, which a free connection does not need.
        return await pool.acquire(timeout=None if pool.get_idle_size() else FREE_WITHIN_S)

    async def give_back(self, connection: Any, *, is_sound: bool) -> None:
        """Let another have the connection; unless all went well, the pool sees to it first."""
        bare = connection._con  # noqa: SLF001 - as in `borrow`
        if (
            is_sound
            and bare is not None
            and self._pool is not None
            and not self._pool.is_closing()
            and not self._pool._queue._getters  # noqa: SLF001 - else unknown
            and not bare.is_closed()
            and not bare.is_in_transaction()
        ):
            self._at_hand.append(connection)
            if self._returns is None:
                loop = asyncio.get_running_loop()
                self._returns = loop.call_later(AT_HAND_FOR_S, self._return_all)
        else:
            await self._return(connection)

    def _return_all(self) -> None:
        self._returns = None
        for connection in self._at_hand:
            task = asyncio.create_task(self._return(connection))
            self._returning.add(task)
            task.add_done_callback(self._returning.discard)
        self._at_hand.clear()

    async def _return(self, connection: Any) -> None:
        """Give it to the pool; one that can't be is cut, and a new one takes its place."""
        if self._pool is None:
            return
        try:
            await self._pool.release(connection, timeout=BACK_WITHIN_S)
        except LOST:
            # What the work came to is told by its own statements; asyncpg has ended the connection.
            return

    async def _close(self) -> None:
        if self._returns is not None:
            self._returns.cancel()
        self._return_all()
        await asyncio.gather(*self._returning)
        await super()._close()


client_class = Client
