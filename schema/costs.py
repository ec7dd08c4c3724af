"""What fields cost, said in the schema itself: the directives of IBM's GraphQL cost specification.

Strawberry prints them into the SDL. What they add up to for a request is worked out before it is
executed, in `gateway/costs.py`.
"""

import strawberry
from strawberry import UNSET
from strawberry.schema_directive import Location

from resolvers.paging import DEFAULT_PAGE_SIZE


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION, Location.INPUT_FIELD_DEFINITION],
    description="What one use costs, where it is not 1; of an input list, what each item costs.",
)
class Cost:
    """The specification's `@cost`. Weights are text there, so that they may be fractions."""

    weight: str


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    description="How many objects a list is taken to have: the largest of its slicing arguments "
    "(the number given, or the length of a list given), else the assumed size.",
)
class ListSize:
    """The specification's `@listSize`; a slicing argument may be a path such as `input.users`."""

    assumed_size: int | None = UNSET
    slicing_arguments: list[str] | None = UNSET
    sized_fields: list[str] | None = UNSET
    """The lists, one level below the field, that have this size, in place of the field itself."""
    require_one_slicing_argument: bool = True


PAGE = ListSize(
    assumed_size=DEFAULT_PAGE_SIZE,
    slicing_arguments=["first", "last"],
    sized_fields=["edges", "nodes"],
    require_one_slicing_argument=False,
)
"""A connection."""

FETCH = Cost(weight="10")
"""A list that takes a statement of its own wherever it is asked for."""

COUNT = Cost(weight="10")
"""A count of a whole list."""

CHANGE = Cost(weight="10")
"""A mutation: a transaction with its checks, its audit event and its flush to the disk."""

IMPORT = Cost(weight="1000")
"""An import: a file of megabytes is read and kept; its rows are worked on beside the requests."""

ROW = Cost(weight="10")
"""A row of a bulk mutation, likewise."""

RARE = ListSize(assumed_size=1, require_one_slicing_argument=False)
"""A list that is empty as a rule, such as the problems of an input."""


def rows_of(path: str) -> ListSize:
    """The results of a bulk mutation: as many as its input has rows."""
    return ListSize(slicing_arguments=[path], sized_fields=["results"])
