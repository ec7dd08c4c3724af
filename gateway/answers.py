"""Answers of GraphQL over HTTP: their media types, and how each is written.

The GraphQL Foundation's specification, of which the sections are cited below.
"""

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response

GRAPHQL_RESPONSE = "application/graphql-response+json"
JSON = "application/json"
EVENT_STREAM = "text/event-stream"

RETRY_AFTER_S = 2
"""When to come back, where what stands in the way is gone in a moment."""


class UnfitRequest(Exception):  # noqa: N818 - an answer, not an error
    """A request that is no well-formed GraphQL request; the text says why."""

    def __init__(
        self,
        status: int,
        message: str,
        headers: Mapping[str, str] | None = None,
        *,
        code: str = "BAD_REQUEST",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = dict(headers or {})
        self.code = code


def media_type(accept: str | None) -> str:
    """The media type to answer in (section 6.1).

    Who does not name the newer one gets `application/json`, which every client reads.

    Raises:
        UnfitRequest: 406, if none of ours is accepted.
    """
    if accept is None or not accept.strip():
        return JSON
    ranges = sorted(_media_ranges(accept), key=lambda weighed: -weighed[1])
    for name, weight in ranges:
        if weight <= 0:
            continue
        if name == GRAPHQL_RESPONSE:
            return GRAPHQL_RESPONSE
        if name == EVENT_STREAM:
            return EVENT_STREAM
        if name in {JSON, "application/*", "*/*"}:
            return JSON
    message = f"The answer can be {GRAPHQL_RESPONSE}, {JSON} or {EVENT_STREAM}; Accept names none."
    raise UnfitRequest(406, message)


def prefers_html(accept: str | None) -> bool:
    """Whether a browser asks for a page (RFC 9110 section 12.5.1)."""
    return any(name == "text/html" and weight > 0 for name, weight in _media_ranges(accept or ""))


def _media_ranges(accept: str) -> list[tuple[str, float]]:
    ranges = []
    for item in accept.split(","):
        name, *parameters = (part.strip().lower() for part in item.split(";"))
        weight = 1.0
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key.strip() == "q":
                try:
                    weight = float(value)
                except ValueError:
                    weight = 0.0
        ranges.append((name, weight))
    return ranges


def answer(
    body: Mapping[str, Any],
    *,
    media: str,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """An answer in a media type; it is never cached, for it may hold what only one may see."""
    content = orjson.dumps(body)
    if media == EVENT_STREAM:
        content = event("next", content) + event("complete")
    response = Response(content, status_code=status)
    response.raw_headers += HEADERS[media]
    if headers:
        response.headers.update(headers)
    return response


def error_of(message: str, code: str, **extensions: str) -> dict[str, Any]:
    """An error of an answer, as the contract has it."""
    return {"message": message, "extensions": {"code": code, **extensions}}


def problem(
    message: str,
    code: str,
    *,
    media: str,
    status: int,
    headers: Mapping[str, str] | None = None,
    **extensions: str,
) -> Response:
    """An answer that is one error, of a request that was not executed."""
    errors = [error_of(message, code, **extensions)]
    return answer({"errors": errors}, media=media, status=status, headers=headers)


HEADERS = {
    media: [
        (b"content-type", f"{media}; charset=utf-8".encode()),
        (b"cache-control", b"no-store"),
        (b"vary", b"Accept, Origin, Cookie"),
    ]
    for media in (JSON, GRAPHQL_RESPONSE, EVENT_STREAM)
}
"""Of answers, made once."""


def event(name: str, data: bytes = b"", *, id_: str = "") -> bytes:
    """A server-sent event (HTML Standard, section 9.2.6); data without a line break."""
    lines = [b"event: ", name.encode(), b"\n"]
    if id_:
        lines += [b"id: ", id_.encode(), b"\n"]
    return b"".join([*lines, b"data: ", data, b"\n\n"])
