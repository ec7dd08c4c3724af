"""A browser without scripts, at a gateway that listens on a port: plain HTTP, a jar of cookies.

It follows redirects one by one, remembers every secret that passed through it, and holds each
answer of the gateway to what all of them promise.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx2

from tests.servers import Gateway

SECRET_PARAMETERS = {"code", "state", "nonce", "code_challenge", "login_hint"}
SECURITY_HEADERS = {
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
"""On every answer of the gateway, whatever it is."""

MAX_REDIRECTS = 5
REQUEST_ID_LENGTH = 36


@dataclass
class PlainBrowser:
    """One person's browser."""

    gateway: Gateway
    secrets: set[str] = field(default_factory=set)
    """What passed through this browser and must be in no log."""
    client: httpx2.Client = field(init=False)

    def __post_init__(self) -> None:
        self.client = httpx2.Client(
            base_url=self.gateway.url,
            follow_redirects=False,
            trust_env=False,
            timeout=20,
            event_hooks={"response": [self._look_at]},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.client.close()

    def _look_at(self, response: httpx2.Response) -> None:
        for part in (urlsplit(str(response.url)), urlsplit(response.headers.get("location", ""))):
            self.secrets |= {
                value for name, value in parse_qsl(part.query) if name in SECRET_PARAMETERS
            }
        for cookie in response.headers.get_list("set-cookie"):
            value = cookie.partition(";")[0].partition("=")[2].strip('"')
            self.secrets |= {value} if value else set()
        if str(response.url).startswith(self.gateway.url):
            self._hold(response)

    def _hold(self, response: httpx2.Response) -> None:
        headers = response.headers
        found = {name: headers.get(name) for name in SECURITY_HEADERS}
        where = f"{response.request.method} {response.url.path}: {response.status_code}"

        assert response.status_code < 500, where
        assert found == SECURITY_HEADERS, where
        assert "frame-ancestors 'none'" in headers["content-security-policy"], where
        assert len(headers["x-request-id"]) == REQUEST_ID_LENGTH, where
        assert "server" not in headers, where
        if not response.url.path.startswith("/assets/"):
            assert headers["cache-control"] == "no-store", where

    def sign_in(self, account: str, *, return_to: str = "/users") -> httpx2.Response:
        """Sign in with an account at the provider's form; the page where that ends."""
        at = f"/auth/sign-in?return_to={return_to}"
        response = self.client.get(at)
        for _ in range(MAX_REDIRECTS):
            if response.is_redirect:
                at = urljoin(str(response.url), response.headers["location"])
                response = self.client.get(at)
            elif at.startswith(self.gateway.provider.issuer):
                response = self.client.post(at, data={"sub": account})
            else:
                break
        assert urlsplit(at)._replace(query="").geturl() == f"{self.gateway.url}{return_to}", at
        return response

    def post(self, query: str, **variables: Any) -> httpx2.Response:
        """Send an operation as a page of the gateway's would."""
        return self.client.post(
            "/graphql",
            json={"query": query, "variables": variables},
            headers={"origin": self.gateway.url},
        )

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data of an operation that must have no top-level error."""
        response = self.post(query, **variables)
        body = response.json()
        assert "errors" not in body, body
        data: dict[str, Any] = body["data"]
        return data

    def do(self, query: str, **variables: Any) -> dict[str, Any]:
        """The payload of a mutation."""
        (payload,) = self.ask(query, **variables).values()
        found: dict[str, Any] = payload
        return found

    def manage(self, query: str, **input_: Any) -> dict[str, Any]:
        """The payload of a mutation that must have no problem."""
        payload = self.do(query, input=input_)
        assert payload["userErrors"] == [], payload
        return payload


@contextmanager
def two_browsers(gateway: Gateway) -> Iterator[tuple[PlainBrowser, PlainBrowser]]:
    """Of two people, who share what must be in no log."""
    with PlainBrowser(gateway) as one, PlainBrowser(gateway, one.secrets) as other:
        yield one, other
