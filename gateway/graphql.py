"""The GraphQL endpoint: from an HTTP request to a caller, a context, an execution, an answer."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import Any, ClassVar

import structlog
from graphql import ExecutionResult, OperationDefinitionNode, OperationType, execute
from graphql.execution import Executor
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, Response
from starlette.websockets import WebSocket

from gateway.addresses import counted_address
from gateway.auth import (
    InvalidCredential,
    caller_for,
    clear_session_cookie,
    comes_from_our_own_page,
)
from gateway.costs import Price
from gateway.documents import (
    BAD_REQUEST,
    MAX_ERRORS,
    TOO_COMPLEX,
    Document,
    Documents,
    calls,
    only_signs_out,
)
from gateway.execution.strawberry import StrawberryCompilingExecutor
from gateway.graphiql.page import CONTENT_SECURITY_POLICY, graphiql_page
from gateway.graphql_errors import (
    INTERNAL,
    Refusal,
    challenge_of,
    formatted,
    is_defect,
    refusal_for,
    slow_down,
)
from gateway.graphql_requests import (
    EVENT_STREAM,
    GRAPHQL_RESPONSE,
    JSON,
    RETRY_AFTER_S,
    GraphQLRequest,
    Room,
    UnfitRequest,
    answer,
    media_type,
    prefers_html,
    read_request,
)
from gateway.idempotency import Executed, Idempotency, key_of
from gateway.limits import TooComplex
from gateway.oidc import Provider
from gateway.patience import ClientLeft, Patience, TookTooLong
from gateway.rates import Rates
from gateway.requests import request_id_of
from gateway.settings import Settings
from gateway.streams.exchange import Exchange
from gateway.streams.server_sent import events_of
from gateway.streams.socket import serve_socket
from gateway.streams.subscribing import Subscriptions
from gateway.trusted import TrustedDocuments
from resolvers.caller import Caller
from resolvers.memberships import memberships_of
from schema.catalogue import Role, Service
from schema.context import Changes, Context, Loaders
from schema.graph import build

log = structlog.get_logger(__name__)

REFUSAL_COST = 100
"""What counts for the rates where nothing is executed: an invalid document, or credential."""

TOOK_TOO_LONG = "This took too long and was given up."

CLIENT_LEFT = 499
"""For the log: nobody is there to get it. The status that nginx uses."""
PARAMETERS = {"query", "documentId", "extensions"}
"""By any of these a GET is a request, and not a browser that wants the page."""


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
        rates: Rates,
        *,
        exchange: Exchange,
        after_change: Callable[[], None],
        now: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._provider = provider
        self._rates = rates
        self._after_change = after_change
        self._now = now
        self._graph = build()
        self._core = self._graph._schema  # noqa: SLF001 - Strawberry's only way to graphql-core
        if settings.secret_key is None:
            message = "a Provider checks that every setting for sign-in is there"
            raise TypeError(message)
        self._idempotency = Idempotency(settings.secret_key)
        self._room = Room()
        self._documents = Documents(self._core, introspection=settings.introspection)
        self._trusted = TrustedDocuments(
            self._documents, trusted_only=settings.trusted_documents_only
        )
        self.subscriptions = Subscriptions(
            settings,
            exchange,
            rates,
            self._documents,
            self._trusted,
            schema=self._core,
            executor_class=self.executor_class,
            context_for=self._context,
            may_explore=may_explore,
            now=now,
        )

    async def respond(self, request: Request) -> Response:
        """The answer to one HTTP request."""
        accept = request.headers.get("accept")
        is_page = request.method != "POST" and not PARAMETERS & request.query_params.keys()
        try:
            if is_page and prefers_html(accept):
                return self._graphiql()
            media = media_type(accept)
            with self._room.hold() as held:
                asked = await read_request(
                    request, held, may_carry_file=partial(self._is_signed_in, request)
                )
                follows = media == EVENT_STREAM and await self.subscriptions.asks_for_one(asked)
                if not follows:
                    return await self._in_time(request, asked, media)
            return await self._events(request, asked)
        except UnfitRequest as unfit:
            media = GRAPHQL_RESPONSE if GRAPHQL_RESPONSE in (accept or "") else JSON
            error = {"message": unfit.message, "extensions": {"code": "BAD_REQUEST"}}
            return answer(
                {"errors": [error]}, media=media, status=unfit.status, headers=unfit.headers
            )

    async def _events(self, request: Request, asked: GraphQLRequest) -> Response:
        try:
            return await events_of(request, asked, self.subscriptions)
        except InvalidCredential as invalid:
            return await self._unauthorized(request, invalid, EVENT_STREAM)

    async def serve_socket(self, websocket: WebSocket) -> None:
        """Answer one WebSocket."""
        await serve_socket(websocket, self.subscriptions)

    async def _is_signed_in(self, request: Request) -> bool:
        caller, _ = await self._caller(request, self._now())
        return caller.account is not None

    async def _caller(
        self, request: Request, now: datetime
    ) -> tuple[Caller, InvalidCredential | None]:
        """Who asks; nobody, if what he presents is invalid."""
        request_id = request_id_of(request)
        try:
            caller = await caller_for(
                request, settings=self._settings, request_id=request_id, now=now
            )
        except InvalidCredential as invalid:
            return Caller(request_id=request_id), invalid
        return caller, None

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

    async def _in_time(self, request: Request, asked: GraphQLRequest, media: str) -> Response:
        """The answer, or that there is none: it took too long, or nobody waits for it any more."""
        try:
            with Patience(request, limit_s=self._settings.query_timeout_s) as patience:
                return await self._respond(request, asked, media, patience)
        except TookTooLong:
            log.error("query_given_up", limit_s=self._settings.query_timeout_s)  # noqa: TRY400 - the stack tells nothing more
            extensions = {"code": INTERNAL, "requestId": request_id_of(request)}
            error = {"message": TOOK_TOO_LONG, "extensions": extensions}
            headers = {"retry-after": str(RETRY_AFTER_S)}
            status = HTTPStatus.SERVICE_UNAVAILABLE
            return answer({"errors": [error]}, media=media, status=status, headers=headers)
        except ClientLeft:
            return Response(status_code=CLIENT_LEFT)

    async def _respond(
        self, request: Request, asked: GraphQLRequest, media: str, patience: Patience
    ) -> Response:
        now = self._now()
        caller, invalid = await self._caller(request, now)
        document = await self._trusted.read(
            asked, may_run_any=partial(may_explore, request, caller, self._settings)
        )
        operation = document.operation(asked.operation_name)
        if invalid is not None:
            # Signing out again with a session that has ended succeeds (rule 41).
            signs_out = not isinstance(operation, str) and only_signs_out(operation)
            if not (signs_out and invalid.is_session):
                return await self._unauthorized(request, invalid, media)
        admitted = await self._let_in(
            self._admitted(document, operation, asked, request.method),
            request,
            caller,
            previews=document.previews,
        )
        if isinstance(admitted, Refusal):
            return self._refused(admitted, media)
        if admitted.changes_something:
            patience.finish_it()
        browser = BrowserSession(self._provider)
        context = self._context(caller, now, browser)
        execute = partial(self._executed, document, asked, context, admitted)
        key = key_of(request) if admitted.changes_something else None
        if key is None or caller.account is None:
            outcome = await execute()
        else:
            if not isinstance(operation, str) and calls(operation, "signOut"):
                # Ask the provider now: the execution is one transaction, which nothing may delay.
                await browser.end_session_url(caller.account.microsoft_account)
            outcome = await self._idempotency.answer_once(
                key, caller.credential, request_hash=asked.body_hash, execute=execute, now=now
            )
        if isinstance(outcome, Refusal):
            return self._refused(outcome, media)
        if admitted.changes_something:
            self._after_change()
        response = answer(outcome.body, media=media, headers=outcome.headers)
        if browser.forgotten:
            clear_session_cookie(response, self._settings)
        return response

    def _context(
        self,
        caller: Caller,
        now: datetime,
        browser: BrowserSession | None = None,
        *,
        changes: Changes | None = None,
    ) -> Context:
        return Context(
            caller=caller,
            now=now,
            invitation_lifetime=timedelta(days=self._settings.invitation_days),
            rates=self._rates,
            browser=browser or BrowserSession(self._provider),
            loaders=Loaders(caller),
            changes=changes,
        )

    async def _let_in(
        self,
        admitted: "_Admitted | Refusal",
        request: Request,
        caller: Caller,
        *,
        previews: int,
    ) -> "_Admitted | Refusal":
        """What was admitted, if it was not too much lately."""
        address = counted_address(request)
        wait_s = await self._rates.previews(address, previews) if previews else None
        if wait_s is None:
            wait_s = await self._rates.operation(
                account=caller.account.id if caller.account else None,
                token=caller.token.id if caller.token else None,
                address=address,
                cost=REFUSAL_COST if isinstance(admitted, Refusal) else admitted.price.cost,
            )
        return admitted if wait_s is None else slow_down(wait_s)

    def _admitted(
        self,
        document: Document,
        operation: OperationDefinitionNode | str,
        asked: GraphQLRequest,
        method: str,
    ) -> "_Admitted | Refusal":
        """Whether the operation may be executed; what it will cost, or why not."""
        if document.errors:
            return Refusal(document.errors, document.code, document.status)
        if isinstance(operation, str):
            return refusal_for(operation, BAD_REQUEST)
        kind = operation.operation
        if kind is OperationType.SUBSCRIPTION:
            message = (
                "A subscription has many answers: ask for it by a WebSocket (graphql-transport-ws) "
                f"or with Accept: {EVENT_STREAM}."
            )
            return refusal_for(message, BAD_REQUEST)
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

    async def _unauthorized(
        self, request: Request, invalid: InvalidCredential, media: str
    ) -> Response:
        """A credential that is not valid, if its address has not tried too many."""
        wait_s = await self._rates.operation(
            account=None, address=counted_address(request), cost=REFUSAL_COST
        )
        if wait_s is not None:
            return self._refused(slow_down(wait_s), media)
        error = {"message": str(invalid), "extensions": {"code": "UNAUTHENTICATED"}}
        response = answer(
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
        if refusal.retry_after_s is not None:
            headers["retry-after"] = str(refusal.retry_after_s)
        return answer({"errors": refusal.formatted()}, media=media, status=status, headers=headers)


@dataclass(frozen=True, slots=True)
class _Admitted:
    """An operation that may be executed."""

    price: Price
    changes_something: bool


async def may_explore(request: HTTPConnection, caller: Caller, settings: Settings) -> bool:
    """Whether this is an administrator's GraphiQL, which runs any document where others may not.

    What tells GraphiQL is that GraphiQL is on, and that a page of our own origin posts with the
    session of someone who administers a service: no other origin, no access token, no GET. Such a
    request could come from the portal too; it is refused nothing that its sender may not do, and
    the limits on documents hold.
    """
    if (
        not settings.graphiql
        or request.scope.get("method") != "POST"
        or caller.session_id is None
        or not comes_from_our_own_page(request, settings)
    ):
        return False
    return any(each.is_administrator for each in (await memberships_of(caller)).values())
