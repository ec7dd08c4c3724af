"""Errors as clients see them: few, short, each with its code, and nothing of our insides."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import structlog
from graphql import GraphQLError

from gateway.database import is_away
from gateway.requests import UNAVAILABLE, UNEXPECTED
from models.accounts import AccessScope
from resolvers.refusals import BadRequest, Forbidden, OutOfScope, Unauthenticated

log = structlog.get_logger(__name__)

MAX_ERRORS = 25
"""In one answer."""

MAX_LENGTH = 300
"""Of a message, which may quote what was sent."""

MAX_LOCATIONS = 5

RATE_LIMITED = "RATE_LIMITED"
INTERNAL = "INTERNAL"

SIGN_IN_FIRST = "Sign in first."


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not executed."""

    errors: Sequence[GraphQLError]
    code: str
    status: int | None = None
    """The HTTP status, if it is not the one of any refused request."""
    retry_after_s: int | None = None

    def formatted(self) -> list[dict[str, Any]]:
        """The errors of the answer."""
        return [
            _short(error, error.message, {"code": self.code, **(error.extensions or {})})
            for error in self.errors[:MAX_ERRORS]
        ]


def refusal_for(message: str, code: str, status: int | None = None) -> Refusal:
    """A refusal for one reason."""
    return Refusal([GraphQLError(message)], code, status)


def slow_down(wait_s: int) -> Refusal:
    """A refusal of what is asked too often (RFC 6585 section 4)."""
    error = GraphQLError(
        f"Too many requests. Try again in {wait_s} seconds.",
        extensions={"retryAfterSeconds": wait_s},
    )
    return Refusal([error], RATE_LIMITED, HTTPStatus.TOO_MANY_REQUESTS, wait_s)


def formatted(errors: Sequence[GraphQLError], request_id: str) -> list[dict[str, Any]]:
    """The errors of an execution; what is no answer to the caller is masked and logged."""
    if len(errors) > MAX_ERRORS:
        log.warning("errors_left_out", count=len(errors) - MAX_ERRORS)
    return [_formatted(error, request_id) for error in errors[:MAX_ERRORS]]


def is_defect(error: GraphQLError) -> bool:
    """Whether something went wrong here, rather than with the request."""
    return _told(error)[1] == INTERNAL


def challenge_of(errors: Sequence[GraphQLError]) -> dict[str, str]:
    """The header that says which scopes an access token lacks (RFC 6750 section 3.1); or none.

    The status stays 200: an answer with `data` has no other (GraphQL over HTTP section 6.4).
    """
    lacking = {
        scope
        for error in errors
        if isinstance(error.original_error, OutOfScope)
        for scope in error.original_error.scopes
    }
    if not lacking:
        return {}
    names = " ".join(scope for scope in AccessScope if scope in lacking)
    return {"www-authenticate": f'Bearer error="insufficient_scope", scope="{names}"'}


def _formatted(error: GraphQLError, request_id: str) -> dict[str, Any]:
    message, code = _told(error)
    extensions: dict[str, Any] = {"code": code}
    if code == INTERNAL:
        extensions["requestId"] = request_id
        log.error("field_failed", path=error.path, exc_info=error.original_error or error)
    return _short(error, message, extensions)


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
        case other if is_away(other):
            return UNAVAILABLE, INTERNAL
        case _:
            return UNEXPECTED, INTERNAL


def _short(error: GraphQLError, message: str, extensions: dict[str, Any]) -> dict[str, Any]:
    short: dict[str, Any] = {**error.formatted, "message": message, "extensions": extensions}
    if len(message) > MAX_LENGTH:
        short["message"] = f"{message[: MAX_LENGTH - 1]}…"
    if "locations" in short:
        short["locations"] = short["locations"][:MAX_LOCATIONS]
    return short
