"""The graph keeps the contract, describes every member, and its committed text is current."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    build_schema,
    is_introspection_type,
    is_specified_scalar_type,
    value_from_ast_untyped,
)

from schema.graph import SDL_FILE, sdl

CONTRACT = Path(__file__).with_name("contract.graphql")


@pytest.fixture(scope="module")
def ours() -> GraphQLSchema:
    return build_schema(sdl())


@pytest.fixture(scope="module")
def contract() -> GraphQLSchema:
    return build_schema(CONTRACT.read_text())


def own_types(schema: GraphQLSchema) -> list[GraphQLNamedType]:
    return [
        type_
        for type_ in schema.type_map.values()
        if not is_introspection_type(type_) and not is_specified_scalar_type(type_)
    ]


def members(type_: GraphQLNamedType) -> Iterator[tuple[str, str]]:
    """Every member of a type with what a client relies on: its type and its default."""
    yield type_.name, type(type_).__name__
    match type_:
        case GraphQLObjectType() | GraphQLInterfaceType():
            for interface in type_.interfaces:
                yield f"{type_.name} implements {interface.name}", ""
            for name, field in type_.fields.items():
                yield f"{type_.name}.{name}", str(field.type)
                for argument, definition in field.args.items():
                    default = definition.ast_node and definition.ast_node.default_value
                    yield (
                        f"{type_.name}.{name}({argument})",
                        f"{definition.type} = {value_from_ast_untyped(default) if default else ''}",
                    )
        case GraphQLInputObjectType():
            for name, input_field in type_.fields.items():
                default = input_field.ast_node and input_field.ast_node.default_value
                yield (
                    f"{type_.name}.{name}",
                    f"{input_field.type} = {value_from_ast_untyped(default) if default else ''}",
                )
        case GraphQLEnumType():
            for name in type_.values:
                yield f"{type_.name}.{name}", ""
        case GraphQLScalarType():
            pass


def test_every_member_of_the_contract_is_there_with_its_type_and_arguments(
    ours: GraphQLSchema, contract: GraphQLSchema
) -> None:
    here = dict(member for type_ in own_types(ours) for member in members(type_))
    wanted = [member for type_ in own_types(contract) for member in members(type_)]

    assert [each for each in wanted if here.get(each[0]) != each[1]] == []


def test_every_member_has_a_description(ours: GraphQLSchema) -> None:
    undescribed = []
    for type_ in own_types(ours):
        parts = [(type_.name, type_.description)]
        if isinstance(type_, GraphQLEnumType):
            parts += [(f"{type_.name}.{n}", v.description) for n, v in type_.values.items()]
        elif isinstance(type_, GraphQLInputObjectType):
            parts += [(f"{type_.name}.{n}", f.description) for n, f in type_.fields.items()]
        elif isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            for name, field in type_.fields.items():
                parts.append((f"{type_.name}.{name}", field.description))
                parts += [(f"{type_.name}.{name}({a})", d.description)
                          for a, d in field.args.items()]  # fmt: skip
        undescribed += [name for name, description in parts if not description]

    assert undescribed == []


def test_every_mutation_and_subscription_says_what_it_needs(ours: GraphQLSchema) -> None:
    assert ours.mutation_type is not None
    assert ours.subscription_type is not None
    silent = [
        name
        for name, field in [
            *ours.mutation_type.fields.items(),
            *ours.subscription_type.fields.items(),
        ]
        if "Needs:" not in (field.description or "")
    ]

    assert silent == []


def test_the_committed_sdl_is_what_the_code_says() -> None:
    assert SDL_FILE.read_text() == sdl(), "run `make sdl` and commit schema/schema.graphql"
