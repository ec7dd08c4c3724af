"""A thousand open subscriptions on one replica: memory, and how soon a change is told."""

import asyncio
import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2

from gateway.catalog_file import read_catalogue
from gateway.database import connected, migrate, own_connection
from resolvers.announcements import CHANNEL
from resolvers.catalogue_changes import apply_catalogue
from tests.many_streams import (
    OF_EACH,
    Follower,
    follow,
    leave,
    organization_of_administrators,
    resident_mb,
)
from tests.people import Gateway, Person
from tests.postgres import PostgresServer, free_port
from tests.servers import environment_for, serving
from tests.streaming import create

STREAMS = 1_000
CHANGES = 20
PAUSE_S = 1.0
TOLD_WITHIN_S = 120


def measure_streams(server: PostgresServer, say: Callable[[str], None]) -> None:
    """Print a table: all streams in one organization, and in twenty."""
    database_url = server.create_database("streams")
    with TemporaryDirectory() as folder, ExitStack() as stack:
        asyncio.run(_prepare(database_url))
        url = f"http://127.0.0.1:{free_port()}"
        environment = environment_for(url, database_url)
        log = Path(folder) / "gateway.log"
        process = stack.enter_context(serving(environment, "--no-mail", log=log))
        try:
            asyncio.run(_measure(database_url, url, process.pid, say))
        finally:
            if "not_listening" in log.read_text():
                say("The machine was too busy: streams ended meanwhile.")


async def _prepare(database_url: str) -> None:
    async with connected(database_url):
        await migrate(database_url)
        await apply_catalogue(read_catalogue(None), now=datetime.now(UTC))


async def _measure(database_url: str, url: str, pid: int, say: Callable[[str], None]) -> None:
    say(f"\n**{STREAMS} subscriptions on one replica**\n")
    say("| | told of each change | kB a stream | commit to event p50, p99 ms | CPU ms a change |")
    say("| --- | ---: | ---: | ---: | ---: |")
    async with (
        connected(database_url),
        httpx2.AsyncClient(base_url=url, trust_env=False) as client,
    ):
        gateway = Gateway(client, lambda: datetime.now(UTC), database_url)  # type: ignore[arg-type]  # the real clock
        accounts = STREAMS // OF_EACH
        many = [await organization_of_administrators(gateway, 1) for _ in range(accounts)]
        one_id, administrators = await organization_of_administrators(gateway, accounts)
        cases = (
            (f"in {accounts} organizations", [people[0] for _, people in many],
             [id_ for id_, _ in many]),
            ("all in one organization", administrators, [one_id] * accounts),
        )  # fmt: skip
        for title, people, ids in cases:
            await _measure_one(database_url, url, pid, say, title, people, ids)


async def _measure_one(
    database_url: str,
    url: str,
    pid: int,
    say: Callable[[str], None],
    title: str,
    people: list[Person],
    ids: list[str],
) -> None:
    cookies = [person.cookie or "" for person in people]
    await leave(await follow(url, cookies[:1], ids[:1]))  # warms up
    before = resident_mb(pid)
    followers = await follow(url, cookies, ids)
    grown = (resident_mb(pid) - before) * 1000 / len(followers)
    user = await create(people[0], ids[0], f"Dora{time.time_ns()}")
    concerned = [each for each in followers if each.organization_id == ids[0]]
    await _all_told(concerned, 1)
    for each in followers:
        each.heard.clear()
    commits: list[float] = []
    listening = await own_connection(database_url)
    await listening.add_listener(CHANNEL, lambda *told: _note(commits, str(told[-1])))
    began = _cpu_s(pid)
    for number in range(CHANGES):
        user = (await people[0].edit(user, firstName=f"Dora{number}"))["user"]
        await asyncio.sleep(PAUSE_S)
    await _all_told(concerned, CHANGES)
    used = _cpu_s(pid) - began
    await listening.close()
    waits = _waits(followers, commits)
    told = sum(bool(each.heard) for each in followers)
    p50, p99 = (waits[int(len(waits) * part)] * 1000 for part in (0.5, 0.99))
    say(f"| {title} | {told} | {grown:.0f} | {p50:.1f}, {p99:.1f} | {used * 1000 / CHANGES:.0f} |")
    await leave(followers)


async def _all_told(followers: list[Follower], number: int) -> None:
    """Wait until all have been told of that many changes."""
    for _ in range(TOLD_WITHIN_S * 10):
        if all(len(each.heard) >= number for each in followers):
            return
        await asyncio.sleep(0.1)


def _note(commits: list[float], payload: str) -> None:
    if payload.startswith("EDITED"):
        commits.append(time.perf_counter())


def _waits(followers: list[Follower], commits: list[float]) -> list[float]:
    """From each commit to each event, in s, the shortest first; every change was told once."""
    waits = []
    for each in followers:
        if each.heard:
            assert len(each.heard) == len(commits), (len(each.heard), len(commits))
            waits += [heard - at for heard, at in zip(each.heard, commits, strict=True)]
    return sorted(waits)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
