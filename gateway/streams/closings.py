"""Why the server closes a WebSocket: the codes, and the exception that brings one about."""

from collections.abc import Mapping
from enum import IntEnum

from gateway.streams.stream import End


class Close(IntEnum):
    """Why the server closes; those of the protocol, of RFC 6455, and one of our own.

    A flood is closed below the application, by `gateway.protocols`.
    """

    NO_TEXT = 1003
    TRY_AGAIN_LATER = 1013
    BAD_MESSAGE = 4400
    UNAUTHORIZED = 4401
    NO_SUBPROTOCOL = 4406
    NOT_INITIALISED = 4408
    SUBSCRIBER_EXISTS = 4409
    TOO_SLOW = 4410
    INITIALISED_TWICE = 4429
    DEFECT = 4500


CLOSES: Mapping[End, Close] = {
    End.SIGNED_OUT: Close.UNAUTHORIZED,
    End.TOO_SLOW: Close.TOO_SLOW,
    End.MISSED: Close.TRY_AGAIN_LATER,
    End.LEAVING: Close.TRY_AGAIN_LATER,
}
"""Ends of one stream that end the connection: after the last three a client connects again."""


class Closing(Exception):  # noqa: N818 - the end of a connection
    """The connection is to be closed."""

    def __init__(self, code: Close, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
