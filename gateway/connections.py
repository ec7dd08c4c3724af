"""Connections: how long a client may take, how many there may be, and what happens if he leaves.

uvicorn waits for ever for the rest of a request, or for a client to take an answer. Here each
connection notes what it waits for and since when, and once a second one look at all of them ends
those that take too long. Nothing is scheduled per request, and a request that comes whole costs a
few assignments.
"""

import asyncio
import ctypes
from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from http import HTTPStatus
from typing import Any
from weakref import WeakKeyDictionary

import structlog
from uvicorn._types import ASGI3Application
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
from uvicorn.server import ServerState

from gateway.addresses import counted
from gateway.connection_limits import STATE_KEY, ConnectionLimits
from gateway.graphql_errors import RATE_LIMITED
from gateway.leaving import LeavingConnection
from gateway.patience import LEAVE
from gateway.settings import Settings

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 1.0

LINGER_S = 2.0
"""For a client that still sends though he has his answer, such as that his body is too large: time
to read it (RFC 9112 section 9.6)."""

LINGER_BYTES = 2_097_152
"""And how much more of what he sends is read meanwhile, to no purpose."""

MAX_HEAD_BYTES = 65_536
"""Request line and headers; a browser's many cookies fit."""

BODY_RATE = 65_536
"""Bytes of a body that give it a second more, while they keep coming: for slow lines."""

MAX_FRAMING = 16
"""Bytes of chunk sizes that one byte of a body may bring along, before it counts as a head."""

TOO_LARGE = f"The request's head has more than {MAX_HEAD_BYTES} bytes."
TOO_MANY = "There are too many connections. Try again in a moment."
RETRY_AFTER_S = 5


class Waiting(Enum):
    """What a connection waits for."""

    HEAD = "head"
    BODY = "body"
    ANSWER = "answer"
    NEXT = "next request"
    END = "end of an answered request"


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long connections may wait, in seconds."""

    send_s: float
    waits: dict[Waiting, float]


@dataclass(slots=True)
class Watch:
    """All connections of one server, and who looks at them."""

    loop: asyncio.AbstractEventLoop
    limits: ConnectionLimits
    connections: "set[GuardedConnection]" = field(default_factory=set)
    by_address: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    _is_untidy: bool = False
    """Whether connections were ended since memory was last given back."""
    _next: asyncio.TimerHandle | None = None
    deadlines: Deadlines = field(init=False)

    def __post_init__(self) -> None:
        limits = self.limits
        waits = {
            Waiting.HEAD: limits.head_s,
            Waiting.BODY: limits.body_s,
            Waiting.NEXT: limits.idle_s + LOOK_EVERY_S,  # uvicorn ends it before, as a rule
            Waiting.END: LINGER_S,
        }
        self.deadlines = Deadlines(limits.send_s, waits)

    def admit(self, connection: "GuardedConnection", host: str, address: str) -> bool:
        """Watch a connection from now on, unless there are too many."""
        limits = self.limits
        if self._next is None:
            self._next = self.loop.call_later(LOOK_EVERY_S, self._look)
        if len(self.connections) >= limits.connections or (
            self.by_address[address] >= limits.per_address
            and address
            and not limits.proxies.is_trusted(host)
        ):
            self.refused += 1
            return False
        self.connections.add(connection)
        self.by_address[address] += 1
        return True

    def forget(self, connection: "GuardedConnection", address: str) -> None:
        """Watch it no longer."""
        if connection in self.connections:
            self.connections.discard(connection)
            self.by_address[address] -= 1
            if not self.by_address[address]:
                del self.by_address[address]

    def _look(self) -> None:
        now = self.loop.time()
        ended: Counter[str] = Counter()
        for connection in list(self.connections):
            reason = connection.overdue(now, self.deadlines)
            if reason is not None:
                ended[reason] += 1
                connection.end()
        if ended or self.refused:
            log.warning("connections_ended", **_named(ended), refused=self.refused)
            self.refused = 0
            self._is_untidy = True
        elif self._is_untidy:
            self._is_untidy = False
            _give_back_memory()
        self._next = None
        if self.connections or self._is_untidy:
            self._next = self.loop.call_later(LOOK_EVERY_S, self._look)


def _give_back_memory() -> None:
    """Give the system what the allocator keeps of a flood, where it is glibc's (malloc_trim(3))."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _named(ended: Counter[str]) -> dict[str, int]:
    return {f"late_{reason}".replace(" ", "_"): count for reason, count in ended.items()}


_watches: WeakKeyDictionary[ServerState, Watch] = WeakKeyDictionary()
"""By the server: each has a state of its own."""


class _Flow(FlowControl):
    """uvicorn's, for a transport that may have ended a moment ago."""

    def resume_reading(self) -> None:
        """Read on, if there is anything to read from: uvloop refuses it otherwise."""
        if not self._transport.is_closing():
            super().resume_reading()


class GuardedConnection(LeavingConnection):
    """One connection of a client, as long as it speaks HTTP; a WebSocket is none any more."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        watch = _watches.get(server_state)
        if watch is None:
            # An application that names no limits has those of the settings' defaults.
            limits = app_state.get(STATE_KEY) or ConnectionLimits.of(Settings.model_construct())
            watch = _watches[server_state] = Watch(self.loop, limits)
        self._watch = watch
        self._address = ""
        self._answered: RequestResponseCycle | None = None
        self._waits_for = Waiting.HEAD
        self._since = self.loop.time()
        self._unsent_since: float | None = None
        self._received = 0
        """Bytes of the request that is being read."""
        self._body_bytes = 0
        self._body_at = 0.0
        """When the last of it came."""
        self._may_still_send = 0
        self.timeout_keep_alive = max(1, round(watch.limits.idle_s))

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in uvicorn
        """A client has connected."""
        super().connection_made(transport)
        self.flow = _Flow(transport)
        host = self.client[0] if self.client else ""
        self._address = counted(host)
        if not self._watch.admit(self, host, self._address):
            wait = {"retry-after": str(RETRY_AFTER_S)}
            status = HTTPStatus.SERVICE_UNAVAILABLE
            self.refuse(status, TOO_MANY, code=RATE_LIMITED, **wait)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended; what its client waits for may be given up."""
        self._watch.forget(self, self._address)
        super().connection_lost(exc)
        cycle = self._answered
        if cycle is not None and not cycle.response_complete:
            # uvicorn tells only the last request of several that were sent at once.
            cycle.disconnected = True
            cycle.message_event.set()
            leave = cycle.scope["state"].get(LEAVE)
            if leave is not None:
                leave()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._answered = cycle
        super()._start_asgi_task(cycle, app)

    def handle_websocket_upgrade(self) -> None:
        """From here on it is another protocol's."""
        self._watch.forget(self, self._address)
        super().handle_websocket_upgrade()

    def data_received(self, data: bytes) -> None:
        """Something came from the client."""
        if self._waits_for is Waiting.NEXT:
            self._wait_for(Waiting.HEAD)
        self._received += len(data)
        super().data_received(data)
        if (
            self._waits_for in {Waiting.HEAD, Waiting.BODY}
            and self._received - MAX_FRAMING * self._body_bytes > MAX_HEAD_BYTES
            and not self.transport.is_closing()
        ):
            self.refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, TOO_LARGE)

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._wait_for(Waiting.BODY)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of the body is there."""
        self._body_bytes += len(body)
        self._body_at = self.loop.time()
        super().on_body(body)
        if self._waits_for is Waiting.END and self._body_bytes > self._may_still_send:
            self.flow.pause_reading()

    def on_message_complete(self) -> None:
        """The request is there."""
        self._received = self._body_bytes = 0
        if self._waits_for is Waiting.END:
            self._wait_for(Waiting.NEXT)
        else:
            self._waits_for = Waiting.ANSWER
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """The answer is given, to the transport at least."""
        if self.cycle.response_complete:  # if not, it is a later request's, which waits for a turn
            self._wait_for(Waiting.END if self._waits_for is Waiting.BODY else Waiting.NEXT)
            self._may_still_send = self._body_bytes + LINGER_BYTES
        super().on_response_complete()

    def overdue(self, now: float, deadlines: Deadlines) -> str | None:
        """What has taken too long, if anything has."""
        if self.transport.get_write_buffer_size() == 0:
            self._unsent_since = None
        elif self._unsent_since is None:
            self._unsent_since = now
        elif now - self._unsent_since > deadlines.send_s:
            return "answer"
        if self.flow.read_paused and self._waits_for is not Waiting.END:
            # It is us who don't read, since an earlier request is still being answered.
            self._since = now
            return None
        limit_s = deadlines.waits.get(self._waits_for)
        if self._waits_for is Waiting.BODY and limit_s is not None:
            limit_s += min(self._body_bytes / BODY_RATE, max(0.0, self._body_at - self._since))
        if limit_s is not None and now - self._since > limit_s:
            return self._waits_for.value
        return None

    def resume_writing(self) -> None:
        """The client has taken most of what waited for him."""
        self._unsent_since = None
        super().resume_writing()

    def _wait_for(self, what: Waiting) -> None:
        self._waits_for = what
        self._since = self.loop.time()

    def end(self) -> None:
        """Drop the connection, and what waits to be sent with it."""
        self.transport.abort()
