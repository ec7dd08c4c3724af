"""One field of a selection set: its resolver, its info, its slot."""

from typing import TYPE_CHECKING, Any, NoReturn, cast

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLObjectType,
    GraphQLOutputType,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_object_type,
)
from graphql.execution.collect_fields import FieldDetailsList
from graphql.execution.values import get_argument_values

from gateway.execution.leaves import EnumSlot, ScalarSlot
from gateway.execution.lists import ListSlot
from gateway.execution.objects import AbstractSlot, ConstantSlot, ObjectSlot
from gateway.execution.places import Place, path_at
from gateway.execution.slots import Info, Run, Slot

if TYPE_CHECKING:
    from gateway.execution.selections import Compiler, Selection


class Field:
    """A field of one object type in one selection set, with all nodes that were merged into it."""

    __slots__ = (
        "compiler",
        "definition",
        "details",
        "key",
        "name",
        "needs_info",
        "parent_type",
        "resolver",
        "resolves",
        "slot",
    )

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
        self.resolver = compiler.resolver_of(definition)
        self.resolves = False
        self.slot = slot_of(definition.type, self)
        named = get_named_type(definition.type)
        self.needs_info = is_abstract_type(named) or (
            is_object_type(named)
            and named.is_type_of is not None
            and compiler.dialect.class_of(named) is None
        )

    def resolve(self, run: Run, source: Any, above: Place | None) -> Any:
        """Call the resolver and settle what it returns, as `Executor.execute_field` does."""
        resolver = self.resolver or run.field_resolver
        if run.middleware_manager:
            resolver = run.middleware_manager.get_field_resolver(resolver)
        place = (above, self.key, self.parent_type.name)
        info = self.info(run, place)
        try:
            arguments = self.arguments(run) if self.definition.args else {}
            return self.slot.settle(run, resolver(source, info, **arguments), place, info)
        except Exception as error:  # noqa: BLE001 - a field's error is part of the response
            return self.slot.fail(run, error, place)

    def arguments(self, run: Run) -> dict[str, Any]:
        """Give the arguments, made anew each time: resolvers may keep or change them.

        Raises:
            GraphQLError: one isn't what its type demands.
        """
        first = self.details[0]
        return get_argument_values(
            self.definition,
            first.node,
            run.variable_values,
            first.fragment_variable_values,
            run.hide_suggestions,
        )

    def settle_default(self, run: Run, value: Any, place: Place, info: Info | None) -> Any:
        """Settle a value read as `default_field_resolver` does it: callables are called."""
        if callable(value):
            info = self.info(run, place)
            value = value(info)
        return self.slot.settle(run, value, place, info)

    def refuse(self, run: Run, error: Exception, above: Place | None) -> Any:
        """Report an error of this field of the object at `above`."""
        return self.slot.fail(run, error, (above, self.key, self.parent_type.name))

    def refuse_null(self) -> NoReturn:
        """Complain of a null where there may be none."""
        message = f"Cannot return null for non-nullable field {self.parent_type}.{self.name}."
        raise TypeError(message)

    def info(self, run: Run, place: Place) -> Info:
        """Make what a resolver, `resolve_type` or `is_type_of` is told about this field."""
        nodes = [details.node for details in self.details]
        return run.build_resolve_info(self.definition, nodes, self.parent_type, path_at(place))

    def selection(self, run: Run, type_: GraphQLObjectType) -> "Selection":
        """Compile what is selected of this field's objects of one type."""
        collected = run.collect_subfields(type_, self.details)
        selection = self.compiler.selection(run, type_, collected.grouped_field_set)
        self.resolves = self.resolves or selection.resolves
        return selection


def slot_of(type_: GraphQLOutputType, field: Field) -> Slot:
    """Prepare the slot for values of a type, met in this field."""
    bare = get_nullable_type(type_)
    if is_list_type(bare):
        return ListSlot(type_, bare, slot_of(bare.of_type, field), field)
    if is_leaf_type(bare):
        kind = EnumSlot if isinstance(bare, GraphQLEnumType) else ScalarSlot
        return kind(type_, bare, field)
    if is_abstract_type(bare):
        return AbstractSlot(type_, bare, field)
    object_type = cast("GraphQLObjectType", bare)
    if field.compiler.dialect.is_constant(object_type):
        return ConstantSlot(type_, object_type, field)
    return ObjectSlot(type_, object_type, field)
