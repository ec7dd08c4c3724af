"""Requests of GraphQL over HTTP: reading them, from a body or a query string.

The GraphQL Foundation's specification, of which the sections are cited below.
"""

import hashlib
import re
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import orjson
from starlette.requests import Request

from gateway.answers import JSON, UnfitRequest
from gateway.idempotency import HEADER as KEY_FOR_REPEATS
from gateway.room import Held

MAX_BODY_BYTES = 1_048_576
"""A thousand rows of the largest inputs fit."""

MAX_MESSAGE_BYTES = 65_536
"""Of a WebSocket, which takes subscriptions alone."""

MAX_BODY_WITH_FILE_BYTES = 8_388_608
"""A file of ten thousand rows, whose letters JSON may have escaped."""

FILE_FIELD = "csv"

MAX_JSON_DEPTH = 64
STRING = re.compile(rb'"(?:[^"\\]++|\\.?)*+(?:"|\Z)', re.DOTALL)
BRACKET = re.compile(rb"[\[\]{}]")


class GraphQLRequest(NamedTuple):
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
    """SHA-256 of a POST's body, hexadecimal; empty if there is no key for repeats with it."""

    @property
    def wants_cost(self) -> bool:
        """Whether the answer shall say what it cost: `"extensions": {"cost": true}` asks for it."""
        return self.extensions is not None and self.extensions.get("cost") is True


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
        body = await _body(request, held, may_carry_file)
        return _from_body(body, hashed=KEY_FOR_REPEATS in request.headers)
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
    content_type = request.headers.get("content-type", "")
    if content_type in kinds:
        return
    kind, *parameters = (part.strip().lower() for part in content_type.split(";"))
    charsets = [part.partition("=")[2].strip('"') for part in parameters if "charset" in part]
    if kind not in kinds or any(charset not in {"utf-8", "utf8"} for charset in charsets):
        raise UnfitRequest(415, f"The content type must be {' or '.join(kinds)}, in UTF-8.")


async def read_body(request: Request, held: Held, *, limit: int) -> bytes:
    """Read the whole body, which may have so many bytes.

    Raises:
        UnfitRequest: It has more, it ended early, or there is no room for it.
    """
    is_too_large = int(request.headers.get("content-length", "0")) > limit
    chunks: list[bytes] = []
    size, more = 0, True
    # By Starlette's `stream`, an asynchronous generator, it would take twice as long.
    while more and not is_too_large:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise UnfitRequest(400, "The body ended early.")
        chunk = message.get("body", b"")
        held.grow(len(chunk))
        chunks.append(chunk)
        size += len(chunk)
        is_too_large = size > limit
        more = message.get("more_body", False)
    if is_too_large:
        raise UnfitRequest(413, f"The body has more than {limit} bytes.")
    return b"".join(chunks)


def _from_body(body: bytes, *, hashed: bool) -> GraphQLRequest:
    parameters = json_in(body, "The body")
    if isinstance(parameters, list):
        raise UnfitRequest(400, "Batches are not supported: send one request at a time.")
    if not isinstance(parameters, dict):
        raise UnfitRequest(400, "The body must be a JSON object.")
    if len(body) > MAX_BODY_BYTES:
        _refuse_large(parameters)
    hash_ = hashlib.sha256(body).hexdigest() if hashed else ""
    return checked_request(parameters, body_hash=hash_)


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


def checked_request(parameters: dict[str, Any], *, body_hash: str = "") -> GraphQLRequest:
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
        query, variables, operation_name, extensions, document_id, query_hash, body_hash
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
