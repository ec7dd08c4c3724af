"""Clients that mean no good: they send half a request, trickle, flood, or don't take their answers.

A process of its own, so that it doesn't slow down who measures: `python -m tests.slow_clients`
with the server's port, the number of connections, for how many seconds, and the pause between two
bytes. Each connection that the server has ended is replaced. What it saw is printed as JSON.
"""

import asyncio
import itertools
import json
import socket
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable

from gateway.asset_files import ASSET_FOLDERS
from gateway.connection_limits import raise_open_files_limit

HEAD = b"POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
LARGE_FILE = max(
    (file.stat().st_size, file.relative_to(folder).as_posix())
    for folder in ASSET_FOLDERS
    for file in folder.rglob("*")
    if file.is_file()
)[1]
ANSWERS_NOT_TAKEN = 50
"""Far more than the buffers of the kernel hold, if the file is one of those that `make` builds."""

Bytes = AsyncIterator[bytes]


async def nothing(_pause_s: float) -> Bytes:
    """Never a byte."""
    yield b""


async def half_a_head(_pause_s: float) -> Bytes:
    """A request line and a header, and no end."""
    yield HEAD


async def trickled_head(pause_s: float) -> Bytes:
    """A head, byte by byte."""
    for byte in itertools.cycle(HEAD):
        yield bytes([byte])
        await asyncio.sleep(pause_s)


async def empty_lines(pause_s: float) -> Bytes:
    """What may come before a request, for ever (RFC 9112 section 2.2)."""
    while True:
        yield b"\r\n"
        await asyncio.sleep(pause_s)


async def half_a_body(_pause_s: float) -> Bytes:
    """All but the end of a body that is as large as it may be."""
    yield HEAD + b"content-length: 100000\r\n\r\n" + b"{" * 50_000


async def trickled_body(pause_s: float) -> Bytes:
    """A body, byte by byte."""
    yield HEAD + b"content-length: 10000\r\n\r\n{"
    while True:
        await asyncio.sleep(pause_s)
        yield b" "


async def trickled_chunks(pause_s: float) -> Bytes:
    """A body of chunks of one byte."""
    yield HEAD + b"transfer-encoding: chunked\r\n\r\n1\r\n{\r\n"
    while True:
        await asyncio.sleep(pause_s)
        yield b"1\r\n \r\n"


async def second_request(pause_s: float) -> Bytes:
    """A whole request, and then a head that does not end."""
    yield b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\nGET"
    await asyncio.sleep(pause_s)


SLOW: tuple[Callable[[float], Bytes], ...] = (
    nothing,
    half_a_head,
    trickled_head,
    empty_lines,
    half_a_body,
    trickled_body,
    trickled_chunks,
    second_request,
)


async def answers_not_taken(pause_s: float) -> Bytes:
    """Many requests for the largest file there is, none of which is read."""
    for _ in range(ANSWERS_NOT_TAKEN):
        yield f"GET /assets/{LARGE_FILE} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode()
    while True:
        await asyncio.sleep(pause_s)
        yield b"\r\n"  # who does not read learns by writing only that the connection has ended


async def too_large_a_body(_pause_s: float) -> Bytes:
    """A gigabyte."""
    yield HEAD + b"content-length: 1000000000\r\n\r\n"
    for _ in range(16_000):
        yield b" " * 65_536


async def endless_chunks(_pause_s: float) -> Bytes:
    """A body without a length, and without an end."""
    yield HEAD + b"transfer-encoding: chunked\r\n\r\n"
    while True:
        yield b"10000\r\n" + b" " * 65_536 + b"\r\n"


async def endless_header(_pause_s: float) -> Bytes:
    """A header without an end."""
    yield HEAD + b"x-long: "
    while True:
        yield b"x" * 65_536


async def endless_trailers(_pause_s: float) -> Bytes:
    """Headers after the body."""
    yield HEAD + b"transfer-encoding: chunked\r\n\r\n1\r\n{\r\n0\r\n"
    for number in itertools.count():
        yield b"".join(b"x-%d-%d: %s\r\n" % (number, each, b"x" * 1_000) for each in range(64))


async def almost_a_large_body(_pause_s: float) -> Bytes:
    """The most that is taken, but for the last byte."""
    yield HEAD + b"content-length: 1048576\r\n\r\n"
    yield b" " * 1_048_575


FLOODS: tuple[Callable[[float], Bytes], ...] = (
    too_large_a_body,
    endless_chunks,
    endless_header,
    endless_trailers,
    almost_a_large_body,
)


UPGRADE = (
    b"GET /graphql HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    b"sec-websocket-protocol: graphql-transport-ws\r\n\r\n"
)


def frame(first_byte: int, text: bytes = b"") -> bytes:
    """A short frame of a client (RFC 6455 section 5.2); a mask of zeros leaves it as it is."""
    return bytes([first_byte, 0x80 | len(text), 0, 0, 0, 0]) + text


async def _endless(pause_s: float, *frames: bytes) -> Bytes:
    """A WebSocket, and frames as fast as they are read; the last one again and again."""
    yield UPGRADE
    await asyncio.sleep(pause_s)  # until it is one
    yield b"".join(frames)
    while True:
        yield frames[-1] * 10_000


def messages(pause_s: float) -> Bytes:
    """Each of which wants an answer."""
    return _endless(pause_s, frame(0x81, b'{"type":"ping"}'))


def pings(pause_s: float) -> Bytes:
    """Frames that want an answer, though they are no messages."""
    return _endless(pause_s, frame(0x89, b"x" * 125))


def parts(pause_s: float) -> Bytes:
    """One message that has no end, and no length either."""
    return _endless(pause_s, frame(0x01), frame(0x00))


def subscriptions(pause_s: float) -> Bytes:
    """Without having said who one is."""
    return _endless(
        pause_s, frame(0x81, b'{"type":"subscribe","id":"1","payload":{"query":"{a}"}}')
    )


FRAMES: tuple[Callable[[float], Bytes], ...] = (messages, pings, parts, subscriptions)


class Seen:
    """What became of the connections."""

    def __init__(self) -> None:
        self.closed: Counter[str] = Counter()
        self.longest_s: dict[str, float] = {}
        self.refused = 0

    def note(self, kind: str, lasted_s: float) -> None:
        """A connection was ended by the server."""
        self.closed[kind] += 1
        self.longest_s[kind] = max(lasted_s, self.longest_s.get(kind, 0.0))


async def keep_one(
    kind: Callable[[float], Bytes], port: int, until: float, pause_s: float, seen: Seen
) -> None:
    """Keep one connection of a kind, again and again."""
    while time.monotonic() < until:
        try:
            reader, writer = await _connect(port, takes_answers=kind is not answers_not_taken)
        except OSError:
            seen.refused += 1
            await asyncio.sleep(0.2)
            continue
        began = time.monotonic()
        sending = asyncio.create_task(_send(kind(pause_s), writer))
        ended = sending if kind is answers_not_taken else asyncio.create_task(_until_ended(reader))
        await asyncio.wait({ended}, timeout=until - began + 1)
        if ended.done():
            seen.note(kind.__name__, time.monotonic() - began)
        for task in (ended, sending):
            task.cancel()
        writer.transport.abort()


async def _connect(
    port: int, *, takes_answers: bool
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    connection = socket.socket()
    connection.setblocking(False)
    if not takes_answers:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    try:
        await asyncio.wait_for(
            asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port)), 10
        )
    except TimeoutError as error:
        connection.close()
        raise OSError from error
    return await asyncio.open_connection(sock=connection, limit=4_096)


async def _send(sent: Bytes, writer: asyncio.StreamWriter) -> None:
    try:
        async for data in sent:
            writer.write(data)
            await writer.drain()
    except OSError:
        return


async def _until_ended(reader: asyncio.StreamReader) -> None:
    try:
        while await reader.read(65_536):
            pass
    except OSError:
        return


async def annoy(
    port: int,
    kinds: tuple[Callable[[float], Bytes], ...],
    count: int,
    within_s: float,
    pause_s: float,
) -> Seen:
    """Keep so many connections for so long, of all kinds in turn."""
    seen, until = Seen(), time.monotonic() + within_s
    chosen = itertools.islice(itertools.cycle(kinds), count)
    await asyncio.gather(*(keep_one(kind, port, until, pause_s, seen) for kind in chosen))
    return seen


KINDS = {"slow": SLOW, "floods": FLOODS, "frames": FRAMES, "readers": (answers_not_taken,)}


def main() -> None:
    """Do as the command line says."""
    kinds, port, count, within_s, pause_s = sys.argv[1:]
    raise_open_files_limit()
    seen = asyncio.run(annoy(int(port), KINDS[kinds], int(count), float(within_s), float(pause_s)))
    json.dump(
        {"closed": seen.closed, "longest_s": seen.longest_s, "refused": seen.refused}, sys.stdout
    )


if __name__ == "__main__":
    main()
