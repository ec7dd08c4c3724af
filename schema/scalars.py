"""Scalars: moments, e-mail addresses and links."""

from datetime import UTC, datetime
from typing import NewType

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

EmailAddress = NewType("EmailAddress", str)
URL = NewType("URL", str)


def write_moment(moment: datetime) -> str:
    """ISO 8601 in UTC with a `Z`, to the microsecond where there are any."""
    in_utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return in_utc.isoformat().replace("+00:00", "Z")


def read_moment(value: object) -> datetime:
    """An ISO 8601 moment; without an offset it is UTC.

    Raises:
        GraphQLError: It is none.
    """
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        if moment is not None and moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):  # the latter in the years 1 and 9999
        moment = None
    if moment is None:
        message = "A DateTime is text such as 2026-11-24T09:30:00Z."
        raise GraphQLError(message)
    return moment.replace(tzinfo=UTC)


def read_text(value: object) -> str:
    """Text as it is.

    Raises:
        GraphQLError: It is not text.
    """
    if not isinstance(value, str):
        message = "Text is expected."
        raise GraphQLError(message)
    return value


SCALARS: dict[object, ScalarDefinition] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="A moment in time, ISO 8601, UTC.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        serialize=write_moment,
        parse_value=read_moment,
    ),
    EmailAddress: strawberry.scalar(
        name="EmailAddress",
        description="An e-mail address, kept as typed and compared case-insensitively.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc5322",
        parse_value=read_text,
    ),
    URL: strawberry.scalar(
        name="URL",
        description="An absolute address of a page.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3986",
        parse_value=read_text,
    ),
}
"""What the schema serialises each of these types by."""
