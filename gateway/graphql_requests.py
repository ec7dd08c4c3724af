"""GraphQL over HTTP: reading requests, choosing the media type, writing answers.

The GraphQL Foundation's specification, of which the sections are cited below.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson
from starlette.requests import Request
from starlette.responses import Response

MAX_BODY_BYTES = 1_048_576
"""A thousand rows of the largest inputs fit."""

MAX_JSON_DEPTH = 64
QUOTE = b'"'
BACKSLASH = b"\\"

GRAPHQL_RESPONSE = "application/graphql-response+json"
JSON = "application/json"


class UnfitRequest(Exception):  # noqa: N818 - an answer, not an error
    """A request that is no well-formed GraphQL request; the text says why."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = dict(headers or {})


class GraphQLRequest(NamedTuple):
    """A well-formed request (section 5)."""

    query: str
    variables: dict[str, Any] | None
    operation_name: str | None
    extensions: dict[str, Any] | None
    body: bytes = b""
    """Of a POST."""

    @property
    def body_hash(self) -> str:
        """SHA-256 of the body, hexadecimal."""
        return hashlib.sha256(self.body).hexdigest()

    @property
    def wants_cost(self) -> bool:
        """Whether the answer shall say what it cost: `"extensions": {"cost": true}` asks for it."""
        return self.extensions is not None and self.extensions.get("cost") is True


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
        if name in {JSON, "application/*", "*/*"}:
            return JSON
    message = f"The answer can be {GRAPHQL_RESPONSE} or {JSON}; Accept names neither."
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


async def read_request(request: Request) -> GraphQLRequest:
    """Read a request from the body of a POST, or else from the query string (section 5.3).

    Raises:
        UnfitRequest: It is not well-formed.
    """
    if request.method == "POST":
        return _from_body(await _body(request))
    return _from_query_string(request)


async def _body(request: Request) -> bytes:
    content_type = request.headers.get("content-type", "")
    if content_type != JSON and not _is_json(content_type):
        raise UnfitRequest(415, f"The content type must be {JSON}, in UTF-8.")
    _refuse_too_large(int(request.headers.get("content-length", "0")))
    body = bytearray()
    is_complete = False
    while not is_complete:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise UnfitRequest(400, "The body ended early.")
        body += message.get("body", b"")
        _refuse_too_large(len(body))
        is_complete = not message.get("more_body", False)
    return bytes(body)


def _is_json(content_type: str) -> bool:
    kind, *parameters = (part.strip().lower() for part in content_type.split(";"))
    charsets = [part.partition("=")[2].strip('"') for part in parameters if "charset" in part]
    return kind == JSON and all(charset in {"utf-8", "utf8"} for charset in charsets)


def _refuse_too_large(length: int) -> None:
    if length > MAX_BODY_BYTES:
        raise UnfitRequest(413, f"The body has more than {MAX_BODY_BYTES} bytes.")


def _from_body(body: bytes) -> GraphQLRequest:
    parameters = _json(body, "The body")
    if isinstance(parameters, list):
        raise UnfitRequest(400, "Batches are not supported: send one request at a time.")
    if not isinstance(parameters, dict):
        raise UnfitRequest(400, "The body must be a JSON object.")
    return _checked(parameters, body)


def _from_query_string(request: Request) -> GraphQLRequest:
    parameters: dict[str, Any] = {}
    for name in ("query", "operationName", "variables", "extensions"):
        values = request.query_params.getlist(name)
        if len(values) > 1:
            raise UnfitRequest(400, f"`{name}` is given more than once.")
        if values and values[0]:
            is_json = name in {"variables", "extensions"}
            parameters[name] = _json(values[0].encode(), f"`{name}`") if is_json else values[0]
    return _checked(parameters)


def _json(text: bytes, label: str) -> object:
    if _depth(text) > MAX_JSON_DEPTH:
        raise UnfitRequest(400, f"{label} is nested more than {MAX_JSON_DEPTH} deep.")
    try:
        value: object = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise UnfitRequest(400, f"{label} is not JSON: {error.msg}") from error
    return value


def _depth(text: bytes) -> int:
    if text.count(b"[") + text.count(b"{") <= MAX_JSON_DEPTH:
        return 0
    deepest = depth = 0
    in_string = escaped = False
    for byte in text:
        if in_string:
            if escaped:
                escaped = False
            elif byte in BACKSLASH:
                escaped = True
            elif byte in QUOTE:
                in_string = False
        elif byte in QUOTE:
            in_string = True
        elif byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest


def _checked(parameters: dict[str, Any], body: bytes = b"") -> GraphQLRequest:
    query = parameters.get("query")
    operation_name = parameters.get("operationName")
    variables = parameters.get("variables")
    extensions = parameters.get("extensions")
    if not isinstance(query, str) or not query.strip():
        raise UnfitRequest(400, "`query` must be the text of a GraphQL document.")
    if operation_name is not None and not isinstance(operation_name, str):
        raise UnfitRequest(400, "`operationName` must be text.")
    if variables is not None and not isinstance(variables, dict):
        raise UnfitRequest(400, "`variables` must be an object.")
    if extensions is not None and not isinstance(extensions, dict):
        raise UnfitRequest(400, "`extensions` must be an object.")
    return GraphQLRequest(query, variables, operation_name, extensions, body)


HEADERS = {
    media: [
        (b"content-type", f"{media}; charset=utf-8".encode()),
        (b"cache-control", b"no-store"),
        (b"vary", b"Accept, Origin, Cookie"),
    ]
    for media in (JSON, GRAPHQL_RESPONSE)
}
"""Of answers; they are never cached, for they may hold what only one may see."""


class Answer(Response):
    """An answer in a media type, with little made anew for each."""

    def __init__(
        self,
        body: Mapping[str, Any],
        *,
        media: str,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status_code = status
        self.background = None
        self.body = orjson.dumps(body)
        self.raw_headers = [*HEADERS[media], (b"content-length", b"%d" % len(self.body))]
        if headers:
            self.headers.update(headers)
