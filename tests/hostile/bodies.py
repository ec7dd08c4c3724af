"""Malformed media types, encodings, sizes and JSON, and requests that GraphQL over HTTP forbids."""

import gzip
import json
from random import Random
from typing import Any

from tests.hostile.shapes import (
    GRAPHQL_RESPONSE,
    JSON,
    Hostile,
    Targets,
    as_json,
    hostile_text,
    hostile_value,
    mutated,
    posted,
    rendered,
    signed_in,
)

MUCH_BYTES = 1_000_000
"""A client who sends so much may be hung up on before he has read that it is too much."""

QUERY = "query Q($id: ID!) { node(id: $id) { id } }"

CONTENT_TYPES = (
    None, "", JSON, "Application/JSON", "application/json; charset=utf-16", "text/plain",
    "application/json; charset=\xff", "application/json;charset=utf-8;charset=latin-1",
    "application/x-www-form-urlencoded", "multipart/form-data", "multipart/form-data; boundary=",
    "multipart/mixed; boundary=x", "application/graphql", GRAPHQL_RESPONSE, "a/b/c", "/", ";;;;",
    "application/json" + ";" * 5_000, "application/json, text/plain",
)  # fmt: skip

ACCEPTS = (
    "", "*/*", JSON, GRAPHQL_RESPONSE, "text/html", "text/event-stream", "multipart/mixed", "q=1",
    "application/json;q=nan", "application/json;q=inf", "application/json;q=-0", "a" * 5_000,
    "application/json;q=0.1;q=2;=;;", ",,,,", "*/*;q=0", "\xff/\xff", "text/html,*/*",
    ",".join(["application/json;q=0"] * 2_000), "text/html, application/graphql-response+json",
)  # fmt: skip


def media(random: Random, targets: Targets) -> Hostile:
    """Content types and what is accepted."""
    caller, headers = signed_in(random, targets)
    kind = random.choice(CONTENT_TYPES)
    if kind is not None:
        headers.append(("Content-Type", kind))
    headers.append(("Accept", random.choice(ACCEPTS)))
    body = as_json({"query": "{ __typename }"})
    if random.random() < 0.3:
        headers.append(("Content-Encoding", random.choice(("gzip", "deflate", "br", "identity"))))
        body = gzip.compress(body)
    data = rendered("POST", "/graphql", headers, body, host=targets.host)
    return Hostile("media", data, caller)


ODD_JSON = (
    b"", b" ", b"\xef\xbb\xbf{}", b"null", b"true", b"0", b'"x"', b"[]", b"{}", b"[[]]", b"{]",
    b"'a'",
    b'{"query": "{ __typename }",}', b'{"query": "{ __typename }"}{}', b'{"query": NaN}',
    b'{"query": "\\ud800"}', b'{"query": "\\u0000"}', b'{"query": "\x00"}', b'{"query": "a\nb"}',
    b'{"query": "{ __typename }", "query": 1}', b'{"query": "\\x41"}', b"\xff\xfe{\x00}\x00",
    b'{"query": "{ __typename }", "variables": {"a": 1e99999}}', b"[" * 100_000,
    b'{"a":' * 5_000,
    b'{"query": "{ __typename }", "variables": ' + b'{"a":' * 63 + b"1" + b"}" * 64,
    b"-" * 1_000, b"1" * 100_000, b'"' + b"\\" * 99_999, b"//\n{}", b'{"":' + b"9" * 5_000 + b"}",
    b'{"query": "{ __typename }", "extensions": {"cost": ' + b"[" * 62 + b"]" * 62 + b"}}",
)  # fmt: skip


def texts(random: Random, targets: Targets) -> Hostile:
    """Bodies that are no JSON, or almost."""
    caller, headers = signed_in(random, targets)
    if random.random() < 0.4:
        body = random.choice(ODD_JSON)
    else:
        body = mutated(random, as_json({"query": QUERY, "variables": {"id": "x"}}))
    return Hostile("json", posted(body, host=targets.host, headers=headers), caller)


def parameters(random: Random, targets: Targets) -> Hostile:
    """JSON objects whose parameters are of the wrong kind, and batches."""
    caller, headers = signed_in(random, targets)
    body: Any = {"query": QUERY, "variables": {"id": "x"}, "operationName": "Q", "extensions": {}}
    for name in random.sample(list(body), random.choice((1, 1, 2))):
        body[name] = hostile_value(random)
    if random.random() < 0.2:
        body[hostile_text(random)[:100]] = hostile_value(random)
    if random.random() < 0.2:
        body = [body] * random.choice((1, 2, 500))
    data = posted(as_json(body), host=targets.host, headers=headers)
    return Hostile("json", data, caller, is_complete=len(data) < MUCH_BYTES)


def sizes(random: Random, targets: Targets) -> Hostile:
    """Bodies that are as large as it gets, and larger."""
    caller, headers = signed_in(random, targets)
    length = random.choice((50_000, 300_000, 1_048_575, 1_048_577, 3_000_000))
    kind = random.randrange(4)
    if kind == 0:
        body = as_json({"query": "{ __typename }" + " " * length})
    elif kind == 1:
        body = as_json({"query": QUERY, "variables": {"id": "x" * length}})
    elif kind == 2:
        body = as_json({"query": QUERY, "variables": {"id": ["x"] * (length // 5)}})
    else:
        body = json.dumps(
            {"query": "{ __typename }", "extensions": {"a": "é" * (length // 6)}}
        ).encode()
    if random.random() < 0.2:
        headers.append(("Expect", "100-continue"))
    data = posted(body, host=targets.host, headers=headers)
    return Hostile("sizes", data, caller, is_complete=len(data) < MUCH_BYTES)


def queries(random: Random, targets: Targets) -> Hostile:
    """Requests in the query string, repeated and mangled."""
    caller, headers = signed_in(random, targets)
    names = ("query", "variables", "operationName", "extensions", "Query", "query[]", "")
    pairs = [
        (
            "query",
            random.choice(("{__typename}", "mutation{signOut{userErrors{code}}}", "{", QUERY)),
        )
    ]
    for _ in range(random.randrange(4)):
        value = random.choice(
            ("{}", "[]", "x", "%", "%ff", "%00", "%F0%9F", "{" * 900, '{"id":1e999}')
        )
        pairs.append((random.choice(names), value))
    random.shuffle(pairs)
    text = random.choice(("&", "&", ";")).join(f"{name}={value}" for name, value in pairs)
    target = "/graphql?" + text.replace(" ", "%20").replace("#", "%23")
    if random.random() < 0.1:
        target += "&a=" + "y" * random.choice((8_000, 60_000))
    headers.append(("Accept", random.choice((GRAPHQL_RESPONSE, JSON, "text/html,*/*"))))
    method = random.choice(("GET", "GET", "GET", "HEAD", "DELETE"))
    return Hostile("queries", rendered(method, target, headers, host=targets.host), caller)
