"""The GraphQL endpoint: from an HTTP request to a caller, a context, an execution, an answer."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import Any, ClassVar

import structlog
from graphql import OperationDefinitionNode
from graphql.execution import Executor
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.websockets import WebSocket

from gateway.admission import Admission, Way, may_explore
from gateway.answers import (
    EVENT_STREAM,
    GRAPHQL_RESPONSE,
    JSON,
    RETRY_AFTER_S,
    UnfitRequest,
    answer,
    media_type,
    prefers_html,
    problem,
)
from gateway.auth import InvalidCredential, caller_for, clear_session_cookie
from gateway.browser_session import BrowserSession
from gateway.documents import Documents, calls, only_signs_out
from gateway.graphiql.page import CONTENT_SECURITY_POLICY, graphiql_page
from gateway.graphql_errors import INTERNAL, Refusal
from gateway.graphql_execution import Execution, GraphExecutor
from gateway.graphql_requests import GraphQLRequest, read_request
from gateway.idempotency import Executed, Idempotency, key_of
from gateway.observation import current_operation, note_code
from gateway.observers import Observers
from gateway.oidc import Provider
from gateway.patience import CLIENT_LEFT, TOOK_TOO_LONG, ClientLeft, Patience, TookTooLong
from gateway.rates import Rates
from gateway.replica.reading import ReadReplica
from gateway.requests import request_id_of
from gateway.room import Places, Room
from gateway.settings import Settings
from gateway.streams.exchange import Exchange
from gateway.streams.server_sent import events_of
from gateway.streams.socket import serve_socket
from gateway.streams.subscribing import Subscriptions
from gateway.trusted import TrustedDocuments
from resolvers.caller import Caller
from schema.context import Changes, Context, Loaders
from schema.graph import build

log = structlog.get_logger(__name__)

PARAMETERS = {"query", "documentId", "extensions"}
"""By any of these a GET is a request, and not a browser that wants the page."""


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
        observers: Observers,
        replica: ReadReplica,
        now: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._provider = provider
        self._rates = rates
        self._after_change = after_change
        self._observers = observers
        self._now = now
        core = build()._schema  # noqa: SLF001 - Strawberry's only way to graphql-core
        self._root_fields = frozenset(
            name
            for root in (core.query_type, core.mutation_type, core.subscription_type)
            for name in (root.fields if root else ())
        )
        self._idempotency = Idempotency(settings)
        self._room = Room()
        self._documents = Documents(core, introspection=settings.introspection)
        self._trusted = TrustedDocuments(
            self._documents, trusted_only=settings.trusted_documents_only
        )
        self._admission = Admission(self._documents, rates)
        self._execution = Execution(
            core,
            executor_class=self.executor_class,
            hides_suggestions=not settings.introspection,
            replica=replica,
        )
        self._places = Places()
        self.subscriptions = Subscriptions(
            settings,
            exchange,
            self._admission,
            self._trusted,
            self._execution,
            context_for=self._context,
            now=now,
        )

    async def respond(self, request: Request) -> Response:
        """The answer to one HTTP request; 503 if as many are under way as memory is meant for."""
        with self._observers.operation():
            return await self._answer(request)

    async def _answer(self, request: Request) -> Response:
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
                followed = None
                with self._places:  # who has still to send his request takes none
                    if media == EVENT_STREAM:
                        followed = await self.subscriptions.asked_for(asked)
                    if followed is None:
                        return await self._in_time(request, asked, media)
            self._note_name(followed)
            return await self._events(request, asked)
        except UnfitRequest as unfit:
            media = GRAPHQL_RESPONSE if GRAPHQL_RESPONSE in (accept or "") else JSON
            note_code(unfit.code)
            return problem(
                unfit.message, unfit.code, media=media, status=unfit.status, headers=unfit.headers
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
            return problem(
                TOOK_TOO_LONG,
                INTERNAL,
                media=media,
                status=HTTPStatus.SERVICE_UNAVAILABLE,
                headers={"retry-after": str(RETRY_AFTER_S)},
                requestId=request_id_of(request),
            )
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
        self._note_name(operation)
        if invalid is not None and not _signs_out_again(operation, invalid):
            return await self._unauthorized(request, invalid, media)
        way = Way.POST if request.method == "POST" else Way.GET
        admitted = await self._admission.admit(document, operation, asked, request, caller, way=way)
        if isinstance(admitted, Refusal):
            return self._refused(admitted, media)
        if admitted.changes_something:
            patience.finish_it()
        browser = BrowserSession(self._provider)
        key = key_of(request) if admitted.changes_something else None
        if key is None or caller.account is None:
            context = self._context(caller, now, browser)
            outcome = await self._execution.run(document, asked, context, admitted)
        else:

            async def execute() -> Executed | Refusal:
                # It may be tried again; what is remembered of the caller belongs to one try.
                context = self._context(replace(caller), now, browser)
                return await self._execution.run(document, asked, context, admitted)

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
        headers = {**outcome.headers, **_wait(outcome.retry_after_s)}
        response = answer(outcome.body, media=media, headers=headers)
        if browser.forgotten:
            clear_session_cookie(response, self._settings)
        return response

    def _note_name(self, operation: OperationDefinitionNode | str) -> None:
        observed = current_operation.get()
        if observed is not None and not isinstance(operation, str):
            observed.is_named(operation, self._root_fields)

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

    async def _unauthorized(
        self, request: Request, invalid: InvalidCredential, media: str
    ) -> Response:
        """A credential that is not valid, if its address has not tried too many."""
        refusal = await self._admission.admit_refusal(request)
        if refusal is not None:
            return self._refused(refusal, media)
        note_code("UNAUTHENTICATED")
        challenge = {"www-authenticate": invalid.challenge}
        response = problem(
            str(invalid), "UNAUTHENTICATED", media=media, status=401, headers=challenge
        )
        if invalid.is_session:
            clear_session_cookie(response, self._settings)
        return response

    def _refused(self, refusal: Refusal, media: str) -> Response:
        """A request that was not executed: 400 where the media type has statuses (section 6.4)."""
        note_code(refusal.code)
        status = refusal.status or (400 if media == GRAPHQL_RESPONSE else 200)
        headers = {"allow": "POST"} if status == HTTPStatus.METHOD_NOT_ALLOWED else {}
        headers |= _wait(refusal.retry_after_s)
        return answer({"errors": refusal.formatted()}, media=media, status=status, headers=headers)


def _wait(seconds: int | None) -> dict[str, str]:
    """The header that says when to come back, if that is known."""
    return {} if seconds is None else {"retry-after": str(seconds)}


def _signs_out_again(operation: OperationDefinitionNode | str, invalid: InvalidCredential) -> bool:
    """Whether this is a sign-out with a session that has ended, which succeeds (rule 41)."""
    return invalid.is_session and not isinstance(operation, str) and only_signs_out(operation)
