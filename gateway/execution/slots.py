"""Putting one value in its place: now, later or as an error."""

from collections.abc import Awaitable, Callable
from types import GeneratorType, NoneType
from typing import Any, TypeAlias

from graphql import GraphQLOutputType, GraphQLResolveInfo
from graphql.execution import Executor
from graphql.execution.collect_fields import FieldDetailsList
from graphql.pyutils import gather_with_cancel

from gateway.execution.places import Place, path_of

Run: TypeAlias = Executor[Any]
"""The executor of one request; compiled code is shared by requests and so is handed its run."""

Complete: TypeAlias = Callable[[Run, Any, Place, GraphQLResolveInfo | None], Any]
"""Turns a resolved value into response data, or an awaitable of it; raises what went wrong."""

SETTLED = frozenset({str, int, float, bool, NoneType, dict, list, tuple})
"""Classes whose instances nobody awaits, so that most values need no closer look."""


def may_be_awaitable(value: object) -> bool:
    """Tell cheaply that a value isn't awaitable; otherwise `Run.is_awaitable` decides."""
    return hasattr(value, "__await__") or value.__class__ is GeneratorType


class Slot:
    """What a field, or each item of a list, does with the value it is given."""

    __slots__ = ("complete", "details", "type")

    def __init__(
        self, type_: GraphQLOutputType, details: FieldDetailsList, complete: Complete
    ) -> None:
        self.type = type_
        self.details = details
        self.complete = complete

    def settle(self, run: Run, value: Any, place: Place, info: GraphQLResolveInfo | None) -> Any:
        """Complete the value, or return an awaitable that will.

        Raises:
            Exception: whatever completion raised; the caller passes it to `fail`.
        """
        if value.__class__ not in SETTLED and may_be_awaitable(value) and run.is_awaitable(value):
            return self.settle_later(run, value, place, info)
        completed = self.complete(run, value, place, info)
        if completed.__class__ not in SETTLED and run.is_awaitable(completed):
            return self.guard(run, completed, place)
        return completed

    async def settle_later(
        self, run: Run, value: Awaitable[Any], place: Place, info: GraphQLResolveInfo | None
    ) -> Any:
        """Await the value, then complete it."""
        try:
            completed = self.complete(run, await run.with_abort_signal(value), place, info)
            if completed.__class__ not in SETTLED and run.is_awaitable(completed):
                return await completed
        except Exception as error:  # noqa: BLE001 - a field's error is part of the response
            self.fail(run, error, place)
            return None
        return completed

    async def guard(self, run: Run, completed: Awaitable[Any], place: Place) -> Any:
        """Await what completion has left to do; its error is this slot's."""
        try:
            return await completed
        except Exception as error:  # noqa: BLE001 - a field's error is part of the response
            self.fail(run, error, place)

    def fail(self, run: Run, error: Exception, place: Place) -> None:
        """Report the error and leave null here, if null may be here.

        Raises:
            GraphQLError: the located error, when the nearest nullable parent has to take it.
        """
        run.handle_field_error(error, self.type, self.details, path_of(place))  # type: ignore[arg-type]


async def gather(results: Any, pending: list[Any]) -> Any:
    """Await together the entries of `results`, a dict or list, whose keys are `pending`.

    One alone is awaited without a task of its own, as graphql-core does: data loaders notice.
    """
    if len(pending) == 1:
        (key,) = pending
        results[key] = await results[key]
        return results
    values = await gather_with_cancel(*[results[key] for key in pending])
    for key, value in zip(pending, values, strict=True):
        results[key] = value
    return results
