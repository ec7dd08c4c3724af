"""What every answer must be, whatever the request was."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from gateway.answers import EVENT_STREAM
from gateway.requests import HEADERS, SCIM_ERROR
from gateway.scim.errors import SCIM_JSON
from tests.hostile.settlement import PORTAL, Besieged
from tests.hostile.shapes import GRAPHQL_RESPONSE, JSON, Hostile
from tests.hostile.wire import Answer

CODES = {
    "UNAUTHENTICATED",
    "FORBIDDEN",
    "BAD_REQUEST",
    "GRAPHQL_PARSE_FAILED",
    "GRAPHQL_VALIDATION_FAILED",
    "QUERY_TOO_COMPLEX",
    "RATE_LIMITED",
}
"""Those of the contract that a client can be the reason of."""

KNOWN_HEADERS = {
    *HEADERS, "accept-ranges", "access-control-allow-credentials", "access-control-allow-headers",
    "access-control-allow-methods", "access-control-allow-origin", "access-control-expose-headers",
    "access-control-max-age", "allow", "connection", "content-encoding", "content-length",
    "content-range", "content-type", "date", "etag", "last-modified", "location", "retry-after",
    "set-cookie", "transfer-encoding", "vary", "www-authenticate", "x-request-id",
}  # fmt: skip
"""An attack that gets a header of its own into an answer has won."""

PAGE = "text/html"
STRICT = (
    "cross-origin-opener-policy",
    "referrer-policy",
    "x-content-type-options",
    "x-frame-options",
)
COOKIE = re.compile(
    r'session=(?:[\w-]{43}|""); .*HttpOnly; .*Path=/; SameSite=lax'
    r'|sign-in-[!#$%&\'*+.^_`|~0-9A-Za-z-]*=(?:[\w.-]+|""); .*HttpOnly; .*Path=/auth; SameSite=lax'
)
"""The two kinds that there are."""

PREFLIGHT = b"OPTIONS "
MAX_ERRORS = 25


def faults_of(hostile: Hostile, answer: Answer, besieged: Besieged) -> list[str]:
    """Everything that is wrong with an answer."""
    if hostile.family == "upgrades" and answer.status < 500:
        # No browser lets a page see the answer to a handshake, nor keeps it.
        return []
    return [
        *_faults_of_the_head(answer),
        *_faults_of_the_ways(answer, besieged),
        *_faults_of_the_body(hostile, answer, besieged),
    ]


def _faults_of_the_head(answer: Answer) -> Iterator[str]:
    if answer.status >= 500:
        yield f"status {answer.status}"
    names = [name for name, _ in answer.headers]
    if unknown := set(names) - KNOWN_HEADERS:
        yield f"headers {sorted(unknown)}"
    if twice := {name for name in names if names.count(name) > 1} - {"set-cookie"}:
        yield f"headers {sorted(twice)} twice"
    for name in STRICT:
        if answer.header(name) != HEADERS[name]:
            yield f"{name} is {answer.header(name)!r}"
    policy = answer.header("content-security-policy")
    if "default-src 'none'" not in policy or "frame-ancestors 'none'" not in policy:
        yield f"content-security-policy is {policy!r}"
    kept = answer.header("cache-control")
    if kept != "no-store" and not _is_asset(answer):
        yield f"cache-control is {kept!r}"
    if answer.status == 405 and not answer.header("allow"):
        yield "405 without allow"
    if answer.status == 401 and not answer.header("www-authenticate"):
        yield "401 without www-authenticate"


def _is_asset(answer: Answer) -> bool:
    kind = answer.header("content-type").partition(";")[0]
    return answer.status in {200, 206, 304, 416} and kind not in {JSON, GRAPHQL_RESPONSE, PAGE}


def _faults_of_the_ways(answer: Answer, besieged: Besieged) -> Iterator[str]:
    location = urlsplit(answer.header("location"))
    origin = f"{location.scheme}://{location.netloc}"
    if answer.header("location") and origin not in {besieged.url, besieged.issuer}:
        yield f"location {answer.header('location')!r}"
    readable_by = answer.header("access-control-allow-origin")
    if readable_by not in {"", PORTAL}:
        yield f"access-control-allow-origin {readable_by!r}"
    if readable_by and "origin" not in answer.header("vary").lower():
        yield "access-control-allow-origin without vary"
    for cookie in answer.all("set-cookie"):
        if not COOKIE.fullmatch(cookie):
            yield f"set-cookie {cookie!r}"


def _faults_of_the_body(hostile: Hostile, answer: Answer, besieged: Besieged) -> Iterator[str]:
    kind = answer.header("content-type").partition(";")[0]
    hidden = besieged.settlement.hidden_from(hostile.caller)
    if any(mark.encode() in answer.body for mark in hidden):
        yield "it tells of another organization"
    if hostile.data.startswith(b"HEAD "):
        return
    if kind in {JSON, GRAPHQL_RESPONSE}:
        yield from _faults_of_json(answer)
    elif kind == EVENT_STREAM:
        first = answer.body.partition(b"data: ")[2].partition(b"\n")[0]
        yield from _faults_of_json(replace(answer, body=first))
    elif kind == SCIM_JSON:
        yield from _faults_of_scim(answer)
    elif kind == PAGE:
        if not answer.body.lstrip().lower().startswith(b"<!doctype html>"):
            yield "no page"
    elif answer.status >= 400 and answer.status != 416 and not hostile.data.startswith(PREFLIGHT):
        yield f"an error as {kind!r}: {answer.body[:80]!r}"


def _faults_of_json(answer: Answer) -> Iterator[str]:
    try:
        body: Any = json.loads(answer.body, parse_constant=_refuse_constant)
    except ValueError as error:
        yield f"no JSON: {error}"
        return
    if not isinstance(body, dict):
        yield "no JSON object"
        return
    if "status" in body:
        return
    if not body.keys() <= {"data", "errors", "extensions"} or not body.keys() & {"data", "errors"}:
        yield f"an answer of {sorted(body)}"
    errors = body.get("errors", [])
    if answer.status >= 400 and not errors:
        yield f"{answer.status} without errors"
    if len(errors) > MAX_ERRORS or ("errors" in body and not errors):
        yield f"{len(errors)} errors"
    for each in errors:
        code = each.get("extensions", {}).get("code")
        if code not in CODES or not isinstance(each.get("message"), str):
            yield f"error {each}"


def _faults_of_scim(answer: Answer) -> Iterator[str]:
    """RFC 7644 section 3.12."""
    body = json.loads(answer.body)
    told = [body.get("schemas"), body.get("status"), isinstance(body.get("detail"), str)]
    if told != [[SCIM_ERROR], str(answer.status), True]:
        yield f"a SCIM error of {body}"


def _refuse_constant(text: str) -> None:
    message = f"{text} is not JSON"
    raise ValueError(message)
