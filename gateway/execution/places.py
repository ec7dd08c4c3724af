"""Where in the response a value goes.

graphql-core makes a `Path` for every field of every row, and nearly all are thrown away unread.
A place is the same linked list of bare tuples, several times cheaper to make, and becomes a
`Path` when a resolver or an error asks for one. Root fields have no place above them: `None`.
"""

from typing import Any, TypeAlias

from graphql.pyutils import Path

Place: TypeAlias = tuple[Any, str | int, str | None]
"""The place above (or None), the response key or list index, the type that has the field."""


def path_at(place: Place) -> Path:
    """Give the place as the `Path` that graphql-core would have made."""
    if isinstance(place, Path):
        return place
    above, key, typename = place
    return tuple.__new__(Path, (path_of(above), key, typename))  # as Path(…), in half the time


def path_of(place: Place | None) -> Path | None:
    """Give the place of an object as a `Path`; the root's is None."""
    return None if place is None else path_at(place)
