"""Connections that lose no request when the server ends.

uvicorn 0.54 closes a connection at once that is kept alive between two requests, even if the client
has sent the next one that very moment, and ends others after their answer without saying so first.
"""

from gateway.draining import STATE_KEY, Drain
from gateway.malformed import StrictConnection

LAST_WORDS_S = 1.0
"""How long a client that is connected may still begin a request, which is answered."""


class LeavingConnection(StrictConnection):
    """What the server does with a connection's bytes."""

    def shutdown(self) -> None:
        """End after the next answer that can say so, or a moment without a request."""
        drain: Drain | None = self.app_state.get(STATE_KEY)
        if drain is not None:
            drain.has_begun = True  # so every answer from now on says that it is the last
        self.loop.call_later(LAST_WORDS_S, self._end_if_idle)

    def _end_if_idle(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False
        elif not self.transport.is_closing():
            self.transport.close()
