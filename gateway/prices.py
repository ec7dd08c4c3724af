"""The price of each field of a schema, read once from its directives."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_list_type,
)

from schema.costs import Cost, ListSize

UNSIZED_LIST = 5
"""How many objects a list that no `@listSize` speaks of is taken to have, as a user's roles."""

T = TypeVar("T")


class Carrier(Protocol):
    """A field, or a field of an input."""

    extensions: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ListArgument:
    """A list somewhere in the arguments of a field."""

    path: tuple[str, ...]
    weight: float
    """What each item costs."""


@dataclass(frozen=True, slots=True)
class FieldPrice:
    """What is known of a field's cost before anyone asks for it."""

    types: tuple[str, ...]
    """The object types that it may give; none for a leaf."""
    weight: float = 1
    is_list: bool = False
    has_size: bool = False
    """Whether it has a size of its own; if not, the connection around it may give one."""
    assumed_size: float = 1
    slicing_arguments: tuple[tuple[str, ...], ...] = ()
    sized_fields: tuple[str, ...] = ()
    list_arguments: tuple[ListArgument, ...] = ()
    deciding: frozenset[str] = frozenset()
    """The arguments that these paths begin with."""


class PriceList:
    """The prices of a schema's fields, by type and field."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._sizes = _introspection_sizes(schema)
        self._prices = {
            name: {key: self._price(name, key, value) for key, value in type_.fields.items()}
            for name, type_ in schema.type_map.items()
            if isinstance(type_, GraphQLObjectType)
        }
        root = self._prices[schema.query_type.name] if schema.query_type else {}
        root["__schema"] = FieldPrice(types=("__Schema",))
        root["__type"] = FieldPrice(types=("__Type",))
        self.types: Mapping[str, frozenset[str]] = {
            name: frozenset(self._types(type_)) for name, type_ in schema.type_map.items()
        }
        """The object types of each type."""

    def of(self, type_name: str, field_name: str) -> FieldPrice | None:
        """None for `__typename`, which costs nothing."""
        return self._prices[type_name].get(field_name)

    def _price(self, type_name: str, name: str, field: GraphQLField) -> FieldPrice:
        types = tuple(self._types(get_named_type(field.type)))
        cost = _directive(field, Cost)
        size = _directive(field, ListSize)
        weight = float(cost.weight) if cost else 1
        is_list = bool(types) and is_list_type(get_nullable_type(field.type))
        if type_name.startswith("__"):
            average = self._sizes.get((type_name, name))
            return FieldPrice(
                types, is_list=average is not None, has_size=True, assumed_size=average or 1
            )
        listed = tuple(
            ListArgument((key, *path), item_weight)
            for key, argument in field.args.items()
            for path, item_weight in _lists(argument.type, 1, ())
        )
        if size is None:
            return FieldPrice(
                types,
                weight,
                is_list,
                assumed_size=UNSIZED_LIST,
                list_arguments=listed,
                deciding=frozenset(each.path[0] for each in listed),
            )
        slicing = tuple(tuple(path.split(".")) for path in size.slicing_arguments or ())
        return FieldPrice(
            types,
            weight,
            is_list,
            has_size=True,
            assumed_size=size.assumed_size or 1,
            slicing_arguments=slicing,
            sized_fields=tuple(size.sized_fields or ()),
            list_arguments=listed,
            deciding=frozenset(path[0] for path in (*slicing, *(each.path for each in listed))),
        )

    def _types(self, type_: Any) -> Iterator[str]:
        if isinstance(type_, GraphQLObjectType):
            yield type_.name
        elif is_abstract_type(type_):
            yield from (each.name for each in self._schema.get_possible_types(type_))


def _directive(carrier: Carrier, kind: type[T]) -> T | None:
    definition = carrier.extensions.get("strawberry-definition")
    directives: Sequence[object] = getattr(definition, "directives", ())
    return next((each for each in directives if isinstance(each, kind)), None)


def _lists(
    type_: GraphQLInputType, weight: float, inside: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], float]]:
    """The paths to lists in a value of an input type; what lies within itself is not gone into."""
    if is_list_type(get_nullable_type(type_)):
        yield (), weight
    named = get_named_type(type_)
    if isinstance(named, GraphQLInputObjectType) and named.name not in inside:
        for key, field in named.fields.items():
            cost = _directive(field, Cost)
            item_weight = float(cost.weight) if cost else 1
            for path, deeper in _lists(field.type, item_weight, (*inside, named.name)):
                yield (key, *path), deeper


def _introspection_sizes(schema: GraphQLSchema) -> Mapping[tuple[str, str], float]:
    """How long the lists of the introspection are, on an average: this very schema is known.

    `ofType` is there for about every second type that is asked for it.
    """
    types = list(schema.type_map.values())
    fielded = [each for each in types if isinstance(each, GraphQLObjectType | GraphQLInterfaceType)]
    fields = [field for each in fielded for field in each.fields.values()]
    inputs = [each for each in types if isinstance(each, GraphQLInputObjectType)]

    def average(total: int, number: int) -> float:
        return math.ceil(10 * total / max(number, 1)) / 10

    return {
        ("__Schema", "types"): len(types),
        ("__Schema", "directives"): len(schema.directives),
        ("__Type", "fields"): average(len(fields), len(types)),
        ("__Type", "interfaces"): average(sum(len(e.interfaces) for e in fielded), len(types)),
        ("__Type", "possibleTypes"): 0.5,
        ("__Type", "enumValues"): average(
            sum(len(getattr(each, "values", ())) for each in types), len(types)
        ),
        ("__Type", "inputFields"): average(sum(len(e.fields) for e in inputs), len(types)),
        ("__Type", "ofType"): 0.5,
        ("__Field", "args"): average(sum(len(each.args) for each in fields), len(fields)),
        ("__Directive", "args"): 2,
    }
