"""The application: what answers which path, and what runs beside it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Protocol

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway import connection_limits, draining, health, malformed
from gateway.answers import error_of
from gateway.asset_files import Assets
from gateway.connection_limits import ConnectionLimits
from gateway.database import ANSWERED_WITHIN_S, DATABASE_TROUBLE, connected
from gateway.draining import Drain
from gateway.export import export_route
from gateway.graphql import GraphQLEndpoint
from gateway.imports import import_forever
from gateway.logs import report_failure
from gateway.mail.worker import deliver_forever
from gateway.observers import Observers
from gateway.oidc import Provider
from gateway.pages import landing_route, not_found_page
from gateway.portal_pages import portal_routes
from gateway.rates import Rates
from gateway.replica.reading import ReadReplica
from gateway.requests import Requests, headers_of, request_id_of, unexpected, wants_page
from gateway.scim.endpoint import ScimEndpoint
from gateway.settings import Settings
from gateway.sign_in import SignIn
from gateway.streams.exchange import Exchange
from gateway.streams.listening import followed
from gateway.webhooks.delivery import tell_forever
from resolvers.access_tokens import purge_expired_tokens
from resolvers.imports import purge_imports
from resolvers.once import purge_kept_answers
from resolvers.sessions import purge_expired_sessions

log = structlog.get_logger(__name__)

PURGE_EVERY_S = 3600.0
DRAIN_WITHIN_S = 20.0


def utc_now() -> datetime:
    """The clock of the process."""
    return datetime.now(UTC)


def create_app(
    settings: Settings,
    *,
    delivers_mail: bool,
    tells_webhooks: bool = False,
    now: Callable[[], datetime] = utc_now,
) -> ASGIApp:
    """The whole gateway as one ASGI application, with or without what can run beside it.

    Raises:
        InvalidSettings: Settings that sign-in needs are missing.
    """
    provider = Provider(settings)
    drain = Drain(settings.drain_seconds)
    beside = Beside(
        import_forever,
        deliver_forever if delivers_mail else None,
        tell_forever if tells_webhooks else None,
    )
    exchange = Exchange(settings, now=now)
    rates = Rates(settings)
    observers = Observers(settings, open_streams=exchange.open_streams)
    replica = ReadReplica(settings.read_database_url, observers=observers)
    graphql = GraphQLEndpoint(
        settings,
        provider,
        rates,
        exchange=exchange,
        after_change=beside.wake,
        observers=observers,
        replica=replica,
        now=now,
    )
    sign_in = SignIn(settings, provider, rates, now=now, request_id_of=request_id_of)
    graphql_route = Route("/graphql", graphql.respond, methods=["GET", "POST"])
    site = Starlette(
        routes=[
            graphql_route,
            WebSocketRoute("/graphql", graphql.serve_socket),
            *portal_routes(),
            landing_route(settings, now=now, request_id_of=request_id_of),
            *sign_in.routes(),
            *health.routes(drain),
            *observers.routes(now=now),
            export_route(settings, rates, now=now),
            *ScimEndpoint(
                settings, rates, after_change=beside.wake, replica=replica, now=now
            ).routes(),
            Mount("/assets", Assets(), middleware=[Middleware(GZipMiddleware)]),
        ],
        exception_handlers={HTTPException: _refused, Exception: _met_a_defect},
        lifespan=lambda _: _running(
            settings,
            rates,
            drain=drain,
            observers=observers,
            replica=replica,
            beside=beside,
            exchange=exchange,
            now=now,
        ),
    )
    # Starlette would redirect `/users/` to an address made from the Host header.
    site.router.redirect_slashes = False
    app: ASGIApp = Shortcut(site, graphql_route, graphql)
    if settings.allowed_origins:
        app = CORSMiddleware(
            app,
            allow_origins=sorted(settings.allowed_origins),
            allow_credentials=True,
            allow_methods=["GET", "POST"],
            allow_headers=["authorization", "content-type", "idempotency-key", "last-event-id"],
            expose_headers=["retry-after", "x-request-id"],
        )
    return Requests(app, settings, drain=drain, observers=observers)


class Delivery(Protocol):
    """What runs beside the requests: the delivery of mail, the telling of webhooks."""

    def __call__(
        self,
        settings: Settings,
        *,
        now: Callable[[], datetime],
        stop: asyncio.Event,
        wake: asyncio.Event,
    ) -> Coroutine[None, None, None]:
        """Go on until `stop`, looking at once when `wake` is set."""


class Beside:
    """What runs beside the requests, each with an event that wakes it."""

    def __init__(self, *deliveries: Delivery | None) -> None:
        self.wakes = {each: asyncio.Event() for each in deliveries if each is not None}

    def wake(self) -> None:
        """Something was changed: have a look at once."""
        for event in self.wakes.values():
            event.set()

    def start(
        self, settings: Settings, *, now: Callable[[], datetime], stop: asyncio.Event
    ) -> list[asyncio.Task[None]]:
        """Run them all."""
        return [
            asyncio.create_task(delivery(settings, now=now, stop=stop, wake=wake))
            for delivery, wake in self.wakes.items()
        ]


@asynccontextmanager
async def _running(
    settings: Settings,
    rates: Rates,
    *,
    drain: Drain,
    observers: Observers,
    replica: ReadReplica,
    beside: Beside,
    exchange: Exchange,
    now: Callable[[], datetime],
) -> AsyncIterator[dict[str, object]]:
    stop = asyncio.Event()
    async with AsyncExitStack() as stack:
        stack.enter_context(drain.on_sigterm())
        url = settings.database_url.get_secret_value()
        database = connected(
            url, answered_within_s=ANSWERED_WITHIN_S, on_statement=observers.on_statement
        )
        await stack.enter_async_context(database)
        await stack.enter_async_context(replica.followed())
        stack.push_async_callback(rates.close)
        await stack.enter_async_context(followed(settings, exchange))
        tasks = [
            asyncio.create_task(_purge(stop, now), name="purge"),
            asyncio.create_task(observers.watch(stop), name="observers"),
            *beside.start(settings, now=now, stop=stop),
        ]
        for task in tasks:
            task.add_done_callback(report_failure)
        log.info(
            "started",
            public_url=settings.public_url,
            delivers_mail=deliver_forever in beside.wakes,
        )
        try:
            yield {
                connection_limits.STATE_KEY: ConnectionLimits.of(settings),
                draining.STATE_KEY: drain,
                malformed.STATE_KEY: headers_of(settings),
            }
        finally:
            stop.set()
            _, unfinished = await asyncio.wait(tasks, timeout=DRAIN_WITHIN_S)
            for task in unfinished:
                task.cancel()
            log.info("stopped")


async def _purge(stop: asyncio.Event, now: Callable[[], datetime]) -> None:
    """Delete what has expired each hour; the first time after an hour, not at each start."""
    while not stop.is_set():
        try:
            await asyncio.wait_for(stop.wait(), PURGE_EVERY_S)
        except TimeoutError:
            try:
                log.info(
                    "purged",
                    sessions=await purge_expired_sessions(now()),
                    bearers=await purge_expired_tokens(now()),  # a "token" would be blanked
                    kept_answers=await purge_kept_answers(now()),
                    imports=await purge_imports(now()),
                )
            except DATABASE_TROUBLE as error:
                log.warning("not_purged", problem=type(error).__name__)


async def _refused(request: Request, error: Exception) -> Response:
    """A path that leads nowhere, or a method that it does not take."""
    if not isinstance(error, HTTPException):
        raise error
    if error.status_code == HTTPStatus.NOT_FOUND and wants_page(request):
        return not_found_page(request_id_of(request))
    body = {"errors": [error_of(error.detail, "BAD_REQUEST")]}
    return JSONResponse(body, status_code=error.status_code, headers=error.headers)


async def _met_a_defect(request: Request, error: Exception) -> Response:
    """Starlette sends this and raises the error on, so that it is logged."""
    return unexpected(request, error)


class Shortcut:
    """Answers posts to `/graphql` at once: on its way through the router one costs a tenth more."""

    def __init__(self, site: ASGIApp, route: Route, endpoint: GraphQLEndpoint) -> None:
        self._site = site
        self._route = route
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["path"] != "/graphql" or scope["method"] != "POST":
            await self._site(scope, receive, send)
            return
        scope["route"] = self._route
        request = Request(scope, receive, send)
        try:
            response = await self._endpoint.respond(request)
        except Exception as error:
            # As Starlette does it for the other routes: within CORS, and logged further out.
            await unexpected(request, error)(scope, receive, send)
            raise
        await response(scope, receive, send)
