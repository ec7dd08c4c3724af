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

READY_TESTS = {
    GraphQLString.coerce_output_value: "type(value) is str",
    GraphQLID.coerce_output_value: "type(value) is str",
    GraphQLBoolean.coerce_output_value: "type(value) is bool",
    GraphQLInt.coerce_output_value: (
        f"type(value) is int and {GRAPHQL_MIN_INT} <= value <= {GRAPHQL_MAX_INT}"
    ),
    GraphQLFloat.coerce_output_value: "type(value) is float and isfinite(value)",
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
