import warnings
from collections.abc import AsyncIterator, Iterator
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx2
import pytest
from joserfc import jwe
from joserfc.errors import DecodeError
from joserfc.jwk import OctKey
from structlog.testing import capture_logs

from gateway.sign_in_state import MAX_UNDER_WAY
from models.accounts import Account, Session
from tests.oidc_tokens import LocalProvider
from tests.sign_in_browser import (
    REQUEST_ID,
    Browser,
    Clock,
    application,
    flow_cookies,
    settings_for,
)

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its Authlib calls itself out of date
    from oidc_provider_mock import run_server_in_thread

pytest_plugins = ["tests.sign_in_fixtures"]

pytestmark = [
    pytest.mark.usefixtures("sign_in_database"),
    pytest.mark.filterwarnings("ignore:get_jwt_config:DeprecationWarning"),  # the mock's Authlib
]


@pytest.fixture(scope="module")
def mock() -> Iterator[str]:
    with run_server_in_thread(require_nonce=True) as server:
        yield f"http://localhost:{server.server_port}"


async def at_the_mock(address: str, **form: str) -> dict[str, str]:
    """What the browser brings back from the real provider's page."""
    async with httpx2.AsyncClient() as outside:
        response = await outside.post(address, data=form)
    assert response.status_code == 302
    return dict(parse_qsl(urlsplit(response.headers["location"]).query))


async def mock_user(mock: str, subject: str, **claims: object) -> None:
    async with httpx2.AsyncClient() as outside:
        (await outside.put(f"{mock}/users/{subject}", json=claims)).raise_for_status()


@pytest.fixture
async def at_mock(mock: str, own_clock: Clock) -> AsyncIterator[Browser]:
    async with Browser(application(settings_for(mock), now=own_clock)) as client:
        yield client


async def test_someone_signs_in_with_a_real_provider_and_comes_back_where_they_were(
    at_mock: Browser, mock: str
) -> None:
    await mock_user(mock, "alice", email="alice@live.example", email_verified=True, name="Alice A.")
    answer = await at_the_mock(await at_mock.leave("/users?page=2"), sub="alice")
    with capture_logs() as logs:
        response = await at_mock.come_back(answer)

    assert response.status_code == 303
    assert response.headers["location"] == "http://gateway.example/users?page=2"
    assert await at_mock.who() == "alice@live.example"
    account, session = await Account.get(), await Session.get()
    assert (account.issuer, account.subject, account.display_name) == (mock, "alice", "Alice A.")
    assert session.client == "Firefox on Windows"
    assert logs == [
        {
            "event": "signed in",
            "log_level": "info",
            "account_id": str(account.id),
            "session_id": str(session.id),
            "request_id": REQUEST_ID,
        }
    ]


async def test_an_address_that_a_real_provider_does_not_confirm_is_refused(
    at_mock: Browser, mock: str
) -> None:
    await mock_user(mock, "mallory", email="alice@live.example")
    response = await at_mock.come_back(await at_the_mock(await at_mock.leave(), sub="mallory"))

    assert response.status_code == 403
    assert "did not confirm" in response.text
    assert await Account.all().count() == await Session.all().count() == 0


async def test_someone_who_cancels_at_a_real_provider_reads_so(
    at_mock: Browser,
) -> None:
    left = await at_mock.leave("/users?page=2")
    state = parse_qs(urlsplit(left).query)["state"][0]
    denied = await at_the_mock(left, action="deny")
    response = await at_mock.come_back({"state": state, **denied})

    assert denied["error"] == "access_denied"
    assert response.status_code == 403
    assert "You did not sign in" in response.text
    assert "/auth/sign-in?return_to=%2Fusers%3Fpage%3D2" in response.text
    assert flow_cookies(at_mock) == []


async def test_a_real_providers_session_can_be_ended_too(at_mock: Browser, mock: str) -> None:
    response = await at_mock.get("/end-session?account=alice@live.example")

    assert response.json() == (
        f"{mock}/oauth2/end_session?client_id=gateway-client"
        "&post_logout_redirect_uri=http%3A%2F%2Fgateway.example%2F"
        "&logout_hint=alice%40live.example"
    )


async def test_the_way_to_the_provider_carries_pkce_state_and_nonce(browser: Browser) -> None:
    asked = parse_qs(urlsplit(await browser.leave()).query)

    assert asked["redirect_uri"] == ["http://gateway.example/auth/callback"]
    assert len(asked["state"][0]) == len(asked["nonce"][0]) == len(asked["code_challenge"][0]) == 43
    assert set(asked) == {
        "response_type",
        "client_id",
        "redirect_uri",
        "scope",
        "state",
        "nonce",
        "code_challenge",
        "code_challenge_method",
    }


async def test_redirects_never_come_from_the_host_header(
    browser: Browser, provider: LocalProvider
) -> None:
    evil = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
    response = await browser.get("/auth/sign-in", headers=evil)
    answer = provider.authorize(response.headers["location"])
    back = await browser.get("/auth/callback", params=answer, headers=evil)

    assert "evil.example" not in response.headers["location"]
    assert back.headers["location"] == "http://gateway.example/"


@pytest.mark.parametrize(
    "return_to",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/users\\..\\",
        "/\t/evil.example",
        "/users\r\nSet-Cookie: session=x",
        "javascript:alert(1)",
        "users",
        "",
        " /users",
        "/ü",
        "/" + "a" * 600,
    ],
)
async def test_a_way_back_that_leads_elsewhere_is_refused(browser: Browser, return_to: str) -> None:
    response = await browser.get("/auth/sign-in", params={"return_to": return_to})

    assert response.status_code == 400
    assert "This link can&#39;t be used" in response.text
    assert "evil" not in response.text
    assert "set-cookie" not in response.headers


@pytest.mark.parametrize(
    ("return_to", "back"),
    [
        ("/", "/"),
        ("/invitations/abc?x=1&y=https://a.example/", "/invitations/abc?x=1&y=https://a.example/"),
        ("/users#row-7", "/users"),
        ("/.//evil.example", "/.//evil.example"),
        ("/@evil.example", "/@evil.example"),
        ("/%5Cevil.example", "/%5Cevil.example"),
        ("/%2F%2Fevil.example", "/%2F%2Fevil.example"),
        ("/%09/evil.example", "/%09/evil.example"),
    ],
)
async def test_a_way_back_is_always_on_our_own_origin(
    browser: Browser, provider: LocalProvider, return_to: str, back: str
) -> None:
    answer = provider.authorize(await browser.leave(return_to))
    response = await browser.come_back(answer)

    assert response.headers["location"] == f"http://gateway.example{back}"


async def test_the_cookie_of_a_sign_in_is_encrypted_short_lived_and_kept_from_scripts(
    browser: Browser,
) -> None:
    response = await browser.get("/auth/sign-in?return_to=/invitations/secret-token")
    cookie = response.headers["set-cookie"]
    asked = parse_qs(urlsplit(response.headers["location"]).query)
    name, _, value = cookie.partition(";")[0].partition("=")

    assert name.startswith("sign-in-")
    assert {part.strip() for part in cookie.split(";")[1:]} == {
        "HttpOnly",
        "Max-Age=600",
        "Path=/auth",
        "SameSite=lax",
    }
    assert asked["state"][0] not in cookie
    with pytest.raises(DecodeError):
        jwe.decrypt_compact(value, OctKey.import_key(b"k" * 32), algorithms=["dir", "A256GCM"])
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["referrer-policy"] == "no-referrer"


async def test_sign_ins_in_two_tabs_do_not_disturb_each_other(
    browser: Browser, provider: LocalProvider
) -> None:
    first, second = await browser.leave("/first"), await browser.leave("/second")
    back_second = await browser.come_back(provider.authorize(second))
    back_first = await browser.come_back(provider.authorize(first))

    assert back_second.headers["location"] == "http://gateway.example/second"
    assert back_first.headers["location"] == "http://gateway.example/first"
    assert flow_cookies(browser) == []
    assert await Session.all().count() == 1


async def test_the_oldest_of_many_sign_ins_gives_way(
    browser: Browser, provider: LocalProvider, own_clock: Clock
) -> None:
    addresses = []
    for number in range(MAX_UNDER_WAY + 3):
        addresses.append(await browser.leave(f"/{number}"))
        own_clock.pass_by(seconds=1)

    assert len(flow_cookies(browser)) == MAX_UNDER_WAY
    assert (await browser.come_back(provider.authorize(addresses[0]))).status_code == 400
    newest = await browser.come_back(provider.authorize(addresses[-1]))
    assert newest.headers["location"] == f"http://gateway.example/{MAX_UNDER_WAY + 2}"


async def test_a_replayed_callback_is_refused(browser: Browser, provider: LocalProvider) -> None:
    answer = provider.authorize(await browser.leave())
    first = await browser.come_back(answer)
    again = await browser.come_back(answer)

    assert (first.status_code, again.status_code) == (303, 400)
    assert "This sign-in can&#39;t be completed" in again.text
    assert 'href="/auth/sign-in?return_to=%2F"' in again.text
    assert await Session.all().count() == 1


async def test_another_browsers_state_is_refused(
    browser: Browser, provider: LocalProvider, own_clock: Clock
) -> None:
    answer = provider.authorize(await browser.leave())
    async with Browser(application(settings_for(provider.issuer), now=own_clock)) as victim:
        response = await victim.come_back(answer)

        assert response.status_code == 400
        assert await victim.who() == "anonymous"
    assert "token" not in provider.asked


async def test_another_browsers_code_is_refused(
    browser: Browser, provider: LocalProvider, own_clock: Clock
) -> None:
    """Its PKCE challenge is another's, and so is its nonce."""
    async with Browser(application(settings_for(provider.issuer), now=own_clock)) as mallory:
        stolen = provider.authorize(await mallory.leave())["code"]
    own = provider.authorize(await browser.leave())
    with capture_logs() as logs:
        response = await browser.come_back({**own, "code": stolen})

    assert response.status_code == 400
    assert logs[0]["reason"] == "the provider refused the code"


async def test_a_cookie_moved_to_another_state_is_refused(
    browser: Browser, provider: LocalProvider
) -> None:
    await browser.leave()
    (first,) = flow_cookies(browser)
    answer = provider.authorize(await browser.leave())
    (second,) = set(flow_cookies(browser)) - {first}
    cookie = f"{second}={browser.cookies[first]}"
    browser.cookies.clear()
    response = await browser.get("/auth/callback", params=answer, headers={"Cookie": cookie})

    assert response.status_code == 400
    assert "can&#39;t be completed" in response.text


async def test_a_cookie_made_with_another_key_is_refused(
    browser: Browser, provider: LocalProvider, own_clock: Clock
) -> None:
    answer = provider.authorize(await browser.leave())
    (name,) = flow_cookies(browser)
    other = settings_for(provider.issuer, secret_key="another key, thirty-two bytes at least")
    async with Browser(application(other, now=own_clock)) as moved:
        moved.cookies.set(name, browser.cookies[name], domain="gateway.example", path="/auth")
        response = await moved.come_back(answer)

    assert response.status_code == 400


OLD_KEY, NEW_KEY = "k" * 32, "a-newer-key-of-thirty-two-bytes-at-least"


@pytest.mark.parametrize(
    ("key", "further_keys"),
    [
        pytest.param(OLD_KEY, NEW_KEY, id="every replica learns the new key"),
        pytest.param(NEW_KEY, f"{OLD_KEY}, {'x' * 40}", id="then the new key encrypts"),
    ],
)
async def test_no_sign_in_under_way_is_lost_while_the_secret_key_is_changed(
    browser: Browser, provider: LocalProvider, own_clock: Clock, key: str, further_keys: str
) -> None:
    answer = provider.authorize(await browser.leave())
    (name,) = flow_cookies(browser)
    changed = settings_for(provider.issuer, secret_key=key, further_secret_keys=further_keys)
    async with Browser(application(changed, now=own_clock)) as moved:
        moved.cookies.set(name, browser.cookies[name], domain="gateway.example", path="/auth")
        response = await moved.come_back(answer)

    assert response.status_code == 303


@pytest.mark.parametrize("value", ["", "x", "a.b.c.d.e", "....", "é", "x" * 5000])
async def test_a_spoilt_cookie_is_refused(
    browser: Browser, provider: LocalProvider, value: str
) -> None:
    answer = provider.authorize(await browser.leave())
    (name,) = flow_cookies(browser)
    cookie = f"{name}={value}".encode("latin-1")
    browser.cookies.clear()
    response = await browser.get("/auth/callback", params=answer, headers={b"Cookie": cookie})

    assert response.status_code == 400


@pytest.mark.parametrize(
    "name", ["sign-in-", "sign-in-a@b", "sign-in-(a)", "sign-in-[]", "sign-in-a/b", "sign-in-é"]
)
async def test_cookies_that_only_look_like_ours_are_left_alone(browser: Browser, name: str) -> None:
    cookie = f"{name}=x".encode("latin-1")
    response = await browser.get("/auth/sign-in", headers={b"Cookie": cookie})

    assert response.status_code == 303
    assert len(response.headers.get_list("set-cookie")) == 1


async def test_a_sign_in_ends_after_ten_minutes(
    browser: Browser, provider: LocalProvider, own_clock: Clock
) -> None:
    answer = provider.authorize(await browser.leave())
    own_clock.pass_by(minutes=10)
    response = await browser.come_back(answer)

    assert response.status_code == 400


async def test_a_look_ahead_by_head_uses_nothing_up(
    browser: Browser, provider: LocalProvider
) -> None:
    answer = provider.authorize(await browser.leave())
    ahead = await browser.head("/auth/callback", params=answer)
    response = await browser.come_back(answer)

    assert ahead.status_code == 405
    assert response.status_code == 303
