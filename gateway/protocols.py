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

from gateway.connections import GuardedConnection

SOCKET_LOG = "uvicorn.error.sockets"
"""A logger of which warnings and errors alone are written."""

UNREAD_FOR_AT_MOST_S = 30
"""How long a client may leave unread what was sent to it, before its connection is cut."""

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
    """WebSockets; uvicorn itself closes them with 1012 when the server stops."""

    def connection_made(self, transport: BaseTransport) -> None:
        """Keep uvicorn from logging the address with its query; the application logs requests."""
        super().connection_made(transport)
        self.logger = logging.getLogger(SOCKET_LOG)

    async def send(self, message: Any) -> None:
        """Send; a close frame also to a client that has left much unread: it is small, and last."""
        if message["type"] == "websocket.close":
            self.writable.set()
        await super().send(message)
