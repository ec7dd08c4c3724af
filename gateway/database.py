"""The database: its connection, its migrations, and whether it is fit for use."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import asyncpg
from tortoise import Tortoise
from tortoise.backends.base.executor import EXECUTOR_CACHE
from tortoise.connection import get_connection
from tortoise.exceptions import BaseORMException
from tortoise.migrations.executor import MigrationExecutor

from models.database import tortoise_config
from resolvers.catalogue import forget_catalogue
from resolvers.trusted_documents import forget_documents

MIGRATION_LOCK = 7_274_201
"""The key of the advisory lock that lets one `gateway migrate` at a time run on PostgreSQL."""

CONNECTION_PARAMETERS = {
    *("host", "port", "user", "password", "database", "ssl", "statement_cache_size")
}
"""Those that do not belong to a pool."""

BUSY_TIMEOUT_MS = 15_000
"""How long a SQLite statement waits for another process's transaction to end."""


DATABASE_TROUBLE = (
    OSError,
    TimeoutError,
    BaseORMException,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    sqlite3.Error,
)
"""What Tortoise and the two drivers raise while a database is away, has no room, or is unfit."""


def is_sqlite(url: str) -> bool:
    """Whether this URL names a SQLite file."""
    return urlsplit(url).scheme == "sqlite"


def connection_parameters(url: str) -> dict[str, Any]:
    """Translate `sqlite://FILE` or `postgres://user:password@host:port/name` for Tortoise.

    PostgreSQL takes the query parameters `minsize`, `maxsize` (connections of the pool),
    `statement_cache_size` (0 behind pgbouncer in transaction mode) and `sslmode`.

    Raises:
        ValueError: Scheme or a parameter is unknown, or the name of the database is missing.
    """
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if parts.scheme == "sqlite":
        return _sqlite(url, options)
    if parts.scheme in {"postgres", "postgresql"}:
        return _postgres(url, options)
    message = f"the scheme must be sqlite or postgres, not {parts.scheme or 'empty'!r}"
    raise ValueError(message)


def _sqlite(url: str, options: dict[str, str]) -> dict[str, Any]:
    path = unquote(url.removeprefix("sqlite://").partition("?")[0])
    if not path or path == ":memory:":
        message = "sqlite:// needs the path of a file"
        raise ValueError(message)
    _refuse_unknown(options)
    return {
        "engine": "tortoise.backends.sqlite",
        "credentials": {
            "file_path": path,
            "busy_timeout": BUSY_TIMEOUT_MS,
            "foreign_keys": "ON",
            "journal_mode": "WAL",
            "synchronous": "FULL",
        },
    }


def _postgres(url: str, options: dict[str, str]) -> dict[str, Any]:
    parts = urlsplit(url)
    name = unquote(parts.path.lstrip("/"))
    if not parts.hostname or not name:
        message = "postgres:// needs a host and the name of a database"
        raise ValueError(message)
    credentials: dict[str, Any] = {
        "host": parts.hostname,
        "port": parts.port or 5432,
        "user": unquote(parts.username or "postgres"),
        "password": unquote(parts.password) if parts.password else None,
        "database": name,
        "minsize": int(options.pop("minsize", "1")),
        "maxsize": int(options.pop("maxsize", "10")),
        "application_name": "commerce-gateway",
        "reset": _leave_as_it_is,
    }
    if "statement_cache_size" in options:
        credentials["statement_cache_size"] = int(options.pop("statement_cache_size"))
    if "sslmode" in options:
        credentials["ssl"] = options.pop("sslmode")
    _refuse_unknown(options)
    return {"engine": "tortoise.backends.asyncpg", "credentials": credentials}


async def _leave_as_it_is(_connection: asyncpg.Connection) -> None:
    """Give a connection back to the pool without a statement that resets the session.

    We set nothing in it; asyncpg itself sees to it that no transaction is left open.
    """


def _refuse_unknown(options: dict[str, str]) -> None:
    if options:
        message = f"unknown parameters: {', '.join(sorted(options))}"
        raise ValueError(message)


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[None]:
    """Keep the database connected, for every task of the process, while the block runs.

    What the process remembers of another database is forgotten: the catalogue, the trusted
    documents, and Tortoise's statements, which it keeps by model and connection name in the last
    engine's dialect.

    Raises:
        OSError: A SQLite file can't be opened. PostgreSQL is connected to on first use.
    """
    parameters = connection_parameters(url)
    if is_sqlite(url):
        _try_file(parameters["credentials"]["file_path"])
    EXECUTOR_CACHE.clear()
    forget_catalogue()
    forget_documents()
    await Tortoise.init(config=tortoise_config(parameters), _enable_global_fallback=True)
    try:
        yield
    finally:
        await Tortoise.close_connections()


def _try_file(path: str) -> None:
    # Tortoise waits for ever for a file that can't be opened, or is no database.
    try:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA schema_version")
    except sqlite3.DatabaseError as error:
        message = f"{path}: {error}"
        raise OSError(message) from error


async def pending_migrations() -> list[str]:
    """The names of the migrations that this database still lacks, in order. Changes nothing.

    Raises:
        OSError: The database can't be reached; so may errors of Tortoise and of the driver.
    """
    # Tortoise takes a database that doesn't answer for an empty one.
    await get_connection("default").execute_query("SELECT 1")
    return [f"{step.migration.app_label}.{step.migration.name}" for step in await _plan()]


async def migrate(url: str) -> list[str]:
    """Bring the connected database at `url` to the newest schema; the names of what was applied.

    Each migration is one transaction. On PostgreSQL one process at a time does this, under an
    advisory lock that a connection of its own holds, since Tortoise's planning makes statements
    fail where there is no table of migrations yet.
    """
    if is_sqlite(url):
        return await _apply()
    locking = await own_connection(url)
    try:
        async with locking.transaction():
            await locking.execute(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
            return await _apply()
    finally:
        await locking.close()


async def own_connection(url: str) -> asyncpg.Connection:
    """A connection to PostgreSQL that no pool has; whoever asks for it closes it.

    Raises:
        OSError: It can't be reached; so may errors of the driver.
    """
    parameters = connection_parameters(url)["credentials"]
    return await asyncpg.connect(
        **{name: value for name, value in parameters.items() if name in CONNECTION_PARAMETERS}
    )


async def _apply() -> list[str]:
    names = await pending_migrations()
    if names:
        await _executor().migrate()
    return names


async def _plan() -> list[Any]:
    return list(await _executor().plan())


def _executor() -> MigrationExecutor:
    return MigrationExecutor(get_connection("default"), tortoise_config("")["apps"])
