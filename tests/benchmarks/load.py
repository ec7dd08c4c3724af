"""Load: as fast as the contender can, by wrk; or at a fixed rate, whether it keeps up or not."""

import asyncio
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count, cycle
from pathlib import Path

import orjson

from tests.benchmarks.contenders import Running
from tests.benchmarks.work import Request

SCRIPT = Path(__file__).with_name("requests.lua")
WRK = shutil.which("wrk") or "wrk"
CLIENTS = 8
REUSED_WITHIN_S = 2
"""Servers close connections that are idle for longer, uvicorn after 5."""

numbers = count(int(time.time()) % 100_000_000, 100_000)
"""Where each load begins to number its requests."""


@dataclass(frozen=True, slots=True)
class Throughput:
    """What one run of wrk has measured."""

    requests: int
    per_second: float
    cpu_ms: float
    """Processor time of the contender, a request."""
    p50_ms: float
    p99_ms: float


def as_fast_as_it_can(target: Running, requests: Sequence[Request], seconds: int) -> Throughput:
    """Keep as many requests in flight as there are clients.

    Raises:
        RuntimeError: Some were not answered by 200.
    """
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"\n".join(request.line() for request in requests) + b"\n")
        file.flush()
        before = target.cpu_s()
        done = subprocess.run(
            [WRK, "-t1", f"-c{CLIENTS}", f"-d{seconds}s", "--timeout", "30s", "-s", SCRIPT,
             target.address, "--", file.name, str(next(numbers))],
            check=True, capture_output=True,
        )  # fmt: skip
        cpu_s = target.cpu_s() - before
    found = orjson.loads(done.stdout.splitlines()[-1])
    if found["failures"]:
        message = f"{target.contender.name}: {found['failures']} requests failed"
        raise RuntimeError(message)
    answered = found["requests"]
    return Throughput(
        requests=answered,
        per_second=answered / found["duration_us"] * 1e6,
        cpu_ms=cpu_s / max(answered, 1) * 1000,
        p50_ms=found["p50_us"] / 1000,
        p99_ms=found["p99_us"] / 1000,
    )


async def at_a_rate(
    target: Running, requests: Sequence[Request], *, per_second: float, seconds: float
) -> list[float]:
    """Send on time, even if earlier requests are still waiting; all latencies in ms, sorted.

    A latency counts from when the request was due, so that a stall is not forgotten.
    """
    idle: list[tuple[float, asyncio.StreamReader, asyncio.StreamWriter]] = []
    latencies: list[float] = []

    async def one(request: Request, due: float) -> None:
        while idle and idle[-1][0] < time.perf_counter() - REUSED_WITHIN_S:
            idle.pop()[2].close()
        if idle:
            _, reader, writer = idle.pop()
        else:
            reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
        writer.write(_http(request))
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode())
        await reader.readexactly(_length(head))
        latencies.append((time.perf_counter() - due) * 1000)
        idle.append((time.perf_counter(), reader, writer))

    start = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for number, request in zip(range(int(per_second * seconds)), cycle(requests), strict=False):
            due = start + number / per_second
            await asyncio.sleep(due - time.perf_counter())
            tasks.create_task(one(request, due))
    for _, _, writer in idle:
        writer.close()
    return sorted(latencies)


def _http(request: Request) -> bytes:
    cookie = f"cookie: {request.cookie}\r\n" if request.cookie else ""
    head = (
        f"POST {request.path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        f"{cookie}content-length: {len(request.body)}\r\n\r\n"
    )
    return head.encode() + request.body


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    message = "an answer has no content-length"
    raise RuntimeError(message)
