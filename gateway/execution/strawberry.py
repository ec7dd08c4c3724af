"""The compiling executor for Strawberry, whose plain fields have resolvers too."""

from inspect import getclosurevars
from typing import Any, ClassVar, cast

from graphql import GraphQLField
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField
from strawberry.types.fields.resolver import SELF_PARAMSPEC, StrawberryResolver

from gateway.execution.executor import Compiling
from gateway.execution.selections import Reader


class StrawberryCompilingExecutor(Compiling, StrawberryGraphQLCoreExecutionContext):
    """The executor class to pass to Strawberry: `Schema(execution_context_class=…)`."""

    awaitable_predicates: ClassVar = Compiling.awaitable_predicates | {optimized_is_awaitable}

    @staticmethod
    def reader_of(field: GraphQLField) -> Reader | None:
        """Tell how a field is read from its source, if that is all that its resolver does.

        Strawberry gives every field a resolver. For an attribute it ends in `getattr` after three
        calls, for a method with no parameter but `self` in the method after ten. Whatever else
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
            return method_of(definition.base_resolver)
        return None


FROM_RESOLVER = ("GraphQLCoreConverter.from_resolver.<locals>", ".")
"""Where Strawberry makes its resolvers."""


def handles_no_exceptions(resolve: Any) -> bool:
    """Tell whether a resolver made by Strawberry leaves exceptions alone."""
    return getclosurevars(resolve).nonlocals.get("field_exception_handlers") == ()


def method_of(resolver: StrawberryResolver[Any] | None) -> Reader | None:
    """Give the method that the resolver is, if it wants nothing but `self`."""
    if resolver is None or type(resolver).__call__ is not StrawberryResolver.__call__:
        return None
    wanted = [spec for spec, parameter in resolver.reserved_parameters.items() if parameter]
    if wanted == [SELF_PARAMSPEC] and not resolver.arguments:
        return cast("Reader", resolver.wrapped_func)
    return None
