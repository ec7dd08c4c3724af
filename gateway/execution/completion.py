"""Turning a resolved value into response data: one closure for each type in each place.

The closures do what the `complete_…_value` methods of graphql-core's executor do, in their order.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from graphql import (
    GraphQLAbstractType,
    GraphQLLeafType,
    GraphQLList,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    Undefined,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)
from graphql.execution.executor import collect_iterator_awaitables, invalid_return_type_error
from graphql.pyutils import is_iterable

from gateway.execution.leaves import all_ready, coerce_leaf
from gateway.execution.places import Place, field_place, path_of
from gateway.execution.slots import SETTLED, Complete, Run, Slot, gather

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from gateway.execution.fields import Field

    Info = GraphQLResolveInfo | None
    Absent = Callable[[], None]

Select = Callable[[Run, Any, Place | None], Any]
"""Gives the data of one object, from its source and its place."""


def nothing() -> None:
    """Let null be null."""


def completer(type_: GraphQLOutputType, field: "Field") -> Complete:
    """Prepare the completion of values of this type, met in this field."""
    absent: Absent = nothing
    if is_non_null_type(type_):
        type_, absent = type_.of_type, field.refuse_null
    if is_list_type(type_):
        return complete_list(type_, field, absent)
    if is_leaf_type(type_):
        return complete_leaf(type_, absent)
    if is_abstract_type(type_):
        return complete_abstract(type_, field, absent)
    return complete_object(cast("GraphQLObjectType", type_), field, absent)


def complete_leaf(type_: GraphQLLeafType, absent: "Absent") -> Complete:
    """Prepare for a scalar or an enum."""

    def complete(_run: Run, value: Any, _place: Place, _info: "Info") -> Any:
        if isinstance(value, Exception):
            raise value
        if value is None or value is Undefined:
            return absent()
        return coerce_leaf(type_, value)

    return complete


def complete_list(
    type_: GraphQLList[GraphQLOutputType], field: "Field", absent: "Absent"
) -> Complete:
    """Prepare for a list; asynchronous ones, and what is no list at all, are graphql-core's."""
    item_type = type_.of_type
    leaf = item_type.of_type if is_non_null_type(item_type) else item_type
    slot = Slot(item_type, field.details, completer(item_type, field))

    def complete(run: Run, value: Any, place: Place, info: "Info") -> Any:
        if value.__class__ is list:
            if is_leaf_type(leaf) and value and all_ready(leaf, value):
                return value.copy()
        elif value.__class__ is not tuple:
            if isinstance(value, Exception):
                raise value
            if value is None or value is Undefined:
                return absent()
            if run.is_async_iterable(value) or not is_iterable(value):
                info = info or field.info(run, field_place(place))
                return run.complete_list_value(
                    type_, field.details, info, path_of(place), value, None
                )
        return complete_items(run, value, place, info)

    def complete_items(run: Run, value: Any, place: Place, info: "Info") -> Any:
        settle = slot.settle
        results: list[Any] = []
        pending: list[int] = []
        items = iter(value)
        try:
            for item in items:
                item_place = (place, len(results), None)
                try:
                    settled = settle(run, item, item_place, info)
                except Exception as error:  # noqa: BLE001 - an item's error is part of the response
                    settled = slot.fail(run, error, item_place)
                if settled.__class__ not in SETTLED and run.is_awaitable(settled):
                    pending.append(len(results))
                results.append(settled)
        except Exception:
            orphans = [results[index] for index in pending]
            orphans += collect_iterator_awaitables(items, run.is_awaitable)
            if orphans:
                run.settle_in_background(orphans)
            raise
        return gather(results, pending) if pending else results

    return complete


def complete_abstract(type_: GraphQLAbstractType, field: "Field", absent: "Absent") -> Complete:
    """Prepare for an interface or a union: find the object type of each value."""
    by_name: dict[str, Complete] = {}

    def completer_for(run: Run, name: Any, info: GraphQLResolveInfo, value: Any) -> Complete:
        found = by_name.get(name) if name.__class__ is str else None
        if found is None:
            runtime_type = run.ensure_valid_runtime_type(name, type_, field.details, info, value)
            found = by_name[name] = complete_object(runtime_type, field, absent)
        return found

    def complete(run: Run, value: Any, place: Place, info: "Info") -> Any:
        if isinstance(value, Exception):
            raise value
        if value is None or value is Undefined:
            return absent()
        info = info or field.info(run, field_place(place))
        name = (type_.resolve_type or run.type_resolver)(value, info, type_)
        if name.__class__ is not str and run.is_awaitable(name):
            return complete_later(run, name, value, place, info)
        return completer_for(run, name, info, value)(run, value, place, info)

    async def complete_later(
        run: Run, name: "Awaitable[Any]", value: Any, place: Place, info: GraphQLResolveInfo
    ) -> Any:
        known = await run.with_abort_signal(name)
        completed = completer_for(run, known, info, value)(run, value, place, info)
        return await completed if run.is_awaitable(completed) else completed

    return complete


def complete_object(type_: GraphQLObjectType, field: "Field", absent: "Absent") -> Complete:
    """Prepare for an object; its selection set is compiled when the first one turns up."""
    select: Select | None = None
    is_type_of = type_.is_type_of

    def complete(run: Run, value: Any, place: Place, info: "Info") -> Any:
        nonlocal select
        if isinstance(value, Exception):
            raise value
        if value is None or value is Undefined:
            return absent()
        if is_type_of is not None:
            info = info or field.info(run, field_place(place))
            verdict = is_type_of(value, info)
            if verdict is not True:
                if run.is_awaitable(verdict):
                    return complete_later(run, verdict, value, place)
                if not verdict:
                    raise invalid_return_type_error(type_, value, field.details)
        if select is None:
            select = field.selection(run, type_)
        return select(run, value, place)

    async def complete_later(run: Run, verdict: "Awaitable[bool]", value: Any, place: Place) -> Any:
        nonlocal select
        if not await run.with_abort_signal(verdict):
            raise invalid_return_type_error(type_, value, field.details)
        if select is None:
            select = field.selection(run, type_)
        completed = select(run, value, place)
        return await completed if run.is_awaitable(completed) else completed

    return complete
