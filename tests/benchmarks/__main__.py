"""`make bench`: ours, its rivals and the floor on one PostgreSQL, in turns, as a table."""

import argparse
import asyncio
import os
import platform
import statistics
import sys
import time
from contextlib import ExitStack
from datetime import UTC, datetime

import orjson

from tests.benchmarks.apps import PAGE
from tests.benchmarks.contenders import CONTENDERS, Contender, Running, running
from tests.benchmarks.data import Sample, load, sample
from tests.benchmarks.load import Throughput, as_fast_as_it_can, at_a_rate
from tests.benchmarks.streams import measure_streams
from tests.benchmarks.work import WORK, requests_for
from tests.postgres import postgres_server

POSTGRES = ("shared_buffers=512MB", "max_wal_size=4GB")
"""Otherwise as it comes, and it waits for the disk."""

RATE_OF_ITS_CAPACITY = 0.3
REQUESTS_OF_A_LIFE = 100_000


def say(line: str = "") -> None:
    """Print, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Measure what the arguments name; all by default."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--work", nargs="*", default=list(WORK), choices=list(WORK))
    parser.add_argument("--contenders", nargs="*", default=[each.kind for each in CONTENDERS])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=3, help="of each contender in a round")
    parser.add_argument("--database", help="one that was loaded before, instead of a new one")
    parser.add_argument("--growth", action="store_true", help="the page with 1,000,000 users too")
    parser.add_argument("--life", action="store_true", help="memory, start-up and latencies too")
    parser.add_argument("--streams", action="store_true", help="1,000 subscriptions, alone")
    given = parser.parse_args()
    contenders = [each for each in CONTENDERS if each.kind in given.contenders]
    say(_machine())
    with ExitStack() as stack:
        if given.streams:
            measure_streams(stack.enter_context(postgres_server(POSTGRES)), say)
            return
        server = stack.enter_context(postgres_server(POSTGRES)) if not given.database else None
        database = given.database
        if server is not None:
            database = server.create_database("hundred_thousand")
            asyncio.run(load(database, users=100_000, organizations=200, largest=100_000))
        found = asyncio.run(sample(database))
        medians = compare(contenders, given.work, database, found, given.rounds, given.seconds)
        if given.life:
            live(CONTENDERS[0], database, found, medians)
        if given.growth and server is not None:
            larger = server.create_database("million")
            asyncio.run(load(larger, users=1_000_000, organizations=200, largest=0))
            grow(database, larger, given.rounds, given.seconds)


def _machine() -> str:
    with open("/proc/cpuinfo", encoding="utf-8") as file:  # noqa: PTH123 - a line of it
        names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {len(names)} × {names[0] if names else 'processor'}, "
        f"Python {platform.python_version()}, load before {os.getloadavg()[0]:.1f}"
    )


def compare(
    contenders: list[Contender],
    work: list[str],
    database: str,
    found: Sample,
    rounds: int,
    seconds: int,
) -> dict[str, float]:
    """Print the table of all contenders; our requests a second, by work."""
    medians = {}
    with ExitStack() as stack:
        processes = []
        for contender in contenders:
            process = stack.enter_context(running(contender, database))
            process.first_answer(requests_for(contender.kind, "page", found)[0])
            processes.append(process)
        for name in work:
            medians[name] = _compare(processes, name, found, rounds, seconds)
    return medians


def _compare(
    processes: list[Running], name: str, found: Sample, rounds: int, seconds: int
) -> float:
    able = [each for each in processes if requests_for(each.contender.kind, name, found)]
    size = _check(able, name, found)
    say(f"\n**{WORK[name].title}** ({size / 1000:.1f} kB)\n")
    say("| | a second, median | spread | p50, p99 ms | CPU ms each | ours : this | by CPU |")
    say("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    results: dict[str, list[Throughput]] = {each.contender.name: [] for each in able}
    for round_ in range(-1, rounds):
        turn = able[max(round_, 0) % len(able) :] + able[: max(round_, 0) % len(able)]
        for process in turn:
            requests = requests_for(process.contender.kind, name, found)
            result = as_fast_as_it_can(process, requests, seconds if round_ >= 0 else 1)
            if round_ >= 0:  # the first is for warming up
                results[process.contender.name].append(result)
    ours = results.get("ours", [])
    for contender, runs in results.items():
        rates = [run.per_second for run in runs]
        pairs = list(zip(ours, runs, strict=bool(ours)))
        by_rate = [our.per_second / run.per_second for our, run in pairs]
        by_cpu = [run.cpu_ms / our.cpu_ms for our, run in pairs]
        say(
            f"| {contender} | {statistics.median(rates):.0f} | {min(rates):.0f}-{max(rates):.0f} "
            f"| {statistics.median(run.p50_ms for run in runs):.1f}, "
            f"{statistics.median(run.p99_ms for run in runs):.1f} "
            f"| {statistics.median(run.cpu_ms for run in runs):.2f} "
            f"| {statistics.median(by_rate or [0]):.2f} | {statistics.median(by_cpu or [0]):.2f} |"
        )
    return statistics.median(run.per_second for run in ours) if ours else 0


def _check(processes: list[Running], name: str, found: Sample) -> int:
    """See to it that all answer alike; the length of the answer."""
    bodies: dict[str, bytes] = {}
    for process in processes:
        for request in requests_for(process.contender.kind, name, found)[:3]:
            body = process.answer(request)
            if b'"errors"' in body or (b'"userErrors":[]' not in body and b'"userErrors"' in body):
                raise AssertionError(process.contender.name, body[:1000])
            bodies.setdefault(process.contender.kind, body)
    if "floor" in bodies and "ours" in bodies and bodies["floor"] != bodies["ours"]:
        raise AssertionError(bodies["ours"], bodies["floor"])
    if name == "page":
        for body in bodies.values():
            (page,) = orjson.loads(body)["data"].values()
            assert len(page["nodes"]) == PAGE
    return len(next(iter(bodies.values())))


def live(contender: Contender, database: str, found: Sample, medians: dict[str, float]) -> None:
    """Print how one process of ours starts, how long it lets wait, and what memory it takes."""
    reads = ["page", "user", "viewer", "search"]
    mixed = [request for name in reads for request in requests_for("ours", name, found)[:60]]
    began = time.perf_counter()
    with running(contender, database) as process:
        process.first_answer(mixed[0])
        say(f"\nStart to first answer: {time.perf_counter() - began:.1f} s.")
        at_rest = process.resident_mb()
        sizes, sent = [], 0
        while sent < REQUESTS_OF_A_LIFE:
            sent += as_fast_as_it_can(process, mixed, 10).requests
            sizes.append((sent, process.resident_mb()))
        middle = sizes[len(sizes) // 2]
        say(
            f"Resident memory: {at_rest:.0f} MB at rest, {sizes[0][1]:.0f} MB after {sizes[0][0]} "
            f"requests, {middle[1]:.0f} MB after {middle[0]}, {sizes[-1][1]:.0f} MB after {sent}."
        )
        for name in medians.keys() & set(reads):
            rate = max(1, round(medians[name] * RATE_OF_ITS_CAPACITY))
            requests = requests_for("ours", name, found)
            latencies = asyncio.run(at_a_rate(process, requests, per_second=rate, seconds=10))
            p50, p99 = (latencies[int(len(latencies) * part)] for part in (0.5, 0.99))
            say(f"{name} at {rate} a second: p50 {p50:.1f} ms, p99 {p99:.1f} ms.")


def grow(database: str, larger: str, rounds: int, seconds: int) -> None:
    """Print what ten times the users in the same organizations do to the page."""
    with ExitStack() as stack:
        sides = [
            (
                stack.enter_context(running(CONTENDERS[0], url)),
                requests_for("ours", "page", asyncio.run(sample(url))),
            )
            for url in (database, larger)
        ]
        results: list[list[float]] = [[], []]
        for process, requests in sides:
            process.first_answer(requests[0])
            as_fast_as_it_can(process, requests, 2)
        for _ in range(rounds):
            for rates, (process, requests) in zip(results, sides, strict=True):
                rates.append(as_fast_as_it_can(process, requests, seconds).per_second)
        smaller, bigger = map(statistics.median, results)
        change = statistics.median(b / a for a, b in zip(*results, strict=True)) - 1
        say(
            f"\nPage of 50 with 100,000 users: {smaller:.0f} a second; with 1,000,000: "
            f"{bigger:.0f} ({change:+.1%}, median of the rounds)."
        )


if __name__ == "__main__":
    main()
