"""Whether an answer has the form that its operation and the schema say."""

from collections.abc import Iterator, Mapping
from typing import Any

import graphql
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentSpreadNode,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    GraphQLWrappingType,
    SelectionSetNode,
)


def misfits(core: GraphQLSchema, document: DocumentNode, body: Mapping[str, Any]) -> Iterator[str]:
    """Where an answer is not of the form that the operation and the schema say (section 7.1)."""
    (operation,) = document.definitions
    if body.get("data") is None:
        if not body.get("errors"):
            yield "neither data nor errors"
        return
    if not isinstance(operation, graphql.OperationDefinitionNode):
        raise TypeError(operation)
    root = core.get_root_type(operation.operation)
    if root is None:
        raise TypeError(operation)
    yield from _object_misfits(core, operation.selection_set, root, body["data"], "data")


def _object_misfits(
    core: GraphQLSchema,
    selected: SelectionSetNode,
    type_: GraphQLObjectType,
    value: Any,
    path: str,
) -> Iterator[str]:
    fields = list(_selected(core, selected, type_))
    names = {each.alias.value if each.alias else each.name.value for each in fields}
    if not isinstance(value, dict) or value.keys() != names:
        yield f"{path} has other fields"
        return
    for each in fields:
        key = each.alias.value if each.alias else each.name.value
        if each.name.value == "__typename":
            if value[key] != type_.name:
                yield f"{path}.{key}"
            continue
        part = value[key]
        found = type_.fields[each.name.value].type
        yield from _value_misfits(core, each, found, part, f"{path}.{key}")


def _selected(
    core: GraphQLSchema, selected: SelectionSetNode, type_: GraphQLObjectType
) -> Iterator[FieldNode]:
    for each in selected.selections:
        if isinstance(each, FieldNode):
            yield each
        elif isinstance(each, FragmentSpreadNode):
            raise TypeError(each)
        elif isinstance(each, graphql.InlineFragmentNode):
            condition = each.type_condition
            known = core.get_type(condition.name.value) if condition else type_
            if known is type_ or (
                graphql.is_abstract_type(known) and core.is_sub_type(known, type_)
            ):
                yield from _selected(core, each.selection_set, type_)


def _value_misfits(
    core: GraphQLSchema, asked: FieldNode, type_: GraphQLOutputType, value: Any, path: str
) -> Iterator[str]:
    if isinstance(type_, GraphQLNonNull):
        if value is None:
            yield f"{path} is null"
            return
        type_ = type_.of_type
    if value is None:
        return
    if isinstance(type_, GraphQLWrappingType):
        if not isinstance(value, list):
            yield f"{path} is no list"
            return
        for index, each in enumerate(value):
            yield from _value_misfits(core, asked, type_.of_type, each, f"{path}.{index}")
    elif asked.selection_set is None:
        if not _is_leaf(type_, value):
            yield f"{path} is no {type_}"
    else:
        concrete = core.get_type(value["__typename"]) if isinstance(value, dict) else None
        if not isinstance(concrete, GraphQLObjectType) or not (
            concrete is type_ or core.is_sub_type(type_, concrete)  # type: ignore[arg-type] # of abstract types
        ):
            yield f"{path} is no {type_}"
            return
        yield from _object_misfits(core, asked.selection_set, concrete, value, path)


KINDS: dict[str, tuple[type, ...]] = {"Int": (int,), "Float": (int, float), "Boolean": (bool,)}


def _is_leaf(type_: GraphQLOutputType, value: Any) -> bool:
    if isinstance(type_, graphql.GraphQLEnumType):
        return value in type_.values
    return type(value) in KINDS.get(str(type_), (str,))
