"""How much a request may ask for, before anything is made of it.

Filters, paths and lists of attributes are tried on each resource, so that a long one times many
resources would keep everybody else waiting.
"""

from collections.abc import Mapping
from typing import Any

from scim2_models import InvalidFilterException, InvalidPathException, InvalidValueException

MAX_LENGTH = 4_000
"""Of a filter, a path or the name of an attribute."""

MAX_BRACKETS = 50
MAX_ATTRIBUTES = 100
MAX_OPERATIONS = 100
MAX_ENTRIES = 100
"""Of a list in an operation, unless they are members."""

MAX_BULK_OPERATIONS = 100
"""Of a bulk request."""

MEMBERS = "members"

SHAPE = ("attributes", "excludedAttributes")


def check_length(given: Mapping[str, Any]) -> None:
    """Refuse parameters of a search that are too long.

    Raises:
        InvalidFilterException: The filter is.
        InvalidValueException: Something else is, or there are too many attributes.
    """
    for name, value in given.items():
        names = value.split(",") if name in SHAPE and isinstance(value, str) else value
        if isinstance(names, list) and len(names) > MAX_ATTRIBUTES:
            raise InvalidValueException(detail=f"{name} names more than {MAX_ATTRIBUTES}.")
        for each in names if isinstance(names, list) else [names]:
            if isinstance(each, str) and _is_long(each):
                error = InvalidFilterException if name == "filter" else InvalidValueException
                raise error(detail=f"{name} {TOO_LONG}")


def check_operations(body: Mapping[str, Any]) -> None:
    """Refuse a PATCH of too many operations, or with a path that is too long.

    Raises:
        InvalidValueException: There are too many.
        InvalidPathException: A path is too long.
    """
    for name, operations in body.items():
        if name.lower() != "operations" or not isinstance(operations, list):
            continue
        if len(operations) > MAX_OPERATIONS:
            raise InvalidValueException(detail=f"There are more than {MAX_OPERATIONS} operations.")
        for operation in operations:
            texts = [*operation, *operation.values()] if isinstance(operation, dict) else []
            if any(isinstance(each, str) and _is_long(each) for each in texts):
                raise InvalidPathException(detail=f"An operation {TOO_LONG}")
            if isinstance(operation, dict):
                _check_entries(operation)


def _check_entries(operation: Mapping[str, Any]) -> None:
    """Let only members be many: `member_moves` is quick, and the library's way is not."""
    for name, value in operation.items():
        if isinstance(value, dict):
            _check_entries(value)
        is_of_members = MEMBERS in {name.lower(), str(operation.get("path", "")).lower()}
        if isinstance(value, list) and len(value) > MAX_ENTRIES and not is_of_members:
            raise InvalidValueException(detail=f"{name} has more than {MAX_ENTRIES} entries.")


TOO_LONG = f"has more than {MAX_LENGTH} characters, or {MAX_BRACKETS} brackets."


def _is_long(text: str) -> bool:
    return len(text) > MAX_LENGTH or text.count("(") + text.count("[") > MAX_BRACKETS
