"""What slow, flooding and leaving clients can and can't do, on a server as it is run."""

import asyncio
import json
import math
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import httpx2
import pytest
from starlette.types import Receive, Scope, Send

from gateway.answers import UnfitRequest
from gateway.room import MAX_UNDER_WAY, Room
from gateway.settings import Settings
from tests.guarded_server import guarded
from tests.slow import GOOD_QUERY, Server, attack, problems, server
from tests.slow_clients import FLOODS, FRAMES, HEAD, SLOW

IN_SHORT = {
    "GATEWAY_HEAD_TIMEOUT_S": "2",
    "GATEWAY_BODY_TIMEOUT_S": "2",
    "GATEWAY_SEND_TIMEOUT_S": "2",
    "GATEWAY_IDLE_TIMEOUT_S": "3",
}

HOWEVER_BUSY = {"p99_ms": math.inf, "closed_within_s": 20.0}
"""`make slow` holds the times, on a quiet machine; here a good request has 10 s to be answered."""


@pytest.fixture(scope="module")
def hurried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A gateway whose patience is short."""
    with server(tmp_path_factory.mktemp("hurried"), **IN_SHORT) as running:
        yield running


@pytest.fixture
def patient(tmp_path: Path) -> Iterator[Server]:
    """One with its own times, so that in a flood it takes no good client for a slow one."""
    with server(tmp_path) as running:
        yield running


def connection(running: Server) -> socket.socket:
    found = socket.create_connection(("127.0.0.1", running.port), timeout=10)
    found.settimeout(10)
    return found


def all_of(connected: socket.socket) -> bytes:
    """What comes until the server ends the connection."""
    found = b""
    try:
        while data := connected.recv(65_536):
            found += data
    except ConnectionResetError:
        pass
    return found


def test_slow_clients_are_ended_and_good_ones_are_answered_meanwhile(hurried: Server) -> None:
    course = attack(hurried, "slow", connections=160, within_s=8, pause_s=0.2)

    assert course.closed.keys() == {kind.__name__ for kind in SLOW}
    assert problems(course, **HOWEVER_BUSY) == []


def test_floods_are_ended_and_leave_no_memory_taken(hurried: Server) -> None:
    course = attack(hurried, "floods", connections=100, within_s=6)

    assert course.closed.keys() == {kind.__name__ for kind in FLOODS}
    assert problems(course, **HOWEVER_BUSY) == []


def test_floods_of_websockets_are_ended_and_good_ones_are_answered_meanwhile(
    patient: Server,
) -> None:
    course = attack(patient, "frames", connections=16, within_s=4, pause_s=0.2)

    assert course.closed.keys() == {kind.__name__ for kind in FRAMES}
    assert problems(course, **HOWEVER_BUSY) == []


def test_a_client_that_does_not_take_his_answers_is_ended(hurried: Server) -> None:
    course = attack(hurried, "readers", connections=10, within_s=8, pause_s=0.2)

    assert course.closed["answers_not_taken"] >= 10
    assert problems(course, **HOWEVER_BUSY) == []


def test_who_has_still_to_send_his_request_keeps_nobody_from_being_answered(
    hurried: Server,
) -> None:
    """However many: they take none of the places of those who wait for an answer."""
    body = json.dumps(GOOD_QUERY).encode()
    half = HEAD + f"content-length: {len(body)}\r\n\r\n".encode() + body[: len(body) // 2]
    with ExitStack() as senders:
        for _ in range(MAX_UNDER_WAY + 1):
            senders.enter_context(connection(hurried)).sendall(half)
        answer = httpx2.post(f"{hurried.url}/graphql", json=GOOD_QUERY, trust_env=False)

    assert (answer.status_code, list(answer.json())) == (200, ["data"])


def test_requests_that_come_in_time_are_answered_however_they_are_cut(hurried: Server) -> None:
    body = json.dumps(GOOD_QUERY).encode()
    request = HEAD + f"content-length: {len(body)}\r\n\r\n".encode() + body
    with closing(connection(hurried)) as cut:
        for _ in range(2):
            for byte in request:
                cut.send(bytes([byte]))
        cut.send(request[:-1] + request[-1:] + request)
        cut.send(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        answers = all_of(cut)

    assert answers.count(b"HTTP/1.1 200 OK") == 5


def test_a_head_without_an_end_is_refused_before_its_time(hurried: Server) -> None:
    with closing(connection(hurried)) as endless:
        try:
            endless.sendall(HEAD)
            for _ in range(100):
                endless.sendall(b"x-long: " + b"x" * 2_000 + b"\r\n")
        except ConnectionError:
            pass

        assert b"431 Request Header Fields Too Large" in all_of(endless)


def test_a_large_body_may_take_longer_as_long_as_it_comes(hurried: Server) -> None:
    body = b'{"query": "{ __typename }", "variables": {"unused": "' + b"x" * 600_000 + b'"}}'
    with closing(connection(hurried)) as sending:
        sending.sendall(HEAD + b"content-length: %d\r\nconnection: close\r\n\r\n" % len(body))
        for start in range(0, len(body), 60_000):
            sending.sendall(body[start : start + 60_000])
            time.sleep(0.5)
        answer = all_of(sending)

    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_body_that_is_too_large_is_refused_while_it_comes(hurried: Server) -> None:
    with closing(connection(hurried)) as flood:
        flood.sendall(HEAD + b"transfer-encoding: chunked\r\n\r\n")
        for _ in range(20):
            flood.sendall(b"10000\r\n" + b" " * 65_536 + b"\r\n")

        assert flood.recv(65_536).startswith(b"HTTP/1.1 413 ")
        assert b"HTTP/1.1 2" not in all_of(flood)


def test_more_connections_than_allowed_are_told_to_come_back(tmp_path: Path) -> None:
    with server(tmp_path, GATEWAY_MAX_CONNECTIONS_PER_ADDRESS="20") as running:
        held = [connection(running) for _ in range(20)]
        with closing(connection(running)) as one_more:
            refusal = all_of(one_more)
        for each in held:
            each.close()
        answer = _answered_again(running)

    assert refusal.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert b"\r\nretry-after: 5\r\n" in refusal
    assert b'"code":"RATE_LIMITED"' in refusal
    assert answer.status_code == 200


def _answered_again(running: Server) -> httpx2.Response:
    for _ in range(50):
        answer = httpx2.get(f"{running.url}/healthz", trust_env=False)
        if answer.status_code == 200:
            break
    return answer


async def test_a_web_socket_may_be_silent_for_as_long_as_it_likes() -> None:
    sockets = pytest.importorskip("websockets.asyncio.client")
    patience = dict.fromkeys(
        ("head_timeout_s", "body_timeout_s", "send_timeout_s", "idle_timeout_s"), "0.2"
    )
    async with (
        guarded(_echo, Settings.model_validate(patience)) as port,
        sockets.connect(f"ws://127.0.0.1:{port}/", proxy=None) as socket_,
    ):
        await asyncio.sleep(2.5)
        await socket_.send("still there")
        heard = await socket_.recv()

    assert heard == "still there"


async def _echo(scope: Scope, receive: Receive, send: Send) -> None:
    del scope
    while (message := await receive())["type"] != "websocket.disconnect":
        if message["type"] == "websocket.connect":
            await send({"type": "websocket.accept"})
        else:
            await send({"type": "websocket.send", "text": message["text"]})


async def test_an_answer_that_goes_on_is_not_ended_while_it_is_taken() -> None:
    patience = dict.fromkeys(
        ("head_timeout_s", "body_timeout_s", "send_timeout_s", "idle_timeout_s"), "0.2"
    )
    async with guarded(_tell_slowly, Settings.model_validate(patience)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        answer = await reader.read()
        writer.close()

    assert answer.count(b"event") == 5


async def _tell_slowly(scope: Scope, receive: Receive, send: Send) -> None:
    del scope, receive
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(5):
        await asyncio.sleep(0.6)
        await send({"type": "http.response.body", "body": b"event", "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def test_all_bodies_together_have_a_limit() -> None:
    room = Room(max_bytes=10)
    with room.hold() as one, room.hold() as other:
        one.grow(6)
        other.grow(4)
        with pytest.raises(UnfitRequest) as refused:
            other.grow(1)
    with room.hold() as later:
        later.grow(10)

    assert (refused.value.status, refused.value.headers) == (503, {"retry-after": "2"})
    assert refused.value.code == "RATE_LIMITED"


def test_a_shell_s_limit_of_open_files_is_raised() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    script = (
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (256, "
        f"{hard})); from gateway.connection_limits import *; raise_open_files_limit(); "
        "print(open_files_limit())"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout

    assert int(told) == min(hard, 65_536) if hard != resource.RLIM_INFINITY else 65_536
