"""Programs of the system that tests run: a proxy, and a pool of connections."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.postgres import SYSTEM_USER, PostgresServer, free_port
from tests.servers import ROOT, running

DEPLOY = ROOT / "gateway" / "deploy"


def program(name: str) -> str:
    """The path of a program; without it the test is skipped, or fails where all must be there.

    `.ci/run` installs what is missing, and says so by `GATEWAY_TESTS_COMPLETE`.
    """
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        message = f"no {name} here: apt-get install {name}"
        if os.environ.get("GATEWAY_TESTS_COMPLETE"):
            pytest.fail(message)
        pytest.skip(message)
    return found


@contextmanager
def pgbouncer(
    server: PostgresServer, folder: Path, *, password: str | None = None
) -> Iterator[int]:
    """Pgbouncer in transaction mode before a server, with the shipped configuration; its port.

    With a password it is started as the image starts it, and lets `gateway` in by that; else it
    lets in anybody.
    """
    port = free_port()
    shipped = (DEPLOY / "pgbouncer.ini").read_text()
    replaced = {
        "* = host=postgres port=5432": f"* = host=127.0.0.1 port={server.port} user=postgres",
        "listen_addr = *": "listen_addr = 127.0.0.1",
        "listen_port = 6432": f"listen_port = {port}",
    }
    if password is None:
        replaced |= {
            "auth_type = scram-sha-256": "auth_type = any",
            "auth_file = /tmp/userlist.txt": "",
        }
    for line, instead in replaced.items():
        assert f"\n{line}\n" in shipped, line
        shipped = shipped.replace(line, instead)
    file = server.folder / f"pgbouncer-{port}.ini"  # where PostgreSQL's user may read
    users = file.with_suffix(".users")
    file.write_text(shipped.replace("/tmp/userlist.txt", str(users)))  # noqa: S108 - in the image
    command = [program("pgbouncer"), str(file)]
    environment = dict(os.environ)
    if password is not None:
        script = (DEPLOY / "pgbouncer.sh").read_text()
        script = script.replace("/tmp/userlist.txt", str(users))  # noqa: S108 - in the image
        script = script.replace("/etc/pgbouncer/pgbouncer.ini", str(file))
        command = ["sh", "-c", script]
        environment |= {
            "PATH": f"{os.environ['PATH']}:{Path(program('pgbouncer')).parent}",
            "DATABASE_PASSWORD": password,
        }
    log = folder / "pgbouncer.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env=environment,
            user=SYSTEM_USER if os.geteuid() == 0 else None,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_for_line(process, log, "process up")
        yield port
    finally:
        process.terminate()
        process.wait()


def _wait_for_line(process: subprocess.Popen[bytes], log: Path, line: str) -> None:
    deadline = time.monotonic() + 10
    while line not in log.read_text():
        if time.monotonic() > deadline or process.poll() is not None:
            raise AssertionError(log.read_text())
        time.sleep(0.05)


def through(port: int, url: str) -> str:
    """The URL of a database through pgbouncer."""
    name = url.rpartition("/")[2]
    return f"postgres://postgres@127.0.0.1:{port}/{name}?statement_cache_size=0"


@contextmanager
def haproxy(port: int, replicas: tuple[int, int], folder: Path) -> Iterator[None]:
    """HAProxy before two replicas, with the shipped configuration, once one of them is ready."""
    environment = {
        **os.environ,
        "PROXY_LISTEN": f"127.0.0.1:{port}",
        "PROXY_ADMIN": str(folder / "haproxy.sock"),
        "GATEWAY_1": f"127.0.0.1:{replicas[0]}",
        "GATEWAY_2": f"127.0.0.1:{replicas[1]}",
    }
    command = [program("haproxy"), "-db", "-f", str(DEPLOY / "haproxy.cfg")]
    url = f"http://127.0.0.1:{port}/healthz"
    with running(command, answers_at=url, log=folder / "haproxy.log", environment=environment):
        yield
