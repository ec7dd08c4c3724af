"""From an operation to the answers that its stream gives."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Protocol, Self

from graphql import ExecutionResult, OperationDefinitionNode, OperationType
from starlette.requests import HTTPConnection

from gateway.admission import Admission, Way, may_explore
from gateway.auth import caller_for
from gateway.costs import Price
from gateway.documents import Document
from gateway.graphql_errors import RATE_LIMITED, Refusal, formatted, refusal_for
from gateway.graphql_execution import Execution
from gateway.graphql_requests import GraphQLRequest
from gateway.requests import request_id_of
from gateway.settings import Settings
from gateway.streams.exchange import Exchange
from gateway.streams.places import TooManyStreams
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
class Beginning:
    """A subscription that may begin."""

    document: Document
    asked: GraphQLRequest
    price: Price
    resumes: bool
    """Whether the client followed before."""


class NotBegun(Exception):  # noqa: N818 - an answer
    """A subscription that does not begin, for these errors."""

    def __init__(
        self, errors: list[Answer], *, status: int | None = None, retry_after_s: int | None = None
    ) -> None:
        super().__init__("a subscription did not begin")
        self.errors = errors
        self.status = status
        """That of an answer over HTTP, if not 200."""
        self.retry_after_s = retry_after_s

    @classmethod
    def since(cls, refusal: Refusal) -> Self:
        """For this reason."""
        return cls(refusal.formatted(), status=refusal.status, retry_after_s=refusal.retry_after_s)


async def _yes() -> bool:
    return True


class Subscriptions:
    """Begins subscriptions, each after the checks that any operation has to pass."""

    def __init__(
        self,
        settings: Settings,
        exchange: Exchange,
        admission: Admission,
        trusted: TrustedDocuments,
        execution: Execution,
        *,
        context_for: ContextFor,
        now: Callable[[], datetime],
    ) -> None:
        self.settings = settings
        self.exchange = exchange
        self.admission = admission
        self._trusted = trusted
        self._execution = execution
        self._context_for = context_for
        self._now = now

    async def asked_for(self, asked: GraphQLRequest) -> OperationDefinitionNode | None:
        """The subscription that a request is for, even if it may not run; None if for none."""
        document = await self._trusted.read(asked, may_run_any=_yes)
        operation = document.operation(asked.operation_name)
        if isinstance(operation, str) or operation.operation is not OperationType.SUBSCRIPTION:
            return None
        return operation

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
    ) -> Beginning:
        """Let a subscription in; all else is for POST.

        Raises:
            NotBegun: The document is wrong, goes beyond a limit, or holds no subscription; or the
                caller asks too often.
        """
        document = await self._trusted.read(
            asked, may_run_any=partial(may_explore, connection, caller, self.settings)
        )
        admitted = await self.admission.admit(
            document,
            document.operation(asked.operation_name),
            asked,
            connection,
            caller,
            way=Way.STREAM,
        )
        if isinstance(admitted, Refusal):
            raise NotBegun.since(admitted)
        resumes = last_event_id is not None or bool((asked.extensions or {}).get("lastEventId"))
        return Beginning(document, asked, admitted.price, resumes)

    @asynccontextmanager
    async def begun(
        self, beginning: Beginning, caller: Caller, connection: HTTPConnection
    ) -> AsyncIterator[tuple[Stream, AsyncIterator[Answer]]]:
        """A subscription under way, with its answers; it ends with the block.

        The iterator of the answers raises `StreamEnded` when the client can't have more of them.

        Raises:
            NotBegun: The caller may not follow what he asks for, or follows enough already.
            NotNow: Nothing can be followed at the moment.
        """
        try:
            async with self.exchange.stream(caller, connection) as stream:
                results = await self._results(beginning, stream)
                async with aclosing(self._answers(beginning, results, stream)) as answers:
                    yield stream, answers
        except TooManyStreams as full:
            raise NotBegun.since(refusal_for(str(full), RATE_LIMITED)) from None

    async def _results(self, beginning: Beginning, stream: Stream) -> Any:
        context = self._context_for(stream.caller, self._now(), changes=stream)
        begun = await self._execution.follow(beginning.document, beginning.asked, context)
        if isinstance(begun, ExecutionResult):
            raise NotBegun(formatted(begun.errors or [], stream.caller.request_id))
        return begun

    async def _answers(
        self, beginning: Beginning, results: Any, stream: Stream
    ) -> AsyncGenerator[Answer, None]:
        async with aclosing(results):
            if beginning.resumes:
                yield MAY_HAVE_MISSED
            cost: Mapping[str, Any] = (
                {"cost": beginning.price.told()} if beginning.asked.wants_cost else {}
            )
            async for result in results:
                told = stream.last
                answer: Answer = {"data": result.data}
                if result.errors:
                    answer["errors"] = formatted(result.errors, stream.caller.request_id)
                answer["extensions"] = {"eventId": told.id.hex if told else "", **cost}
                yield answer
