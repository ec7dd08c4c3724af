"""Bytes to the server and answers back, read as strictly as RFC 9112 has them written."""

import asyncio
import contextlib
import re
from dataclasses import dataclass

from tests.hostile.shapes import Hostile

ANSWERS_WITHIN_S = 20.0
"""A request that is complete is answered by then, however loaded the machine is."""

WAIT_FOR_NONE_S = 0.4
"""How long to wait for an answer to what may deserve none, such as half a request."""

PAUSE_S = 0.01

SWITCHED = 101
"""The server speaks another protocol now; what that says is for its own tests."""

STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5]\d\d) [ -~]*")
FIELD_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([ -~]*)")
"""Values are of visible ASCII, as all of ours are."""


class UnreadableError(AssertionError):
    """An answer that is no HTTP."""


@dataclass(frozen=True)
class Answer:
    """One final answer."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def all(self, name: str) -> list[str]:
        """Every value of a header."""
        return [value for found, value in self.headers if found == name]

    def header(self, name: str) -> str:
        """The one value of a header; empty if it is not there."""
        values = self.all(name)
        if len(values) > 1:
            message = f"{name} is there {len(values)} times"
            raise UnreadableError(message)
        return values[0] if values else ""


class UnansweredError(AssertionError):
    """A complete request got no answer."""


async def attack(hostile: Hostile, port: int) -> Answer | None:
    """Send it; the answer to the first request in it, or None if there was none to wait for.

    Raises:
        UnansweredError: There had to be one.
        UnreadableError: It is none.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    try:
        with contextlib.suppress(ConnectionError):
            await _send(hostile, writer)
        if hostile.leaves:
            return None
        is_head = hostile.data.startswith(b"HEAD ")
        timeout = ANSWERS_WITHIN_S if hostile.is_complete else WAIT_FOR_NONE_S
        try:
            async with asyncio.timeout(timeout):
                return await _answer(reader, is_head=is_head)
        except (TimeoutError, asyncio.IncompleteReadError, ConnectionError) as error:
            if hostile.is_complete:
                raise UnansweredError(type(error).__name__) from error
            return None
    finally:
        writer.transport.abort()


async def _send(hostile: Hostile, writer: asyncio.StreamWriter) -> None:
    size = max(1, -(-len(hostile.data) // hostile.pieces))
    for start in range(0, len(hostile.data), size):
        writer.write(hostile.data[start : start + size])
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WAIT_FOR_NONE_S if not hostile.is_complete else None):
                await writer.drain()
        if hostile.pieces > 1:
            await asyncio.sleep(PAUSE_S)


async def _answer(reader: asyncio.StreamReader, *, is_head: bool) -> Answer:
    status = 100
    headers: list[tuple[str, str]] = []
    while status < 200:
        head = await reader.readuntil(b"\r\n\r\n")
        status, headers = _parsed(head[:-4])
        if status == SWITCHED:
            break
    answer = Answer(status, tuple(headers), b"")
    if is_head or status in {SWITCHED, 204, 304}:
        return answer
    if answer.header("transfer-encoding") == "chunked":
        body = await _chunked(reader)
    else:
        length = answer.header("content-length")
        if not length.isdigit():
            message = f"{status} has no length"
            raise UnreadableError(message)
        body = await reader.readexactly(int(length))
    return Answer(status, tuple(headers), body)


def _parsed(head: bytes) -> tuple[int, list[tuple[str, str]]]:
    first, *lines = head.split(b"\r\n")
    status = STATUS_LINE.fullmatch(first)
    if status is None:
        raise UnreadableError(repr(first[:200]))
    headers = []
    for line in lines:
        field = FIELD_LINE.fullmatch(line)
        if field is None:
            raise UnreadableError(repr(line[:200]))
        headers.append((field[1].decode().lower(), field[2].decode()))
    return int(status[1]), headers


async def _chunked(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while True:
        size = int(await reader.readuntil(b"\r\n"), 16)
        body += await reader.readexactly(size)
        if await reader.readexactly(2) != b"\r\n":
            message = "a chunk does not end where it says"
            raise UnreadableError(message)
        if size == 0:
            return bytes(body)
