"""The SCIM endpoint: from an HTTP request to what it asks for, an answer, or an error."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from http import HTTPStatus
from urllib.parse import quote

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.admission import REFUSAL_COST
from gateway.answers import JSON, RETRY_AFTER_S, UnfitRequest
from gateway.auth import InvalidCredential, caller_for
from gateway.graphql_requests import MAX_BODY_BYTES, check_content_type, json_in, read_body
from gateway.patience import CLIENT_LEFT, TOOK_TOO_LONG, ClientLeft, Patience, TookTooLong
from gateway.rates import Rates
from gateway.replica.reading import ReadReplica
from gateway.requests import SCIM_PATH, request_id_of
from gateway.room import Held, Room
from gateway.scim import bulk, discovery, groups, users
from gateway.scim.asking import Asked
from gateway.scim.errors import ANTICIPATED, SCIM_JSON, Problematic, error_answer
from gateway.scim.operations import (
    OF_RESOURCES,
    READ_COST,
    SEARCH,
    SEARCH_COST,
    Operations,
    changes,
    operation_at,
    reads,
)
from gateway.scim.resources import Place
from gateway.settings import Settings
from resolvers.caller import Caller
from resolvers.provisioning import organizations_to_provision
from schema.nodes import NOBODY, decode_id, encode_id

log = structlog.get_logger(__name__)

MAX_BYTES_OF_ALL_BODIES = 16 * MAX_BODY_BYTES
"""In one process at a time, while they are read and answered."""

ORGANIZATIONS = "organizations"
CREDENTIAL_NEEDED = "Send an access token: Authorization: Bearer."


OPERATIONS: Operations = {
    **OF_RESOURCES,
    ("Users", SEARCH): {"POST": reads(users.search_users, SEARCH_COST)},
    ("Groups", SEARCH): {"POST": reads(groups.search_groups, SEARCH_COST)},
    ("Bulk", ""): {"POST": changes(bulk.run, READ_COST)},  # and the cost of each operation in it
    ("ServiceProviderConfig", ""): {"GET": reads(discovery.show_config)},
    ("Schemas", ""): {"GET": reads(discovery.show_schemas)},
    ("Schemas", "id"): {"GET": reads(discovery.show_schemas)},
    ("ResourceTypes", ""): {"GET": reads(discovery.show_resource_types)},
    ("ResourceTypes", "id"): {"GET": reads(discovery.show_resource_types)},
}

OF_NO_ORGANIZATION = {"ServiceProviderConfig", "Schemas", "ResourceTypes"}


class ScimEndpoint:
    """Answers all below `/scim/v2`."""

    def __init__(
        self,
        settings: Settings,
        rates: Rates,
        *,
        after_change: Callable[[], None],
        replica: ReadReplica,
        now: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._rates = rates
        self._after_change = after_change
        self._replica = replica
        self._now = now
        self._room = Room(MAX_BYTES_OF_ALL_BODIES)

    def routes(self) -> list[Route]:
        """The routes, for any method, so that each answer has SCIM's form."""
        methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
        return [
            Route(path, self.respond, methods=methods, name="scim")
            for path in (SCIM_PATH, f"{SCIM_PATH}/{{path:path}}")
        ]

    async def respond(self, request: Request) -> Response:
        """The answer to one request."""
        limit_s = self._settings.query_timeout_s
        try:
            with self._room.hold() as held, Patience(request, limit_s=limit_s) as patience:
                return await self._answer(request, held, patience)
        except TookTooLong:
            log.error("query_given_up", limit_s=limit_s)  # noqa: TRY400 - the stack tells nothing more
            wait = {"retry-after": str(RETRY_AFTER_S)}
            return error_answer(
                Problematic(HTTPStatus.SERVICE_UNAVAILABLE, TOOK_TOO_LONG, headers=wait)
            )
        except ClientLeft:
            return Response(status_code=CLIENT_LEFT)
        except ANTICIPATED as error:
            return error_answer(error)

    async def _answer(self, request: Request, held: Held, patience: Patience) -> Response:
        now = self._now()
        caller = await self._caller(request, now)
        parts = [part for part in request.path_params.get("path", "").split("/") if part]
        base, organization = f"{self._settings.public_url}{SCIM_PATH}", None
        if parts[:1] == [ORGANIZATIONS] and len(parts) > 1:
            base += f"/{ORGANIZATIONS}/{quote(parts[1], safe='=')}"
            organization, parts = parts[1], parts[2:]
        operation = operation_at(OPERATIONS, request.method, parts)
        await self._count(request, caller, operation.cost)
        body = await _body(request, held) if request.method in {"POST", "PUT", "PATCH"} else {}
        place = Place(base, NOBODY)
        if organization is not None or parts[0] not in OF_NO_ORGANIZATION:
            place = await _place(caller, base, organization)
        asked = Asked(
            caller,
            now,
            place,
            parts[1] if len(parts) > 1 else "",
            dict(request.query_params),
            request.headers,
            partial(self._count, request, caller),
            body,
        )
        run = partial(operation.run, asked)
        if not operation.changes_something:
            return await self._replica.read(caller, run) or await run()
        patience.finish_it()
        response = await run()
        self._after_change()
        return response

    async def _caller(self, request: Request, now: datetime) -> Caller:
        """Whose access token it is; a browser's cookie does not count here.

        Raises:
            InvalidCredential: It is none that is valid.
            Problematic: The address has tried too many.
        """
        try:
            if "authorization" not in request.headers:
                raise InvalidCredential(CREDENTIAL_NEEDED, challenge="Bearer")
            return await caller_for(
                request, settings=self._settings, request_id=request_id_of(request), now=now
            )
        except InvalidCredential:
            await self._count(request, None, REFUSAL_COST)
            raise

    async def _count(self, request: Request, caller: Caller | None, cost: float) -> None:
        """Count an operation.

        Raises:
            Problematic: There were too many.
        """
        wait_s = await self._rates.operation_by(caller, request, cost=cost)
        if wait_s is not None:
            raise Problematic(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"Too many requests. Try again in {wait_s} seconds.",
                headers={"retry-after": str(wait_s)},
            )


async def _place(caller: Caller, base: str, organization: str | None) -> Place:
    """The organization that is named, or else the only one of the caller's.

    Whether he may do anything there is for the rules to say.

    Raises:
        Problematic: None is named, and he has none or several.
    """
    if organization is not None:
        return Place(base, decode_id("Organization", organization))
    found = await organizations_to_provision(caller)
    if not found:
        raise Problematic(HTTPStatus.FORBIDDEN, "The account belongs to no organization.")
    if len(found) > 1:
        addresses = " or ".join(
            f"{SCIM_PATH}/{ORGANIZATIONS}/{encode_id('Organization', id_)}" for id_ in found[:3]
        )
        detail = f"The account administers {len(found)} organizations: say which, as in {addresses}"
        raise Problematic(HTTPStatus.BAD_REQUEST, detail)
    return Place(base, found[0])


async def _body(request: Request, held: Held) -> dict[str, object]:
    """The JSON object in the body.

    Raises:
        UnfitRequest: There is none.
    """
    check_content_type(request, SCIM_JSON, JSON)
    body = json_in(await read_body(request, held, limit=MAX_BODY_BYTES), "The body")
    if not isinstance(body, dict):
        raise UnfitRequest(400, "The body must be a JSON object.")
    return body
