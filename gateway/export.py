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

from gateway.auth import InvalidCredential, caller_for
from gateway.graphql_errors import SIGN_IN_FIRST
from gateway.requests import request_id_of
from gateway.settings import Settings
from resolvers.caller import Caller
from resolvers.exports import export_users, exported_file
from resolvers.memberships import Membership
from resolvers.refusals import Code, Refused, Unauthenticated
from resolvers.user_files import BYTE_ORDER_MARK
from schema.exports import EXPORT_PATH
from schema.nodes import decode_id


def export_route(settings: Settings, *, now: Callable[[], datetime]) -> Route:
    """The route."""

    async def export(request: Request) -> Response:
        if request.method != "GET":  # Starlette adds HEAD, and only a download is to be recorded
            return _problem(HTTPStatus.METHOD_NOT_ALLOWED, "BAD_REQUEST", "Use GET.")
        moment = now()
        try:
            caller = await caller_for(
                request, settings=settings, request_id=request_id_of(request), now=moment
            )
            id_ = decode_id("Organization", request.path_params["id"])
            membership = await export_users(caller, organization_id=id_, now=moment)
        except (InvalidCredential, Unauthenticated):
            return _problem(HTTPStatus.UNAUTHORIZED, "UNAUTHENTICATED", SIGN_IN_FIRST)
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


def _problem(status: HTTPStatus, code: str, message: str) -> Response:
    body = {"errors": [{"message": message, "extensions": {"code": code}}]}
    headers = {"cache-control": "no-store"}
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers["allow"] = "GET"
    return Response(orjson.dumps(body), status, headers, media_type="application/json")
