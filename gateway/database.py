"""The database: its connection, its migrations, and whether it is fit for use."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

import asyncpg
from tortoise import Tortoise
from tortoise.backends.base.executor import EXECUTOR_CACHE
from tortoise.connection import get_connection
from tortoise.exceptions import BaseORMException, OperationalError
from tortoise.migrations.executor import MigrationExecutor
from tortoise.migrations.recorder import MigrationRecorder
from tortoise.migrations.schema_editor import AsyncpgSchemaEditor
from tortoise.transactions import in_transaction

from models.database import tortoise_config
from resolvers.catalogue import forget_catalogue

if TYPE_CHECKING:
    from asyncpg.connection import LoggedQuery

MIGRATION_LOCK = 7_274_201
"""The key of the advisory lock that lets one `gateway migrate` at a time run on PostgreSQL."""

MIGRATION_WAIT_S = 600.0
"""How long a process waits for another one that migrates the same SQLite file."""

LOCK_WITHIN_MS = 2_000
"""How long a migration waits for a table: requests that need it wait as long behind it."""

POLITE_PAUSES_S = (1.0, 1.0, 2.0, 2.0, 4.0, 4.0, 8.0, 8.0, 16.0, 16.0)
"""Between its attempts."""

LOCK_PARAMETERS = {"host", "port", "user", "password", "database", "ssl", "statement_cache_size"}

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
async def connected(
    url: str, *, on_statement: Callable[["LoggedQuery"], None] | None = None
) -> AsyncIterator[None]:
    """Keep the database connected, for every task of the process, while the block runs.

    `on_statement` is told of each statement of PostgreSQL, soon after it ended, in the context of
    the task that ran it.

    What the process remembers of another database is forgotten: the catalogue, and Tortoise's
    statements, which it keeps by model and connection name in the last engine's dialect.

    Raises:
        OSError: A SQLite file can't be opened. PostgreSQL is connected to on first use.
    """
    parameters = connection_parameters(url)
    if is_sqlite(url):
        _try_file(parameters["credentials"]["file_path"])
    elif on_statement is not None:
        parameters["credentials"]["init"] = partial(_listen, on_statement)
    EXECUTOR_CACHE.clear()
    forget_catalogue()
    await Tortoise.init(config=tortoise_config(parameters), _enable_global_fallback=True)
    try:
        yield
    finally:
        await Tortoise.close_connections()


async def _listen(
    on_statement: Callable[["LoggedQuery"], None], connection: asyncpg.Connection
) -> None:
    connection.add_query_logger(on_statement)


class PoolState(NamedTuple):
    """The connections of this process."""

    in_use: int
    idle: int
    waiting: int
    """Tasks that wait for one."""


def pool_state() -> PoolState | None:
    """How many connections there are; None on SQLite, and before the first use."""
    pool: asyncpg.Pool | None = getattr(get_connection("default"), "_pool", None)
    if pool is None:
        return None
    idle = pool.get_idle_size()
    waiting = sum(not each.done() for each in pool._queue._getters)  # noqa: SLF001 - else unknown
    return PoolState(pool.get_size() - idle, idle, waiting)


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

    One process at a time does this; the others wait, and then find nothing to do. On PostgreSQL
    all of it is one transaction, so that whoever is killed leaves nothing half done. No statement
    of it waits long for a table that is in use, since every request for the table would queue up
    behind it: it gives up, lets the requests pass, and tries again.

    Raises:
        OperationalError: A table was in use each time; so may other errors of the database.
    """
    if is_sqlite(url):
        with _only_one(connection_parameters(url)["credentials"]["file_path"]):
            names = await pending_migrations()
            if names:
                await _executor().migrate()
            return names
    parameters = connection_parameters(url)["credentials"]
    # A connection of its own holds the lock: planning makes statements fail where there is no
    # table of migrations yet.
    locking = await asyncpg.connect(
        **{name: value for name, value in parameters.items() if name in LOCK_PARAMETERS}
    )
    try:
        async with locking.transaction():
            await locking.execute(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
            names = await pending_migrations()
            if names:
                await _migrate_politely()
            return names
    finally:
        await locking.close()


@contextmanager
def _only_one(file_path: str) -> Iterator[None]:
    """Keep other processes from migrating this SQLite file; a killed one's lock is gone with it.

    The lock is an exclusive transaction on an empty file beside it, which every system that SQLite
    runs on knows. The file stays: to remove it would let a third process lock another one.
    """
    with closing(
        sqlite3.connect(f"{file_path}-migrating", timeout=MIGRATION_WAIT_S, isolation_level=None)
    ) as lock:
        lock.execute("BEGIN EXCLUSIVE")
        yield


async def _migrate_politely() -> None:
    # Tortoise tries to read this table before it makes it, which would end the transaction.
    connection = get_connection("default")
    recorder = MigrationRecorder(connection)
    await recorder.ensure_schema(AsyncpgSchemaEditor(connection, atomic=False))
    for pause_s in POLITE_PAUSES_S:
        try:
            async with in_transaction() as transaction:
                await transaction.execute_query(f"SET LOCAL lock_timeout = {LOCK_WITHIN_MS}")
                await _executor().migrate()
        except asyncpg.LockNotAvailableError:
            await asyncio.sleep(pause_s)
        else:
            return
    message = "a table that is to be changed was in use each time; nothing was changed"
    raise OperationalError(message)


async def _plan() -> list[Any]:
    return list(await _executor().plan())


def _executor() -> MigrationExecutor:
    return MigrationExecutor(get_connection("default"), tortoise_config("")["apps"])
