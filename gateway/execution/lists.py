"""Lists."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from graphql import GraphQLList, GraphQLOutputType, get_nullable_type, is_leaf_type
from graphql.execution.executor import collect_iterator_awaitables
from graphql.pyutils import is_iterable

from gateway.execution.classes import SETTLED
from gateway.execution.leaves import all_ready
from gateway.execution.places import Place, path_at
from gateway.execution.slots import Info, Known, Run, Slot, abandon, gather

if TYPE_CHECKING:
    from gateway.execution.fields import Field


class ListSlot(Slot):
    """Takes a list; asynchronous ones, and what is no list at all, are graphql-core's."""

    __slots__ = ("bare", "item", "leaf")

    def __init__(
        self,
        type_: GraphQLOutputType,
        bare: GraphQLList[GraphQLOutputType],
        item: Slot,
        field: "Field",
    ) -> None:
        super().__init__(type_, field)
        self.bare = bare
        self.item = item
        self.known = Known()
        leaf = get_nullable_type(item.type)
        self.leaf = leaf if is_leaf_type(leaf) else None

    def fill(self, run: Run, value: Any, place: Place, info: Info | None) -> Any:
        """Settle each item; the data of a tuple of constants is constant too."""
        known = self.known.get(id(value))
        if known is not None:
            return known[1]
        if type(value) is list:
            if self.leaf is not None and value and all_ready(self.leaf, value):
                return value.copy()
        elif type(value) is not tuple and (run.is_async_iterable(value) or not is_iterable(value)):
            field = self.field
            info = info or field.info(run, place)
            return run.complete_list_value(
                self.bare, field.details, info, path_at(place), value, None
            )
        if self.field.resolves:
            place = path_at(place)  # once for all items, whose resolvers want it
        if info is None and self.field.needs_info:
            info = self.field.info(run, place)
        data = self.fill_items(run, value, place, info)
        if self.item.constant and type(value) is tuple and knows_all(self.item, value):
            self.known.add(value, data)
        return data

    def fill_items(self, run: Run, value: Iterable[Any], place: Place, info: Info | None) -> Any:
        """Settle each item, and gather those that have to be awaited."""
        settle = self.item.settle
        results: list[Any] = []
        pending: list[tuple[int, Any]] = []
        items = iter(value)
        try:
            for item in items:
                item_place = (place, len(results), None)
                try:
                    settled = settle(run, item, item_place, info)
                except Exception as error:  # noqa: BLE001 - an item's error is part of the response
                    settled = self.item.fail(run, error, item_place)
                if type(settled) not in SETTLED and run.is_awaitable(settled):
                    pending.append((len(results), settled))
                results.append(settled)
        except Exception:
            rest = collect_iterator_awaitables(items, run.is_awaitable)
            abandon(run, [*pending, *enumerate(rest)])
            raise
        return gather(results, pending) if pending else results


def knows_all(slot: Slot, constants: tuple[Any, ...]) -> bool:
    """Tell whether the data of these constants is known."""
    return all(id(constant) in slot.known for constant in constants)
