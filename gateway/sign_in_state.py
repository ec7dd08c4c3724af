"""Sign-ins under way: each in a cookie of its own, so that tabs don't disturb each other."""

import hashlib
import hmac
import json
import re
import secrets
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from gateway.id_tokens import LEEWAY
from gateway.secret_keys import Sealer
from gateway.settings import Settings

LIFETIME = timedelta(minutes=10)
"""From leaving for the provider to coming back."""

MAX_UNDER_WAY = 5
"""In one browser; the oldest give way, so that its headers can't grow."""

MAX_RETURN_LENGTH = 512

NAME_LENGTH = 16
"""Of what the state adds to a cookie's name, in hexadecimal digits."""

COOKIE_PATH = "/auth"
"""Both the page that begins a sign-in, which must count them, and the one that ends it."""

KEY_PURPOSE = "gateway sign-in state, version 1"


class LostSignIn(Exception):  # noqa: N818 - an answer
    """This browser has begun no such sign-in, or it was too long ago, or it is already over."""


@dataclass(frozen=True, slots=True)
class SignInState:
    """What a sign-in must find again when the browser comes back."""

    state: str
    nonce: str
    verifier: str
    return_to: str
    begun_at: float
    """Seconds since the epoch."""


def begin(return_to: str, *, now: datetime) -> SignInState:
    """A new sign-in with fresh secrets."""
    return SignInState(
        state=secrets.token_urlsafe(32),
        nonce=secrets.token_urlsafe(32),
        verifier=secrets.token_urlsafe(48),
        return_to=return_to,
        begun_at=now.timestamp(),
    )


class SignInCookies:
    """The cookies of sign-ins under way: encrypted and authenticated, gone after use."""

    def __init__(self, settings: Settings) -> None:
        self._sealer = Sealer(settings, purpose=KEY_PURPOSE)
        self._secure = settings.is_https
        self._prefix = "__Secure-sign-in-" if self._secure else "sign-in-"
        self._ours = re.compile(f"{self._prefix}[0-9a-f]{{{NAME_LENGTH}}}")

    def keep(self, state: SignInState, request: Request, response: Response) -> None:
        """Remember a sign-in in the browser, in the oldest one's place if there are many."""
        found = [(name, self._read(value)) for name, value in self._all(request)]
        kept = sorted(
            ((held.begun_at, name) for name, held in found if held is not None), reverse=True
        )[: MAX_UNDER_WAY - 1]
        for name, _ in found:
            if name not in {kept_name for _, kept_name in kept}:
                self._delete(name, response)
        response.set_cookie(
            self._name(state.state),
            self._sealer.sealed(json.dumps(asdict(state)).encode()),
            max_age=int(LIFETIME.total_seconds()),
            path=COOKIE_PATH,
            secure=self._secure,
            httponly=True,
            samesite="lax",
        )

    def find(self, state: str, request: Request, *, now: datetime) -> SignInState:
        """The sign-in that the provider's answer belongs to.

        Raises:
            LostSignIn: As the class says.
        """
        held = self._read(request.cookies.get(self._name(state), ""))
        if held is None or not hmac.compare_digest(_bytes(held.state), _bytes(state)):
            raise LostSignIn
        age = now - datetime.fromtimestamp(held.begun_at, tz=UTC)
        if not -LEEWAY <= age < LIFETIME:
            raise LostSignIn
        return held

    def forget(self, state: str, response: Response) -> None:
        """Make the browser forget a sign-in."""
        self._delete(self._name(state), response)

    def _name(self, state: str) -> str:
        return f"{self._prefix}{hashlib.sha256(_bytes(state)).hexdigest()[:NAME_LENGTH]}"

    def _all(self, request: Request) -> list[tuple[str, str]]:
        """Those with names of our making; what others are called may be no name at all."""
        return [item for item in request.cookies.items() if self._ours.fullmatch(item[0])]

    def _read(self, value: str) -> SignInState | None:
        """The content of a cookie of ours; None if the key didn't make it."""
        content = self._sealer.opened(value)
        return None if content is None else SignInState(**json.loads(content))

    def _delete(self, name: str, response: Response) -> None:
        response.delete_cookie(
            name, path=COOKIE_PATH, secure=self._secure, httponly=True, samesite="lax"
        )


def return_path(text: str) -> str:
    """A path of this origin, with its query and without a fragment, to come back to.

    Raises:
        ValueError: A browser might take it for another origin, or it is too long.
    """
    path = text.partition("#")[0]
    if (
        not path.startswith("/")
        or path.startswith("//")
        or len(path) > MAX_RETURN_LENGTH
        or not all("!" <= letter <= "~" and letter != "\\" for letter in path)
    ):
        message = "not a path of this origin"
        raise ValueError(message)
    return path


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
