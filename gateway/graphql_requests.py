"""GraphQL over HTTP: reading requests, choosing the media type, writing answers.

The GraphQL Foundation's specification, of which the sections are cited below.
"""

import hashlib
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

MAX_BODY_BYTES = 1_048_576
"""A thousand rows of the largest inputs fit."""

MAX_MESSAGE_BYTES = 65_536
"""Of a WebSocket, which takes subscriptions alone."""
MAX_BYTES_OF_ALL_BODIES = 64 * MAX_BODY_BYTES
"""In one process at a time, while they are read and answered."""

RETRY_AFTER_S = 2
MAX_BODY_WITH_FILE_BYTES = 8_388_608
"""A file of ten thousand rows, whose letters JSON may have escaped."""

FILE_FIELD = "csv"

MAX_JSON_DEPTH = 64
STRING = re.compile(rb'"(?:[^"\\]++|\\.?)*+(?:"|\Z)', re.DOTALL)
BRACKET = re.compile(rb"[\[\]{}]")

GRAPHQL_RESPONSE = "application/graphql-response+json"
JSON = "application/json"
EVENT_STREAM = "text/event-stream"


class UnfitRequest(Exception):  # noqa: N818 - an answer, not an error
    """A request that is no well-formed GraphQL request; the text says why."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = dict(headers or {})


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """A well-formed request (section 5)."""

    query: str
    """The document's text; empty if the document is named by one of the two below."""
    variables: dict[str, Any] | None
    operation_name: str | None
    extensions: dict[str, Any] | None
    document_id: str | None = None
    """Of a document that is known here (appendix A)."""
    query_hash: str | None = None
    """Of Apollo's automatic persisted queries: SHA-256 of the text, hexadecimal."""
    body_hash: str = ""
    """SHA-256 of a POST's body, hexadecimal."""

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


class Room:
    """The memory for the bodies of all requests of a process that are being read or answered."""

    def __init__(self, max_bytes: int = MAX_BYTES_OF_ALL_BODIES) -> None:
        self._free = max_bytes

    @contextmanager
    def hold(self) -> Iterator["Held"]:
        """Memory for one request, given back at the end."""
        held = Held(self)
        try:
            yield held
        finally:
            self._free += held.size

    def take(self, size: int) -> None:
        """Take some.

        Raises:
            UnfitRequest: 503, if there is not so much left.
        """
        if size > self._free:
            message = "Too many large requests at once. Try again in a moment."
            raise UnfitRequest(503, message, {"retry-after": str(RETRY_AFTER_S)})
        self._free -= size


@dataclass(slots=True)
class Held:
    """What one request has of the room."""

    room: Room
    size: int = 0

    def grow(self, size: int) -> None:
        """Hold more.

        Raises:
            UnfitRequest: 503, if there is no more.
        """
        self.room.take(size)
        self.size += size


async def read_request(
    request: Request, held: Held, *, may_carry_file: Callable[[], Awaitable[bool]]
) -> GraphQLRequest:
    """Read a request from the body of a POST, or else from the query string (section 5.3).

    `may_carry_file` tells whether its sender may send a larger body for the sake of a file in it;
    it is asked only for a body that says how large it is, before it is read.

    Raises:
        UnfitRequest: It is not well-formed.
    """
    if request.method == "POST":
        return _from_body(await _body(request, held, may_carry_file))
    return _from_query_string(request)


async def _body(
    request: Request, held: Held, may_carry_file: Callable[[], Awaitable[bool]]
) -> bytes:
    check_content_type(request, JSON)
    limit, announced = MAX_BODY_BYTES, int(request.headers.get("content-length", "0"))
    if MAX_BODY_BYTES < announced <= MAX_BODY_WITH_FILE_BYTES and await may_carry_file():
        limit = MAX_BODY_WITH_FILE_BYTES
    return await read_body(request, held, limit=limit)


def check_content_type(request: Request, *kinds: str) -> None:
    """Let JSON in UTF-8 pass, named by one of these media types.

    Raises:
        UnfitRequest: 415, for anything else.
    """
    kind, *parameters = (
        part.strip().lower() for part in request.headers.get("content-type", "").split(";")
    )
    charsets = [part.partition("=")[2].strip('"') for part in parameters if "charset" in part]
    if kind not in kinds or any(charset not in {"utf-8", "utf8"} for charset in charsets):
        raise UnfitRequest(415, f"The content type must be {' or '.join(kinds)}, in UTF-8.")


async def read_body(request: Request, held: Held, *, limit: int) -> bytes:
    """Read the whole body, which may have so many bytes.

    Raises:
        UnfitRequest: It has more, it ended early, or there is no room for it.
    """
    too_large = UnfitRequest(413, f"The body has more than {limit} bytes.")
    if int(request.headers.get("content-length", "0")) > limit:
        raise too_large
    chunks = bytearray()
    try:
        async for chunk in request.stream():
            held.grow(len(chunk))
            chunks += chunk
            if len(chunks) > limit:
                raise too_large
    except ClientDisconnect as error:
        raise UnfitRequest(400, "The body ended early.") from error
    return bytes(chunks)


def _from_body(body: bytes) -> GraphQLRequest:
    parameters = json_in(body, "The body")
    if isinstance(parameters, list):
        raise UnfitRequest(400, "Batches are not supported: send one request at a time.")
    if not isinstance(parameters, dict):
        raise UnfitRequest(400, "The body must be a JSON object.")
    if len(body) > MAX_BODY_BYTES:
        _refuse_large(parameters)
    return replace(checked_request(parameters), body_hash=hashlib.sha256(body).hexdigest())


def _refuse_large(parameters: dict[str, Any]) -> None:
    """Let a body be large for the file of `importUsers` alone, which is a variable's `csv`."""
    variables = parameters.get("variables")
    rest = {
        name: {key: each for key, each in value.items() if key != FILE_FIELD}
        if isinstance(value, dict)
        else value
        for name, value in (variables.items() if isinstance(variables, dict) else ())
        if name != FILE_FIELD
    }
    if len(orjson.dumps({**parameters, "variables": rest})) > MAX_BODY_BYTES:
        message = f"The body has more than {MAX_BODY_BYTES} bytes besides the file."
        raise UnfitRequest(413, message)


def _from_query_string(request: Request) -> GraphQLRequest:
    parameters: dict[str, Any] = {}
    for name in ("query", "documentId", "operationName", "variables", "extensions"):
        values = request.query_params.getlist(name)
        if len(values) > 1:
            raise UnfitRequest(400, f"`{name}` is given more than once.")
        if values and values[0]:
            is_json = name in {"variables", "extensions"}
            parameters[name] = json_in(values[0].encode(), f"`{name}`") if is_json else values[0]
    return checked_request(parameters)


def json_in(text: bytes, label: str) -> object:
    """What a text says, which the label names to the client.

    Raises:
        UnfitRequest: It is no JSON, or nested too deeply.
    """
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
    for bracket in BRACKET.finditer(STRING.sub(b"", text)):
        depth += 1 if bracket[0] in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def checked_request(parameters: dict[str, Any]) -> GraphQLRequest:
    """The request that these parameters are (section 5.1).

    Raises:
        UnfitRequest: They are none.
    """
    operation_name = parameters.get("operationName")
    variables = parameters.get("variables")
    extensions = parameters.get("extensions")
    if operation_name is not None and not isinstance(operation_name, str):
        raise UnfitRequest(400, "`operationName` must be text.")
    if variables is not None and not isinstance(variables, dict):
        raise UnfitRequest(400, "`variables` must be an object.")
    if extensions is not None and not isinstance(extensions, dict):
        raise UnfitRequest(400, "`extensions` must be an object.")
    document_id = _document_id(parameters)
    query_hash = _query_hash(extensions or {})
    query = parameters.get("query")
    if document_id is not None or (query_hash is not None and query is None):
        if query is not None:
            raise UnfitRequest(400, "`query` and `documentId` can't go together: send one.")
        query = ""
    elif not isinstance(query, str) or not query.strip():
        raise UnfitRequest(
            400, "`query` must be the text of a GraphQL document, or `documentId` name one."
        )
    return GraphQLRequest(
        query, variables, operation_name, extensions, document_id, query_hash=query_hash
    )


def _document_id(parameters: dict[str, Any]) -> str | None:
    document_id = parameters.get("documentId")
    if document_id is not None and (not isinstance(document_id, str) or not document_id):
        raise UnfitRequest(400, "`documentId` must be text.")
    return document_id


def _query_hash(extensions: dict[str, Any]) -> str | None:
    persisted = extensions.get("persistedQuery")
    if persisted is None:
        return None
    if not isinstance(persisted, dict) or persisted.get("version") != 1:
        raise UnfitRequest(400, "`extensions.persistedQuery` must have version 1.")
    hash_ = persisted.get("sha256Hash")
    if not isinstance(hash_, str) or not hash_:
        raise UnfitRequest(400, "`extensions.persistedQuery.sha256Hash` must be text.")
    return hash_


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
