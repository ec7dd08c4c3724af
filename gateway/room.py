"""The memory for the bodies of requests: a process has so much, whoever sends them."""

from dataclasses import dataclass
from typing import Self

from gateway.answers import RETRY_AFTER_S, UnfitRequest
from gateway.graphql_errors import RATE_LIMITED

MAX_BYTES_OF_ALL_BODIES = 67_108_864
"""In one process at a time, while they are read and answered."""


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
