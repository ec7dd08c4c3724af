"""The database: its connection, its migrations, and whether it is fit for use."""

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from functools import partial
from typing import TYPE_CHECKING, Any

import asyncpg
from tortoise import Tortoise
from tortoise.backends.base.executor import EXECUTOR_CACHE
from tortoise.connection import get_connection
from tortoise.exceptions import BaseORMException, DBConnectionError, OperationalError

from gateway.engines.asyncpg import LOST, Client, PoolState
from gateway.engines.sqlite import GIVEN_UP
from gateway.migrations import Migrations
from gateway.urls import decoded, parameters, split_url, whole_number
from models.database import tortoise_config
from resolvers.catalogue import forget_catalogue
from resolvers.trusted_documents import forget_documents

if TYPE_CHECKING:
    from asyncpg.connection import LoggedQuery

MIGRATION_LOCK = 7_274_201
"""The key of the advisory lock that lets one `gateway migrate` at a time run on PostgreSQL."""

CONNECTION_PARAMETERS = {
    *("host", "port", "user", "password", "database", "ssl", "statement_cache_size", "timeout"),
}
"""Those that do not belong to a pool."""

SQLITE = "sqlite://"
POSTGRES = ("postgres://", "postgresql://")

SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
"""As libpq names them, and asyncpg does."""

MAX_POOL = 1_000
MAX_STATEMENTS = 10_000

BUSY_TIMEOUT_MS = 15_000
"""How long a SQLite statement waits for another process's transaction to end."""

CONNECTED_WITHIN_S = 10.0
"""How long connecting to PostgreSQL may take."""

ANSWERED_WITHIN_S = 30.0
"""How long PostgreSQL may take for a statement of a request, before it is taken to be away."""

DATABASE_TROUBLE = (*LOST, BaseORMException, sqlite3.Error)
"""What Tortoise and the two drivers raise while a database is away, has no room, or is unfit."""

AWAY = (
    OSError,  # as are TimeoutError and ConnectionError
    DBConnectionError,
    asyncpg.InterfaceError,  # the connection was lost before
    asyncpg.InternalClientError,  # it was lost that very moment
    asyncpg.PostgresConnectionError,
    asyncpg.exceptions.OperatorInterventionError,  # it shuts down, or starts
    asyncpg.exceptions.InsufficientResourcesError,  # disk, memory, connections
    asyncpg.exceptions.TransactionRollbackError,  # a deadlock, of which this was the victim
)
SQLITE_AWAY = {
    *(sqlite3.SQLITE_BUSY, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN),
}


def is_away(error: BaseException | None) -> bool:
    """Whether the database is away, has no room or gave up, rather than that a statement is wrong.

    The same may succeed later.
    """
    cause = error.args[0] if isinstance(error, OperationalError) and error.args else error
    if isinstance(cause, sqlite3.Error):
        # The low byte is the kind; the rest says where (sqlite.org/rescode.html).
        return getattr(cause, "sqlite_errorcode", 0) & 0xFF in SQLITE_AWAY
    return isinstance(cause, AWAY) or cause == GIVEN_UP


def is_sqlite(url: str) -> bool:
    """Whether this URL names a SQLite file."""
    return url.startswith(SQLITE)


def connection_parameters(url: str) -> dict[str, Any]:
    """Translate `sqlite://FILE` or `postgres://user:password@host:port/name` for Tortoise.

    PostgreSQL takes the query parameters `minsize`, `maxsize` (connections of the pool),
    `statement_cache_size` (0 behind pgbouncer in transaction mode) and `sslmode`.

    Raises:
        ValueError: It is no such URL; the text repeats nothing of it but parameters' names.
    """
    if is_sqlite(url):
        return _sqlite(url)
    if url.startswith(POSTGRES):
        return _postgres(url)
    message = "must begin with sqlite:// or postgres://"
    raise ValueError(message)


def _sqlite(url: str) -> dict[str, Any]:
    name, _, query = url.removeprefix(SQLITE).partition("?")
    path = decoded(name)
    if not path or path == ":memory:":
        message = "sqlite:// needs the path of a file"
        raise ValueError(message)
    parameters(query, known=set())
    return {
        "engine": "gateway.engines.sqlite",
        "credentials": {
            "file_path": path,
            "busy_timeout": BUSY_TIMEOUT_MS,
            "foreign_keys": "ON",
            "journal_mode": "WAL",
            "synchronous": "FULL",
        },
    }


def _postgres(url: str) -> dict[str, Any]:
    parts = split_url(url)
    name = parts.path.removeprefix("/")
    if not name or "/" in name or parts.fragment:
        message = "must be such as postgres://user:password@host:5432/name"
        raise ValueError(message)
    options = parameters(
        parts.query, known={"minsize", "maxsize", "statement_cache_size", "sslmode"}
    )
    maxsize = whole_number(options.get("maxsize", "10"), "maxsize", least=1, most=MAX_POOL)
    minsize = whole_number(options.get("minsize", "1"), "minsize", least=0, most=MAX_POOL)
    if minsize > maxsize:
        message = f"minsize must not exceed maxsize, which is {maxsize}"
        raise ValueError(message)
    credentials: dict[str, Any] = {
        "host": parts.hostname,
        "port": parts.port or 5432,
        "user": decoded(parts.username or "postgres"),
        "password": decoded(parts.password) if parts.password else None,
        "database": decoded(name),
        "minsize": minsize,
        "maxsize": maxsize,
        "application_name": "commerce-gateway",
        "timeout": CONNECTED_WITHIN_S,
        "reset": _leave_as_it_is,
    }
    if (size := options.get("statement_cache_size")) is not None:
        credentials["statement_cache_size"] = whole_number(
            size, "statement_cache_size", least=0, most=MAX_STATEMENTS
        )
    if (mode := options.get("sslmode")) is not None:
        if mode not in SSL_MODES:
            message = f"sslmode must be one of {', '.join(SSL_MODES)}"
            raise ValueError(message)
        credentials["ssl"] = mode
    return {"engine": "gateway.engines.asyncpg", "credentials": credentials}


async def _leave_as_it_is(_connection: asyncpg.Connection) -> None:
    """Give a connection back to the pool without a statement that resets the session.

    We set nothing in it; asyncpg itself sees to it that no transaction is left open.
    """


def was_deadlocked(error: BaseException | None) -> bool:
    """Whether PostgreSQL ended a deadlock by giving this transaction up; SQLite knows none."""
    return isinstance(error, asyncpg.exceptions.TransactionRollbackError)


@asynccontextmanager
async def connected(
    url: str,
    *,
    answered_within_s: float | None = None,
    on_statement: Callable[["LoggedQuery"], None] | None = None,
) -> AsyncIterator[None]:
    """Keep the database connected, for every task of the process, while the block runs.

    A statement that PostgreSQL does not answer in time ends in a TimeoutError; without a time, as
    for migrations, it may take as long as it likes. `on_statement` is told of each, soon after it
    ended, in the context of the task that ran it.

    What the process remembers of another database is forgotten: the catalogue, the trusted
    documents, and Tortoise's statements, which it keeps by model and connection name in the last
    engine's dialect.

    Raises:
        OSError: A SQLite file can't be opened. PostgreSQL is connected to on first use.
    """
    parameters = connection_parameters(url)
    if is_sqlite(url):
        _try_file(parameters["credentials"]["file_path"])
    else:
        parameters["credentials"] = pool_parameters(
            url, answered_within_s=answered_within_s, on_statement=on_statement
        )
    EXECUTOR_CACHE.clear()
    forget_catalogue()
    forget_documents()
    await Tortoise.init(config=tortoise_config(parameters), _enable_global_fallback=True)
    try:
        yield
    finally:
        await Tortoise.close_connections()


def pool_parameters(
    url: str,
    *,
    answered_within_s: float | None,
    on_statement: Callable[["LoggedQuery"], None] | None,
) -> dict[str, Any]:
    """What a pool of connections to PostgreSQL is made from; the rest is as for `connected`."""
    parameters: dict[str, Any] = connection_parameters(url)["credentials"]
    parameters["command_timeout"] = answered_within_s
    if on_statement is not None:
        parameters["init"] = partial(_listen, on_statement)
    return parameters


async def _listen(
    on_statement: Callable[["LoggedQuery"], None], connection: asyncpg.Connection
) -> None:
    connection.add_query_logger(on_statement)


def pool_state() -> PoolState | None:
    """How many connections there are; None on SQLite, and before the first use."""
    client = get_connection("default")
    return client.pool_state() if isinstance(client, Client) else None


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
    return await Migrations().pending()


async def migrate(url: str) -> list[str]:
    """Bring the connected database at `url` to the newest schema; the names of what was applied.

    Each migration is one transaction, and one process at a time does this. On PostgreSQL it holds
    an advisory lock by a connection of its own meanwhile, since Tortoise's planning makes
    statements fail where there is no table of migrations yet.

    Raises:
        OperationalError: A table was in use for too long; so may other errors of the database.
    """
    if is_sqlite(url):
        return await Migrations().apply_pending()
    # A connection of its own holds the lock: planning makes statements fail where there is no
    # table of migrations yet.
    locking = await own_connection(url)
    try:
        async with locking.transaction():
            await locking.execute(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
            return await Migrations().apply_pending()
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
