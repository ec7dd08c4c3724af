"""What a process has room for: so many requests at a time, and so many bytes of bodies."""

from dataclasses import dataclass
from typing import Self

from gateway.answers import RETRY_AFTER_S, UnfitRequest
from gateway.graphql_errors import RATE_LIMITED

MAX_BYTES_OF_ALL_BODIES = 67_108_864
"""In one process at a time, while they are read and answered."""


MAX_UNDER_WAY = 500
"""Requests at once; one that waits holds about 30 kB, and has half a second of work before it."""

OVERLOADED = "Too many requests are waiting for an answer. Try again in a moment."


class Places:
    """The places of the requests that are answered at a time; a `with` block takes one."""

    __slots__ = ("_taken",)

    def __init__(self) -> None:
        self._taken = 0

    def __enter__(self) -> None:
        """Take one.

        Raises:
            UnfitRequest: 503, if there is none left.
        """
        if self._taken >= MAX_UNDER_WAY:
            wait = {"retry-after": str(RETRY_AFTER_S)}
            raise UnfitRequest(503, OVERLOADED, wait, code=RATE_LIMITED)
        self._taken += 1

    def __exit__(self, *_error: object) -> None:
        self._taken -= 1


class Room:
    """The memory for the bodies of all requests of a process that are being read or answered."""

    def __init__(self, max_bytes: int = MAX_BYTES_OF_ALL_BODIES) -> None:
        self._free = max_bytes

    def hold(self) -> "Held":
        """Memory for one request, given back at the end of a `with` block."""
        return Held(self)

    def take(self, size: int) -> None:
        """Take some.

        Raises:
            UnfitRequest: 503, if there is not so much left.
        """
        if size > self._free:
            message = "Too many large requests at once. Try again in a moment."
            wait = {"retry-after": str(RETRY_AFTER_S)}
            raise UnfitRequest(503, message, wait, code=RATE_LIMITED)
        self._free -= size

    def give_back(self, size: int) -> None:
        """Let others have it."""
        self._free += size


@dataclass(slots=True)
class Held:
    """What one request has of the room."""

    room: Room
    size: int = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.room.give_back(self.size)

    def grow(self, size: int) -> None:
        """Hold more.

        Raises:
            UnfitRequest: 503, if there is no more.
        """
        self.room.take(size)
        self.size += size
