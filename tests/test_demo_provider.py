"""What a relying party may check of a provider holds for the demo's too."""

import base64
import hashlib
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from gateway.demo.provider import Client, LocalProvider

ISSUER = "http://127.0.0.1:8001"
CLIENT = Client(id="gateway", secret="s3cret/+", origin="http://127.0.0.1:8000")
VERIFIER = "a verifier of this test, which is long enough to be one"


class Clock:
    """The provider's clock."""

    at = 1_795_000_000.0

    def __call__(self) -> float:
        """Now, in seconds."""
        return self.at


class Visit:
    """One browser and one relying party at the provider."""

    def __init__(self) -> None:
        self.clock = Clock()
        provider = LocalProvider(issuer=ISSUER, client=CLIENT, clock=self.clock)
        self.http = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(provider.app()), base_url=ISSUER
        )

    async def pick(self, account: str, **changed: str | None) -> httpx2.Response:
        """Pick a person on the page of a well-formed request, but for what is changed."""
        digest = hashlib.sha256(VERIFIER.encode()).digest()
        asked: dict[str, str | None] = {
            "response_type": "code",
            "client_id": CLIENT.id,
            "redirect_uri": CLIENT.redirect_uri,
            "scope": "openid email profile",
            "state": "a state",
            "nonce": "a nonce",
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            **changed,
        }
        given = {name: value for name, value in asked.items() if value is not None}
        return await self.http.post("/oauth2/authorize", params=given, data={"sub": account})

    async def redeem(self, code: str, **changed: str) -> httpx2.Response:
        """Exchange a code as the client would, but for what is changed."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CLIENT.redirect_uri,
            "code_verifier": VERIFIER,
            "client_id": CLIENT.id,
            "client_secret": CLIENT.secret,
            **changed,
        }
        return await self.http.post("/oauth2/token", data=form)


@pytest.fixture
async def visit() -> AsyncIterator[Visit]:
    visit = Visit()
    async with visit.http:
        yield visit


def answer(response: httpx2.Response) -> dict[str, str]:
    """What the provider sends the browser back with."""
    location = urlsplit(response.headers["location"])

    assert f"{location.scheme}://{location.netloc}{location.path}" == CLIENT.redirect_uri
    return dict(parse_qsl(location.query))


async def test_a_code_gives_a_signed_id_token_for_the_person_picked(visit: Visit) -> None:
    back = answer(await visit.pick("alice@live.example"))
    tokens = (await visit.redeem(back["code"])).json()
    keys = KeySet.import_key_set((await visit.http.get("/jwks")).json())
    claims: dict[str, Any] = jwt.decode(tokens["id_token"], keys, algorithms=["RS256"]).claims

    assert (back["state"], back["iss"]) == ("a state", ISSUER)
    assert claims == {
        "iss": ISSUER,
        "aud": CLIENT.id,
        "sub": "alice@live.example",
        "email": "alice@live.example",
        "email_verified": True,
        "name": "Alice Archer",
        "nonce": "a nonce",
        "iat": int(visit.clock.at),
        "exp": int(visit.clock.at) + 300,
    }


async def test_a_code_works_once_soon_and_with_its_own_verifier(visit: Visit) -> None:
    codes = [answer(await visit.pick("alice@live.example"))["code"] for _ in range(4)]
    once = [(await visit.redeem(codes[0])).status_code for _ in range(2)]
    stranger = await visit.redeem(codes[1], client_secret="wrong")
    verifier = await visit.redeem(codes[2], code_verifier="another")
    visit.clock.at += 61
    late = await visit.redeem(codes[3])

    assert once == [200, 400]
    assert (stranger.status_code, stranger.json()) == (401, {"error": "invalid_client"})
    assert (verifier.json(), late.json()) == (
        {"error": "invalid_grant"},
        {"error": "invalid_grant"},
    )


async def test_the_client_may_authenticate_by_header(visit: Visit) -> None:
    code = answer(await visit.pick("alice@live.example"))["code"]
    credentials = base64.b64encode(b"gateway:s3cret%2F%2B").decode()
    done = await visit.http.post(
        "/oauth2/token",
        headers={"authorization": f"Basic {credentials}"},
        data={
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CLIENT.redirect_uri,
            "code_verifier": VERIFIER,
        },
    )

    assert done.status_code == 200


@pytest.mark.parametrize(
    "changed", [{"redirect_uri": "http://127.0.0.1:8000.evil.example/"}, {"client_id": "other"}]
)
async def test_nobody_is_sent_anywhere_but_to_the_client(
    visit: Visit, changed: dict[str, str]
) -> None:
    refused = await visit.pick("alice@live.example", **changed)

    assert (refused.status_code, refused.headers.get("location")) == (400, None)


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "email"}, "invalid_scope"),
    ],
)
async def test_a_request_that_lacks_something_goes_back_with_an_error(
    visit: Visit, changed: dict[str, str | None], error: str
) -> None:
    assert answer(await visit.pick("alice@live.example", **changed))["error"] == error


async def test_anyone_else_can_be_named_and_is_offered_the_next_time(visit: Visit) -> None:
    back = answer(await visit.pick("kim@live.example"))
    access_token = (await visit.redeem(back["code"])).json()["access_token"]
    who = await visit.http.get("/userinfo", headers={"authorization": f"Bearer {access_token}"})

    assert who.json()["email"] == "kim@live.example"
    assert (await visit.http.get("/userinfo")).status_code == 401


async def test_signing_out_goes_back_to_the_gateway_and_nowhere_else(visit: Visit) -> None:
    back = await visit.http.get(
        "/oauth2/end-session", params={"post_logout_redirect_uri": f"{CLIENT.origin}/"}
    )
    elsewhere = await visit.http.get(
        "/oauth2/end-session", params={"post_logout_redirect_uri": f"{CLIENT.origin}.evil.example/"}
    )

    assert (back.status_code, back.headers["location"]) == (303, f"{CLIENT.origin}/")
    assert (elsewhere.status_code, elsewhere.headers.get("location")) == (200, None)
