"""Errors as SCIM says them (RFC 7644 section 3.12)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from pydantic import ValidationError
from scim2_models import Context, Error, SCIMException
from starlette.responses import Response

from gateway.answers import UnfitRequest
from gateway.auth import InvalidCredential
from gateway.graphql_errors import MAX_LENGTH
from models.accounts import AccessScope
from resolvers.external_ids import ExternalIdTaken
from resolvers.refusals import BadRequest, Code, Forbidden, OutOfScope, Problem, Refused

SCIM_JSON = "application/scim+json"

MAX_PROBLEMS = 5
"""Told of one request."""

STATUSES = {
    Code.NOT_FOUND: HTTPStatus.NOT_FOUND,
    Code.FORBIDDEN: HTTPStatus.FORBIDDEN,
    Code.ROLE_OUT_OF_SCOPE: HTTPStatus.FORBIDDEN,
    Code.VERSION_CONFLICT: HTTPStatus.PRECONDITION_FAILED,
    Code.BATCH_TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Code.MICROSOFT_ACCOUNT_TAKEN: HTTPStatus.CONFLICT,
    Code.LAST_SERVICE_ADMINISTRATOR: HTTPStatus.CONFLICT,
    Code.SELF_DEMOTION_NOT_CONFIRMED: HTTPStatus.CONFLICT,
    Code.USER_HAS_ROLES: HTTPStatus.CONFLICT,
    Code.FEATURE_NOT_AVAILABLE: HTTPStatus.CONFLICT,
    Code.SERVICE_NOT_ACTIVE: HTTPStatus.CONFLICT,
}
"""Of refusals, the weightiest first; the others are of what was sent: 400."""

REFERENCES = {"members", "roles"}
"""Where what is not found was named by the body, not by the path."""


@dataclass(eq=False)
class Problematic(Exception):  # noqa: N818 - an answer
    """A request that gets an error."""

    status: int
    detail: str
    scim_type: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


ANTICIPATED = (
    Problematic,
    SCIMException,
    ValidationError,
    Refused,
    Forbidden,
    BadRequest,
    UnfitRequest,
    InvalidCredential,
)
"""What `error_answer` can tell of. Anything else is a defect."""


def error_answer(error: Exception) -> Response:
    """The answer that tells of it."""
    told = _told(error)
    detail = told.detail if len(told.detail) <= MAX_LENGTH else f"{told.detail[: MAX_LENGTH - 1]}…"
    body = Error(status=told.status, scim_type=told.scim_type, detail=detail)
    return Response(
        body.model_dump_json(scim_ctx=Context.DEFAULT),
        status_code=int(told.status),
        media_type=SCIM_JSON,
        headers=dict(told.headers),
    )


def _told(error: Exception) -> Problematic:  # noqa: PLR0911 - one for each kind
    match error:
        case Problematic():
            return error
        case SCIMException():
            return Problematic(error.status, error.detail, error.scim_type or None)
        case ValidationError():
            return _of_validation(error)
        case Refused():
            return _of_refusal(error.problems)
        case OutOfScope():
            names = " ".join(scope for scope in AccessScope if scope in error.scopes)
            challenge = f'Bearer error="insufficient_scope", scope="{names}"'
            return Problematic(
                HTTPStatus.FORBIDDEN, str(error), headers={"www-authenticate": challenge}
            )
        case Forbidden():
            return Problematic(HTTPStatus.FORBIDDEN, str(error))
        case UnfitRequest():
            malformed = error.status == HTTPStatus.BAD_REQUEST
            scim_type = "invalidSyntax" if malformed else None
            return Problematic(error.status, error.message, scim_type, error.headers)
        case InvalidCredential():
            headers = {"www-authenticate": error.challenge}
            return Problematic(HTTPStatus.UNAUTHORIZED, str(error), headers=headers)
        case _:
            return Problematic(HTTPStatus.BAD_REQUEST, str(error), "invalidValue")


def _of_validation(error: ValidationError) -> Problematic:
    errors = Error.from_validation_errors(error)
    detail = "; ".join(each.detail or "" for each in errors[:MAX_PROBLEMS])
    return Problematic(errors[0].status or HTTPStatus.BAD_REQUEST, detail, errors[0].scim_type)


def _of_refusal(problems: tuple[Problem, ...]) -> Problematic:
    detail = " ".join(problem.message for problem in problems[:MAX_PROBLEMS])
    found = {_status_of(problem) for problem in problems}
    status = next((each for each in STATUSES.values() if each in found), HTTPStatus.BAD_REQUEST)
    if status == HTTPStatus.BAD_REQUEST:
        return Problematic(status, detail, "invalidValue")
    taken = status == HTTPStatus.CONFLICT and any(map(_is_taken, problems))
    return Problematic(status, detail, "uniqueness" if taken else None)


def _is_taken(problem: Problem) -> bool:
    return problem.code is Code.MICROSOFT_ACCOUNT_TAKEN or isinstance(problem, ExternalIdTaken)


def _status_of(problem: Problem) -> HTTPStatus:
    if problem.code is Code.NOT_FOUND and problem.path[:1] and problem.path[0] in REFERENCES:
        return HTTPStatus.BAD_REQUEST
    if isinstance(problem, ExternalIdTaken):
        return HTTPStatus.CONFLICT
    return STATUSES.get(problem.code, HTTPStatus.BAD_REQUEST)
