"""Statements written by hand, where the ORM costs more than the database.

They go through Tortoise's connection, so that they are part of the transaction that is open.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from tortoise.connection import get_connection
from tortoise.context import require_context


class Dialect(NamedTuple):
    """In what the engines differ."""

    is_sqlite: bool
    joined: str
    """The aggregate that joins text."""
    writer: str
    """The column that any table has for the transaction which wrote a row: its number, modulo 2**32
    (PostgreSQL's manual, section 5.6). On SQLite, which keeps none, a number that tells nothing."""


POSTGRES = Dialect(is_sqlite=False, joined="string_agg", writer="xmin")
SQLITE = Dialect(is_sqlite=True, joined="group_concat", writer="rowid")

STATEMENTS_KEPT = 500
"""More than there are shapes of lists."""

ANY_OF = re.compile(r"= ANY\(\$(\d+)::\w+\[\]\)")


def dialect() -> Dialect:
    """That of the database connected."""
    is_sqlite = get_connection("default").capabilities.dialect == "sqlite"
    return SQLITE if is_sqlite else POSTGRES


class Statement:
    """A statement that reads, written for PostgreSQL, that runs on both engines.

    `$1`, `$2`, … stand for its values, `= ANY($1::uuid[])` takes a list, `{joined}` and `{writer}`
    are the dialect's.
    """

    def __init__(self, text: str) -> None:
        self._postgres = text.format_map(POSTGRES._asdict())
        listed = ANY_OF.sub(r"IN (SELECT value FROM json_each($\1))", text)
        self._sqlite = listed.format_map(SQLITE._asdict()).replace("$", "?")

    async def rows(self, *values: object) -> Sequence[Any]:
        """Run it; rows whose values are as the driver gives them, by position and by name."""
        # `get_connection`, without the import that it does each time.
        client = require_context().connections.get("default")
        if client.capabilities.dialect == "sqlite":
            _, rows = await client.execute_query(self._sqlite, list(map(_for_sqlite, values)))
            return rows
        # As Tortoise does it, but for what it does to tell a reading statement from a writing one.
        client.log.debug("%s: %s", self._postgres, values)
        async with client.acquire_connection() as connection:
            fetched: Sequence[Any] = await connection.fetch(self._postgres, *values)
        return fetched


@lru_cache(maxsize=STATEMENTS_KEPT)
def numbered(text: str) -> Statement:
    """The statement of a text in which `?` stands for each value, in their order."""
    parts = text.split("?")
    values = (f"${number}{part}" for number, part in enumerate(parts[1:], start=1))
    return Statement(parts[0] + "".join(values))


def _for_sqlite(value: object) -> object:
    if isinstance(value, UUID):
        return str(value)
    return orjson.dumps(value).decode() if isinstance(value, list | tuple) else value


def as_uuid(value: UUID | str) -> UUID:
    """A UUID column's value, from either driver."""
    return value if isinstance(value, UUID) else UUID(value)


def as_moment(value: datetime | str) -> datetime:
    """An instant column's value, from either driver."""
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)
