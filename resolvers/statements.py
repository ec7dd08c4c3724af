"""Statements written by hand, where the ORM costs more than the database.

They go through Tortoise's connection, so that they are part of the transaction that is open.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise.connection import get_connection


class Statement:
    """A statement in the dialects of both engines.

    `$1`, `$2`, … stand for its values, `{joined}` for the aggregate that joins text.
    """

    def __init__(self, text: str) -> None:
        self._postgres = text.format(joined="string_agg")
        self._sqlite = text.format(joined="group_concat").replace("$", "?")

    async def rows(self, *values: object) -> Sequence[Any]:
        """Run it; rows whose values are as the driver gives them, by position and by name."""
        client = get_connection("default")
        if client.capabilities.dialect == "sqlite":
            _, rows = await client.execute_query(self._sqlite, [as_text(each) for each in values])
        else:
            _, rows = await client.execute_query(self._postgres, list(values))
        return rows


def as_text(value: object) -> object:
    """What SQLite holds for a UUID; anything else as it is."""
    return str(value) if isinstance(value, UUID) else value


def as_uuid(value: UUID | str) -> UUID:
    """A UUID column's value, from either driver."""
    return value if isinstance(value, UUID) else UUID(value)


def as_moment(value: datetime | str) -> datetime:
    """An instant column's value, from either driver."""
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)
