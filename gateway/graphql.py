"""The GraphQL endpoint: from an HTTP request to a caller, a context, an execution, an answer."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from graphql import ExecutionResult, GraphQLError, OperationDefinitionNode, OperationType, execute
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from gateway.auth import InvalidCredential, caller_for, clear_session_cookie
from gateway.documents import Document, Documents, only_signs_out
from gateway.graphiql.page import CONTENT_SECURITY_POLICY, graphiql_page
from gateway.graphql_requests import (
    GRAPHQL_RESPONSE,
    JSON,
    GraphQLRequest,
    UnfitRequest,
    answer,
    media_type,
    prefers_html,
    read_request,
)
from gateway.oidc import Provider
from gateway.requests import UNEXPECTED, request_id_of
from gateway.settings import Settings
from resolvers.caller import Caller
from resolvers.refusals import BadRequest, Forbidden, Unauthenticated
from schema.context import Context, Loaders
from schema.graph import build

log = structlog.get_logger(__name__)

SIGN_IN_FIRST = "Sign in first."
SESSION_ENDED = "The session has ended, or the credential is not valid. Sign in again."


@dataclass(slots=True)
class BrowserSession:
    """What signing out does to the browser that asks."""

    provider: Provider
    forgotten: bool = field(default=False, init=False)

    async def end_session_url(self, account: str) -> str | None:
        """Where to send the browser to end the provider's session; None if nowhere."""
        return await self.provider.end_session_url(account)

    def forget_session(self) -> None:
        """Drop the session cookie with this answer."""
        self.forgotten = True


class GraphQLEndpoint:
    """Answers `/graphql`."""

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
        self._documents = Documents(self._core, introspection=settings.introspection)

    async def respond(self, request: Request) -> Response:
        """The answer to one HTTP request."""
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
            return answer(
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
            if isinstance(operation, str) or not only_signs_out(operation):
                return self._unauthorized(media, invalid)
            caller = Caller(request_id=request_id)
        refusal = _refused_before_execution(document, operation, request.method)
        if refusal is not None:
            return self._refused(refusal, media)
        changes_something = not isinstance(operation, str) and (
            operation.operation is OperationType.MUTATION
        )
        browser = BrowserSession(self._provider)
        context = Context(
            caller=caller,
            now=now,
            invitation_lifetime=timedelta(days=self._settings.invitation_days),
            browser=browser,
            loaders=Loaders(caller),
        )
        response = await self._executed(document, asked, context, media)
        if changes_something:
            self._after_change()
        if browser.forgotten:
            clear_session_cookie(response, self._settings)
        return response

    async def _executed(
        self, document: Document, asked: GraphQLRequest, context: Context, media: str
    ) -> Response:
        if document.node is None:
            raise AssertionError  # refused before
        running = execute(
            self._core,
            document.node,
            context_value=context,
            variable_values=asked.variables,
            operation_name=asked.operation_name,
            executor_class=self._graph.execution_context_class,
            hide_suggestions=not self._settings.introspection,
            operation_extensions=asked.extensions,
        )
        result: ExecutionResult = await running if inspect.isawaitable(running) else running
        if result.data is None and result.errors and not any(e.path for e in result.errors):
            # Variables that don't fit: the operation was never begun.
            return self._refused(_Refusal(result.errors, "BAD_REQUEST"), media)
        body: dict[str, Any] = {"data": result.data}
        if result.errors:
            body["errors"] = [
                _formatted(error, context.caller.request_id) for error in result.errors
            ]
        return answer(body, media=media)

    def _unauthorized(self, media: str, invalid: InvalidCredential) -> Response:
        del invalid
        error = {"message": SESSION_ENDED, "extensions": {"code": "UNAUTHENTICATED"}}
        response = answer(
            {"errors": [error]},
            media=media,
            status=401,
            headers={"www-authenticate": 'Bearer error="invalid_token"'},
        )
        clear_session_cookie(response, self._settings)
        return response

    def _refused(self, refusal: "_Refusal", media: str) -> Response:
        """A request that was not executed: 400 where the media type has statuses (section 6.4)."""
        errors = [
            {**error.formatted, "extensions": {"code": refusal.code}} for error in refusal.errors
        ]
        status = refusal.status or (400 if media == GRAPHQL_RESPONSE else 200)
        headers = {"allow": "POST"} if status == 405 else {}  # noqa: PLR2004 - method not allowed
        return answer({"errors": errors}, media=media, status=status, headers=headers)


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Why a request is not executed."""

    errors: Sequence[GraphQLError]
    code: str
    status: int | None = None


def _refused_before_execution(
    document: Document, operation: OperationDefinitionNode | str, method: str
) -> _Refusal | None:
    if document.errors:
        code = "GRAPHQL_VALIDATION_FAILED" if document.parses else "GRAPHQL_PARSE_FAILED"
        return _Refusal(document.errors, code)
    if isinstance(operation, str):
        return _Refusal([GraphQLError(operation)], "BAD_REQUEST")
    if method != "POST" and operation.operation is not OperationType.QUERY:
        message = f"A {operation.operation.value} can't be sent by {method}: use POST."
        return _Refusal([GraphQLError(message)], "BAD_REQUEST", 405)
    return None


def _formatted(error: GraphQLError, request_id: str) -> dict[str, Any]:
    """An error as the client sees it; what is no answer to the caller is masked and logged."""
    message, code = _told(error)
    extensions: dict[str, Any] = {"code": code}
    if code == "INTERNAL":
        extensions["requestId"] = request_id
        log.error("field_failed", path=error.path, exc_info=error.original_error or error)
    return {**error.formatted, "message": message, "extensions": extensions}


def _told(error: GraphQLError) -> tuple[str, str]:
    match error.original_error:
        case Unauthenticated():
            return SIGN_IN_FIRST, "UNAUTHENTICATED"
        case Forbidden() as forbidden:
            return str(forbidden), "FORBIDDEN"
        case BadRequest() as bad:
            return str(bad), "BAD_REQUEST"
        case None | GraphQLError():
            return error.message, "BAD_REQUEST"
        case _:
            return UNEXPECTED, "INTERNAL"
