"""A small OpenID provider on a real port that says whatever a test wants it to say."""

import base64
import contextlib
import hashlib
import json
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from joserfc import jws
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

ISSUER_PATH = re.compile(r"^/[\w-]+/v2\.0/")
"""Where it answers: for all tenants, as `common`, and for each one."""

CLIENT_ID = "gateway-client"
CLIENT_SECRET = "a secret with: colon & ünïcode"  # what an operator may have been given

RSA = RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"})
OTHER_RSA = RSAKey.generate_key(2048, {"kid": "other", "use": "sig"})
EC = ECKey.generate_key("P-256", {"kid": "ec"})
OKP = OKPKey.generate_key("Ed25519", {"kid": "okp"})

ASYMMETRIC = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "EdDSA", "Ed25519"]


def signed(
    claims: Mapping[str, Any] | bytes | str,
    *,
    key: Key = RSA,
    header: Mapping[str, Any] | None = None,
    without: str | None = None,
) -> str:
    """A token as the provider would sign it: the header as given, valid or not.

    By hand rather than with `joserfc.jws`, which rightly refuses most of what the tests need.
    """
    protected = {"alg": "RS256", "typ": "JWT", "kid": key.get("kid"), **(header or {})}
    if without is not None:
        del protected[without]
    payload = claims if isinstance(claims, bytes | str) else json.dumps(claims)
    content = f"{encoded(json.dumps(protected))}.{encoded(payload)}"
    model = jws.JWSRegistry.algorithms[protected["alg"]]
    return f"{content}.{encoded(model.sign(content.encode(), key))}"


def encoded(data: bytes | str) -> str:
    """Base64url without padding (RFC 7515 section 2)."""
    raw = data.encode() if isinstance(data, str) else data
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


@dataclass
class Grant:
    """What the provider remembers of a code."""

    nonce: str
    challenge: str
    redirect_uri: str


@dataclass
class LocalProvider:
    """The provider's state; tests change it as they need."""

    port: int
    published: list[dict[str, Any]] = field(default_factory=list)
    published_elsewhere: list[dict[str, Any]] = field(default_factory=list)
    """At `other-keys`, which the discovery document does not name unless told to."""
    claims: dict[str, Any] = field(default_factory=dict)
    """Instead of or besides the usual claims; None leaves one out."""
    document: dict[str, Any] = field(default_factory=dict)
    """Likewise of the discovery document."""
    user_info: dict[str, Any] = field(default_factory=dict)
    forge: Callable[[dict[str, Any]], str] = signed
    """Makes the ID token from its claims."""
    token_answer: tuple[int, bytes] | None = None
    """Instead of the answer to any code."""
    hangs_s: float = 0.0
    """How long each answer takes."""
    clock: Callable[[], float] = lambda: 0.0
    grants: dict[str, Grant] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    """The paths of all requests, in order."""

    @property
    def issuer(self) -> str:
        """The address that everything else is found from."""
        return f"http://127.0.0.1:{self.port}/common/v2.0"

    def publish(self, *keys: Key) -> None:
        """Let the key set be these keys, their public halves."""
        self.published = [
            {**key.as_dict(private=False), **({"use": "sig"} if key.get("kid") else {})}
            for key in keys
        ]

    def authorize(self, address: str) -> dict[str, str]:
        """What the browser brings back from an authorization address after signing in."""
        asked = dict(parse_qsl(urlsplit(address).query))
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        assert asked["client_id"] == CLIENT_ID
        assert asked["scope"].split() == ["openid", "profile", "email"]
        code = secrets.token_urlsafe(16)
        self.grants[code] = Grant(asked["nonce"], asked["code_challenge"], asked["redirect_uri"])
        return {"code": code, "state": asked["state"]}

    def metadata(self) -> dict[str, Any]:
        """The discovery document."""
        usual = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "end_session_endpoint": f"{self.issuer}/logout",
        }
        return _without_none({**usual, **self.document})

    def redeem(self, form: Mapping[str, str], authorization: str | None) -> tuple[int, bytes]:
        """The token endpoint, which checks the client, the code and PKCE."""
        if self.token_answer is not None:
            return self.token_answer
        if not _is_client(form, authorization):
            return 401, b'{"error": "invalid_client"}'
        grant = self.grants.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if (
            grant is None
            or encoded(digest) != grant.challenge
            or form.get("redirect_uri") != grant.redirect_uri
        ):
            return 400, b'{"error": "invalid_grant"}'
        now = int(self.clock())
        claims = {
            "iss": self.metadata()["issuer"],
            "sub": "alice-at-provider",
            "aud": CLIENT_ID,
            "exp": now + 300,
            "iat": now,
            "nonce": grant.nonce,
            "name": "Alice Archer",
            "email": "alice@live.example",
            "email_verified": True,
        }
        token = self.forge(_without_none({**claims, **self.claims}))
        answer = {"access_token": "access", "token_type": "Bearer", "id_token": token}
        return 200, json.dumps(answer).encode()


@contextmanager
def local_provider() -> Iterator[LocalProvider]:
    """A running provider that publishes one RSA key."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    provider = LocalProvider(port=server.server_port)
    provider.publish(RSA)
    server.RequestHandlerClass = type("Handler", (_Handler,), {"provider": provider})
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    provider: LocalProvider

    def do_GET(self) -> None:
        name = ISSUER_PATH.sub("", self.path)
        self.provider.asked.append(name)
        documents: dict[str, Callable[[], object]] = {
            ".well-known/openid-configuration": self.provider.metadata,
            "keys": lambda: {"keys": self.provider.published},
            "other-keys": lambda: {"keys": self.provider.published_elsewhere},
            "userinfo": lambda: self.provider.user_info,
        }
        if name not in documents:
            self._answer(404, b"{}")
            return
        self._answer(200, json.dumps(documents[name]()).encode())

    def do_POST(self) -> None:
        self.provider.asked.append(ISSUER_PATH.sub("", self.path))
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        self._answer(*self.provider.redeem(form, self.headers.get("Authorization")))

    def _answer(self, status: int, body: bytes) -> None:
        time.sleep(self.provider.hangs_s)
        with contextlib.suppress(ConnectionError):  # of one who did not wait
            self._send(status, body)

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as inherited
        """Keep the tests' output free of access logs."""


def _is_client(form: Mapping[str, str], authorization: str | None) -> bool:
    if authorization is None:
        return (form.get("client_id"), form.get("client_secret")) == (CLIENT_ID, CLIENT_SECRET)
    given = base64.b64decode(authorization.removeprefix("Basic ")).decode()
    name, _, secret = given.partition(":")
    decoded = parse_qs(f"name={name}&secret={secret}")  # RFC 6749 section 2.3.1
    return decoded == {"name": [CLIENT_ID], "secret": [CLIENT_SECRET]}


def _without_none(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
