"""The compiling executor for Strawberry, where every field has a resolver."""

from collections.abc import Callable
from inspect import Parameter, getclosurevars
from typing import Any, ClassVar, cast

from graphql import (
    FieldNode,
    GraphQLArgument,
    GraphQLField,
    GraphQLFieldResolver,
    GraphQLObjectType,
    GraphQLResolveInfo,
    Undefined,
    is_non_null_type,
)
from strawberry import ID
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.base import StrawberryObjectDefinition, StrawberryOptional
from strawberry.types.cast import TYPE_CAST_ATTRIBUTE
from strawberry.types.field import StrawberryField
from strawberry.types.fields.resolver import (
    INFO_PARAMSPEC,
    PARENT_PARAMSPEC,
    ROOT_PARAMSPEC,
    SELF_PARAMSPEC,
    StrawberryResolver,
)

from gateway.execution.dialects import Reader
from gateway.execution.executor import Compiling

BACKREF = GraphQLCoreConverter.DEFINITION_BACKREF
CONVERTER = "GraphQLCoreConverter.from_"
LEAVES = {str, int, float, bool, ID}
"""Classes of arguments of which nothing is made."""


class StrawberryCompilingExecutor(Compiling, StrawberryGraphQLCoreExecutionContext):
    """The executor class to pass to Strawberry: `Schema(execution_context_class=…)`.

    Strawberry's resolver for an attribute ends in `getattr` after three calls, that for a method
    in the method after ten. What could happen on the way (extensions, permissions, exception
    handlers, a field or resolver class or a default resolver of the program's own) is known
    when the schema is made; where nothing can, the way is cut short.
    """

    constants: ClassVar[frozenset[type]] = frozenset()
    """Types of a program's own whose objects never change, nor what is read of them."""

    awaitable_predicates: ClassVar = Compiling.awaitable_predicates | {optimized_is_awaitable}

    @staticmethod
    def reader_of(field: GraphQLField, node: FieldNode) -> Reader | None:
        """Tell of attributes, and of methods that get nothing but `self`.

        Arguments that the document leaves out, and the schema has no default for, are not passed.
        """
        definition = simple_definition(field)
        if definition is None:
            return None
        if made_by(field.resolve) == "resolver.<locals>._get_basic_result":
            return definition.python_name if definition.default_resolver is getattr else None
        resolver = simple_resolver(definition, field)
        if resolver is None or wanted_by(resolver) != [SELF_PARAMSPEC] or required_by(resolver):
            return None
        if node.arguments or any(map(always_passed, field.args.values())):
            return None
        return cast("Reader", resolver.wrapped_func)

    @staticmethod
    def resolver_of(field: GraphQLField) -> GraphQLFieldResolver | None:
        """Give what calls the method itself, unless there are arguments to convert.

        Leaves need no conversion, but the names that they have in Python.
        """
        definition = simple_definition(field)
        resolver = definition and simple_resolver(definition, field)
        if not resolver:
            return None
        original = cast("GraphQLFieldResolver", field.resolve)
        function = cast("Callable[..., Any]", resolver.wrapped_func)
        make_info = getclosurevars(original).nonlocals["_strawberry_info_from_graphql"]
        parameters = resolver.reserved_parameters
        has_self = parameters[SELF_PARAMSPEC] is not None
        sources = [
            parameter.name
            for spec in (PARENT_PARAMSPEC, ROOT_PARAMSPEC)
            if (parameter := parameters[spec])
        ]
        infos = [parameter.name] if (parameter := parameters[INFO_PARAMSPEC]) else []
        leaves = leaf_arguments(field)
        required = required_by(resolver)

        def resolve(source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
            if not leaves.keys() >= arguments.keys():
                return original(source, info, **arguments)
            named = {leaves[name]: value for name, value in arguments.items()}
            if not named.keys() >= required:
                return original(source, info, **arguments)
            for name in sources:
                named[name] = source
            for name in infos:
                named[name] = make_info(info)
            return function(source, **named) if has_self else function(**named)

        return resolve

    @classmethod
    def is_constant(cls, type_: GraphQLObjectType) -> bool:
        """Tell whether the class of its objects is among `constants`."""
        return getattr(type_.extensions.get(BACKREF), "origin", None) in cls.constants

    @staticmethod
    def class_of(type_: GraphQLObjectType) -> tuple[type, str] | None:
        """Give the decorated class: Strawberry asks `isinstance`, unless the object is cast."""
        definition = type_.extensions.get(BACKREF)
        if (
            isinstance(definition, StrawberryObjectDefinition)
            and made_by(type_.is_type_of) == "object.<locals>._get_is_type_of.<locals>.is_type_of"
        ):
            return definition.origin, TYPE_CAST_ATTRIBUTE
        return None


def always_passed(argument: GraphQLArgument) -> bool:
    """Tell whether an argument is passed, or refused, even if the document leaves it out."""
    has_default = argument.default_value is not Undefined or argument.default is not None
    return has_default or is_non_null_type(argument.type)


def leaf_arguments(field: GraphQLField) -> dict[str, str]:
    """Give the names in Python of the arguments whose values Strawberry passes on as they are."""
    names = {}
    for name, argument in field.args.items():
        definition = argument.extensions.get(BACKREF)
        if isinstance(definition, StrawberryArgument):
            type_ = definition.type
            bare = type_.of_type if type(type_) is StrawberryOptional else type_
            if bare in LEAVES:
                names[name] = definition.python_name
    return names


def required_by(resolver: StrawberryResolver[Any]) -> frozenset[str]:
    """Name the arguments, as Python does, without which a resolver can't be called."""
    reserved = [each.name for each in resolver.reserved_parameters.values() if each]
    return frozenset(
        parameter.name
        for parameter in resolver.signature.parameters.values()
        if parameter.default is Parameter.empty and parameter.name not in reserved
    )


def made_by(function: object) -> str | None:
    """Name the function within Strawberry's converter, if that is where it was made."""
    name = getattr(function, "__qualname__", "")
    return name.removeprefix(CONVERTER) if name.startswith(CONVERTER) else None


def simple_definition(field: GraphQLField) -> StrawberryField | None:
    """Give Strawberry's field, if it gets its result in Strawberry's way and has no extensions."""
    definition = field.extensions.get(BACKREF)
    if (
        isinstance(definition, StrawberryField)
        and not definition.extensions
        and type(definition).get_result is StrawberryField.get_result
    ):
        return definition
    return None


def simple_resolver(
    definition: StrawberryField, field: GraphQLField
) -> StrawberryResolver[Any] | None:
    """Give the field's own function, if nothing handles its errors."""
    resolver = definition.base_resolver
    if (
        resolver is not None
        and type(resolver).__call__ is StrawberryResolver.__call__
        and made_by(field.resolve)
        in {"resolver.<locals>._resolver", "resolver.<locals>._async_resolver"}
        and getclosurevars(cast("Any", field.resolve)).nonlocals["field_exception_handlers"] == ()
    ):
        return resolver
    return None


def wanted_by(resolver: StrawberryResolver[Any]) -> list[Any]:
    """List the kinds of things that a resolver asks for beside its arguments."""
    return [spec for spec, parameter in resolver.reserved_parameters.items() if parameter]
