"""How long a query is worked on: until that takes too long, or nobody waits for it any more.

A change is finished, whoever waits for it: what it waits for itself has limits of its own.
"""

import asyncio
from types import TracebackType
from typing import Self

from starlette.requests import Request

LEAVE = "leave"
"""Where a request's state holds what to call when its client has gone, for `connections`."""

TOOK_TOO_LONG = "This took too long and was given up."

CLIENT_LEFT = 499
"""For the log: nobody is there to get it. The status that nginx uses."""


class TookTooLong(Exception):  # noqa: N818 - an answer: 503
    """It was given up after its time."""


class ClientLeft(Exception):  # noqa: N818 - there is nobody to answer
    """It was given up since its client has closed the connection."""


class Patience:
    """A block of a task that is cancelled in its time, or once the client has gone.

    As `asyncio.timeout`, in half of its time, for it is in every request.

    Raises:
        TookTooLong: After `limit_s`.
        ClientLeft: He did.
    """

    __slots__ = ("_limit_s", "_reason", "_state", "_task", "_timer")

    def __init__(self, request: Request, *, limit_s: float) -> None:
        self._state = request.scope["state"]
        self._limit_s = limit_s
        self._reason: type[TookTooLong | ClientLeft] | None = None
        self._task: asyncio.Task[object] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def finish_it(self) -> None:
        """From here on nothing ends the block early: it changes something."""
        self._state.pop(LEAVE, None)
        if self._timer is not None:
            self._timer.cancel()

    def __enter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._task = asyncio.current_task(loop)
        self._state[LEAVE] = self._leave
        self._timer = loop.call_later(self._limit_s, self._give_up, TookTooLong)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.finish_it()
        if self._reason is None or self._task is None:
            return
        self._task.uncancel()
        if isinstance(error, asyncio.CancelledError):
            raise self._reason from error

    def _leave(self) -> None:
        self._give_up(ClientLeft)

    def _give_up(self, reason: type[TookTooLong | ClientLeft]) -> None:
        if self._reason is None and self._task is not None:
            self._reason = reason
            self._task.cancel()
