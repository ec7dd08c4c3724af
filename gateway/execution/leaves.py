"""Scalars and enums: which values are response data already, and the shortest way for the rest.

Every shortcut here asks for an exact class, so that subclasses with ideas of their own, nulls,
exceptions and awaitables take the long way.
"""

from enum import Enum
from math import isfinite
from types import NoneType
from typing import TYPE_CHECKING, Any

from graphql import (
    GRAPHQL_MAX_INT,
    GRAPHQL_MIN_INT,
    GraphQLBoolean,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLLeafType,
    GraphQLOutputType,
    GraphQLString,
    Undefined,
)
from graphql.pyutils import inspect

from gateway.execution.classes import SETTLED, ordinary
from gateway.execution.places import Place
from gateway.execution.slots import Info, Run, Slot

if TYPE_CHECKING:
    from gateway.execution.fields import Field

CERTAIN = SETTLED - {NoneType}
"""Classes of response data other than null."""

STRING = GraphQLString.coerce_output_value
ID = GraphQLID.coerce_output_value
BOOLEAN = GraphQLBoolean.coerce_output_value
INT = GraphQLInt.coerce_output_value
FLOAT = GraphQLFloat.coerce_output_value
"""The coercions that mostly give back what they are given."""

READY_NAMES = {"isfinite": isfinite}
"""What the expressions of `ready_test` refer to."""


def ready_test(type_: GraphQLLeafType) -> str | None:
    """Write what tells that `value` is response data of this type already."""
    coerce = type_.coerce_output_value
    if coerce is STRING or coerce is ID:
        return "type(value) is str"
    if coerce is BOOLEAN:
        return "type(value) is bool"
    if coerce is INT:
        return f"type(value) is int and {GRAPHQL_MIN_INT} <= value <= {GRAPHQL_MAX_INT}"
    return "type(value) is float and isfinite(value)" if coerce is FLOAT else None


def all_ready(type_: GraphQLLeafType, values: list[Any]) -> bool:
    """Tell whether a list, which isn't empty, is response data of this type already."""
    coerce = type_.coerce_output_value
    classes = {*map(type, values)}
    if classes == {str}:
        return coerce is STRING or coerce is ID
    if classes == {int}:
        in_range = min(values) >= GRAPHQL_MIN_INT and max(values) <= GRAPHQL_MAX_INT
        return coerce is INT and in_range
    if classes == {float}:
        return coerce is FLOAT and all(map(isfinite, values))
    return classes == {bool} and coerce is BOOLEAN


class ScalarSlot(Slot):
    """Takes a scalar."""

    __slots__ = ("bare", "coerce")

    def __init__(self, type_: GraphQLOutputType, bare: GraphQLLeafType, field: "Field") -> None:
        super().__init__(type_, field)
        self.bare = bare
        self.coerce = bare.coerce_output_value

    def settle(self, run: Run, value: Any, place: Place, info: Info | None) -> Any:
        """Coerce values of ordinary classes at once."""
        if type(value) not in ordinary:
            return super().settle(run, value, place, info)
        coerced = self.coerce(value)
        if type(coerced) in CERTAIN:
            return coerced
        self.require(value, coerced)
        return self.guard(run, coerced, place) if run.is_awaitable(coerced) else coerced

    def fill(self, _run: Run, value: Any, _place: Place, _info: Info | None) -> Any:
        """Coerce the value."""
        coerced = self.coerce(value)
        self.require(value, coerced)
        return coerced

    def require(self, value: Any, coerced: Any) -> None:
        """Insist that coercion gave something.

        Raises:
            TypeError: the type gave null for the value.
        """
        if coerced is None or coerced is Undefined:
            message = (
                f"Expected `{inspect(self.bare)}.coerce_output_value({inspect(value)})` to return"
                f" non-nullable value, returned: {inspect(coerced)}"
            )
            raise TypeError(message)


class EnumSlot(ScalarSlot):
    """Takes a member of an enum.

    Remembers the names of members by identity: finding them takes a search or a hash.
    """

    __slots__ = ("names",)

    def __init__(self, type_: GraphQLOutputType, bare: GraphQLLeafType, field: "Field") -> None:
        super().__init__(type_, bare, field)
        self.names: dict[int, tuple[Enum, str]] = {}

    def settle(self, run: Run, value: Any, place: Place, info: Info | None) -> Any:
        """Give the name if it is known."""
        known = self.names.get(id(value))
        if known is not None:
            return known[1]
        name = super().settle(run, value, place, info)
        if isinstance(value, Enum) and type(name) is str:
            self.names[id(value)] = value, name
        return name
