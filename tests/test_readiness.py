"""Readiness while the database is busy, which is not away."""

import asyncio
from http import HTTPStatus

import pytest
from starlette.requests import Request
from tortoise.transactions import in_transaction

from gateway.database import connected
from gateway.draining import Drain
from gateway.health import Readiness

ASKED = Request({"type": "http", "method": "GET", "path": "/readyz", "headers": []})


@pytest.mark.parametrize("has_answered", [True, False])
async def test_a_busy_database_counts_as_it_answered_last(
    migrated_database: str, has_answered: bool
) -> None:
    """All connections are in use; a process that never had an answer does not claim one."""
    is_postgres = migrated_database.startswith("postgres")
    url = f"{migrated_database}?maxsize=1" if is_postgres else migrated_database
    busy, enough = asyncio.Event(), asyncio.Event()

    async def keep_busy() -> None:
        async with in_transaction():
            busy.set()
            await enough.wait()

    async with connected(url):
        readiness = Readiness(Drain())
        if has_answered:
            await readiness.respond(ASKED)
        working = asyncio.create_task(keep_busy())
        await busy.wait()
        meanwhile = await readiness.respond(ASKED)
        enough.set()
        await working
        afterwards = await readiness.respond(ASKED)

    assert meanwhile.status_code == (
        HTTPStatus.OK if has_answered else HTTPStatus.SERVICE_UNAVAILABLE
    )
    assert afterwards.status_code == HTTPStatus.OK
