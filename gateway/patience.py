"""How long a query is worked on: until that takes too long, or nobody waits for it any more.

A change is finished, whoever waits for it: what it waits for itself has limits of its own.
"""

import asyncio
from types import TracebackType
from typing import Self

from starlette.requests import Request

LEAVE = "leave"
"""Where a request's state holds what to call when its client has gone, for `connections`."""


class TookTooLong(Exception):  # noqa: N818 - an answer: 503
    """It was given up after its time."""


class ClientLeft(Exception):  # noqa: N818 - there is nobody to answer
    """It was given up since its client has closed the connection."""


class Patience:
    """A block that is cancelled in its time, or once the client has gone.

    Raises:
        TookTooLong: After `limit_s`.
        ClientLeft: He did.
    """

    def __init__(self, request: Request, *, limit_s: float) -> None:
        self._state = request.scope["state"]
        self._deadline = asyncio.timeout(limit_s)
        self._task: asyncio.Task[object] | None = None
        self._has_left = False

    def finish_it(self) -> None:
        """From here on nothing ends the block early: it changes something."""
        self._state.pop(LEAVE, None)
        self._deadline.reschedule(None)

    async def __aenter__(self) -> Self:
        self._task = asyncio.current_task()
        self._state[LEAVE] = self._leave
        await self._deadline.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._state.pop(LEAVE, None)
        try:
            await self._deadline.__aexit__(kind, error, trace)
        except TimeoutError as late:
            raise TookTooLong from late
        if isinstance(error, asyncio.CancelledError) and self._has_left and self._task is not None:
            self._task.uncancel()
            raise ClientLeft from error

    def _leave(self) -> None:
        self._has_left = True
        if self._task is not None:
            self._task.cancel()
