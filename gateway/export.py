"""The download of an organization's users: `GET /organizations/{id}/users.csv`."""

import re
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from http import HTTPStatus
from urllib.parse import quote

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from gateway.admission import REFUSAL_COST
from gateway.answers import error_of
from gateway.auth import InvalidCredential, caller_for
from gateway.graphql_errors import SIGN_IN_FIRST, slow_down
from gateway.rates import Rates
from gateway.requests import request_id_of
from gateway.settings import Settings
from resolvers.caller import Caller
from resolvers.exports import export_users, exported_file
from resolvers.memberships import Membership
from resolvers.refusals import Code, Refused, Unauthenticated
from resolvers.user_files import BYTE_ORDER_MARK
from schema.exports import EXPORT_PATH
from schema.nodes import decode_id

EXPORT_COST = 100_000
"""What an export counts for the rates: as some hundred pages of a list with all their roles."""


def export_route(settings: Settings, rates: Rates, *, now: Callable[[], datetime]) -> Route:
    """The route."""

    async def counted(request: Request, caller: Caller | None) -> Response | None:
        """Count it as an operation; the answer if there were too many lately."""
        is_signed_in = caller is not None and caller.account is not None
        cost = EXPORT_COST if is_signed_in else REFUSAL_COST
        wait_s = await rates.operation_by(caller, request, cost=cost)
        return None if wait_s is None else _too_often(wait_s)

    async def export(request: Request) -> Response:
        if request.method != "GET":  # Starlette adds HEAD, and only a download is to be recorded
            return _problem(HTTPStatus.METHOD_NOT_ALLOWED, "BAD_REQUEST", "Use GET.")
        moment = now()
        try:
            caller = await caller_for(
                request, settings=settings, request_id=request_id_of(request), now=moment
            )
        except InvalidCredential as invalid:
            too_often = await counted(request, None)
            return too_often or _unauthorized(str(invalid), invalid.challenge)
        if (too_often := await counted(request, caller)) is not None:
            return too_often
        try:
            id_ = decode_id("Organization", request.path_params["id"])
            membership = await export_users(caller, organization_id=id_, now=moment)
        except Unauthenticated:
            return _unauthorized(SIGN_IN_FIRST, "Bearer")
        except Refused as refusal:
            (problem,) = refusal.problems
            is_unknown = problem.code is Code.NOT_FOUND
            status = HTTPStatus.NOT_FOUND if is_unknown else HTTPStatus.FORBIDDEN
            return _problem(status, problem.code, problem.message)
        return _download(caller, membership, moment)

    return Route(EXPORT_PATH, export, methods=["GET"], name="export")


def _download(caller: Caller, membership: Membership, moment: datetime) -> Response:
    """The file in UTF-8, with the mark by which spreadsheets know that it is."""

    async def parts() -> AsyncIterator[bytes]:
        yield BYTE_ORDER_MARK.encode()
        async for part in exported_file(caller, membership):
            yield part.encode()

    name = f"users {membership.organization.name} {moment:%Y-%m-%d}.csv"
    return StreamingResponse(
        parts(),
        media_type="text/csv; charset=utf-8; header=present",
        headers={"content-disposition": _attachment(name), "cache-control": "no-store"},
    )


def _attachment(name: str) -> str:
    """RFC 6266: a plain name for old clients, and the real one."""
    plain = re.sub(r"[^A-Za-z0-9.-]+", "-", name).strip("-")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _unauthorized(message: str, challenge: str) -> Response:
    response = _problem(HTTPStatus.UNAUTHORIZED, "UNAUTHENTICATED", message)
    response.headers["www-authenticate"] = challenge  # RFC 9110 section 15.5.2
    return response


def _too_often(wait_s: int) -> Response:
    refusal = slow_down(wait_s)
    headers = {"cache-control": "no-store", "retry-after": str(wait_s)}
    body = orjson.dumps({"errors": refusal.formatted()})
    return Response(body, refusal.status or 429, headers, media_type="application/json")


def _problem(status: HTTPStatus, code: str, message: str) -> Response:
    body = {"errors": [error_of(message, code)]}
    headers = {"cache-control": "no-store"}
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers["allow"] = "GET"
    return Response(orjson.dumps(body), status, headers, media_type="application/json")
