"""Streams over a WebSocket: the protocol `graphql-transport-ws`, for subscriptions alone.

https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md. Queries and mutations are sent by
POST, where their limits, rates and keys are.
"""

import asyncio
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any

import orjson
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from gateway.answers import UnfitRequest, error_of
from gateway.auth import InvalidCredential, comes_from_our_pages
from gateway.graphql_errors import RATE_LIMITED, SIGN_IN_FIRST, refusal_for
from gateway.graphql_requests import checked_request, json_in
from gateway.logs import report_failure
from gateway.protocols import CLOSES_WITHIN_S
from gateway.streams.closings import CLOSES, Close, Closing
from gateway.streams.credentials import SignedIn
from gateway.streams.places import RETRY_AFTER_S, NotNow
from gateway.streams.stream import FINAL, End, StreamEnded, running_task
from gateway.streams.subscribing import Beginning, NotBegun, Subscriptions
from resolvers.caller import Caller

SUBPROTOCOL = "graphql-transport-ws"

INITIALISED_WITHIN_S = 5.0
"""How long a connection may stay without somebody who is signed in."""

AUTHORIZATION = "authorization"
"""The parameter, in any case, that stands for the handshake's header of this name."""

MAX_OPERATIONS = 20
"""Of one connection at a time."""

MAX_ID_LENGTH = 100

TRIED_TOO_MANY = "Too many credentials that are not valid came from this address."


async def serve_socket(websocket: WebSocket, subscriptions: Subscriptions) -> None:
    """Answer one WebSocket, from its handshake to its end.

    A browser's page elsewhere is refused by the rule that holds for its cookies too.
    """
    if not comes_from_our_pages(websocket, subscriptions.settings):
        await websocket.send_denial_response(Response("Another origin's page.", 403))
        return
    try:
        with subscriptions.exchange.places.connection(websocket):
            await Socket(websocket, subscriptions).serve()
    except NotNow as full:
        wait = {"retry-after": str(RETRY_AFTER_S)}
        await websocket.send_denial_response(Response(str(full), 503, wait))


class Socket:
    """One connection, and the subscriptions that it carries."""

    def __init__(self, websocket: WebSocket, subscriptions: Subscriptions) -> None:
        self._websocket = websocket
        self._subscriptions = subscriptions
        self._initialised: HTTPConnection | None = None
        """What the client has said who he is by, once he has."""
        self._is_signed_in = False
        """Whether that is the credential of an account."""
        self._held = ExitStack()
        """What he has from then on to the end."""
        self._operations: dict[str, asyncio.Task[None]] = {}
        self._reader: asyncio.Task[object] | None = None
        self._closing: Closing | None = None

    async def serve(self) -> None:
        """Read messages until either side closes."""
        websocket = self._websocket
        if SUBPROTOCOL not in websocket.scope["subprotocols"]:
            await websocket.accept()
            await self._close(Closing(Close.NO_SUBPROTOCOL, "Subprotocol not acceptable"))
            return
        await websocket.accept(SUBPROTOCOL)
        self._reader = running_task()
        try:
            try:
                async with asyncio.timeout(INITIALISED_WITHIN_S) as silence:
                    while True:
                        await self._take(await self._message())
                        if self._is_signed_in:
                            silence.reschedule(None)
            except TimeoutError:
                if self._initialised is not None:
                    raise Closing(Close.UNAUTHORIZED, SIGN_IN_FIRST) from None
                message = "Connection initialisation timeout"
                raise Closing(Close.NOT_INITIALISED, message) from None
        except WebSocketDisconnect:
            pass
        except Closing as closing:
            await self._close(closing)
        except asyncio.CancelledError:
            if self._closing is None:
                raise
            self._reader.uncancel()
            await self._close(self._closing)
        finally:
            await self._finish()

    def _end(self, closing: Closing) -> None:
        """Close, from one of the subscriptions or since the credential has ended."""
        if self._closing is None and self._reader is not None:
            self._closing = closing
            self._reader.cancel()

    def _end_for(self, why: End) -> None:
        self._end(Closing(CLOSES[why], why.value))

    async def _finish(self) -> None:
        self._held.close()
        operations = list(self._operations.values())
        for task in operations:
            task.cancel()
        if operations:
            await asyncio.wait(operations)

    async def _close(self, closing: Closing) -> None:
        self._closing = closing
        with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
            async with asyncio.timeout(CLOSES_WITHIN_S):
                await self._websocket.close(closing.code, closing.reason)
                # The client's answer, so that what it has sent meanwhile resets nothing.
                while (await self._websocket.receive())["type"] != "websocket.disconnect":
                    pass

    async def _message(self) -> dict[str, Any]:
        """The next message.

        Raises:
            WebSocketDisconnect: There is none any more.
            Closing: It is none.
        """
        received = await self._websocket.receive()
        if received["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(received.get("code", 1005))
        text = received.get("text")
        if text is None:
            raise Closing(Close.NO_TEXT, "Messages are texts")
        try:
            message = json_in(text.encode("utf-8", "replace"), "The message")
        except UnfitRequest as unfit:
            raise Closing(Close.BAD_MESSAGE, unfit.message) from None
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            raise Closing(Close.BAD_MESSAGE, "A message is an object with a type")
        return message

    async def _take(self, message: dict[str, Any]) -> None:
        """Do what a message asks for.

        Raises:
            Closing: It can't be done, for which the protocol closes.
        """
        match message["type"]:
            case "connection_init":
                await self._initialise(message.get("payload"))
            case "ping":
                await self._send({"type": "pong"})
            case "pong":
                pass
            case "subscribe":
                await self._subscribe(message)
            case "complete":
                task = self._operations.get(str(message.get("id")))
                if task is not None:
                    task.cancel()
            case _:
                raise Closing(Close.BAD_MESSAGE, "Unknown type of message")

    async def _initialise(self, payload: object) -> None:
        """Find out who it is: by `authorization` in the payload, or else by the handshake.

        An anonymous client is told of each subscription that he must sign in for it.
        """
        if self._initialised is not None:
            raise Closing(Close.INITIALISED_TWICE, "Too many initialisation requests")
        connection = _as_said(HTTPConnection(self._websocket.scope), payload)
        caller = await self._caller(connection)
        if caller.account is not None:
            signed_in = SignedIn(caller, connection, self._end_for)
            try:
                self._held.enter_context(self._subscriptions.exchange.socket(signed_in))
            except NotNow as full:
                raise Closing(Close.TRY_AGAIN_LATER, str(full)) from None
            self._is_signed_in = True
        self._initialised = connection
        await self._send({"type": "connection_ack"})

    async def _caller(self, connection: HTTPConnection) -> Caller:
        try:
            return await self._subscriptions.caller(connection)
        except InvalidCredential as invalid:
            if await self._subscriptions.admission.admit_refusal(connection) is not None:
                raise Closing(Close.TRY_AGAIN_LATER, TRIED_TOO_MANY) from None
            raise Closing(Close.UNAUTHORIZED, str(invalid)) from None

    async def _subscribe(self, message: Mapping[str, Any]) -> None:
        connection = self._initialised
        if connection is None:
            raise Closing(Close.UNAUTHORIZED, "Unauthorized")
        id_, payload = message.get("id"), message.get("payload")
        if not isinstance(id_, str) or not 0 < len(id_) <= MAX_ID_LENGTH:
            raise Closing(Close.BAD_MESSAGE, f"An id has 1 to {MAX_ID_LENGTH} characters")
        if not isinstance(payload, dict):
            raise Closing(Close.BAD_MESSAGE, "The payload must be an object")
        if id_ in self._operations:
            raise Closing(Close.SUBSCRIBER_EXISTS, "Subscriber for this id already exists")
        caller = await self._caller(connection)
        try:
            asked = checked_request(payload)
            if len(self._operations) >= MAX_OPERATIONS:
                message_ = f"This connection carries {MAX_OPERATIONS} subscriptions already."
                raise NotBegun.since(refusal_for(message_, RATE_LIMITED))
            beginning = await self._subscriptions.admitted(
                asked, caller, connection, last_event_id=None
            )
        except UnfitRequest as unfit:
            raise Closing(Close.BAD_MESSAGE, unfit.message) from None
        except NotBegun as refused:
            await self._send({"id": id_, "type": "error", "payload": refused.errors})
            return
        task = asyncio.create_task(self._run(id_, beginning, caller, connection))
        self._operations[id_] = task
        task.add_done_callback(partial(self._has_ended, id_))

    async def _run(
        self, id_: str, beginning: Beginning, caller: Caller, connection: HTTPConnection
    ) -> None:
        """Carry one subscription to its end."""
        try:
            async with self._subscriptions.begun(beginning, caller, connection) as (
                stream,
                answers,
            ):
                reader = stream.reader = running_task()
                try:
                    async for each in answers:
                        await self._send({"id": id_, "type": "next", "payload": each})
                except StreamEnded as ended:
                    await self._ended(id_, ended.why)
                except asyncio.CancelledError:
                    if stream.ended is None:
                        raise
                    reader.uncancel()
                    await self._ended(id_, stream.ended)
        except NotBegun as refused:
            await self._send({"id": id_, "type": "error", "payload": refused.errors})
        except NotNow as full:
            self._end(Closing(Close.TRY_AGAIN_LATER, str(full)))
        except WebSocketDisconnect:
            self._end(Closing(Close.TRY_AGAIN_LATER, "gone"))

    def _has_ended(self, id_: str, task: asyncio.Task[None]) -> None:
        """Make room for another; if it met a defect, say so in the log, and close."""
        self._operations.pop(id_, None)
        report_failure(task)
        if not task.cancelled() and task.exception() is not None:
            self._end(Closing(Close.DEFECT, "Internal server error"))

    async def _ended(self, id_: str, why: End) -> None:
        if why in CLOSES:
            self._end_for(why)
            return
        error = error_of(why.value, FINAL[why])
        await self._send({"id": id_, "type": "next", "payload": {"errors": [error]}})
        await self._send({"id": id_, "type": "complete"})

    async def _send(self, message: Mapping[str, Any]) -> None:
        await self._websocket.send_text(orjson.dumps(message).decode())


def _as_said(connection: HTTPConnection, payload: object) -> HTTPConnection:
    """The connection as if its handshake had the payload's credential, if any, in its header.

    Raises:
        Closing: There are several, or it is no text.
    """
    given = payload.items() if isinstance(payload, dict) else ()
    credentials = [value for name, value in given if name.lower() == AUTHORIZATION]
    if not credentials:
        return connection
    credential = credentials[0]
    if len(credentials) > 1 or not isinstance(credential, str) or not credential.isascii():
        raise Closing(Close.BAD_MESSAGE, f"`{AUTHORIZATION}` must be one text")
    name = AUTHORIZATION.encode()
    headers = [each for each in connection.scope["headers"] if each[0] != name]
    headers.append((name, credential.encode()))
    return HTTPConnection({**connection.scope, "headers": headers})
