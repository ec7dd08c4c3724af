"""An application with sign-in alone, and a browser that goes through it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import httpx2
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from gateway.auth import InvalidCredential, caller_for
from gateway.oidc import Provider
from gateway.pages import landing_route
from gateway.rates import Rates
from gateway.settings import Settings
from gateway.sign_in import SignIn
from tests.oidc_tokens import CLIENT_ID, CLIENT_SECRET, LocalProvider

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0"
REQUEST_ID = "request-7"


@dataclass
class Clock:
    """A clock that tests move."""

    time: datetime = field(default_factory=lambda: datetime.now(UTC))
    behind: timedelta = timedelta()

    def __call__(self) -> datetime:
        """Tell the time."""
        return self.time

    def pass_by(self, **duration: float) -> None:
        """Let time pass, as for `timedelta`."""
        self.time += timedelta(**duration)

    def set_back(self, **duration: float) -> None:
        """Show an earlier time from now on, as for `timedelta`; no time is undone by that."""
        self.time -= timedelta(**duration)
        self.behind += timedelta(**duration)

    def elapsed(self) -> float:
        """Seconds, as of `time.monotonic`."""
        return (self.time + self.behind).timestamp()


def settings_for(issuer: str, **more: Any) -> Settings:
    """Complete settings for sign-in with this issuer, whatever the environment holds."""
    return Settings(
        _env_file=None,
        **{
            "public_url": "http://gateway.example",
            "secret_key": SecretStr("k" * 32),
            "oidc_issuer": issuer,
            "oidc_client_id": CLIENT_ID,
            "oidc_client_secret": SecretStr(CLIENT_SECRET),
            **more,
        },
    )


def application(settings: Settings, *, now: Clock) -> Starlette:
    """The routes of sign-in, the landing page, and one that tells who asks."""
    provider = Provider(settings, clock=now.elapsed)

    async def who(request: Request) -> JSONResponse:
        try:
            caller = await caller_for(request, settings=settings, request_id=REQUEST_ID, now=now())
        except InvalidCredential as error:
            return JSONResponse(None, 401, {"WWW-Authenticate": error.challenge})
        return JSONResponse(caller.name)

    async def end_session(request: Request) -> JSONResponse:
        return JSONResponse(await provider.end_session_url(request.query_params.get("account")))

    def request_id_of(_: object) -> str:
        return REQUEST_ID

    return Starlette(
        routes=[
            *SignIn(
                settings, provider, Rates(settings), now=now, request_id_of=request_id_of
            ).routes(),
            landing_route(settings, now=now, request_id_of=request_id_of),
            Route("/who", who, methods=["GET", "POST"]),
            Route("/end-session", end_session),
            Mount("/assets", StaticFiles(packages=[("gateway", "assets")])),
        ]
    )


class Browser(httpx2.AsyncClient):
    """A browser at the application, which it reaches without a network."""

    def __init__(self, app: Starlette, *, base_url: str = "http://gateway.example") -> None:
        super().__init__(
            transport=httpx2.ASGITransport(app=app),
            base_url=base_url,
            headers={"User-Agent": FIREFOX},
        )

    async def leave(self, return_to: str = "/users?page=2") -> str:
        """Begin a sign-in; the address at the provider."""
        response = await self.get(f"/auth/sign-in?{urlencode({'return_to': return_to})}")
        assert response.status_code == 303, response.text
        return response.headers["location"]

    async def come_back(self, answer: dict[str, str]) -> httpx2.Response:
        """Bring the provider's answer."""
        return await self.get(f"/auth/callback?{urlencode(answer)}")

    async def sign_in(self, provider: LocalProvider) -> httpx2.Response:
        """Go there and back."""
        return await self.come_back(provider.authorize(await self.leave()))

    async def who(self, **headers: str) -> str:
        """Whom the application takes this browser for."""
        return str((await self.get("/who", headers=headers)).json())


def flow_cookies(browser: Browser) -> list[str]:
    """The names of the browser's cookies of sign-ins under way."""
    return sorted(name for name in browser.cookies if name.startswith("sign-in-"))
