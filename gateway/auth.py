"""Who makes a request: an access token, or the session cookie and where browsers say it is from."""

import re
from datetime import datetime
from typing import Final

from starlette.requests import HTTPConnection
from starlette.responses import Response

from gateway.settings import Settings
from resolvers.access_tokens import caller_of_access_token
from resolvers.caller import Caller
from resolvers.secret_tokens import flaw_of
from resolvers.sessions import caller_of_session

BROWSERS: Final = (
    ("Edge", r"\bEdgA?(iOS)?/"),
    ("Opera", r"\bOPR/"),
    ("Samsung Internet", r"\bSamsungBrowser/"),
    ("Firefox", r"\b(Firefox|FxiOS)/"),
    ("Chrome", r"\b(Chrome|CriOS)/"),
    ("Safari", r"\bVersion/\S+ .*Safari/"),
    ("curl", r"^curl/"),
)
"""By what each says of itself; the first that fits, since most also name those further down."""

SYSTEMS: Final = (
    ("Windows", r"Windows"),
    ("Android", r"Android"),
    ("iPhone", r"iPhone"),
    ("iPad", r"iPad"),
    ("macOS", r"Macintosh"),
    ("ChromeOS", r"\bCrOS\b"),
    ("Linux", r"Linux"),
)

OTHER_SCHEME = "Send one Authorization header: Bearer, and an access token"
ENDED = "The access token has expired, was revoked, or never was one"
"""As an `error_description`: printable ASCII without quotes (RFC 6750 section 3)."""

MAX_USER_AGENT_LENGTH = 1000


class InvalidCredential(Exception):  # noqa: N818 - an answer: 401
    """A credential is there but can't be accepted. `challenge` is for `WWW-Authenticate`."""

    def __init__(self, message: str, *, challenge: str, is_session: bool = False) -> None:
        super().__init__(message)
        self.challenge = challenge
        self.is_session = is_session
        """Whether it is the session of a browser, which may forget its cookie."""


async def caller_for(
    request: HTTPConnection, *, settings: Settings, request_id: str, now: datetime
) -> Caller:
    """Who makes this request; an anonymous caller if it carries no credential that counts.

    An access token counts before a cookie, wherever the request is from: nobody can make a browser
    send one.

    Raises:
        InvalidCredential: It carries one that is invalid. A good cookie does not make up for a bad
            access token.
    """
    may_read_elsewhere = settings.read_database_url is not None
    if "authorization" in request.headers:
        secret = _bearer_token(request)
        caller = await caller_of_access_token(
            secret, request_id=request_id, now=now, with_writers=may_read_elsewhere
        )
        if caller is None:
            raise _invalid_token(ENDED)
        return caller
    token = presented_token(request, settings)
    if token is None or not comes_from_our_pages(request, settings):
        return Caller(request_id=request_id)
    caller = await caller_of_session(
        token, request_id=request_id, now=now, with_writers=may_read_elsewhere
    )
    if caller is None:
        message = "The session has ended. Sign in again."
        raise InvalidCredential(message, challenge="Bearer", is_session=True)
    return caller


def _bearer_token(request: HTTPConnection) -> str:
    """The access token in the header (RFC 6750 section 2.1), well-formed.

    Raises:
        InvalidCredential: There is another scheme, more than one, or what can't be a token of ours.
            That takes no look into the database.
    """
    values = request.headers.getlist("authorization")
    scheme, _, secret = values[0].strip().partition(" ")
    if len(values) > 1 or scheme.lower() != "bearer":
        raise _invalid_token(OTHER_SCHEME)
    secret = secret.strip()
    flaw = flaw_of(secret)
    if flaw is not None:
        raise _invalid_token(flaw)
    return secret


def _invalid_token(reason: str) -> InvalidCredential:
    challenge = f'Bearer error="invalid_token", error_description="{reason}"'
    return InvalidCredential(f"{reason}.", challenge=challenge)


async def visitor_for(
    request: HTTPConnection, *, settings: Settings, request_id: str, now: datetime
) -> Caller:
    """Who opens a page that shows its visitor's name and does nothing else; never refuses.

    Unlike `caller_for` it knows the visitor by the cookie also when a link elsewhere led here, as
    after signing in at the provider: no other site can read the page or act by it.
    """
    token = presented_token(request, settings)
    if token is None:
        return Caller(request_id=request_id)
    caller = await caller_of_session(token, request_id=request_id, now=now)
    return caller or Caller(request_id=request_id)


def session_cookie_name(settings: Settings) -> str:
    """Its name; by https one that only this very host can set (RFC 6265bis section 4.1.3.2)."""
    return "__Host-session" if settings.is_https else "session"


def presented_token(request: HTTPConnection, settings: Settings) -> str | None:
    """The token in the session cookie, live or not."""
    return request.cookies.get(session_cookie_name(settings)) or None


def set_session_cookie(response: Response, token: str, settings: Settings) -> None:
    """Hand a session to the browser, for as long as it can live."""
    response.set_cookie(
        session_cookie_name(settings),
        token,
        max_age=settings.session_hours * 3600,
        path="/",
        secure=settings.is_https,
        httponly=True,
        samesite="lax",
    )


def clear_session_cookie(response: Response, settings: Settings) -> None:
    """Make the browser forget its session."""
    response.delete_cookie(
        session_cookie_name(settings),
        path="/",
        secure=settings.is_https,
        httponly=True,
        samesite="lax",
    )


def client_description(user_agent: str | None) -> str | None:
    """A browser in a few words, such as "Firefox on Windows"; None if it can't be told."""
    text = (user_agent or "")[:MAX_USER_AGENT_LENGTH]
    browser = next((name for name, mark in BROWSERS if re.search(mark, text)), None)
    system = next((name for name, mark in SYSTEMS if re.search(mark, text)), None)
    if browser and system:
        return f"{browser} on {system}"
    return browser or (f"Browser on {system}" if system else None)


def comes_from_our_pages(request: HTTPConnection, settings: Settings) -> bool:
    """Whether a cookie may count: browsers say by `Origin`, or else by `Sec-Fetch-Site`.

    Programs other than browsers send neither, and nobody can make them send a cookie unasked.
    """
    origins = request.headers.getlist("origin")
    if origins:
        return len(origins) == 1 and origins[0] in {settings.public_url, *settings.allowed_origins}
    return request.headers.get("sec-fetch-site", "none") in {"same-origin", "none"}


def comes_from_our_own_page(request: HTTPConnection, settings: Settings) -> bool:
    """Whether a browser says that a page of this very origin posts (Fetch Standard, `Origin`)."""
    return request.headers.getlist("origin") == [settings.public_url]
