"""From an operation to the answers that its stream gives."""

import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from graphql import (
    ExecutionResult,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    subscribe,
)
from graphql.execution import Executor
from starlette.requests import HTTPConnection

from gateway.addresses import counted_address
from gateway.auth import caller_for
from gateway.costs import Price
from gateway.documents import BAD_REQUEST, MAX_ERRORS, TOO_COMPLEX, Document, Documents
from gateway.graphql_errors import RATE_LIMITED, Refusal, formatted, refusal_for, slow_down
from gateway.graphql_requests import GraphQLRequest
from gateway.limits import TooComplex
from gateway.rates import Rates
from gateway.requests import request_id_of
from gateway.settings import Settings
from gateway.streams.exchange import Exchange, TooManyStreams
from gateway.streams.stream import Stream
from gateway.trusted import TrustedDocuments
from resolvers.caller import Caller
from schema.context import Changes, Context

Answer = dict[str, Any]
"""What one event is answered with, as clients get it."""

MAY_HAVE_MISSED: Answer = {"data": None, "extensions": {"mayHaveMissedEvents": True}}
"""What a client is told first that comes back with the id of the last event it got."""


class ContextFor(Protocol):
    """Makes what fields may know of the operation that they answer."""

    def __call__(self, caller: Caller, now: datetime, *, changes: Changes) -> Context:
        """For a caller."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """A subscription that may begin."""

    document: Document
    asked: GraphQLRequest
    price: Price
    resumes: bool
    """Whether the client followed before."""


class NotBegun(Exception):  # noqa: N818 - an answer
    """A subscription that does not begin, for these errors."""

    def __init__(self, errors: list[Answer]) -> None:
        super().__init__("a subscription did not begin")
        self.errors = errors


async def _yes() -> bool:
    return True


def is_subscription(operation: OperationDefinitionNode | str) -> bool:
    """Whether this is an operation with many answers."""
    return not isinstance(operation, str) and operation.operation is OperationType.SUBSCRIPTION


class Subscriptions:
    """Begins subscriptions, each after the checks that any operation has to pass."""

    def __init__(
        self,
        settings: Settings,
        exchange: Exchange,
        rates: Rates,
        documents: Documents,
        trusted: TrustedDocuments,
        *,
        schema: GraphQLSchema,
        executor_class: type[Executor[Any]],
        context_for: ContextFor,
        may_explore: Callable[[HTTPConnection, Caller, Settings], Awaitable[bool]],
        now: Callable[[], datetime],
    ) -> None:
        self.settings = settings
        self.exchange = exchange
        self._rates = rates
        self._documents = documents
        self._trusted = trusted
        self._may_explore = may_explore
        self._schema = schema
        self._executor_class = executor_class
        self._context_for = context_for
        self._now = now

    async def asks_for_one(self, asked: GraphQLRequest) -> bool:
        """Whether a request asks for a subscription, if perhaps for one that may not run."""
        document = await self._trusted.read(asked, may_run_any=_yes)
        return is_subscription(document.operation(asked.operation_name))

    async def caller(self, connection: HTTPConnection) -> Caller:
        """Who asks, as of now.

        Raises:
            InvalidCredential: He presents one that is invalid.
        """
        return await caller_for(
            connection,
            settings=self.settings,
            request_id=request_id_of(connection),
            now=self._now(),
        )

    async def admitted(
        self,
        asked: GraphQLRequest,
        caller: Caller,
        connection: HTTPConnection,
        *,
        last_event_id: str | None,
    ) -> Admitted:
        """Let a subscription in; all else is for POST.

        Raises:
            NotBegun: The document is wrong, goes beyond a limit, or holds no subscription.
        """
        document = await self._trusted.read(
            asked, may_run_any=partial(self._may_explore, connection, caller, self.settings)
        )
        if document.errors:
            raise NotBegun(Refusal(document.errors, document.code).formatted())
        operation = document.operation(asked.operation_name)
        if isinstance(operation, str):
            raise NotBegun(refusal_for(operation, BAD_REQUEST).formatted())
        if not is_subscription(operation):
            message = f"A {operation.operation.value} can't be sent this way: POST it to /graphql."
            raise NotBegun(refusal_for(message, BAD_REQUEST).formatted())
        price = self._documents.price(document, operation, asked.variables)
        try:
            price.check()
            price.check_event()
        except TooComplex as excess:
            raise NotBegun(Refusal([excess.told()], TOO_COMPLEX).formatted()) from None
        resumes = last_event_id is not None or bool((asked.extensions or {}).get("lastEventId"))
        return Admitted(document, asked, price, resumes)

    @asynccontextmanager
    async def begun(
        self, admitted: Admitted, caller: Caller, connection: HTTPConnection
    ) -> AsyncIterator[tuple[Stream, AsyncIterator[Answer]]]:
        """A subscription under way, with its answers; it ends with the block.

        The iterator of the answers raises `StreamEnded` when the client can't have more of them.

        Raises:
            NotBegun: The caller may not follow what he asks for, follows enough already, or asks
                too often.
            NotNow: Nothing can be followed at the moment.
        """
        await self._count(admitted, caller, connection)
        try:
            async with self.exchange.stream(caller, connection) as stream:
                results = await self._results(admitted, stream)
                async with aclosing(self._answers(admitted, results, stream)) as answers:
                    yield stream, answers
        except TooManyStreams as full:
            raise NotBegun(refusal_for(str(full), RATE_LIMITED).formatted()) from None

    async def _count(self, admitted: Admitted, caller: Caller, connection: HTTPConnection) -> None:
        wait_s = await self._rates.operation(
            account=caller.account.id if caller.account else None,
            token=caller.token.id if caller.token else None,
            address=counted_address(connection),
            cost=admitted.price.cost,
        )
        if wait_s is not None:
            raise NotBegun(slow_down(wait_s).formatted())

    async def _results(self, admitted: Admitted, stream: Stream) -> Any:
        if admitted.document.node is None:
            raise AssertionError  # refused before
        asked = admitted.asked
        beginning = subscribe(
            self._schema,
            admitted.document.node,
            context_value=self._context_for(stream.caller, self._now(), changes=stream),
            variable_values=asked.variables,
            operation_name=asked.operation_name,
            executor_class=self._executor_class,
            max_coercion_errors=MAX_ERRORS,
            hide_suggestions=not self.settings.introspection,
            operation_extensions=asked.extensions,
        )
        begun = await beginning if inspect.isawaitable(beginning) else beginning
        if isinstance(begun, ExecutionResult):
            raise NotBegun(formatted(begun.errors or [], stream.caller.request_id))
        return begun

    async def _answers(
        self, admitted: Admitted, results: Any, stream: Stream
    ) -> AsyncGenerator[Answer, None]:
        async with aclosing(results):
            if admitted.resumes:
                yield MAY_HAVE_MISSED
            cost: Mapping[str, Any] = (
                {"cost": admitted.price.told()} if admitted.asked.wants_cost else {}
            )
            async for result in results:
                told = stream.last
                answer: Answer = {"data": result.data}
                if result.errors:
                    answer["errors"] = formatted(result.errors, stream.caller.request_id)
                answer["extensions"] = {"eventId": told.id.hex if told else "", **cost}
                yield answer
