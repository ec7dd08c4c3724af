"""Locks that a test holds in the database, so that the gateway has to wait."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing

import asyncpg

from gateway.database import connection_parameters, is_sqlite


@asynccontextmanager
async def audit_trail_locked(database_url: str) -> AsyncIterator[None]:
    """Nobody gets at the audit trail meanwhile; on SQLite nobody can write at all."""
    if is_sqlite(database_url):
        path = database_url.removeprefix("sqlite://")
        with closing(sqlite3.connect(path, isolation_level=None)) as locking:
            locking.execute("BEGIN IMMEDIATE")
            yield
            locking.execute("ROLLBACK")
        return
    locking_ = await connection_to(database_url)
    try:
        async with locking_.transaction():
            await locking_.execute("LOCK TABLE audit_events, audit_chains")
            yield
    finally:
        await locking_.close()


async def connection_to(database_url: str) -> asyncpg.Connection:
    """A connection to PostgreSQL beside the gateway's own."""
    parameters = connection_parameters(database_url)["credentials"]
    return await asyncpg.connect(
        **{name: parameters[name] for name in ("host", "port", "user", "database")}
    )
