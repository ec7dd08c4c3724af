"""What statements cost by the database's own reckoning, so that no clock decides."""

import json
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

from gateway.database import connection_parameters, is_sqlite

STEPS_EACH = 10
"""SQLite counts its virtual machine's steps so many at a time."""


@dataclass(frozen=True)
class Statement:
    """A statement that the gateway sent, with its values."""

    text: str
    values: tuple[Any, ...]


class _Log(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.statements: list[Statement] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.msg == "%s: %s" and isinstance(record.args, tuple):
            text, values = record.args
            self.statements.append(Statement(str(text), tuple(values or ())))  # type: ignore[arg-type]  # Tortoise's own list


@contextmanager
def statements_sent() -> Iterator[list[Statement]]:
    """What the gateway in this process sends meanwhile, as Tortoise logs it."""
    log = _Log()
    logger = logging.getLogger("tortoise.db_client")
    level = logger.level
    logger.setLevel(logging.DEBUG)
    logger.addHandler(log)
    try:
        yield log.statements
    finally:
        logger.removeHandler(log)
        logger.setLevel(level)


def plan_of(database_url: str, statement: Statement) -> list[str]:
    """SQLite's plan, one line a step."""
    with _sqlite(database_url) as connection:
        rows = connection.execute(f"EXPLAIN QUERY PLAN {statement.text}", statement.values)
        return [row[3] for row in rows]


async def cost_of(database_url: str, statement: Statement, *, plan_mode: str = "auto") -> int:
    """How much the database does for it.

    SQLite: steps of its virtual machine. PostgreSQL: pages looked at, by EXPLAIN (ANALYZE,
    BUFFERS) of the statement prepared and executed under this `plan_cache_mode`.
    """
    if is_sqlite(database_url):
        return _steps(database_url, statement)
    return await _pages(database_url, statement, plan_mode)


def _steps(database_url: str, statement: Statement) -> int:
    taken = 0

    def count() -> int:
        nonlocal taken
        taken += STEPS_EACH
        return 0

    with _sqlite(database_url) as connection:
        connection.set_progress_handler(count, STEPS_EACH)
        connection.execute(statement.text, statement.values).fetchall()
    return taken


def _sqlite(database_url: str) -> closing[sqlite3.Connection]:
    return closing(sqlite3.connect(database_url.removeprefix("sqlite://")))


async def _pages(database_url: str, statement: Statement, plan_mode: str) -> int:
    parameters = connection_parameters(database_url)["credentials"]
    connection = await asyncpg.connect(
        host=parameters["host"],
        port=parameters["port"],
        user=parameters["user"],
        database=parameters["database"],
    )
    try:
        await connection.execute(f"SET plan_cache_mode = {plan_mode}")
        await connection.execute(f"PREPARE asked AS {statement.text}")
        values = ", ".join(_literal(value) for value in statement.values)
        plan = await connection.fetchval(
            "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) EXECUTE asked"
            + (f" ({values})" if values else "")
        )
    finally:
        await connection.close()
    root = json.loads(plan)[0]["Plan"]
    return int(root["Shared Hit Blocks"] + root["Shared Read Blocks"])


def _literal(value: object) -> str:
    """A value as SQL text, which takes the type of the parameter that it stands for."""
    return "'" + str(value).replace("'", "''") + "'"
