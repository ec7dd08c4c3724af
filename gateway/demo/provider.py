"""A local OpenID provider where one picks whom to sign in as. It asks for no password.

What a relying party may check of a real one holds here too: discovery, exact redirect addresses,
codes that work once and end soon, PKCE, client authentication, nonce, signed ID tokens.
"""

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote_plus, urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from gateway.demo.people import GROUPS

CODES_LAST_S = 60
TOKENS_LAST_S = 300

ANSWERS = {"code"}
PKCE = "S256"

pages = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
)


@dataclass(frozen=True, slots=True)
class Client:
    """The one relying party: the gateway."""

    id: str
    secret: str
    origin: str
    """Where people go back to."""

    @property
    def redirect_uri(self) -> str:
        """The only address that codes are sent to."""
        return f"{self.origin}/auth/callback"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a code stands for."""

    account: str
    name: str
    nonce: str | None
    challenge: str
    ends_at: float


@dataclass(slots=True)
class LocalProvider:
    """The provider: its key, its open codes and tokens, and who has signed in lately."""

    issuer: str
    client: Client
    clock: Callable[[], float] = time.time
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, auto_kid=True))
    grants: dict[str, Grant] = field(default_factory=dict)
    tokens: dict[str, Grant] = field(default_factory=dict)
    others: dict[str, str] = field(default_factory=dict)
    """Names by account of those who are not in the guide."""

    def app(self) -> Starlette:
        """The provider as an application."""
        return Starlette(
            routes=[
                Route("/", self.front_page),
                Route("/.well-known/openid-configuration", self.discovery),
                Route("/jwks", self.keys),
                Route("/oauth2/authorize", self.authorize, methods=["GET", "POST"]),
                Route("/oauth2/token", self.token, methods=["POST"]),
                Route("/userinfo", self.user_info, methods=["GET", "POST"]),
                Route("/oauth2/end-session", self.end_session, methods=["GET", "POST"]),
            ]
        )

    async def discovery(self, _request: Request) -> Response:
        """What a relying party needs to know (OpenID Connect Discovery 1.0 section 3)."""
        return JSONResponse(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/oauth2/authorize",
                "token_endpoint": f"{self.issuer}/oauth2/token",
                "jwks_uri": f"{self.issuer}/jwks",
                "userinfo_endpoint": f"{self.issuer}/userinfo",
                "end_session_endpoint": f"{self.issuer}/oauth2/end-session",
                "response_types_supported": sorted(ANSWERS),
                "response_modes_supported": ["query"],
                "grant_types_supported": ["authorization_code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "scopes_supported": ["openid", "email", "profile"],
                "claims_supported": ["sub", "email", "email_verified", "name"],
                "code_challenge_methods_supported": [PKCE],
                "token_endpoint_auth_methods_supported": [
                    "client_secret_basic",
                    "client_secret_post",
                ],
                "authorization_response_iss_parameter_supported": True,
            }
        )

    async def keys(self, _request: Request) -> Response:
        """The key that ID tokens are signed with."""
        public = self.key.as_dict(private=False)
        return JSONResponse({"keys": [{**public, "use": "sig", "alg": "RS256"}]})

    async def front_page(self, _request: Request) -> Response:
        """What this is, for those who come by."""
        return self._page(
            "note.html", title="The demo's sign-in", text=FRONT, link=self.client.origin
        )

    async def authorize(self, request: Request) -> Response:
        """Let a person be picked, then send the code (OpenID Connect Core 1.0 section 3.1.2)."""
        asked = request.query_params
        if (
            asked.get("client_id") != self.client.id
            or asked.get("redirect_uri") != self.client.redirect_uri
        ):
            # Nobody is ever sent to an address that is not the client's (RFC 6749 section 4.1.2.1).
            return self._page("note.html", 400, title="Not our client", text=STRANGER, link=None)
        problem = _problem(asked)
        if problem is not None:
            return self._back(asked, error=problem)
        if request.method == "GET":
            return self._page(
                "sign_in.html", groups=GROUPS, others=self.others, action=f"?{request.url.query}"
            )
        form = await request.form()
        return self._picked(asked, str(form.get("sub", "")).strip(), str(form.get("name", "")))

    def _picked(self, asked: Mapping[str, str], account: str, name: str) -> Response:
        if not account or "@" not in account:
            return self._back(asked, error="access_denied")
        known = {person.account: person.name for people in GROUPS.values() for person in people}
        name = known.get(account) or name.strip() or self.others.get(account) or account
        if account not in known:
            self.others[account] = name
        code = secrets.token_urlsafe(32)
        self.grants[code] = Grant(
            account,
            name,
            asked.get("nonce"),
            asked["code_challenge"],
            self.clock() + CODES_LAST_S,
        )
        return self._back(asked, code=code)

    def _back(self, asked: Mapping[str, str], **answer: str) -> Response:
        given = {**answer, "iss": self.issuer}  # RFC 9207
        if "state" in asked:
            given["state"] = asked["state"]
        return RedirectResponse(
            f"{self.client.redirect_uri}?{urlencode(given)}", 303, {"cache-control": "no-store"}
        )

    async def token(self, request: Request) -> Response:
        """Exchange a code for an ID token (OpenID Connect Core 1.0 section 3.1.3)."""
        form = {name: str(value) for name, value in (await request.form()).items()}
        if not self._is_client(request, form):
            return _refused("invalid_client", 401)
        grant = self.grants.pop(form.get("code", ""), None)  # once, whatever follows
        if (
            grant is None
            or form.get("grant_type") != "authorization_code"
            or form.get("redirect_uri") != self.client.redirect_uri
            or self.clock() > grant.ends_at
            or not _proves(form.get("code_verifier", ""), grant.challenge)
        ):
            return _refused("invalid_grant", 400)
        access_token = secrets.token_urlsafe(32)
        self.tokens[access_token] = grant
        now = int(self.clock())
        claims = {
            **_claims(grant),
            "iss": self.issuer,
            "aud": self.client.id,
            "iat": now,
            "exp": now + TOKENS_LAST_S,
            **({"nonce": grant.nonce} if grant.nonce else {}),
        }
        header = {"alg": "RS256", "kid": self.key.kid, "typ": "JWT"}
        return JSONResponse(
            {
                "access_token": access_token,
                "token_type": "Bearer",
                "expires_in": TOKENS_LAST_S,
                "id_token": jwt.encode(header, claims, self.key),
            },
            headers={"cache-control": "no-store"},
        )

    def _is_client(self, request: Request, form: Mapping[str, str]) -> bool:
        id_, secret = form.get("client_id", ""), form.get("client_secret", "")
        scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                id_, _, secret = base64.b64decode(credentials).decode().partition(":")
            except ValueError:
                return False
            id_, secret = unquote_plus(id_), unquote_plus(secret)
        return id_ == self.client.id and hmac.compare_digest(
            secret.encode(), self.client.secret.encode()
        )

    async def user_info(self, request: Request) -> Response:
        """Who the access token was given to."""
        token = request.headers.get("authorization", "").partition(" ")[2]
        grant = self.tokens.get(token)
        if grant is None:
            return _refused("invalid_token", 401)
        return JSONResponse(_claims(grant))

    async def end_session(self, request: Request) -> Response:
        """There is no session here to end: each sign-in asks anew. So just go back."""
        given = {**request.query_params, **(await request.form())}
        back = str(given.get("post_logout_redirect_uri", ""))
        if back != self.client.origin and not back.startswith(f"{self.client.origin}/"):
            return self._page(
                "note.html", title="Signed out", text=SIGNED_OUT, link=self.client.origin
            )
        state = f"?{urlencode({'state': given['state']})}" if "state" in given else ""
        return RedirectResponse(f"{back}{state}", 303)

    def _page(self, template: str, status: int = 200, /, **values: object) -> Response:
        policy = (
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
            f"form-action 'self' {self.client.origin}; frame-ancestors 'none'"
        )
        return HTMLResponse(
            pages.get_template(template).render(**values),
            status,
            {"content-security-policy": policy, "cache-control": "no-store"},
        )


FRONT = "The gateway sends people here to sign in. There is nothing to do before that."
STRANGER = "Only the demo's gateway may send people here, and only to come back to it."
SIGNED_OUT = "You are signed out."


def _problem(asked: Mapping[str, str]) -> str | None:
    if asked.get("response_type") not in ANSWERS:
        return "unsupported_response_type"
    if "openid" not in asked.get("scope", "").split():
        return "invalid_scope"
    if not asked.get("code_challenge") or asked.get("code_challenge_method") != PKCE:
        return "invalid_request"
    return None


def _proves(verifier: str, challenge: str) -> bool:
    """Whether the verifier is the challenge's (RFC 7636 section 4.6)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    computed = base64.urlsafe_b64encode(digest).rstrip(b"=")
    return hmac.compare_digest(computed, challenge.encode())


def _claims(grant: Grant) -> dict[str, object]:
    return {
        "sub": grant.account.lower(),
        "email": grant.account,
        "email_verified": True,
        "name": grant.name,
    }


def _refused(error: str, status: int) -> Response:
    return JSONResponse({"error": error}, status, headers={"cache-control": "no-store"})
