"""Scalars and enums: which values are response data already, and the shortest way for the rest.

Every shortcut here asks for an exact class, so that subclasses with ideas of their own, nulls,
exceptions and awaitables take the long way.
"""

import datetime as dt
from decimal import Decimal
from math import isfinite
from typing import Any
from uuid import UUID

from graphql import (
    GRAPHQL_MAX_INT,
    GRAPHQL_MIN_INT,
    GraphQLBoolean,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLLeafType,
    GraphQLString,
    Undefined,
)
from graphql.pyutils import inspect

INERT = frozenset(
    {str, int, float, bool, bytes, UUID, Decimal, dt.datetime, dt.date, dt.time, dt.timedelta}
)
"""Classes whose instances are no awaitables, no exceptions and no null."""

READY_TESTS = {
    GraphQLString.coerce_output_value: "value.__class__ is str",
    GraphQLID.coerce_output_value: "value.__class__ is str",
    GraphQLBoolean.coerce_output_value: "value.__class__ is bool",
    GraphQLInt.coerce_output_value: (
        f"value.__class__ is int and {GRAPHQL_MIN_INT} <= value <= {GRAPHQL_MAX_INT}"
    ),
    GraphQLFloat.coerce_output_value: "value.__class__ is float and isfinite(value)",
}
"""For each coercion that mostly gives back what it is given: the expression that says it will."""

READY_NAMES = {"isfinite": isfinite}
"""What those expressions refer to."""


def ready_test(type_: GraphQLLeafType) -> str | None:
    """Give the expression by which `value` is seen to be response data of this type already."""
    return READY_TESTS.get(type_.coerce_output_value)


def all_ready(type_: GraphQLLeafType, values: list[Any]) -> bool:
    """Tell whether a whole list is response data of this type already."""
    classes = {*map(type, values)}
    coerce = type_.coerce_output_value
    if coerce is GraphQLInt.coerce_output_value:
        return classes == {int} and GRAPHQL_MIN_INT <= min(values) <= max(values) <= GRAPHQL_MAX_INT
    if coerce is GraphQLFloat.coerce_output_value:
        return classes == {float} and all(map(isfinite, values))
    if coerce is GraphQLBoolean.coerce_output_value:
        return classes == {bool}
    return classes == {str} and coerce in READY_TESTS


def coerce_leaf(type_: GraphQLLeafType, value: Any) -> Any:
    """Coerce a value that isn't null.

    Raises:
        TypeError: the type gave null for it.
    """
    coerced = type_.coerce_output_value(value)
    if coerced is None or coerced is Undefined:
        message = (
            f"Expected `{inspect(type_)}.coerce_output_value({inspect(value)})` to return"
            f" non-nullable value, returned: {inspect(coerced)}"
        )
        raise TypeError(message)
    return coerced
