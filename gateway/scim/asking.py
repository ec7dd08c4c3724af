"""What a request asks for: by whom, where, of what, with which conditions."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any

from scim2_models import Context, ResponseParameters
from starlette.datastructures import Headers
from starlette.responses import Response

from gateway.scim.errors import SCIM_JSON, Problematic
from gateway.scim.lengths import SHAPE, check_length
from gateway.scim.models import TOLERANT
from gateway.scim.resources import Place, version_tag
from resolvers.caller import Caller

VERSION = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request with a valid credential."""

    caller: Caller
    now: datetime
    place: Place
    id: str
    """Of the resource in the address; empty for all of them."""
    parameters: Mapping[str, str]
    """Those of the address."""
    headers: Headers
    count: Callable[[float], Awaitable[None]]
    """Counts a further operation of this cost; raises `Problematic` if there were too many."""
    body: dict[str, Any] = field(default_factory=dict)

    def versions(self) -> frozenset[int] | None:
        """The versions that `If-Match` names; None if any will do (RFC 9110 section 13.1.1).

        They are compared weakly: RFC 7644 section 3.14 wants it for weak tags.
        """
        given = ",".join(self.headers.getlist("if-match"))
        tags = [tag.strip() for tag in given.split(",") if tag.strip()]
        if not tags or "*" in tags:
            return None
        numbers = [tag.removeprefix("W/").strip('"') for tag in tags]
        # What is no number of ours is a version that no user has.
        return frozenset(int(each) for each in numbers if VERSION.fullmatch(each))

    def has(self, version: int) -> bool:
        """Whether the client has this version already, by `If-None-Match`."""
        given = ",".join(self.headers.getlist("if-none-match"))
        tags = {tag.strip().removeprefix("W/") for tag in given.split(",")}
        return version_tag(version).removeprefix("W/") in tags or "*" in tags

    def shape(self, model: Any) -> ResponseParameters[Any]:
        """Which attributes the answer shall have (RFC 7644 section 3.9).

        Raises:
            ValidationError: They can't be understood.
            InvalidValueException: There are too many.
        """
        names = {name.lower(): value for name, value in self.parameters.items()}
        given = {name: names[name.lower()] for name in SHAPE if name.lower() in names}
        check_length(given)
        return ResponseParameters[model].model_validate(given, scim_policy=TOLERANT)


def answer(
    message: Any,
    shape: ResponseParameters[Any] | None = None,
    *,
    status: int = HTTPStatus.OK,
    ctx: Context = Context.RESOURCE_QUERY_RESPONSE,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A resource or a list of them, in the shape asked for."""
    return Response(
        message.model_dump_json(scim_ctx=ctx, response_parameters=shape),
        status_code=int(status),
        media_type=SCIM_JSON,
        headers=dict(headers or {}),
    )


def not_found(detail: str = "There is nothing at this address.") -> Problematic:
    """The answer to an address that leads nowhere, to be raised."""
    return Problematic(HTTPStatus.NOT_FOUND, detail)
