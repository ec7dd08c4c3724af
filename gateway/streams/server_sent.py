"""Streams as server-sent events: GraphQL over SSE, in its "distinct connections mode".

https://github.com/graphql/graphql-over-http/blob/main/rfcs/GraphQLOverSSE.md. A stream that ends
with `complete` is over. One that just ends is to be asked for again, as an EventSource does by
itself, with the id of the last event in `Last-Event-ID`.
"""

import asyncio
from contextlib import suppress
from http import HTTPStatus

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from gateway.answers import EVENT_STREAM, answer, error_of, event, problem
from gateway.graphql_errors import RATE_LIMITED
from gateway.graphql_requests import GraphQLRequest
from gateway.observation import note_code
from gateway.protocols import AT_SHUTDOWN
from gateway.streams.places import RETRY_AFTER_S, NotNow
from gateway.streams.stream import FINAL, End, Stream, StreamEnded, running_task
from gateway.streams.subscribing import Beginning, NotBegun, Subscriptions
from resolvers.caller import Caller

ALIVE = b":\n\n"
"""A comment, which keeps proxies from taking the connection for dead."""

ALIVE_EVERY_S = 15.0

ENDS_WITHIN_S = 2.0
"""How long the last words may take to a client that reads slowly."""


async def events_of(
    request: Request, asked: GraphQLRequest, subscriptions: Subscriptions
) -> Response:
    """The answer to a subscription.

    Raises:
        InvalidCredential: The caller presents one that is invalid.
    """
    try:
        caller = await subscriptions.caller(request)
        beginning = await subscriptions.admitted(
            asked, caller, request, last_event_id=request.headers.get("last-event-id")
        )
    except NotBegun as refused:
        note_code(refused.errors[0]["extensions"]["code"])
        return refusal_of(refused)
    return EventStream(beginning, caller, request, subscriptions)


def refusal_of(refused: NotBegun) -> Response:
    """The answer to a subscription that does not begin."""
    wait_s = refused.retry_after_s
    return answer(
        {"errors": refused.errors},
        media=EVENT_STREAM,
        status=refused.status or HTTPStatus.OK,
        headers=None if wait_s is None else {"retry-after": str(wait_s)},
    )


class EventStream(Response):
    """The events of one subscription, for as long as it lasts."""

    media_type = EVENT_STREAM

    def __init__(
        self,
        beginning: Beginning,
        caller: Caller,
        request: Request,
        subscriptions: Subscriptions,
    ) -> None:
        super().__init__(
            headers={
                "cache-control": "no-store",
                "vary": "Accept, Origin, Cookie",
                "x-accel-buffering": "no",  # nginx would wait for more
            }
        )
        del self.headers["content-length"]
        self._beginning = beginning
        self._caller = caller
        self._request = request
        self._subscriptions = subscriptions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events until the stream ends, or the client goes."""
        try:
            with self._subscriptions.exchange.places.connection(self._request):
                await self._serve(scope, receive, send)
        except NotNow as full:
            refusal = problem(
                str(full),
                RATE_LIMITED,
                media=EVENT_STREAM,
                status=HTTPStatus.SERVICE_UNAVAILABLE,
                headers={"retry-after": str(RETRY_AFTER_S)},
            )
            await refusal(scope, receive, send)
        except NotBegun as refused:
            await refusal_of(refused)(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events.

        Raises:
            NotNow: Nothing was sent, since nothing can be followed now.
            NotBegun: Nothing was sent, since the caller may not follow this.
        """
        last_words = event("complete")
        async with self._subscriptions.begun(self._beginning, self._caller, self._request) as (
            stream,
            answers,
        ):
            reader = stream.reader = running_task()
            scope[AT_SHUTDOWN] = lambda: stream.end(End.LEAVING)
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await send(_chunk(ALIVE))
            watching = asyncio.create_task(_watch(receive, send, stream))
            try:
                async for each in answers:
                    id_ = each.get("extensions", {}).get("eventId", "")
                    await send(_chunk(event("next", orjson.dumps(each), id_=id_)))
            except StreamEnded as ended:
                last_words = _last_words(ended.why)
            except asyncio.CancelledError:
                if stream.ended is None:
                    raise
                reader.uncancel()
                last_words = _last_words(stream.ended)
            finally:
                scope.pop(AT_SHUTDOWN, None)
                watching.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(ENDS_WITHIN_S):
                await send({"type": "http.response.body", "body": last_words, "more_body": False})


async def _watch(receive: Receive, send: Send, stream: Stream) -> None:
    """Notice when the client goes, and send signs of life meanwhile."""
    while True:
        try:
            async with asyncio.timeout(ALIVE_EVERY_S):
                message = await receive()
        except TimeoutError:
            await send(_chunk(ALIVE))
        else:
            if message["type"] == "http.disconnect":
                stream.end(End.GONE)
                return


def _last_words(why: End) -> bytes:
    """What a stream ends with: `complete` alone tells the client not to come back."""
    if why not in FINAL:
        return b""
    error = error_of(why.value, FINAL[why])
    return event("next", orjson.dumps({"errors": [error]})) + event("complete")


def _chunk(body: bytes) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": True}
