"""Leaving service without losing a request: SIGTERM first takes readiness away, then waits.

Proxies look at `/readyz` and send new requests elsewhere. Requests that still come are answered,
each with `Connection: close`, so that connections kept alive end between two requests rather than
under one (RFC 9112 section 9.6). Only then does the server stop to listen and end.
"""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

import structlog

log = structlog.get_logger(__name__)


STATE_KEY = "drain"
"""Where the application's lifespan leaves its `Drain` for the server's connections."""


@dataclass(slots=True)
class Drain:
    """Whether this process is leaving: told to by SIGTERM, or since its server ends."""

    seconds: float = 0.0
    """How long requests are still taken after SIGTERM."""
    has_begun: bool = field(default=False, init=False)

    @contextmanager
    def on_sigterm(self) -> Iterator[None]:
        """Answer SIGTERM by draining, and hand it to the server's own handler afterwards.

        A second SIGTERM is handed on at once. Without a server's handler nothing is done: whoever
        runs the application otherwise ends it otherwise. SIGINT is a person's, and not delayed.
        """
        stop = signal.getsignal(signal.SIGTERM)
        if not callable(stop):
            yield
            return
        loop = asyncio.get_running_loop()

        def drain(number: int, frame: FrameType | None) -> None:
            if self.has_begun or self.seconds <= 0:
                # Nobody is told to close before the server has stopped to listen: he would come
                # back by a connection that it no longer takes.
                stop(number, frame)
                return
            self.has_begun = True
            loop.call_soon_threadsafe(self._wait, loop, lambda: stop(number, None))

        signal.signal(signal.SIGTERM, drain)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, stop)

    def _wait(self, loop: asyncio.AbstractEventLoop, stop: Callable[[], None]) -> None:
        log.info("draining", seconds=self.seconds)
        loop.call_later(self.seconds, stop)
