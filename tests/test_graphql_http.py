"""GraphQL over HTTP: the GraphQL Foundation's specification, and what the contract adds.

The audits of the npm package `graphql-http` ask much the same; here each has its answer.
"""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tortoise.connection import get_connection

from gateway.app import create_app
from gateway.settings import Settings
from schema.graph import sdl
from tests import documents
from tests.people import Gateway, Person

GRAPHQL_RESPONSE = "application/graphql-response+json"
JSON = "application/json"
MEDIA = [JSON, GRAPHQL_RESPONSE]

PORTAL = "https://portal.example"
ORIGIN = "http://127.0.0.1:8000"

HELLO = {"query": "{ __typename }"}
NAMED = "query A { a: __typename } query B { b: __typename }"
SIGN_OUT = "mutation { signOut { signedOutSessions } }"


@pytest.fixture
def migrated_database(migrated_file: Path, tmp_path: Path) -> str:
    """HTTP is the same on every database."""
    return f"sqlite://{shutil.copy(migrated_file, tmp_path)}"


@pytest.fixture
async def other_settings(
    gateway: Gateway, oidc_settings: dict[str, str]
) -> AsyncIterator[Callable[..., Any]]:
    """Makes gateways with other settings, on the same database."""
    async with AsyncExitStack() as stack:

        async def make(**settings: Any) -> httpx2.AsyncClient:
            found = Settings.model_validate(
                {"database_url": gateway.database_url, **oidc_settings, **settings}
            )
            app = create_app(found, delivers_mail=False, now=gateway.clock)
            client = httpx2.AsyncClient(
                transport=httpx2.ASGITransport(app), base_url=found.public_url
            )
            return await stack.enter_async_context(client)

        yield make


def codes(response: httpx2.Response) -> list[str]:
    """The codes of an answer's errors, which has nothing else in it."""
    body = response.json()
    assert body.keys() == {"errors"}, body
    return [error["extensions"]["code"] for error in body["errors"]]


# ------------------------------------------------------------------ media types and statuses


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        (None, JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        (JSON, JSON),
        (GRAPHQL_RESPONSE, GRAPHQL_RESPONSE),
        (f"{GRAPHQL_RESPONSE}; charset=utf-8, {JSON}; charset=utf-8", GRAPHQL_RESPONSE),
        (f"{JSON};q=0.5, {GRAPHQL_RESPONSE};q=0.9", GRAPHQL_RESPONSE),
        (f"{GRAPHQL_RESPONSE};q=0, */*", JSON),
        ("TEXT/HTML, APPLICATION/JSON;Q=0.1", JSON),
    ],
)
async def test_the_answer_has_the_media_type_that_is_accepted(
    gateway: Gateway, accept: str | None, media: str
) -> None:
    request = gateway.client.build_request("POST", "/graphql", json=HELLO)
    del request.headers["accept"]
    if accept is not None:
        request.headers["accept"] = accept
    response = await gateway.client.send(request)

    assert response.status_code == HTTPStatus.OK
    assert response.headers["content-type"] == f"{media}; charset=utf-8"
    assert response.json() == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize(
    "accept", ["text/plain", "image/*", f"{JSON};q=0", "text/html", "nonsense"]
)
async def test_what_cannot_be_accepted_is_406(gateway: Gateway, accept: str) -> None:
    response = await gateway.client.post("/graphql", json=HELLO, headers={"accept": accept})

    assert response.status_code == HTTPStatus.NOT_ACCEPTABLE
    assert codes(response) == ["BAD_REQUEST"]


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "xapplication/jsonx",
        "application/jsonx",
        "application/graphql",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=iso-8859-1",
        "application/json; charset=utf-16",
    ],
)
async def test_other_content_types_are_415(gateway: Gateway, content_type: str | None) -> None:
    headers = {} if content_type is None else {"content-type": content_type}
    response = await gateway.client.post("/graphql", content=json.dumps(HELLO), headers=headers)

    assert response.status_code == HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    assert codes(response) == ["BAD_REQUEST"]


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "APPLICATION/JSON; Charset=UTF-8", 'application/json;charset="utf-8"'],
)
async def test_json_in_utf_8_is_taken(gateway: Gateway, content_type: str) -> None:
    body = json.dumps({"query": '{ é: __typename # "ü"\n }'.replace("é", "e")}, ensure_ascii=False)
    response = await gateway.client.post(
        "/graphql", content=body.encode(), headers={"content-type": content_type}
    )

    assert response.json() == {"data": {"e": "Query"}}


BODIES: dict[str, bytes] = {
    "nothing": b"",
    "a string": b'"x"',
    "null": b"null",
    "a number": b"3",
    "true": b"true",
    "an empty object": b"{}",
    "an empty array": b"[]",
    "a batch": b'[{"query": "{ __typename }"}]',
    "half an object": b'{"query": "{ __typename }"',
    "two objects": b'{"query": "{ __typename }"} {}',
    "not UTF-8": b'{"query": "{ __typename } # \xff"}',
    "a lone surrogate": b'{"query": "{ __typename } # \\ud800"}',
    "NaN": b'{"query": "{ __typename }", "variables": {"a": NaN}}',
    "20,000 open brackets": b"[" * 20_000,
    "brackets in variables": b'{"query": "{ __typename }", "variables": {"a": '
    + b"[" * 5_000
    + b"]" * 5_000
    + b"}}",
    "brackets after a bracket in a string": b'{"a": "\\"]", "b": ' + b"[" * 5_000,
    "no query": b'{"operationName": "A"}',
    "an empty query": b'{"query": " "}',
    "a null query": b'{"query": null}',
    "an object for query": b'{"query": {}}',
    "a number for query": b'{"query": 0}',
    "an array for query": b'{"query": ["{ __typename }"]}',
    "an object for operationName": b'{"query": "{ __typename }", "operationName": {}}',
    "a number for operationName": b'{"query": "{ __typename }", "operationName": 1}',
    "a Boolean for operationName": b'{"query": "{ __typename }", "operationName": false}',
    "a string for variables": b'{"query": "{ __typename }", "variables": "{}"}',
    "a number for variables": b'{"query": "{ __typename }", "variables": 0}',
    "an array for variables": b'{"query": "{ __typename }", "variables": []}',
    "a string for extensions": b'{"query": "{ __typename }", "extensions": "{}"}',
    "a Boolean for extensions": b'{"query": "{ __typename }", "extensions": true}',
    "an array for extensions": b'{"query": "{ __typename }", "extensions": []}',
}


@pytest.mark.parametrize("media", MEDIA)
@pytest.mark.parametrize("name", BODIES)
async def test_a_body_that_is_no_request_is_400(gateway: Gateway, name: str, media: str) -> None:
    response = await gateway.client.post(
        "/graphql", content=BODIES[name], headers={"content-type": JSON, "accept": media}
    )

    assert response.status_code == HTTPStatus.BAD_REQUEST
    assert response.headers["content-type"].startswith(media)
    assert codes(response) == ["BAD_REQUEST"]


async def test_nulls_and_unknown_parameters_are_allowed(gateway: Gateway) -> None:
    body = {
        **HELLO,
        "operationName": None,
        "variables": None,
        "extensions": None,
        "somethingElse": 1,
    }
    response = await gateway.client.post("/graphql", json=body)

    assert response.json() == {"data": {"__typename": "Query"}}


async def test_too_large_a_body_is_413(gateway: Gateway) -> None:
    body = json.dumps({"query": "{ __typename }" + " " * 2_000_000}).encode()

    async def in_pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 65_536):
            yield body[start : start + 65_536]

    answers = [
        await gateway.client.post("/graphql", content=content, headers={"content-type": JSON})
        for content in (body, in_pieces())
    ]

    assert [answer.status_code for answer in answers] == [413, 413]
    assert [codes(answer) for answer in answers] == [["BAD_REQUEST"]] * 2


NOT_EXECUTED: dict[str, tuple[dict[str, Any], str]] = {
    "it does not parse": ({"query": "{"}, "GRAPHQL_PARSE_FAILED"),
    "no operation": ({"query": "fragment F on Query { __typename }"}, "GRAPHQL_VALIDATION_FAILED"),
    "an unknown field": ({"query": "{ nothing }"}, "GRAPHQL_VALIDATION_FAILED"),
    "a fragment in a circle": (
        {"query": "{ ...F } fragment F on Query { ...F }"},
        "GRAPHQL_VALIDATION_FAILED",
    ),
    "several operations, none named": ({"query": NAMED}, "BAD_REQUEST"),
    "an unknown operation": ({"query": NAMED, "operationName": "C"}, "BAD_REQUEST"),
    "an empty operation name": ({"query": NAMED, "operationName": ""}, "BAD_REQUEST"),
    "a variable is missing": ({"query": "query($i: ID!) { node(id: $i) { id } }"}, "BAD_REQUEST"),
    "a variable does not fit": (
        {"query": "query($i: ID!) { node(id: $i) { id } }", "variables": {"i": {"a": 1}}},
        "BAD_REQUEST",
    ),
    "an integer too large": (
        {
            "query": "query($n: Int) { users(organizationId: 1, first: $n) { totalCount } }",
            "variables": {"n": 2**31},
        },
        "BAD_REQUEST",
    ),
}


@pytest.mark.parametrize("media", MEDIA)
@pytest.mark.parametrize("name", NOT_EXECUTED)
async def test_what_is_not_executed_has_no_data_and_400_in_the_newer_media_type(
    gateway: Gateway, name: str, media: str
) -> None:
    body, code = NOT_EXECUTED[name]
    response = await gateway.client.post("/graphql", json=body, headers={"accept": media})

    assert response.status_code == (200 if media == JSON else 400)
    assert set(codes(response)) == {code}


@pytest.mark.parametrize("depth", [50, 150, 250, 350, 450, 600, 900, 5_000])
@pytest.mark.parametrize("form", ["selections", "lists", "objects", "types", "fragments"])
async def test_no_depth_of_a_document_breaks_anything(
    gateway: Gateway, form: str, depth: int
) -> None:
    query = {
        "selections": "{ node(id: 1) { ... on User { "
        + "organization { users { nodes { " * depth
        + "id"
        + " } } }" * depth
        + " } } }",
        "lists": "{ node(id: " + "[" * depth + "1" + "]" * depth + ") { id } }",
        "objects": "{ node(id: " + "{a: " * depth + "1" + "}" * depth + ") { id } }",
        "types": "query($a: " + "[" * depth + "ID" + "]" * depth + ") { __typename }",
        "fragments": "{ ...F0 } "
        + " ".join(f"fragment F{n} on Query {{ ...F{n + 1} }}" for n in range(depth))
        + f" fragment F{depth} on Query {{ __typename }}",
    }[form]
    response = await gateway.client.post(
        "/graphql", json={"query": query}, headers={"accept": GRAPHQL_RESPONSE}
    )

    assert response.status_code in {HTTPStatus.OK, HTTPStatus.BAD_REQUEST}, response.text
    assert "INTERNAL" not in response.text


async def test_the_named_operation_runs(gateway: Gateway) -> None:
    body = {"query": NAMED, "operationName": "B"}
    response = await gateway.client.post("/graphql", json=body)

    assert response.json() == {"data": {"b": "Query"}}


@pytest.mark.parametrize(
    "moment", ["", "yesterday", 7, "2026-13-01", "0001-01-01T00:00:00+23:59", "9999-12-31T23-23:59"]
)
async def test_what_is_no_moment_is_told_what_one_looks_like(
    gateway: Gateway, moment: object
) -> None:
    query = (
        "query ($since: DateTime) { organization(id: 1) {"
        " auditEvents(filter: {since: $since}) { totalCount } } }"
    )
    response = await gateway.client.post(
        "/graphql", json={"query": query, "variables": {"since": moment}}
    )
    (error,) = response.json()["errors"]

    assert error["extensions"] == {"code": "BAD_REQUEST"}
    assert "A DateTime is text such as 2026-11-24T09:30:00Z." in error["message"]


# ------------------------------------------------------------------------------------- by GET


async def test_a_query_may_come_by_get(gateway: Gateway) -> None:
    parameters = {
        "query": "query A($i: ID!) { service(id: $i) { id } } query B { b: __typename }",
        "operationName": "A",
        "variables": '{"i": "x"}',
        "extensions": "{}",
    }
    response = await gateway.client.get("/graphql", params=parameters)

    assert response.json() == {"data": {"service": None}}


@pytest.mark.parametrize(
    "query_string",
    [
        "",
        "query=",
        "query=%7B__typename%7D&query=%7B__typename%7D",
        "query=%7B__typename%7D&variables={}&variables={}",
        "query=%7B__typename%7D&variables=[]",
        "query=%7B__typename%7D&variables=x",
        "query=%7B__typename%7D&variables=%22x%22",
        "query=%7B__typename%7D&extensions=1",
        "query=%7B__typename%7D&operationName=A&operationName=B",
        "query=%7B__typename%7D%20%23%ff&variables=%ff",
        "query=%7B__typename%7D&variables=" + "[" * 3_000,
    ],
)
async def test_a_query_string_that_is_no_request_is_400(
    gateway: Gateway, query_string: str
) -> None:
    response = await gateway.client.get(f"/graphql?{query_string}")

    assert response.status_code == HTTPStatus.BAD_REQUEST
    assert codes(response) == ["BAD_REQUEST"]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("media", MEDIA)
async def test_nothing_is_changed_but_by_post(
    gateway: Gateway, alice: Person, media: str, method: str
) -> None:
    headers = {"cookie": f"session={alice.cookie}", "accept": media}
    response = await gateway.client.request(
        method, "/graphql", params={"query": SIGN_OUT}, headers=headers
    )
    with_body = await gateway.client.request(
        method, "/graphql", json={"query": SIGN_OUT}, headers=headers
    )

    assert response.status_code == HTTPStatus.METHOD_NOT_ALLOWED
    assert response.headers["allow"] == "POST"
    assert with_body.status_code == HTTPStatus.BAD_REQUEST
    assert (await alice.ask("{ viewer { microsoftAccount } }"))["viewer"]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"])
async def test_other_methods_are_405(gateway: Gateway, method: str) -> None:
    response = await gateway.client.request(method, "/graphql", json=HELLO)

    assert response.status_code == HTTPStatus.METHOD_NOT_ALLOWED
    assert set(response.headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}
    assert codes(response) == ["BAD_REQUEST"]


# -------------------------------------------------------------------------------- error codes


async def test_refusals_have_the_codes_of_the_contract(
    gateway: Gateway, alice: Person, mallory: Person, contoso: str
) -> None:
    users = "query($i: ID!, $a: String) { users(organizationId: $i, after: $a) { __typename } }"
    answers = [
        await gateway.anyone().post(users, i=contoso),
        await mallory.post(users, i=contoso),
        await alice.post(users, i=contoso, a="nonsense"),
    ]

    assert [error["extensions"] for each in answers for error in each.json()["errors"]] == [
        {"code": "UNAUTHENTICATED"},
        {"code": "FORBIDDEN"},
        {"code": "BAD_REQUEST"},
    ]
    assert [each.status_code for each in answers] == [200, 200, 200]


async def test_a_defect_is_masked_and_logged_under_the_requests_id(
    alice: Person,
    contoso: str,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    await get_connection("default").execute_script("DROP TABLE invitations")
    caplog.clear()
    query = "query($i: ID!) { organization(id: $i) { name invitations { totalCount } } }"
    response = await alice.post(query, i=contoso)
    (error,) = response.json()["errors"]
    logged = caplog.text + capsys.readouterr().out

    assert response.status_code == HTTPStatus.OK
    assert error["path"] == ["organization", "invitations"]
    assert error["extensions"] == {
        "code": "INTERNAL",
        "requestId": response.headers["x-request-id"],
    }
    assert "table" not in response.text
    assert "field_failed" in logged
    assert "no such table: invitations" in logged
    assert response.headers["x-request-id"] in logged


@pytest.mark.parametrize(
    ("method", "path", "accept"),
    [
        ("POST", "/graphql", "*/*"),
        ("POST", "/graphql", "text/html,*/*"),
        ("GET", "/graphql?query={__typename}", "text/html,*/*"),
    ],
)
async def test_a_defect_outside_of_any_field_is_masked_too(
    gateway: Gateway,
    alice: Person,
    capsys: pytest.CaptureFixture[str],
    *,
    method: str,
    path: str,
    accept: str,
) -> None:
    await get_connection("default").execute_script("DROP TABLE sessions")
    response = await gateway.client.request(
        method,
        path,
        json=HELLO if method == "POST" else None,
        headers={"cookie": f"session={alice.cookie}", "accept": accept},
    )
    request_id = response.headers["x-request-id"]

    assert response.status_code == HTTPStatus.INTERNAL_SERVER_ERROR
    assert response.headers["content-type"].startswith(JSON)
    assert "sessions" not in response.text
    assert "no such table: sessions" in capsys.readouterr().out
    assert codes(response) == ["INTERNAL"]
    assert response.json()["errors"][0]["extensions"]["requestId"] == request_id


# ------------------------------------------------------------------------ cookies and origins


@pytest.mark.parametrize(
    ("headers", "is_known"),
    [
        ({}, True),
        ({"origin": ORIGIN}, True),
        ({"origin": ORIGIN, "sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"origin": PORTAL, "sec-fetch-site": "cross-site"}, True),
        ({"origin": "https://evil.example"}, False),
        ({"origin": f"{PORTAL}.evil.example"}, False),
        ({"origin": "http://portal.example"}, False),
        ({"origin": "null"}, False),
        ({"origin": ""}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "same-site"}, False),
    ],
)
async def test_a_cookie_counts_for_our_pages_and_allowed_origins_only(
    alice: Person,
    other_settings: Callable[..., Any],
    headers: dict[str, str],
    is_known: bool,
) -> None:
    client = await other_settings(allowed_origins=PORTAL)
    response = await client.post(
        "/graphql",
        json={"query": "{ viewer { microsoftAccount } }"},
        headers={"cookie": f"session={alice.cookie}", **headers},
    )

    assert response.json()["data"] == {
        "viewer": {"microsoftAccount": alice.account} if is_known else None
    }


async def test_a_preflight_is_exact_for_an_allowed_origin(
    other_settings: Callable[..., Any],
) -> None:
    client = await other_settings(allowed_origins=PORTAL)
    asking = {
        "origin": PORTAL,
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type, idempotency-key, last-event-id",
    }
    preflight = await client.options("/graphql", headers=asking)
    answer = await client.post("/graphql", json=HELLO, headers={"origin": PORTAL})

    assert preflight.status_code == HTTPStatus.OK
    assert preflight.headers["access-control-allow-origin"] == PORTAL
    assert preflight.headers["access-control-allow-credentials"] == "true"
    assert preflight.headers["access-control-allow-methods"] == "GET, POST"
    allowed = preflight.headers["access-control-allow-headers"].lower().split(", ")
    assert {"authorization", "content-type", "idempotency-key", "last-event-id"} <= set(allowed)
    assert "*" not in preflight.headers["access-control-allow-headers"]
    assert "origin" in preflight.headers["vary"].lower()
    assert answer.headers["access-control-allow-origin"] == PORTAL
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert "origin" in answer.headers["vary"].lower()
    exposed = answer.headers["access-control-expose-headers"].lower().split(", ")
    assert {"x-request-id", "retry-after"} <= set(exposed)


@pytest.mark.parametrize("origin", ["https://evil.example", f"{PORTAL}:8443", "null"])
@pytest.mark.parametrize("allowed", ["", PORTAL])
async def test_no_other_origin_may_read_answers(
    other_settings: Callable[..., Any], origin: str, allowed: str
) -> None:
    client = await other_settings(allowed_origins=allowed)
    asking = {"origin": origin, "access-control-request-method": "POST"}
    preflight = await client.options("/graphql", headers=asking)
    answer = await client.post("/graphql", json=HELLO, headers={"origin": origin})

    assert preflight.is_client_error
    assert "access-control-allow-origin" not in preflight.headers
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "headers",
    [
        {"cookie": "session=made-up"},
        {"cookie": "session=" + "x" * 4_000},
        {"authorization": "Bearer made-up"},
        {"authorization": "Bearer"},
        {"authorization": "Basic dTpw"},
        {"authorization": ""},
    ],
)
@pytest.mark.parametrize("media", MEDIA)
async def test_an_invalid_credential_is_401(
    gateway: Gateway, headers: dict[str, str], media: str
) -> None:
    response = await gateway.client.post(
        "/graphql", json=HELLO, headers={"accept": media, **headers}
    )

    assert response.status_code == HTTPStatus.UNAUTHORIZED
    assert response.headers["www-authenticate"].startswith("Bearer")
    assert response.headers["content-type"].startswith(media)
    assert codes(response) == ["UNAUTHENTICATED"]


async def test_more_requests_at_once_than_memory_is_meant_for_are_sent_away(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.room.MAX_UNDER_WAY", 2)
    catalogue = {"query": "{ services { code } }"}
    posts = (gateway.client.post("/graphql", json=catalogue) for _ in range(5))
    responses = await asyncio.gather(*posts)
    refused = [each for each in responses if each.status_code == HTTPStatus.SERVICE_UNAVAILABLE]

    assert [each.status_code for each in responses].count(HTTPStatus.OK) == 2
    assert [codes(each) for each in refused] == [["RATE_LIMITED"]] * 3
    assert {each.headers["retry-after"] for each in refused} == {"2"}
    assert (await gateway.client.post("/graphql", json=catalogue)).status_code == HTTPStatus.OK


# ------------------------------------------------------------------- introspection, GraphiQL

INTROSPECTION = {"query": '{ __schema { queryType { name } } __type(name: "User") { name } }'}


async def test_introspection_can_be_switched_off(
    gateway: Gateway, other_settings: Callable[..., Any]
) -> None:
    client = await other_settings(introspection=False)
    allowed = await gateway.client.post("/graphql", json=INTROSPECTION)
    refused = await client.post("/graphql", json=INTROSPECTION)
    typing_error = await client.post("/graphql", json={"query": "{ viewr { id } }"})
    typename = await client.post("/graphql", json=HELLO)

    assert allowed.json()["data"]["__schema"] == {"queryType": {"name": "Query"}}
    assert set(codes(refused)) == {"GRAPHQL_VALIDATION_FAILED"}
    assert "Did you mean" not in typing_error.text
    assert typename.json() == {"data": {"__typename": "Query"}}


BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


async def test_browsers_get_graphiql_from_our_own_origin(gateway: Gateway) -> None:
    response = await gateway.client.get("/graphql", headers=BROWSER)

    assert response.status_code == HTTPStatus.OK
    assert response.headers["content-type"].startswith("text/html")
    assert "script-src 'self'" in response.headers["content-security-policy"]
    shown = response.text.replace("https://receiver.example/webhooks", "")  # an example of a tab
    assert "https://" not in shown


async def test_graphiql_can_be_switched_off(other_settings: Callable[..., Any]) -> None:
    client = await other_settings(graphiql=False)
    page = await client.get("/graphql", headers=BROWSER)
    only_page = await client.get("/graphql", headers={"accept": "text/html"})
    query = await client.get("/graphql", params=HELLO, headers=BROWSER)

    assert page.is_client_error
    assert only_page.status_code == HTTPStatus.NOT_ACCEPTABLE
    assert codes(only_page) == ["BAD_REQUEST"]
    assert query.json() == {"data": {"__typename": "Query"}}


async def test_the_graph_answers_as_its_committed_definition_says(gateway: Gateway) -> None:
    query = "{ __schema { types { name } } }"
    response = await gateway.client.post("/graphql", json={"query": query})
    names = {each["name"] for each in response.json()["data"]["__schema"]["types"]}
    declared = {
        line.split()[1].rstrip("{")
        for line in sdl().splitlines()
        if line.startswith(("type ", "input ", "enum ", "interface ", "scalar "))
    }

    assert declared <= names


# -------------------------------------------------------------------------------- other paths


@pytest.mark.parametrize(
    "path",
    ["/nowhere", "/graphql/", "/graphql/x", "/auth", "/healthz/", "/%00", "/.env", "/assets"],
)
async def test_an_unknown_path_is_404_in_the_readers_form(gateway: Gateway, path: str) -> None:
    page = await gateway.client.get(path, headers=BROWSER)
    data = await gateway.client.get(path)

    assert (page.status_code, data.status_code) == (404, 404)
    assert page.headers["content-type"].startswith("text/html")
    assert "There is no such page" in page.text
    assert data.headers["content-type"].startswith(JSON)
    assert codes(data) == ["BAD_REQUEST"]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/assets/pages.css", "text/css"),
        ("/assets/graphiql/page.js", "text/javascript"),
        ("/assets/graphiql/page.css", "text/css"),
    ],
)
async def test_assets_have_their_types_and_may_be_kept(
    gateway: Gateway, path: str, kind: str
) -> None:
    response = await gateway.client.get(path)

    assert response.status_code == HTTPStatus.OK
    assert response.headers["content-type"].startswith(kind)
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cache-control"].startswith("public, max-age=")


@pytest.mark.parametrize(
    "path",
    [
        "/assets/",
        "/assets/graphiql",
        "/assets/graphiql/",
        "/assets/../app.py",
        "/assets/..%2fapp.py",
        "/assets/%2e%2e/app.py",
        "/assets/%2e%2e%2f%2e%2e%2fpyproject.toml",
        "/assets/graphiql/..%2f..%2fsettings.py",
        "/assets/..%5capp.py",
        "/assets//etc/passwd",
        "/assets/%2fetc%2fpasswd",
        "/assets/%00",
        "/assets/pages.css%00.js",
        "/assets/" + "x" * 5_000,
        "/assets/pages.css/x",
    ],
)
async def test_assets_lead_nowhere_else(gateway: Gateway, path: str) -> None:
    # A raw target, since a client would tidy the path up.
    url = httpx2.URL(gateway.client.base_url).copy_with(raw_path=path.encode())
    response = await gateway.client.send(httpx2.Request("GET", url))

    assert response.status_code == HTTPStatus.NOT_FOUND


@pytest.mark.parametrize("path", ["/graphql", "/nowhere", "/healthz", "/assets/pages.css"])
async def test_every_answer_has_a_request_id_of_ours(gateway: Gateway, path: str) -> None:
    answers = [await gateway.client.get(path, headers={"x-request-id": "theirs"}) for _ in range(2)]
    ids = {answer.headers["x-request-id"] for answer in answers}

    assert len(ids) == 2
    assert "theirs" not in ids


async def test_answers_of_the_graph_are_kept_by_nobody(gateway: Gateway) -> None:
    response = await gateway.client.post("/graphql", json={"query": documents.CATALOGUE})

    assert response.headers["cache-control"] == "no-store"
    assert {"accept", "cookie", "origin"} <= set(response.headers["vary"].lower().split(", "))
