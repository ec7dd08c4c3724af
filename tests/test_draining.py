"""Leaving service: readiness goes first, then the connections, and no request is lost."""

import http.client
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.postgres import PostgresServer, free_port
from tests.servers import environment_for, prepare_database, serving

DRAIN_S = 1.5


@contextmanager
def kept_alive(port: int) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        yield connection
    finally:
        connection.close()


def asked(connection: http.client.HTTPConnection, path: str) -> tuple[int, bytes, str | None]:
    """Status, body and `Connection` of an answer."""
    connection.request("GET", path)
    response = connection.getresponse()
    return response.status, response.read(), response.headers.get("connection")


def settled(connection: http.client.HTTPConnection, path: str, status: int) -> bool:
    """Whether the answer has this status within a second."""
    deadline = time.monotonic() + 1
    while time.monotonic() < deadline:
        if asked(connection, path)[0] == status:
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("workers", [1, 2])
def test_readiness_goes_down_first_and_connections_are_told_to_close(
    engine_server: PostgresServer, tmp_path: Path, workers: int
) -> None:
    port = free_port()
    environment = environment_for(
        f"http://127.0.0.1:{port}",
        engine_server.create_database(f"draining_{workers}"),
        GATEWAY_DRAIN_SECONDS=str(DRAIN_S),
    )
    prepare_database(environment)
    log = tmp_path / "gateway.log"
    options = ("--workers", str(workers), "--no-mail")
    with serving(environment, *options, log=log) as process, kept_alive(port) as connection:
        before = [asked(connection, path) for path in ("/readyz", "/healthz")]
        process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        is_unready = settled(connection, "/readyz", 503)
        draining = asked(connection, "/readyz")
        alive = asked(connection, "/healthz")
        code = process.wait(timeout=20)
        took = time.monotonic() - began

    assert [(status, closing) for status, _, closing in before] == [(200, None), (200, None)]
    assert is_unready, log.read_text()
    assert draining == (503, b'{"status":"draining"}', "close")
    assert alive == (200, b'{"status":"ok"}', "close")
    assert took >= DRAIN_S
    assert code in {0, -signal.SIGTERM}


def test_a_second_sigterm_ends_the_wait(tmp_path: Path) -> None:
    port = free_port()
    environment = environment_for(
        f"http://127.0.0.1:{port}",
        f"sqlite://{tmp_path / 'gateway.sqlite3'}",
        GATEWAY_DRAIN_SECONDS="60",
    )
    prepare_database(environment)
    with (
        serving(environment, "--no-mail", log=tmp_path / "gateway.log") as process,
        kept_alive(port) as connection,
    ):
        process.send_signal(signal.SIGTERM)
        is_unready = settled(connection, "/readyz", 503)
        process.send_signal(signal.SIGTERM)
        code = process.wait(timeout=20)

    assert is_unready
    assert code in {0, -signal.SIGTERM}


def test_a_server_that_ends_says_so_once_in_each_answer(tmp_path: Path) -> None:
    port = free_port()
    environment = environment_for(
        f"http://127.0.0.1:{port}", f"sqlite://{tmp_path / 'gateway.sqlite3'}"
    )
    prepare_database(environment)
    said = []
    with (
        serving(environment, "--no-mail", log=tmp_path / "gateway.log") as process,
        ExitStack() as stack,
    ):
        connections = [stack.enter_context(kept_alive(port)) for _ in range(12)]
        for connection in connections:
            asked(connection, "/healthz")
        process.send_signal(signal.SIGTERM)
        for connection in connections:
            time.sleep(0.05)
            connection.request("GET", "/healthz")
            response = connection.getresponse()
            response.read()
            said.append(response.headers.get_all("connection"))

    assert said[-1] == ["close"]
    assert [each for each in said if each not in (None, ["close"])] == []
