"""The GraphQL endpoint: from an HTTP request to a caller, a context, an execution, an answer."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import Any, ClassVar

from graphql import ExecutionResult, OperationDefinitionNode, OperationType, execute
from graphql.execution import Executor
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from gateway.auth import InvalidCredential, caller_for, clear_session_cookie
from gateway.costs import Price
from gateway.documents import (
    BAD_REQUEST,
    MAX_ERRORS,
    TOO_COMPLEX,
    Document,
    Documents,
    only_signs_out,
)
from gateway.execution.strawberry import StrawberryCompilingExecutor
from gateway.graphiql.page import CONTENT_SECURITY_POLICY, graphiql_page
from gateway.graphql_errors import Refusal, challenge_of, formatted, is_defect, refusal_for
from gateway.graphql_requests import (
    GRAPHQL_RESPONSE,
    JSON,
    Answer,
    GraphQLRequest,
    UnfitRequest,
    media_type,
    prefers_html,
    read_request,
)
from gateway.idempotency import Executed, Idempotency, key_of
from gateway.limits import TooComplex
from gateway.oidc import Provider
from gateway.requests import request_id_of
from gateway.settings import Settings
from resolvers.caller import Caller
from schema.catalogue import Role, Service
from schema.context import Context, Loaders
from schema.graph import build

MAX_UNDER_WAY = 500
"""Requests at once; one that waits holds about 30 kB, and has half a second of work before it."""

OVERLOADED = "Too many requests are waiting for an answer. Try again in a moment."
RETRY_AFTER_S = 1


@dataclass(slots=True)
class BrowserSession:
    """What signing out does to the browser that asks."""

    provider: Provider
    forgotten: bool = field(default=False, init=False)
    urls: dict[str, str | None] = field(default_factory=dict, init=False)

    async def end_session_url(self, account: str) -> str | None:
        """Where to send the browser to end the provider's session; None if nowhere."""
        if account not in self.urls:
            self.urls[account] = await self.provider.end_session_url(account)
        return self.urls[account]

    def forget_session(self) -> None:
        """Drop the session cookie with this answer."""
        self.forgotten = True


class GraphExecutor(StrawberryCompilingExecutor):
    """Executes our graph."""

    constants = frozenset({Role, Service})


class GraphQLEndpoint:
    """Answers `/graphql`."""

    executor_class: ClassVar[type[Executor[Any]]] = GraphExecutor

    def __init__(
        self,
        settings: Settings,
        provider: Provider,
        *,
        after_change: Callable[[], None],
        now: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._provider = provider
        self._after_change = after_change
        self._now = now
        self._graph = build()
        self._core = self._graph._schema  # noqa: SLF001 - Strawberry's only way to graphql-core
        if settings.secret_key is None:
            message = "a Provider checks that every setting for sign-in is there"
            raise TypeError(message)
        self._idempotency = Idempotency(settings.secret_key)
        self._documents = Documents(self._core, introspection=settings.introspection)
        self._under_way = 0

    async def respond(self, request: Request) -> Response:
        """The answer to one HTTP request; 503 if as many are under way as memory is meant for."""
        if self._under_way >= MAX_UNDER_WAY:
            error = {"message": OVERLOADED, "extensions": {"code": "RATE_LIMITED"}}
            wait = {"retry-after": str(RETRY_AFTER_S)}
            return Answer({"errors": [error]}, media=JSON, status=503, headers=wait)
        self._under_way += 1
        try:
            return await self._answer(request)
        finally:
            self._under_way -= 1

    async def _answer(self, request: Request) -> Response:
        accept = request.headers.get("accept")
        is_page = request.method != "POST" and "query" not in request.query_params
        try:
            if is_page and prefers_html(accept):
                return self._graphiql()
            media = media_type(accept)
            return await self._respond(request, await read_request(request), media)
        except UnfitRequest as unfit:
            media = GRAPHQL_RESPONSE if GRAPHQL_RESPONSE in (accept or "") else JSON
            error = {"message": unfit.message, "extensions": {"code": "BAD_REQUEST"}}
            return Answer(
                {"errors": [error]}, media=media, status=unfit.status, headers=unfit.headers
            )

    def _graphiql(self) -> Response:
        """The page.

        Raises:
            UnfitRequest: It is switched off.
        """
        if not self._settings.graphiql:
            raise UnfitRequest(406, "GraphiQL is switched off; ask for JSON.")
        return HTMLResponse(
            graphiql_page(), headers={"content-security-policy": CONTENT_SECURITY_POLICY}
        )

    async def _respond(self, request: Request, asked: GraphQLRequest, media: str) -> Response:
        now = self._now()
        request_id = request_id_of(request)
        document = self._documents.read(asked.query)
        operation = document.operation(asked.operation_name)
        try:
            caller = await caller_for(
                request, settings=self._settings, request_id=request_id, now=now
            )
        except InvalidCredential as invalid:
            # Signing out again with a session that has ended succeeds (rule 41).
            signs_out = not isinstance(operation, str) and only_signs_out(operation)
            if not (signs_out and invalid.is_session):
                return self._unauthorized(invalid, media)
            caller = Caller(request_id=request_id)
        admitted = self._admitted(document, operation, asked, request.method)
        if isinstance(admitted, Refusal):
            return self._refused(admitted, media)
        browser = BrowserSession(self._provider)
        context = Context(
            caller=caller,
            now=now,
            invitation_lifetime=timedelta(days=self._settings.invitation_days),
            browser=browser,
            loaders=Loaders(caller),
        )
        execute = partial(self._executed, document, asked, context, admitted)
        key = key_of(request) if admitted.changes_something else None
        if key is None or caller.account is None:
            outcome = await execute()
        else:
            if "signOut" in asked.query:
                # Ask the provider now: the execution is one transaction, which nothing may delay.
                await browser.end_session_url(caller.account.microsoft_account)
            outcome = await self._idempotency.answer_once(
                key, caller.credential, request_hash=asked.body_hash, execute=execute, now=now
            )
        if isinstance(outcome, Refusal):
            return self._refused(outcome, media)
        if admitted.changes_something:
            self._after_change()
        response = Answer(outcome.body, media=media, headers=outcome.headers)
        if browser.forgotten:
            clear_session_cookie(response, self._settings)
        return response

    def _admitted(
        self,
        document: Document,
        operation: OperationDefinitionNode | str,
        asked: GraphQLRequest,
        method: str,
    ) -> "_Admitted | Refusal":
        """Whether the operation may be executed; what it will cost, or why not."""
        if document.errors:
            return Refusal(document.errors, document.code)
        if isinstance(operation, str):
            return refusal_for(operation, BAD_REQUEST)
        kind = operation.operation
        if method != "POST" and kind is not OperationType.QUERY:
            message = f"A {kind.value} can't be sent by {method}: use POST."
            return refusal_for(message, BAD_REQUEST, HTTPStatus.METHOD_NOT_ALLOWED)
        price = self._documents.price(document, operation, asked.variables)
        try:
            price.check()
        except TooComplex as excess:
            return Refusal([excess.told()], TOO_COMPLEX)
        return _Admitted(price, changes_something=kind is OperationType.MUTATION)

    async def _executed(
        self, document: Document, asked: GraphQLRequest, context: Context, admitted: "_Admitted"
    ) -> Executed | Refusal:
        if document.node is None:
            raise AssertionError  # refused before
        running = execute(
            self._core,
            document.node,
            context_value=context,
            variable_values=asked.variables,
            operation_name=asked.operation_name,
            executor_class=self.executor_class,
            max_coercion_errors=MAX_ERRORS,
            hide_suggestions=not self._settings.introspection,
            operation_extensions=asked.extensions,
        )
        result: ExecutionResult = await running if inspect.isawaitable(running) else running
        errors = result.errors or []
        if result.data is None and errors and not any(error.path for error in errors):
            # Variables that don't fit: the operation was never begun.
            return Refusal(errors, BAD_REQUEST)
        body: dict[str, Any] = {"data": result.data}
        if errors:
            body["errors"] = formatted(errors, context.caller.request_id)
        if asked.wants_cost:
            body["extensions"] = {"cost": admitted.price.told()}
        return Executed(
            body,
            has_defect=any(is_defect(error) for error in errors),
            headers=challenge_of(errors),
        )

    def _unauthorized(self, invalid: InvalidCredential, media: str) -> Response:
        error = {"message": str(invalid), "extensions": {"code": "UNAUTHENTICATED"}}
        response = Answer(
            {"errors": [error]},
            media=media,
            status=401,
            headers={"www-authenticate": invalid.challenge},
        )
        if invalid.is_session:
            clear_session_cookie(response, self._settings)
        return response

    def _refused(self, refusal: Refusal, media: str) -> Response:
        """A request that was not executed: 400 where the media type has statuses (section 6.4)."""
        status = refusal.status or (400 if media == GRAPHQL_RESPONSE else 200)
        headers = {"allow": "POST"} if status == HTTPStatus.METHOD_NOT_ALLOWED else {}
        return Answer({"errors": refusal.formatted()}, media=media, status=status, headers=headers)


@dataclass(frozen=True, slots=True)
class _Admitted:
    """An operation that may be executed."""

    price: Price
    changes_something: bool
