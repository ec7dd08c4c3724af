"""One subscription: what waits to be told to its client, and why it ends."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from enum import Enum
from uuid import UUID

from starlette.requests import HTTPConnection

from resolvers.caller import Caller
from resolvers.changes import follow
from schema.context import Told

MAX_WAITING = 1_000
"""Events that wait for one client to read; a larger batch is read faster as a list."""


class End(Enum):
    """Why a stream ends that its client would have go on."""

    SIGNED_OUT = "The session has ended, or the credential is not valid. Sign in again."
    NO_MEMBER = "You belong to no organization with this id."
    TOO_SLOW = "Events were not read fast enough, and are not kept. Connect again and read anew."
    MISSED = "Events may have been missed. Connect again and read anew."
    GONE = "The client has left."
    LEAVING = "The server is about to stop. Connect again and read anew."


FINAL = {End.SIGNED_OUT: "UNAUTHENTICATED", End.NO_MEMBER: "FORBIDDEN"}
"""Ends after which coming back is of no use, with the codes of their errors."""


class StreamEnded(Exception):  # noqa: N818 - no error
    """The stream has ended."""

    def __init__(self, why: End) -> None:
        super().__init__(why.value)
        self.why = why


class Stream:
    """One subscription of one client: an asynchronous iterator of what he is told.

    It raises `StreamEnded` instead, once it has ended.
    """

    __slots__ = (
        "_register",
        "_waiting",
        "_wakes",
        "caller",
        "connection",
        "ended",
        "last",
        "reader",
    )

    def __init__(
        self,
        caller: Caller,
        connection: HTTPConnection,
        *,
        register: Callable[["Stream", UUID], None],
    ) -> None:
        self.caller = caller
        self.connection = connection
        """What the caller's credential came with, to look at it again."""
        self.ended: End | None = None
        self.reader: asyncio.Task[object] | None = None
        """Hands out what it reads here; cancelled if the stream ends while it waits for others."""
        self.last: Told | None = None
        """What was read last."""
        self._register = register
        self._waiting: deque[Told] = deque()
        self._wakes: asyncio.Future[None] | None = None

    async def of_users(self, organization_id: UUID) -> AsyncIterator[Told]:
        """Follow the users of an organization from now on.

        Raises:
            Unauthenticated: Nobody is signed in.
            Forbidden: The caller does not belong to the organization.
        """
        await follow(self.caller, organization_id)
        self._register(self, organization_id)
        return self

    def tell(self, told: Told) -> None:
        """Let a change wait to be read; end the stream if too many do."""
        if len(self._waiting) >= MAX_WAITING:
            self.end(End.TOO_SLOW)
            return
        self._waiting.append(told)
        self._wake()

    def end(self, why: End) -> None:
        """End the stream, whatever still waits to be read."""
        if self.ended is not None:
            return
        self.ended = why
        self._waiting.clear()
        if self._wakes is None and self.reader is not None:
            self.reader.cancel()
        self._wake()

    def _wake(self) -> None:
        if self._wakes is not None and not self._wakes.done():
            self._wakes.set_result(None)

    def __aiter__(self) -> "Stream":
        return self

    async def __anext__(self) -> Told:
        while not self._waiting and self.ended is None:
            self._wakes = asyncio.get_running_loop().create_future()
            try:
                await self._wakes
            finally:
                self._wakes = None
        if self.ended is not None:
            raise StreamEnded(self.ended)
        self.last = self._waiting.popleft()
        return self.last


def running_task() -> asyncio.Task[object]:
    """The task that runs this."""
    task = asyncio.current_task()
    if task is None:
        raise AssertionError  # only a coroutine asks
    return task
