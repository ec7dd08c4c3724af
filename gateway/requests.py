"""Every request: its id, its line in the log, the headers of every answer, and what a defect shows.

Plain ASGI throughout, so that nothing is buffered and streams and WebSockets pass untouched.
"""

import time
from functools import lru_cache
from http import HTTPStatus

import structlog
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uuid_utils import uuid7

from gateway.addresses import TrustedProxies
from gateway.answers import error_of
from gateway.database import is_away
from gateway.draining import Drain
from gateway.hosts import Hosts
from gateway.logs import log_request
from gateway.observers import Observers
from gateway.pages import unavailable_page, unexpected_page
from gateway.settings import Settings

log = structlog.get_logger(__name__)

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
"""What our pages may load (Content Security Policy Level 3); a page may bring its own."""

HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": PAGE_POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
"""On every answer that does not say otherwise itself; by https there is one more."""

STARTS = frozenset({"http.response.start", "websocket.http.response.start"})
"""Begin an answer; the latter to a handshake that makes no WebSocket (ASGI, Websocket Denial
Response)."""

CLOSE = (b"connection", b"close")
"""Ends a connection that was kept alive (RFC 9112 section 9.6)."""

PROBES = frozenset({"/healthz", "/readyz"})
"""Proxies ask these several times a second: only a failure of theirs has a line in the log."""

UNEXPECTED = "Something went wrong here. The request's id helps us find out."
UNAVAILABLE = "This can't be done at the moment. Try again shortly."
RETRY_AFTER_S = 5

GRAPHQL_PATH = "/graphql"
SCIM_PATH = "/scim/v2"
SCIM_ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
"""RFC 7644 section 3.12."""

ONE_YEAR_S = 31_536_000
HEADER_SETS_KEPT = 200
"""More than there are kinds of answers."""


def headers_of(settings: Settings) -> dict[str, str]:
    """Those of every answer that does not say otherwise itself."""
    if not settings.is_https:
        return HEADERS
    return {**HEADERS, "strict-transport-security": f"max-age={ONE_YEAR_S}"}


def request_id_of(connection: HTTPConnection) -> str:
    """The id of a request: in the logs, in the audit trail, and in the header `X-Request-Id`."""
    return str(connection.scope["state"]["request_id"])


class Requests:
    """Wraps the whole application."""

    def __init__(
        self, app: ASGIApp, settings: Settings, *, drain: Drain, observers: Observers
    ) -> None:
        self._app = app
        self._proxies = TrustedProxies(settings.trusted_proxies)
        self._hosts = Hosts(
            settings.public_url, *settings.allowed_origins, names=settings.allowed_hosts
        )
        self._observers = observers
        self._drain = drain
        self._headers = [
            (name.encode(), value.encode()) for name, value in headers_of(settings).items()
        ]
        self._lacking = lru_cache(HEADER_SETS_KEPT)(self._lacking_beside)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever happens."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        self._proxies.name_client(scope)
        request_id = str(uuid7())
        scope.setdefault("state", {})["request_id"] = request_id
        bound = structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            if not self._observers.are_there:
                await self._answer(scope, receive, send, request_id)
                return
            with self._observers.request(scope, request_id) as answered:
                try:
                    answered.status = await self._answer(scope, receive, send, request_id)
                finally:
                    answered.route = _route_of(scope)
        finally:
            structlog.contextvars.reset_contextvars(**bound)

    async def _answer(
        self, scope: Scope, receive: Receive, send: Send, request_id: str
    ) -> int | None:
        """Answer; the status of the answer, None if none was sent."""
        began = time.perf_counter()
        status: int | None = None
        is_complete = is_accepted = False

        async def send_with_headers(message: Message) -> None:
            nonlocal status, is_complete, is_accepted
            if message["type"] == "websocket.accept":
                is_accepted = True
            elif message["type"] == "websocket.close" and not is_accepted and status is None:
                await Response(status_code=HTTPStatus.FORBIDDEN)(scope, receive, send_with_headers)
                return
            elif message["type"] in STARTS:
                status = message["status"]
                own = list(message.get("headers", ()))
                lacking = self._lacking(*[name for name, _ in own])
                message["headers"] = [*own, (b"x-request-id", request_id.encode()), *lacking]
                if self._drain.has_begun and scope["type"] == "http":
                    message["headers"].append(CLOSE)
            await send(message)
            is_complete = message["type"] == "http.response.body" and not message.get("more_body")

        try:
            problem = self._hosts.problem(scope)
            if problem is None:
                await self._app(scope, receive, send_with_headers)
            else:
                await misdirected(problem)(scope, receive, send_with_headers)
        except Exception as error:
            log.exception("request_failed", route=_route_of(scope))
            if scope["type"] != "http" or (status is not None and not is_complete):
                raise
            if status is None:
                await unexpected(Request(scope), error)(scope, receive, send_with_headers)
        finally:
            _log(scope, request_id, status=status, seconds=time.perf_counter() - began)
        return status

    def _lacking_beside(self, *names: bytes) -> list[tuple[bytes, bytes]]:
        """The headers of every answer that one with headers of these names has not got."""
        return [header for header in self._headers if header[0] not in names]


def _log(scope: Scope, request_id: str, *, status: int | None, seconds: float) -> None:
    route = _route_of(scope)
    if status != HTTPStatus.OK or route not in PROBES:
        log_request(
            log,
            request_id=request_id,
            method=scope.get("method", scope["type"]),
            route=route,
            status=status,
            duration_ms=round(seconds * 1000, 1),
        )


def _route_of(scope: Scope) -> str:
    """The route's pattern, never the path: an invitation's path holds its token."""
    route = scope.get("route")
    return getattr(route, "path", "unrouted")


def unexpected(request: Request, error: Exception) -> Response:
    """The answer to a request that met a defect, or a database that is away.

    It tells nothing of the error, only where to find it. Programs and `/graphql` get JSON, SCIM in
    the form of its errors.
    """
    request_id = request_id_of(request)
    unavailable = is_away(error)
    if wants_page(request) and request.scope["path"] != GRAPHQL_PATH:
        return unavailable_page(request_id) if unavailable else unexpected_page(request_id)
    message = UNAVAILABLE if unavailable else UNEXPECTED
    status = HTTPStatus.SERVICE_UNAVAILABLE if unavailable else HTTPStatus.INTERNAL_SERVER_ERROR
    headers = {"retry-after": str(RETRY_AFTER_S)} if unavailable else None
    if request.scope["path"].startswith(SCIM_PATH):
        told = {"schemas": [SCIM_ERROR], "status": str(status.value), "detail": message}
        return JSONResponse(told, status, headers, media_type="application/scim+json")
    body = {"errors": [error_of(message, "INTERNAL", requestId=request_id)]}
    return JSONResponse(body, status, headers)


def misdirected(status: HTTPStatus) -> Response:
    """The answer to a `Host` header that is not ours, or none."""
    message = (
        "The Host header names no host of this gateway (GATEWAY_PUBLIC_URL, GATEWAY_ALLOWED_HOSTS)."
        if status is HTTPStatus.MISDIRECTED_REQUEST
        else "The request must have one Host header that names a host."
    )
    return JSONResponse({"errors": [error_of(message, "BAD_REQUEST")]}, status)


def wants_page(request: Request) -> bool:
    """Whether a person is reading, rather than a program."""
    return "text/html" in request.headers.get("accept", "")
