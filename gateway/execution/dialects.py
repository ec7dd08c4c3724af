"""What is known of the resolvers that a schema library makes, beyond what graphql-core knows."""

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

from graphql import FieldNode, GraphQLField, GraphQLFieldResolver, GraphQLObjectType

Reader: TypeAlias = str | Callable[[Any], Any]
"""The name of an attribute of the source, or a function of nothing but the source."""


class Dialect(Protocol):
    """Shorter ways to the same end, or None where there is none. These know of none."""

    @staticmethod
    def reader_of(field: GraphQLField, node: FieldNode) -> Reader | None:  # noqa: ARG004 - others look at it
        """Tell how a field is read from its source, if that is all that its resolver does here.

        Fields without a resolver needn't be told: they are read as `default_field_resolver` does.
        """
        return None

    @staticmethod
    def resolver_of(field: GraphQLField) -> GraphQLFieldResolver | None:  # noqa: ARG004 - others look at it
        """Give a resolver that does the same as the field's own with less ado."""
        return None

    @classmethod
    def is_constant(cls, type_: GraphQLObjectType) -> bool:  # noqa: ARG003 - others look at it
        """Tell whether objects of the type, and all that is read of them, never change.

        Then what is selected of one is worked out once for all requests, and they share it.
        """
        return False

    @staticmethod
    def class_of(type_: GraphQLObjectType) -> tuple[type, str] | None:  # noqa: ARG004 - others look at it
        """Give the class whose instances are of this type for certain, going by `is_type_of`.

        Those are excepted that have the attribute which is named; `is_type_of` has to be asked.
        Where there is such a class, `is_type_of` must have no use for the info.
        """
        return None
