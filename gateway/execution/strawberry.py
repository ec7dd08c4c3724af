"""The compiling executor for Strawberry, whose plain fields have resolvers too."""

from inspect import getclosurevars
from typing import Any, ClassVar, cast

from graphql import (
    FieldNode,
    GraphQLArgument,
    GraphQLField,
    GraphQLObjectType,
    Undefined,
    is_non_null_type,
)
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField
from strawberry.types.fields.resolver import SELF_PARAMSPEC, StrawberryResolver

from gateway.execution.executor import Compiling
from gateway.execution.selections import Reader, TypeTest


class StrawberryCompilingExecutor(Compiling, StrawberryGraphQLCoreExecutionContext):
    """The executor class to pass to Strawberry: `Schema(execution_context_class=…)`."""

    awaitable_predicates: ClassVar = Compiling.awaitable_predicates | {optimized_is_awaitable}

    constants: ClassVar[frozenset[type]] = frozenset()
    """Types of a program's own whose objects never change, nor what is read of them."""

    @staticmethod
    def reader_of(field: GraphQLField, node: FieldNode) -> Reader | None:
        """Tell how a field is read from its source, if that is all that its resolver does.

        Strawberry gives every field a resolver. For an attribute it ends in `getattr` after three
        calls, for a method that is given nothing but `self` in the method after ten. Whatever else
        could happen on the way (extensions, permissions, exception handlers, a field or resolver
        class or a default resolver of the program's own) makes it a field like any other.
        """
        definition = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
        if (
            not isinstance(definition, StrawberryField)
            or definition.extensions
            or type(definition).get_result is not StrawberryField.get_result
        ):
            return None
        made_by = getattr(field.resolve, "__qualname__", "").rpartition(".")
        if made_by == (*FROM_RESOLVER, "_get_basic_result"):
            return definition.python_name if definition.default_resolver is getattr else None
        if made_by == (*FROM_RESOLVER, "_resolver") and handles_no_exceptions(field.resolve):
            return method_of(definition.base_resolver, field, node)
        return None


    @staticmethod
    def type_test_of(type_: GraphQLObjectType) -> TypeTest | None:
        """Give the function of nothing but the object that `is_type_of` amounts to.

        Strawberry gives one to types with interfaces. It looks at the object alone.
        """
        test = type_.is_type_of
        if test is None or not getattr(test, "__qualname__", "").startswith(CONVERTER):
            return None
        return lambda value: test(value, cast("Any", None))

    @classmethod
    def is_constant(cls, type_: GraphQLObjectType) -> bool:
        """Tell whether the class of its objects is among `constants`."""
        definition = type_.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
        return getattr(definition, "origin", None) in cls.constants


CONVERTER = f"{GraphQLCoreConverter.__qualname__}."
FROM_RESOLVER = ("GraphQLCoreConverter.from_resolver.<locals>", ".")
"""Where Strawberry makes its resolvers."""


def handles_no_exceptions(resolve: Any) -> bool:
    """Tell whether a resolver made by Strawberry leaves exceptions alone."""
    return getclosurevars(resolve).nonlocals.get("field_exception_handlers") == ()


def method_of(
    resolver: StrawberryResolver[Any] | None, field: GraphQLField, node: FieldNode
) -> Reader | None:
    """Give the method that the resolver is, if it gets nothing but `self`.

    Arguments that the document leaves out, and the schema has no default for, are not passed.
    """
    if resolver is None or type(resolver).__call__ is not StrawberryResolver.__call__:
        return None
    wanted = [spec for spec, parameter in resolver.reserved_parameters.items() if parameter]
    optional = not node.arguments and not any(map(always_passed, field.args.values()))
    if wanted == [SELF_PARAMSPEC] and (not resolver.arguments or optional):
        return cast("Reader", resolver.wrapped_func)
    return None


def always_passed(argument: GraphQLArgument) -> bool:
    """Tell whether an argument is passed, or refused, even if the document leaves it out."""
    has_default = argument.default_value is not Undefined or argument.default is not None
    return has_default or is_non_null_type(argument.type)
