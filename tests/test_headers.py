"""What every answer carries, an error page too, and who may read it."""

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tortoise.connection import get_connection
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from gateway.app import create_app
from gateway.requests import HEADERS
from gateway.settings import Settings
from tests import documents
from tests.people import Gateway, Person
from tests.postgres import free_port
from tests.servers import environment_for, prepare_database, serving
from tests.streaming import served

PORTAL = "https://portal.example"
PAGE = {"accept": "text/html"}
JSON = {"content-type": "application/json"}
POLICY = "content-security-policy"

ANSWERS: dict[str, tuple[int, str, str, dict[str, Any]]] = {
    "a page": (200, "GET", "/", {"headers": PAGE}),
    "a page of the portal": (200, "GET", "/invitations/token", {"headers": PAGE}),
    "GraphiQL": (200, "GET", "/graphql", {"headers": PAGE}),
    "data": (200, "POST", "/graphql", {"json": {"query": documents.VIEWER}}),
    "liveness": (200, "GET", "/healthz", {}),
    "readiness": (200, "GET", "/readyz", {}),
    "a preflight": (
        200,
        "OPTIONS",
        "/graphql",
        {"headers": {"origin": PORTAL, "access-control-request-method": "POST"}},
    ),
    "no JSON": (400, "POST", "/graphql", {"content": b"{", "headers": JSON}),
    "a preflight from elsewhere": (
        400,
        "OPTIONS",
        "/graphql",
        {"headers": {"origin": "null", "access-control-request-method": "POST"}},
    ),
    "a sign-in that leads elsewhere": (400, "GET", "/auth/sign-in?return_to=//evil.example", {}),
    "a callback that nobody began": (400, "GET", "/auth/callback?state=x&code=y", {}),
    "a dead session": (
        401,
        "POST",
        "/graphql",
        {"json": {"query": "{ __typename }"}, "headers": {"cookie": "session=made-up"}},
    ),
    "SCIM without a token": (401, "GET", "/scim/v2/Users", {}),
    "no such page": (404, "GET", "/nowhere", {"headers": PAGE}),
    "no such path": (404, "GET", "/nowhere", {}),
    "no such asset": (404, "GET", "/assets/nothing.js", {}),
    "another method": (405, "DELETE", "/graphql", {}),
    "another method of a page": (405, "POST", "/users", {"headers": PAGE}),
    "a mutation by GET": (
        405,
        "GET",
        "/graphql?query=mutation{signOut{signedOutSessions}}",
        {},
    ),
    "nothing acceptable": (
        406,
        "POST",
        "/graphql",
        {"json": {"query": "{ __typename }"}, "headers": {"accept": "image/png"}},
    ),
    "a large body": (
        413,
        "POST",
        "/graphql",
        {"content": b" " * 1_100_000, "headers": JSON},
    ),
    "another content type": (415, "POST", "/graphql", {"content": b"{}"}),
    "a provider that is away": (503, "GET", "/auth/sign-in", {}),
}


@pytest.fixture
def migrated_database(migrated_file: Path, tmp_path: Path) -> str:
    """Headers are the same on every database."""
    return f"sqlite://{shutil.copy(migrated_file, tmp_path)}"


@pytest.fixture
async def client(
    gateway: Gateway, oidc_settings: dict[str, str]
) -> AsyncIterator[httpx2.AsyncClient]:
    """Without a session, at a gateway that lets one other origin in."""
    settings = Settings.model_validate(
        {
            "database_url": gateway.database_url,
            **oidc_settings,
            "oidc_issuer": "http://127.0.0.1:9",
            "allowed_origins": PORTAL,
        }
    )
    transport = httpx2.ASGITransport(create_app(settings, delivers_mail=False, now=gateway.clock))
    async with httpx2.AsyncClient(transport=transport, base_url=settings.public_url) as found:
        yield found


def strictness_of(response: httpx2.Response) -> dict[str, list[str]]:
    """Our headers, as they are in an answer; its policy may be a page's own."""
    return {name: response.headers.get_list(name) for name in HEADERS if name != POLICY}


STRICT = {name: [value] for name, value in HEADERS.items() if name != POLICY}


@pytest.mark.parametrize("name", ANSWERS)
async def test_every_answer_has_strict_headers_and_none_that_holds_data_is_kept(
    client: httpx2.AsyncClient, name: str
) -> None:
    status, method, path, given = ANSWERS[name]
    response = await client.request(method, path, **given)
    policy = response.headers[POLICY]

    assert response.status_code == status
    assert strictness_of(response) == STRICT
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert len(response.headers["x-request-id"]) == 36


async def test_an_allowed_origin_may_read_what_a_defect_is_answered_with(
    client: httpx2.AsyncClient, alice: Person
) -> None:
    await get_connection("default").execute_script("DROP TABLE sessions")
    response = await client.post(
        "/graphql",
        json={"query": documents.VIEWER},
        headers={"cookie": f"session={alice.cookie}", "origin": PORTAL},
    )

    assert response.status_code == 500
    assert response.headers.get_list("access-control-allow-origin") == [PORTAL]
    assert response.json()["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert strictness_of(response) == STRICT


@pytest.mark.parametrize("accept", ["text/html,*/*", "*/*"])
async def test_the_answer_to_a_defect_is_as_strict(
    client: httpx2.AsyncClient, alice: Person, accept: str
) -> None:
    await get_connection("default").execute_script("DROP TABLE sessions")
    response = await client.post(
        "/graphql",
        json={"query": documents.VIEWER},
        headers={"cookie": f"session={alice.cookie}", "accept": accept},
    )

    assert response.is_server_error
    assert strictness_of(response) == STRICT
    assert "frame-ancestors 'none'" in response.headers[POLICY]


@pytest.mark.parametrize(
    "asking",
    [
        {"access-control-request-method": "DELETE"},
        {"access-control-request-method": "POST", "access-control-request-headers": "x-evil"},
        {"access-control-request-method": "POST", "access-control-request-headers": "cookie"},
        {"access-control-request-method": "*"},
    ],
)
async def test_a_preflight_allows_no_more_than_our_pages_need(
    client: httpx2.AsyncClient, asking: dict[str, str]
) -> None:
    response = await client.options("/graphql", headers={"origin": PORTAL, **asking})

    assert response.status_code == HTTPStatus.BAD_REQUEST
    assert "origin" in response.headers["vary"].lower()


@pytest.mark.parametrize("origin", ["null", "https://evil.example", PORTAL.upper(), f"{PORTAL}/"])
@pytest.mark.parametrize("path", ["/", "/healthz", "/graphql?query={__typename}", "/nowhere"])
async def test_what_no_other_origin_may_read_is_the_same_on_every_path(
    client: httpx2.AsyncClient, origin: str, path: str
) -> None:
    response = await client.get(path, headers={"origin": origin})

    assert "access-control-allow-origin" not in response.headers


@pytest.fixture
async def https_port(gateway: Gateway, oidc_settings: dict[str, str]) -> AsyncIterator[int]:
    """Where a gateway is served behind a proxy that ends TLS, with room for no live updates."""
    settings = Settings.model_validate(
        {
            "database_url": gateway.database_url,
            **oidc_settings,
            "public_url": "https://users.example",
            "max_streams": 1,
        }
    )
    app = create_app(settings, delivers_mail=False, now=gateway.clock)
    async with served(app, port=(port := free_port())):
        yield port


HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    "Sec-WebSocket-Protocol: graphql-transport-ws\r\n{more}\r\n"
)


def handshake(*, path: str = "/graphql", host: str = "users.example", more: str = "") -> bytes:
    """What a browser sends for a WebSocket."""
    return HANDSHAKE.format(path=path, host=host, more=more).encode()


OVER_HTTPS = {
    "an answer": (200, b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
    "an error": (404, b"GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
    "no HTTP": (400, b"nonsense\r\n\r\n"),
    "a long head": (431, b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 70_000),
    "a WebSocket of another page": (403, handshake(more="Origin: https://evil.example\r\n")),
    "a WebSocket of no path": (403, handshake(path="/nowhere")),
    "a WebSocket of another host": (421, handshake(host="evil.example")),
    "a WebSocket of no host": (400, handshake(host="")),
    "a WebSocket too many": (503, handshake()),
}


@pytest.mark.parametrize("name", OVER_HTTPS)
async def test_every_answer_over_https_is_as_strict_and_says_that_https_it_stays(
    https_port: int, name: str
) -> None:
    """RFC 6797 section 7.1; also where the answer does not come from the application."""
    status, data = OVER_HTTPS[name]
    url = f"http://127.0.0.1:{https_port}"
    async with connect(
        url.replace("http", "ws") + "/graphql",
        subprotocols=[Subprotocol("graphql-transport-ws")],
        proxy=None,
    ):
        answer = await asyncio.to_thread(answer_to, url, data)
    head, _, _ = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {key.lower(): value for key, value in (line.split(": ", 1) for line in lines)}

    assert first.split()[1] == str(status)
    assert {key: headers.get(key) for key in HEADERS} == HEADERS
    assert headers["strict-transport-security"] == "max-age=31536000"
    assert len(headers["x-request-id"]) == 36
    assert headers.get("retry-after") == ("3" if status == 503 else None)


MALFORMED = {
    "no request": b"nonsense\r\n\r\n",
    "a length that is none": b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
    "two framings": (
        b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
    "a header without a name": b"GET / HTTP/1.1\r\n: x\r\n\r\n",
    "a connection elsewhere": b"CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\n\r\n",
}


def test_what_is_no_http_is_answered_as_strictly(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    environment = environment_for(url, f"sqlite://{tmp_path / 'gateway.sqlite3'}")
    prepare_database(environment)
    with serving(environment, "--no-mail", log=tmp_path / "gateway.log"):
        answers = {name: answer_to(url, data) for name, data in MALFORMED.items()}

    for name, answer in answers.items():
        head, _, body = answer.partition(b"\r\n\r\n")
        status, *lines = head.decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        assert (name, status) == (name, "HTTP/1.1 400 Bad Request")
        assert {key: headers[key] for key in HEADERS} == HEADERS
        assert headers["content-type"] == "application/json"
        assert body.startswith(b'{"errors":[{"message":"This is no well-formed HTTP request."')


def answer_to(url: str, data: bytes) -> bytes:
    """What the server sends until it hangs up."""
    _, _, port = url.rpartition(":")
    answer = b""
    with socket.create_connection(("127.0.0.1", int(port)), timeout=10) as connection:
        connection.sendall(data)
        while received := connection.recv(65_536):
            answer += received
    return answer
