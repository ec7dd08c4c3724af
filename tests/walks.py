"""Ways through the graph: queries that are made from the schema, to reach each of its fields."""

import json
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_composite_type,
    is_required_argument,
)

from schema.graph import build

Abstract = GraphQLInterfaceType | GraphQLUnionType
Composite = GraphQLObjectType | Abstract


def graph() -> GraphQLSchema:
    """The schema as graphql-core knows it."""
    return build()._schema  # noqa: SLF001 - Strawberry's only way to graphql-core


def object_types() -> list[GraphQLObjectType]:
    """Every object type but the roots and introspection, by name."""
    schema = graph()
    roots = {schema.query_type, schema.mutation_type, schema.subscription_type}
    return [
        type_
        for name, type_ in sorted(schema.type_map.items())
        if isinstance(type_, GraphQLObjectType) and type_ not in roots and name[:2] != "__"
    ]


def fields_of(type_name: str) -> dict[str, GraphQLField]:
    """The fields of an object type."""
    type_ = graph().type_map[type_name]
    if not isinstance(type_, GraphQLObjectType):
        raise TypeError(type_name)
    fields: dict[str, GraphQLField] = type_.fields
    return fields


def is_node(type_: GraphQLNamedType) -> bool:
    """Whether it can be fetched by its id alone."""
    return isinstance(type_, GraphQLObjectType) and "Node" in {
        interface.name for interface in type_.interfaces
    }


def id_slots(root: str) -> list[tuple[str, ...]]:
    """Where the fields of a root take ids: field, argument, and the way into its input objects."""
    return [
        (name, argument, *rest)
        for name, field in fields_of(root).items()
        for argument, each in field.args.items()
        for rest in _ids_in(get_named_type(each.type))
    ]


def _ids_in(type_: GraphQLNamedType) -> Iterator[tuple[str, ...]]:
    if type_.name == "ID":
        yield ()
    elif isinstance(type_, GraphQLInputObjectType):
        for name, field in type_.fields.items():
            for rest in _ids_in(get_named_type(field.type)):
                yield (name, *rest)


@dataclass(frozen=True, slots=True)
class Step:
    """A field on the way, and the object type of what it gives."""

    parent: str
    field: str
    type_name: str


Way = tuple[Step, ...]


BY_ID = {("Query", "node"), ("Query", "nodes")}
"""These lead to every node, so they are no way to a type."""


def routes(arguments: Mapping[str, Mapping[str, Any]]) -> dict[str, Way]:
    """The shortest way from Query to each object type that one can be found to.

    `arguments` has the values of arguments by `Type.field`; a field that needs others is no way.
    """
    found: dict[str, Way] = {"Query": ()}
    queue = deque(["Query"])
    while queue:
        name = queue.popleft()
        for field_name, field in fields_of(name).items():
            known = arguments.get(f"{name}.{field_name}", {})
            needed = [key for key, each in field.args.items() if is_required_argument(each)]
            if (name, field_name) in BY_ID or set(needed) - set(known):
                continue
            for reached in concrete(get_named_type(field.type)):
                if reached not in found:
                    found[reached] = (*found[name], Step(name, field_name, reached))
                    queue.append(reached)
    return found


def way_along(fields: Sequence[str], type_name: str) -> Way:
    """The way from Query by these fields to an object type."""
    parent, steps = "Query", []
    for index, field in enumerate(fields):
        reached = concrete(get_named_type(fields_of(parent)[field].type))
        wanted = type_name if index == len(fields) - 1 else reached[0]
        steps.append(Step(parent, field, wanted))
        parent = wanted
    return tuple(steps)


def concrete(type_: GraphQLNamedType) -> list[str]:
    """The object types that a value of this type may have; none for a leaf."""
    if isinstance(type_, Abstract):
        return [possible.name for possible in graph().get_possible_types(type_)]
    return [type_.name] if isinstance(type_, GraphQLObjectType) else []


def call(type_name: str, field: str, arguments: Mapping[str, Mapping[str, Any]]) -> str:
    """The field with its arguments, as text.

    Raises:
        KeyError: A required argument has no value; the table of arguments must say one.
    """
    key = f"{type_name}.{field}"
    known = arguments.get(key, {})
    for name, argument in fields_of(type_name)[field].args.items():
        if is_required_argument(argument) and name not in known:
            raise KeyError(f"{key} needs a value for {name}")  # noqa: EM102, TRY003 - for the reader
    given = ", ".join(f"{name}: {literal(value)}" for name, value in known.items())
    return f"{field}({given})" if given else field


class EnumValue(str):
    """A value that is written without quotes."""

    __slots__ = ()


def literal(value: Any) -> str:
    """A value as GraphQL writes it."""
    if isinstance(value, EnumValue):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {literal(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(literal, value)) + "]"
    return json.dumps(value)


def selection(type_: GraphQLNamedType, arguments: Mapping[str, Mapping[str, Any]]) -> str:
    """What is selected of a value: of nodes and problems who they are, of all else everything."""
    if not is_composite_type(type_):
        return ""
    if type_.name == "Node" or is_node(type_):
        return " { __typename id }"
    if type_.name == "UserError":
        return " { __typename code }"
    if not isinstance(type_, GraphQLObjectType):
        raise TypeError(type_.name)
    fields = " ".join(
        call(type_.name, name, arguments) + selection(get_named_type(field.type), arguments)
        for name, field in type_.fields.items()
    )
    return f" {{ __typename {fields} }}"


def query(way: Way, inner: str, arguments: Mapping[str, Mapping[str, Any]]) -> str:
    """An operation that goes this way and selects `inner` at its end."""
    text = inner
    for step in reversed(way):
        text = (
            f"{call(step.parent, step.field, arguments)} {{ ... on {step.type_name} {{ {text} }} }}"
        )
    return f"{{ {text} }}"


def follow(data: Any, way: list[str]) -> list[Any]:
    """The values at the end of a way of field names, through lists; nulls are left out."""
    values = [data]
    for name in way:
        values = [each.get(name) for each in _flat(values) if each is not None]
    return [each for each in _flat(values) if each is not None]


def _flat(values: list[Any]) -> Iterator[Any]:
    for each in values:
        if isinstance(each, list):
            yield from _flat(each)
        else:
            yield each
