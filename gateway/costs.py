"""What an operation costs, worked out from the schema's directives before it is executed.

After IBM's GraphQL cost specification (https://ibm.github.io/graphql-specs/cost-spec.html), with
three differences. Every field weighs 1 unless `@cost` says otherwise, since each value costs the
executor about the same, and aliases of leaves must not be free. A slicing argument may be a list,
whose length counts. And each item of a list in the arguments costs what its input field weighs.

Fields that `@skip` and `@include` leave out are counted, and so are repeated ones.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
)

from gateway.limits import UNCOUNTED, Limit
from gateway.prices import UNSIZED_LIST, FieldPrice, PriceList
from resolvers.paging import MAX_PAGE_SIZE

MAX_DIGITS = 10
"""Integers of the graph have 32 bits; longer literals are ids."""

MAX_REMEMBERED = 16


@dataclass(slots=True)
class Price:
    """What an operation costs."""

    cost: float = 0
    nodes: float = 0
    """How many objects its answer may hold."""

    def add(self, other: "Price", times: float = 1) -> None:
        """Add it so many times."""
        self.cost = min(self.cost + times * other.cost, UNCOUNTED)
        self.nodes = min(self.nodes + times * other.nodes, UNCOUNTED)

    def told(self) -> dict[str, int]:
        """What clients see of it on request."""
        return {
            "requested": math.ceil(self.cost),
            "maximum": Limit.COST.maximum,
            "nodes": math.ceil(self.nodes),
            "maximumNodes": Limit.NODES.maximum,
        }

    def check(self) -> None:
        """Let what keeps both limits pass.

        Raises:
            TooComplex: It does not.
        """
        Limit.NODES.check(self.nodes)
        Limit.COST.check(self.cost)

    def check_event(self) -> None:
        """Let what may be answered again and again, at each change, pass.

        Raises:
            TooComplex: It costs too much for that.
        """
        Limit.EVENT_COST.check(self.cost)


@dataclass(slots=True)
class Priced:
    """The prices of one operation, remembered by the values of the variables that decide them."""

    deciding: tuple[str, ...] = ()
    prices: dict[tuple[int | None, ...], Price] = field(default_factory=dict)


class Costs:
    """The costs of the operations of one schema."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._list = PriceList(schema)
        self._roots = {
            kind: root.name
            for kind, root in (
                ("query", schema.query_type),
                ("mutation", schema.mutation_type),
                ("subscription", schema.subscription_type),
            )
            if root is not None
        }

    def price(
        self,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any],
        remembered: Priced,
    ) -> Price:
        """The price of an operation of a valid document; the variables may be unfit."""
        fixed = remembered.prices.get(())
        if fixed is not None:
            return fixed
        given = {**_defaults(operation), **variables}
        key = _key(remembered.deciding, given)
        if key is not None and key in remembered.prices:
            return remembered.prices[key]
        bill = _Bill(self._list, document, given)
        root = self._roots[operation.operation.value]
        price = bill.of(operation.selection_set, root).whole(size=1, sized_fields=())
        remembered.deciding = tuple(sorted(bill.deciding))
        key = _key(remembered.deciding, given)
        if key is not None and len(remembered.prices) < MAX_REMEMBERED:
            remembered.prices[key] = price
        return price


def _key(names: Sequence[str], given: Mapping[str, Any]) -> tuple[int | None, ...] | None:
    """What prices are remembered by; None if they depend on more than a few numbers."""
    values = tuple(given.get(name) for name in names)
    return values if all(value is None or isinstance(value, int) for value in values) else None


def _defaults(operation: OperationDefinitionNode) -> dict[str, Any]:
    return {
        definition.variable.name.value: _value(definition.default_value, {}, set())
        for definition in operation.variable_definitions or ()
        if definition.default_value is not None
    }


@dataclass(slots=True)
class _Sum:
    """What a selection set costs on one object.

    Lists whose size the field around it gives are kept apart, by what each item costs.
    """

    fixed: Price = field(default_factory=Price)
    lists: dict[str, Price] = field(default_factory=dict)

    def add(self, other: "_Sum") -> None:
        self.fixed.add(other.fixed)
        for name, item in other.lists.items():
            self.lists.setdefault(name, Price()).add(item)

    def whole(self, *, size: float, sized_fields: Sequence[str]) -> Price:
        price = Price()
        price.add(self.fixed)
        for name, item in self.lists.items():
            price.add(item, size if name in sized_fields else UNSIZED_LIST)
        return price


class _Bill:
    """Adds up one operation; each selection set is looked at once for each type it is on."""

    def __init__(
        self, price_list: PriceList, document: DocumentNode, variables: Mapping[str, Any]
    ) -> None:
        self.deciding: set[str] = set()
        self._list = price_list
        self._variables = variables
        self._fragments = {
            each.name.value: each
            for each in document.definitions
            if isinstance(each, FragmentDefinitionNode)
        }
        self._sums: dict[tuple[int, str], _Sum] = {}

    def of(self, selection_set: SelectionSetNode, type_name: str) -> _Sum:
        """What a selection set costs on an object of this type."""
        key = (id(selection_set), type_name)
        known = self._sums.get(key)
        if known is not None:
            return known
        total = self._sums[key] = _Sum()
        for selection in selection_set.selections:
            if isinstance(selection, FieldNode):
                self._add_field(total, selection, type_name)
                continue
            part: FragmentDefinitionNode | InlineFragmentNode
            if isinstance(selection, FragmentSpreadNode):
                part = self._fragments[selection.name.value]
            else:
                part = cast("InlineFragmentNode", selection)
            condition = part.type_condition
            if condition is None or type_name in self._list.types[condition.name.value]:
                total.add(self.of(part.selection_set, type_name))
        return total

    def _add_field(self, total: _Sum, node: FieldNode, type_name: str) -> None:
        price = self._list.of(type_name, node.name.value)
        if price is None:
            return
        items, size = self._arguments(node, price)
        total.fixed.add(Price(cost=price.weight + items))
        if node.selection_set is None:
            return
        # On an interface the dearest of its types counts, since each object is of one type only.
        each = Price()
        for name in price.types:
            candidate = self.of(node.selection_set, name).whole(
                size=size, sized_fields=price.sized_fields
            )
            each.cost = max(each.cost, candidate.cost)
            each.nodes = max(each.nodes, candidate.nodes)
        each.nodes += 1
        if not price.is_list:
            total.fixed.add(each)
        elif price.has_size:
            total.fixed.add(each, size)
        else:
            total.lists.setdefault(node.name.value, Price()).add(each)

    def _arguments(self, node: FieldNode, price: FieldPrice) -> tuple[float, float]:
        """What the lists among the arguments cost, and the size that the arguments give."""
        if not price.deciding:
            return 0, price.assumed_size
        values = {
            argument.name.value: _value(argument.value, self._variables, self.deciding)
            for argument in node.arguments or ()
            if argument.name.value in price.deciding
        }
        items = sum(
            argument.weight * _items(values, argument.path) for argument in price.list_arguments
        )
        sizes = [_size(values, path) for path in price.slicing_arguments]
        return items, max((size for size in sizes if size is not None), default=price.assumed_size)


def _value(node: ValueNode, variables: Mapping[str, Any], deciding: set[str]) -> Any:
    """A value of which only numbers and the lengths of lists matter."""
    match node:
        case VariableNode():
            deciding.add(node.name.value)
            return variables.get(node.name.value)
        case IntValueNode():
            return int(node.value) if len(node.value) <= MAX_DIGITS else MAX_PAGE_SIZE
        case ListValueNode():
            return [_value(each, variables, deciding) for each in node.values]
        case ObjectValueNode():
            return {
                each.name.value: _value(each.value, variables, deciding) for each in node.fields
            }
        case NullValueNode():
            return None
        case _:
            return ""


def _items(value: Any, path: Sequence[str]) -> int:
    """How many items the lists at a path have; what is no list there is one of one item."""
    if isinstance(value, list) and path:
        return sum(_items(each, path) for each in value)
    if isinstance(value, list):
        return len(value)
    if not path:
        return value is not None
    return _items(value.get(path[0]), path[1:]) if isinstance(value, Mapping) else 0


def _size(values: Mapping[str, Any], path: Sequence[str]) -> float | None:
    """The size that a slicing argument gives; None if it is not there."""
    value: Any = values
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    if isinstance(value, int | float):
        # No page is longer, whatever is asked for.
        return min(max(value, 0), MAX_PAGE_SIZE)
    return None if value is None else _items(value, ())
