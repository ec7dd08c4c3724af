"""The compiling executor for Strawberry."""

from typing import ClassVar

from graphql import GraphQLField
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField

from gateway.execution.executor import Compiling


class StrawberryCompilingExecutor(Compiling, StrawberryGraphQLCoreExecutionContext):
    """The executor class to pass to Strawberry: `Schema(execution_context_class=…)`."""

    awaitable_predicates: ClassVar = Compiling.awaitable_predicates | {optimized_is_awaitable}

    @staticmethod
    def attribute_of(field: GraphQLField) -> str | None:
        """Name the attribute that a field without resolver, extensions or permissions reads.

        Strawberry reads it through three calls that end in `getattr`; anything unusual on the
        way (another default resolver, a field class of its own, exception handlers) is kept.
        """
        definition = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
        if (
            isinstance(definition, StrawberryField)
            and definition.is_basic_field
            and definition.default_resolver is getattr
            and type(definition).get_result is StrawberryField.get_result
            and getattr(field.resolve, "__name__", None) == "_get_basic_result"
        ):
            return definition.python_name
        return None
