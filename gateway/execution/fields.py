"""One field of a selection set: its resolver, its info, its slot."""

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Any, NoReturn

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLLeafType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_leaf_type,
    is_object_type,
)
from graphql.execution.collect_fields import FieldDetailsList
from graphql.execution.values import get_argument_values

from gateway.execution.completion import Select, completer
from gateway.execution.leaves import INERT, coerce_leaf
from gateway.execution.places import Place, path_of
from gateway.execution.slots import SETTLED, Run, Slot

if TYPE_CHECKING:
    from gateway.execution.selections import Compiler

Receive = Callable[[Run, Any, Place | None], Any]
"""Takes a field's resolved value and the place of its object; gives response data."""


class Field(Slot):
    """A field of one object type in one selection set, with all nodes that were merged into it.

    Its methods take the place of the object that has the field, and make their own from it.
    """

    __slots__ = ("compiler", "definition", "key", "name", "needs_info", "parent_type")

    def __init__(
        self,
        key: str,
        definition: GraphQLField,
        parent_type: GraphQLObjectType,
        details: FieldDetailsList,
        compiler: "Compiler",
    ) -> None:
        self.key = key
        self.name = details[0].node.name.value
        self.definition = definition
        self.parent_type = parent_type
        self.details = details
        self.compiler = compiler
        named = get_named_type(definition.type)
        self.needs_info = is_abstract_type(named) or (
            is_object_type(named) and named.is_type_of is not None
        )
        super().__init__(definition.type, details, completer(definition.type, self))

    def resolve(self, run: Run, source: Any, above: Place | None) -> Any:
        """Call the resolver and settle what it returns, as `Executor.execute_field` does."""
        definition = self.definition
        resolver = definition.resolve or run.field_resolver
        if run.middleware_manager:
            resolver = run.middleware_manager.get_field_resolver(resolver)
        place = (above, self.key, self.parent_type.name)
        info = self.info(run, place)
        try:
            if not definition.args:
                return self.settle(run, resolver(source, info), place, info)
            first = self.details[0]
            arguments = get_argument_values(
                definition,
                first.node,
                run.variable_values,
                first.fragment_variable_values,
                run.hide_suggestions,
            )
            return self.settle(run, resolver(source, info, **arguments), place, info)
        except Exception as error:  # noqa: BLE001 - a field's error is part of the response
            return self.fail(run, error, place)

    def receive(self, run: Run, value: Any, above: Place | None) -> Any:
        """Settle a value that was read from the source without a resolver."""
        place = (above, self.key, self.parent_type.name)
        return self.settle(run, value, place, self.info(run, place) if self.needs_info else None)

    def receive_default(self, run: Run, value: Any, above: Place | None) -> Any:
        """Settle a value read as `default_field_resolver` does it: callables are called."""
        if not callable(value):
            return self.receive(run, value, above)
        place = (above, self.key, self.parent_type.name)
        info = self.info(run, place)
        return self.settle(run, value(info), place, info)

    def refuse(self, run: Run, error: Exception, above: Place | None) -> None:
        """Report an error of this field, as `fail` does."""
        self.fail(run, error, (above, self.key, self.parent_type.name))

    def refuse_null(self) -> NoReturn:
        """Complain of a null where there may be none."""
        message = f"Cannot return null for non-nullable field {self.parent_type}.{self.name}."
        raise TypeError(message)

    def info(self, run: Run, place: Place) -> GraphQLResolveInfo:
        """Make what a resolver, `resolve_type` or `is_type_of` is told about this field."""
        nodes = [details.node for details in self.details]
        path = path_of(place)
        return run.build_resolve_info(self.definition, nodes, self.parent_type, path)  # type: ignore[arg-type]

    def selection(self, run: Run, type_: GraphQLObjectType) -> Select:
        """Compile what is selected of this field's objects of one type."""
        collected = run.collect_subfields(type_, self.details)
        return self.compiler.selection(run, type_, collected.grouped_field_set).select


def receiver(field: Field, receive: Receive) -> Receive:
    """Put a shortcut before `receive` if the field is a leaf that has one."""
    type_ = get_nullable_type(field.type)
    if isinstance(type_, GraphQLEnumType):
        return enum_receiver(receive)
    if is_leaf_type(type_):
        return scalar_receiver(field, type_, receive)
    return receive


def scalar_receiver(field: Field, type_: GraphQLLeafType, receive: Receive) -> Receive:
    """Coerce values of well-known classes at once."""

    def receive_scalar(run: Run, value: Any, above: Place | None) -> Any:
        if value.__class__ not in INERT:
            return receive(run, value, above)
        coerced = coerce_leaf(type_, value)
        if coerced.__class__ in SETTLED or not run.is_awaitable(coerced):
            return coerced
        return field.guard(run, coerced, (above, field.key, field.parent_type.name))

    return receive_scalar


def enum_receiver(receive: Receive) -> Receive:
    """Remember the names of members, by identity: hashing a member costs a call."""
    names: dict[int, tuple[Enum, str]] = {}

    def receive_enum(run: Run, value: Any, above: Place | None) -> Any:
        known = names.get(id(value))
        if known is not None:
            return known[1]
        name = receive(run, value, above)
        if isinstance(value, Enum) and name.__class__ is str:
            names[id(value)] = value, name
        return name

    return receive_enum
