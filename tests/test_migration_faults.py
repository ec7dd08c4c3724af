"""Migrating: killed at any statement, and by several processes at once."""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence

import pytest

from gateway.database import connected, pending_migrations

MIGRATE = """
import asyncio, os, signal, sys
from gateway.database import connected, migrate
from gateway.engines import asyncpg, sqlite

left = {"before": int(sys.argv[2]), "after": int(sys.argv[3])}

def counted(when):
    left[when] -= 1
    if left[when] == 0:
        os.kill(os.getpid(), signal.SIGKILL)

def dying(method, *, commits=False):
    async def run(*arguments, **options):
        counted("before")
        result = await method(*arguments, **options)
        if commits:
            counted("after")
        return result
    return run

for client in (sqlite._TransactionClient, asyncpg.TransactionWrapper):
    for name in ("execute_query", "execute_query_dict", "execute_script", "execute_insert"):
        setattr(client, name, dying(getattr(client, name)))
    client.commit = dying(client.commit, commits=True)

async def main():
    async with connected(sys.argv[1]):
        print(len(await migrate(sys.argv[1])))

asyncio.run(main())
"""
"""Migrates a database, and kills itself before the statement or commit, or after the commit, of a
transaction that has this number; never, if that is 0."""

STATEMENTS = 60
"""All migrations together have more on either engine."""


async def migrating(
    url: str, *, dies_before: int = 0, dies_after_commit: int = 0
) -> tuple[int | None, bytes]:
    """Migrate in a process of its own: what it ended with, and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", MIGRATE, url, str(dies_before), str(dies_after_commit)),
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    return process.returncode, output


async def left_at(url: str) -> Sequence[str]:
    async with connected(url):
        return await pending_migrations()


@pytest.mark.parametrize("share", [0.0, 0.03, 0.3, 0.6, 0.9, 1.0])
async def test_a_migration_killed_half_way_is_completed_by_the_next_run(
    empty_database: str, share: float
) -> None:
    moment = 1 + round(share * STATEMENTS)
    killed, _ = await migrating(empty_database, dies_before=moment)
    between = await left_at(empty_database)
    done, _ = await migrating(empty_database)

    assert (killed, done) == (-signal.SIGKILL, os.EX_OK)
    assert between != []
    assert await left_at(empty_database) == []


async def test_a_process_killed_after_each_migration_has_noted_it(empty_database: str) -> None:
    everything = await left_at(empty_database)
    seen = []
    for _ in everything:
        killed, _ = await migrating(empty_database, dies_after_commit=1)
        seen.append((killed, await left_at(empty_database)))

    assert seen == [
        (-signal.SIGKILL, everything[number:]) for number in range(1, len(everything) + 1)
    ]


async def test_several_processes_that_migrate_at_once_do_each_migration_once(
    empty_database: str,
) -> None:
    everything = await left_at(empty_database)
    outcomes = await asyncio.gather(*(migrating(empty_database) for _ in range(3)))
    applied = [int(output) for _, output in outcomes]

    assert [code for code, _ in outcomes] == [os.EX_OK] * 3
    assert sum(applied) == len(everything)
    assert await left_at(empty_database) == []
