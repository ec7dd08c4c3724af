"""A server among clients that mean no good: what becomes of them, of others, and of its memory.

`make slow` does it at length: 2,000 slow connections for a minute, then floods of large bodies,
of frames of WebSockets, then clients that take no answers.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from tests.postgres import free_port
from tests.servers import ROOT, environment_for, prepare_database, serving

GOOD_QUERY = {"query": "{services{name roles{name}}}"}
GOOD_EVERY_S = 0.02

P99_MS = 250.0
"""What good requests may take meanwhile, all but one of a hundred."""

FLOODED_P99_MS = 2_000.0
"""The same while hundreds send as fast as the machine can: whoever measures has to share it."""

CLOSED_WITHIN_S = 30.0

PEAK_GROWTH_MB = 250.0
"""How much more memory than at rest a process may take under any of these: 64 MB are bodies that it
holds on purpose, the rest is what thousands of connections and the parts of bodies on their way
take."""

KEPT_GROWTH_MB = 80.0
"""How much more it may keep afterwards: memory that Python's allocator has in parts of pages."""


@dataclass(frozen=True, slots=True)
class Course:
    """What happened during one attack."""

    kinds: str
    connections: int
    closed: dict[str, int]
    longest_s: dict[str, float]
    good: int
    failed: list[str]
    median_ms: float
    p99_ms: float
    peak_growth_mb: float
    kept_growth_mb: float
    server_s: float
    """What the server took of a processor: if little, it was others who kept good requests."""

    def __str__(self) -> str:
        """Lines for a person."""
        ends = ", ".join(
            f"{kind} {count} (at most {self.longest_s[kind]:.1f} s)"
            for kind, count in sorted(self.closed.items())
        )
        return (
            f"{self.kinds}: {self.connections} connections\n"
            f"  ended by the server: {ends}\n"
            f"  good requests: {self.good}, failed {len(self.failed)}, "
            f"median {self.median_ms:.0f} ms, p99 {self.p99_ms:.0f} ms\n"
            f"  memory: at most {self.peak_growth_mb:.0f} MB more than at rest, "
            f"{self.kept_growth_mb:.0f} MB more afterwards\n"
            f"  the server took {self.server_s:.1f} s of a processor"
        )


@dataclass(frozen=True, slots=True)
class Server:
    """A running gateway."""

    url: str
    process: subprocess.Popen[bytes]

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rpartition(":")[2])

    def memory_mb(self) -> float:
        """What it holds now (proc(5), VmRSS)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        (line,) = (line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024

    def processor_s(self) -> float:
        """What it has taken of a processor so far (proc(5), utime and stime)."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def server(folder: Path, **settings: str) -> Iterator[Server]:
    """A gateway on SQLite, warm."""
    url = f"http://127.0.0.1:{free_port()}"
    environment = environment_for(url, f"sqlite://{folder / 'gateway.sqlite3'}", **settings)
    prepare_database(environment)
    with serving(environment, log=folder / "gateway.log") as process:
        running = Server(url, process)
        with httpx2.Client(trust_env=False) as client:
            for _ in range(300):
                client.post(f"{url}/graphql", json=GOOD_QUERY).raise_for_status()
        yield running


def attack(
    running: Server, kinds: str, *, connections: int, within_s: float, pause_s: float = 1.0
) -> Course:
    """Let clients of some kinds loose on the server, and ask it good questions meanwhile."""
    resting_mb, before_s = running.memory_mb(), running.processor_s()
    command = [sys.executable, "-m", "tests.slow_clients", kinds, str(running.port)]
    command += [str(connections), str(within_s), str(pause_s)]
    times_ms: list[float] = []
    failed: list[str] = []
    peak_mb = resting_mb
    with (
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as annoying,
        httpx2.Client(trust_env=False, timeout=10) as kept,
    ):
        while annoying.poll() is None:
            began = time.perf_counter()
            try:
                answer = _ask(running, kept if len(times_ms) % 2 else None)
                if answer.status_code != 200:
                    failed.append(answer.text)
            except httpx2.TransportError as error:
                failed.append(repr(error))
            times_ms.append((time.perf_counter() - began) * 1000)
            peak_mb = max(peak_mb, running.memory_mb())
            time.sleep(GOOD_EVERY_S)
        output = annoying.stdout.read() if annoying.stdout else b""
    seen = json.loads(output)
    time.sleep(3)
    return Course(
        kinds=kinds,
        connections=connections,
        closed=seen["closed"],
        longest_s=seen["longest_s"],
        good=len(times_ms),
        failed=failed,
        median_ms=statistics.median(times_ms),
        p99_ms=statistics.quantiles(times_ms, n=100)[98],
        peak_growth_mb=peak_mb - resting_mb,
        kept_growth_mb=running.memory_mb() - resting_mb,
        server_s=running.processor_s() - before_s,
    )


def _ask(running: Server, kept: httpx2.Client | None) -> httpx2.Response:
    """A good request, on a connection that is kept or on a new one."""
    if kept is not None:
        return kept.post(f"{running.url}/graphql", json=GOOD_QUERY)
    return httpx2.post(f"{running.url}/graphql", json=GOOD_QUERY, trust_env=False, timeout=10)


def problems(
    course: Course, *, p99_ms: float = P99_MS, closed_within_s: float = CLOSED_WITHIN_S
) -> list[str]:
    """What was not as promised."""
    found = []
    if course.failed:
        found.append(f"{len(course.failed)} good requests failed: {course.failed[:3]}")
    if course.p99_ms > p99_ms:
        found.append(f"p99 of good requests {course.p99_ms:.0f} ms > {p99_ms:.0f}")
    if max(course.longest_s.values(), default=0.0) > closed_within_s:
        found.append(f"a connection lived longer than {closed_within_s:.0f} s")
    if course.peak_growth_mb > PEAK_GROWTH_MB:
        found.append(f"memory grew by {course.peak_growth_mb:.0f} MB > {PEAK_GROWTH_MB:.0f}")
    if course.kept_growth_mb > KEPT_GROWTH_MB:
        found.append(f"memory kept {course.kept_growth_mb:.0f} MB > {KEPT_GROWTH_MB:.0f}")
    return found


def main() -> None:
    """All attacks at length; exits 1 if something is not as promised."""
    found = []
    with (
        tempfile.TemporaryDirectory(prefix="gateway-slow-") as folder,
        server(Path(folder)) as running,
    ):
        for kinds, connections, within_s, p99_ms in (
            ("slow", 2_000, 60.0, P99_MS),
            ("floods", 200, 40.0, FLOODED_P99_MS),
            ("frames", 200, 20.0, FLOODED_P99_MS),
            ("readers", 40, 45.0, P99_MS),
        ):
            course = attack(running, kinds, connections=connections, within_s=within_s)
            print(course, flush=True)  # noqa: T201 - it prints what it measures
            found += [f"{kinds}: {problem}" for problem in problems(course, p99_ms=p99_ms)]
    for problem in found:
        print(problem)  # noqa: T201 - likewise
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
