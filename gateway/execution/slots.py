"""Putting one value in its place: now, later or as an error."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from graphql import GraphQLOutputType, GraphQLResolveInfo, Undefined, is_non_null_type
from graphql.execution import Executor
from graphql.pyutils import gather_with_cancel

from gateway.execution.classes import SETTLED, is_ordinary, ordinary
from gateway.execution.places import Place, path_at

if TYPE_CHECKING:
    from gateway.execution.fields import Field

Run: TypeAlias = Executor[Any]
"""The executor of one request. Compiled code is shared by requests, so it is handed its run."""

Info: TypeAlias = GraphQLResolveInfo[Any]
"""What a resolver is told. Slots get None where nobody has needed one so far."""

Settle: TypeAlias = Callable[[Run, Any, Place, Info | None], Any]


class Slot(ABC):
    """What a field, or each item of a list, does with the value it is given.

    There is a kind of slot for each kind of type. They do what the `complete_…` methods of
    graphql-core's executor do, in the same order.
    """

    __slots__ = ("field", "known", "nullable", "type")
    constant = False
    """Whether what it takes never changes, so that data of it is in `known`."""

    known: "Known"

    def __init__(self, type_: GraphQLOutputType, field: "Field") -> None:
        self.type = type_
        self.field = field
        self.nullable = not is_non_null_type(type_)

    @abstractmethod
    def fill(self, run: Run, value: Any, place: Place, info: Info | None) -> Any:
        """Turn a value that is neither null nor an exception into data, or an awaitable of it."""

    def complete(self, run: Run, value: Any, place: Place, info: Info | None) -> Any:
        """Turn a value into data, or an awaitable of it."""
        if type(value) not in ordinary:
            if isinstance(value, Exception):
                raise value
            if value is None or value is Undefined:
                return None if self.nullable else self.field.refuse_null()
        return self.fill(run, value, place, info)

    def settle(self, run: Run, value: Any, place: Place, info: Info | None) -> Any:
        """Complete a value that may have to be awaited first, or return an awaitable that will.

        Raises:
            Exception: whatever completion raised; the caller passes it to `fail`.
        """
        if (
            type(value) not in ordinary
            and value is not None
            and not is_ordinary(type(value))
            and run.is_awaitable(value)
        ):
            return self.settle_later(run, value, place, info)
        completed = self.complete(run, value, place, info)
        if type(completed) not in SETTLED and run.is_awaitable(completed):
            return self.guard(run, completed, place)
        return completed

    async def settle_later(
        self, run: Run, value: Awaitable[Any], place: Place, info: Info | None
    ) -> Any:
        """Await the value, then complete it."""
        try:
            if run.abort_signal is not None:
                value = run.with_abort_signal(value)
            completed = self.complete(run, await value, place, info)
            if type(completed) not in SETTLED and run.is_awaitable(completed):
                return await completed
        except Exception as error:  # noqa: BLE001 - a field's error is part of the response
            return self.fail(run, error, place)
        return completed

    async def guard(self, run: Run, completed: Awaitable[Any], place: Place) -> Any:
        """Await what completion has left to do; its error is this slot's."""
        try:
            return await completed
        except Exception as error:  # noqa: BLE001 - a field's error is part of the response
            return self.fail(run, error, place)

    def fail(self, run: Run, error: Exception, place: Place) -> Any:
        """Report the error and leave null here, if null may be here.

        Raises:
            GraphQLError: the located error, when the nearest nullable parent has to take it.
        """
        run.handle_field_error(error, self.type, self.field.details, path_at(place))
        return None


class Known(dict[int, tuple[Any, Any]]):
    """The data of constants by identity, with the constants, so that they stay alive."""

    MOST = 1000

    def add(self, constant: Any, data: Any) -> None:
        """Keep the data; if there is too much, begin anew."""
        if len(self) >= self.MOST:
            self.clear()
        self[id(constant)] = constant, data


Pending: TypeAlias = Sequence[tuple[Any, Awaitable[Any]]]
"""The keys (or indexes) whose data is still to be awaited, with what is to be awaited."""


async def gather(results: Any, pending: Pending) -> Any:
    """Await what is pending of a dict or list, together, and put it in.

    One alone is awaited without a task of its own, as graphql-core does: data loaders notice.
    """
    if len(pending) == 1:
        ((key, awaitable),) = pending
        results[key] = await awaitable
        return results
    values = await gather_with_cancel(*[awaitable for _, awaitable in pending])
    for (key, _), value in zip(pending, values, strict=True):
        results[key] = value
    return results


def abandon(run: Run, pending: Pending) -> None:
    """See to it that what was begun ends, when the object or list it was for is given up."""
    if pending:
        run.settle_in_background([awaitable for _, awaitable in pending])
