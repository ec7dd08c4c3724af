"""What uvicorn leaves open for connections that stay: clients that don't read, and the end.

uvicorn waits without an end for a client that takes nothing more, and doesn't tell an answer under
way that the server is about to stop.
"""

import asyncio
import logging
import socket
from asyncio import BaseTransport
from typing import Any, Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode

from gateway.allowance import Allowance
from gateway.connections import GuardedConnection

SOCKET_LOG = "uvicorn.error.sockets"
"""A logger of which warnings and errors alone are written."""

UNREAD_FOR_AT_MOST_S = 30
"""How long a client may leave unread what was sent to it, before its connection is cut."""

CLOSES_WITHIN_S = 2.0
"""How long a WebSocket's close frame may take to a client that reads slowly, and his to us."""

FRAMES_AT_ONCE = 100
FRAMES_PER_S = 20.0
"""What one WebSocket may send: a message is a frame, as a rule. A page that opens or closes every
subscription that a connection may carry sends 20 at once."""

PIECE_BYTES = 2_048
"""How much is parsed before the frames are counted: hundreds of the smallest fit into it."""

TOO_MANY_FRAMES = (
    f"Too many messages: {FRAMES_AT_ONCE} may come at once, and {FRAMES_PER_S:.0f} a second."
)

AT_SHUTDOWN: Final = "gateway.at_shutdown"
"""Where in its scope an answer that lasts puts what is to be called when the server stops."""


class Connections(GuardedConnection):
    """HTTP/1.1, from which WebSockets are upgraded."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Have the system cut the connection of a client that reads nothing (RFC 5482)."""
        super().connection_made(transport)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
            transport.get_extra_info("socket").setsockopt(
                socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_FOR_AT_MOST_S * 1000
            )

    def shutdown(self) -> None:
        """Let an answer that would last for ever end."""
        super().shutdown()
        scope: dict[str, Any] = self.cycle.scope if self.cycle else {}  # type: ignore[assignment]  # with more
        if AT_SHUTDOWN in scope:
            scope[AT_SHUTDOWN]()


class Sockets(WebSocketsSansIOProtocol):
    """WebSockets; uvicorn itself closes them with 1012 when the server stops.

    It takes in pings, and parts of messages, as fast as they come. Here a flood of frames, whatever
    they are, is closed by 1008 (RFC 6455 section 7.4.1), and what comes after it is let go unread.
    """

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.close_timeout = CLOSES_WITHIN_S
        self._allowance = Allowance(FRAMES_AT_ONCE, FRAMES_PER_S, since_s=self.loop.time())
        self._is_flooded = False

    def connection_made(self, transport: BaseTransport) -> None:
        """Keep uvicorn from logging the address with its query; the application logs requests."""
        super().connection_made(transport)
        self.logger = logging.getLogger(SOCKET_LOG)

    def data_received(self, data: bytes) -> None:
        """Take in what the client sends, by pieces."""
        for start in range(0, len(data), PIECE_BYTES):
            if self._is_flooded or self.transport.is_closing():
                return
            super().data_received(data[start : start + PIECE_BYTES])

    def handle_events(self) -> None:
        """Take in frames, unless they are too many."""
        if self._allowance.take(len(self.conn.events), now_s=self.loop.time()):
            super().handle_events()
        else:
            self._refuse_flood()

    def _refuse_flood(self) -> None:
        self._is_flooded = True
        self.stop_keepalive()
        self.conn.data_to_send()  # the pongs of this flood
        self.conn.fail(CloseCode.POLICY_VIOLATION, TOO_MANY_FRAMES)
        self.transport.write(b"".join(self.conn.data_to_send()))
        # What the application still sends ends it, as if the client had left.
        self.close_sent = self.disconnected = True
        self.writable.set()
        self.queue.put_nowait({"type": "websocket.disconnect", "code": CloseCode.POLICY_VIOLATION})
        # What is on its way is read meanwhile: it would reset the connection before he reads why.
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        if self.close_timer is None:
            self.close_timer = self.loop.call_later(self.close_timeout, self.transport.close)

    async def send(self, message: Any) -> None:
        """Send; a close frame also to a client that has left much unread: it is small, and last."""
        if message["type"] == "websocket.close":
            self.writable.set()
        await super().send(message)
