import pytest

from gateway.auth import client_description
from models.accounts import Session
from models.audit import AuditAction, AuditEvent
from tests.oidc_tokens import LocalProvider
from tests.sign_in_browser import FIREFOX, Browser, Clock, application, settings_for

pytest_plugins = ["tests.sign_in_fixtures"]

pytestmark = pytest.mark.usefixtures("sign_in_database")


async def test_signing_in_again_replaces_the_session(
    browser: Browser, provider: LocalProvider
) -> None:
    await browser.sign_in(provider)
    before = browser.cookies["session"]
    await browser.sign_in(provider)

    assert browser.cookies["session"] != before
    assert await Session.all().count() == 1


async def test_a_planted_session_does_not_survive_signing_in(
    browser: Browser, provider: LocalProvider, own_clock: Clock
) -> None:
    """Session fixation."""
    async with Browser(application(settings_for(provider.issuer), now=own_clock)) as mallory:
        provider.claims = {"sub": "mallory", "email": "mallory@evil.example"}
        await mallory.sign_in(provider)
        browser.cookies.set("session", mallory.cookies["session"], domain="gateway.example")
        provider.claims = {}
        await browser.sign_in(provider)

        assert await browser.who() == "alice@live.example"
        assert (await mallory.get("/who")).status_code == 401
    assert await AuditEvent.filter(action=AuditAction.SIGNED_OUT).count() == 1


@pytest.mark.parametrize("public_url", ["http://gateway.example", "https://gateway.example"])
async def test_the_session_cookie_is_kept_from_scripts_and_other_sites(
    provider: LocalProvider, own_clock: Clock, public_url: str
) -> None:
    settings = settings_for(provider.issuer, public_url=public_url, session_hours=3)
    async with Browser(application(settings, now=own_clock), base_url=public_url) as browser:
        response = await browser.sign_in(provider)

        assert await browser.who() == "alice@live.example"
    (cookie,) = [c for c in response.headers.get_list("set-cookie") if "session=" in c]
    secure = public_url.startswith("https")
    assert cookie.startswith("__Host-session=" if secure else "session=")
    assert {part.strip() for part in cookie.split(";")[1:]} == {
        "HttpOnly",
        "Max-Age=10800",
        "Path=/",
        "SameSite=lax",
        *(["Secure"] if secure else []),
    }


async def test_by_https_the_cookie_of_a_sign_in_is_secure_too(
    provider: LocalProvider, own_clock: Clock
) -> None:
    settings = settings_for(provider.issuer, public_url="https://gateway.example")
    app = application(settings, now=own_clock)
    async with Browser(app, base_url="https://gateway.example") as browser:
        response = await browser.get("/auth/sign-in")

    assert response.headers["set-cookie"].startswith("__Secure-sign-in-")
    assert "Secure" in response.headers["set-cookie"].split("; ")


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ({}, "alice@live.example"),
        ({"Origin": "http://gateway.example"}, "alice@live.example"),
        ({"Origin": "https://spa.example"}, "alice@live.example"),
        ({"Origin": "https://spa.example", "Sec-Fetch-Site": "cross-site"}, "alice@live.example"),
        ({"Origin": "https://evil.example"}, "anonymous"),
        ({"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"}, "anonymous"),
        ({"Origin": "null"}, "anonymous"),
        ({"Origin": ""}, "anonymous"),
        ({"Origin": "https://gateway.example"}, "anonymous"),
        ({"Sec-Fetch-Site": "same-origin"}, "alice@live.example"),
        ({"Sec-Fetch-Site": "none"}, "alice@live.example"),
        ({"Sec-Fetch-Site": "same-site"}, "anonymous"),
        ({"Sec-Fetch-Site": "cross-site"}, "anonymous"),
    ],
)
async def test_a_browsers_cookie_counts_only_on_requests_of_our_own_pages(
    provider: LocalProvider, own_clock: Clock, headers: dict[str, str], name: str
) -> None:
    settings = settings_for(provider.issuer, allowed_origins="https://spa.example")
    async with Browser(application(settings, now=own_clock)) as browser:
        await browser.sign_in(provider)

        assert await browser.who(**headers) == name


INVALID_TOKEN = 'Bearer error="invalid_token"'


@pytest.mark.parametrize(
    ("headers", "challenge"),
    [
        ({"Cookie": "session=made-up"}, "Bearer"),
        ({"Authorization": "Bearer made-up"}, INVALID_TOKEN),
        ({"Authorization": "Basic YTpi"}, INVALID_TOKEN),
        ({"Authorization": ""}, INVALID_TOKEN),
    ],
)
async def test_an_invalid_credential_gets_401(
    browser: Browser, headers: dict[str, str], challenge: str
) -> None:
    response = await browser.get("/who", headers=headers)

    assert response.status_code == 401
    assert response.headers["www-authenticate"].partition(", error_description=")[0] == challenge


async def test_an_expired_session_gets_401(
    browser: Browser, provider: LocalProvider, own_clock: Clock
) -> None:
    await browser.sign_in(provider)
    own_clock.pass_by(hours=12)
    cookie = {"Cookie": f"session={browser.cookies['session']}"}

    assert (await browser.get("/who", headers=cookie)).status_code == 401


async def test_another_sites_request_with_a_dead_cookie_is_anonymous(browser: Browser) -> None:
    headers = {"Cookie": "session=made-up", "Origin": "https://evil.example"}

    assert (await browser.get("/who", headers=headers)).json() == "anonymous"


async def test_the_landing_page_shows_the_way_in_and_then_who_is_signed_in(
    browser: Browser, provider: LocalProvider
) -> None:
    before = await browser.get("/")
    await browser.sign_in(provider)
    after = await browser.get("/", headers={"Sec-Fetch-Site": "cross-site"})

    assert 'href="/auth/sign-in"' in before.text
    assert 'href="/graphql"' in before.text
    assert "alice@live.example" in after.text
    assert 'href="/auth/sign-in"' not in after.text
    assert after.headers["cache-control"] == "no-store"


async def test_the_landing_page_forgets_a_session_that_has_ended(browser: Browser) -> None:
    response = await browser.get("/", headers={"Cookie": "session=made-up"})

    assert response.status_code == 200
    assert response.headers["set-cookie"].startswith('session=""; expires=')


async def test_pages_need_no_inline_style_or_script(browser: Browser) -> None:
    pages = [
        await browser.get("/"),
        await browser.get("/auth/callback"),
        await browser.get("/auth/sign-in?return_to=x"),
    ]

    for page in pages:
        assert "<style" not in page.text
        assert "style=" not in page.text
        assert "<script" not in page.text
        assert '<html lang="en">' in page.text
        assert page.text.count("<h1>") == 1
    assert (await browser.get("/assets/pages.css")).status_code == 200


@pytest.mark.parametrize(
    ("user_agent", "description"),
    [
        (FIREFOX, "Firefox on Windows"),
        (
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like"
                " Gecko) Version/19.1 Safari/605.1.15"
            ),
            "Safari on macOS",
        ),
        (
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
                " Chrome/142.0.0.0 Safari/537.36"
            ),
            "Chrome on Linux",
        ),
        (
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
                " Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0"
            ),
            "Edge on Windows",
        ),
        (
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15"
                " (KHTML, like Gecko) CriOS/142.0.0.0 Mobile/15E148 Safari/604.1"
            ),
            "Chrome on iPhone",
        ),
        ("curl/8.10.1", "curl"),
        ("Mozilla/5.0 (X11; Linux x86_64)", "Browser on Linux"),
        ("something else", None),
        ("", None),
        (None, None),
    ],
)
def test_a_browser_is_described_in_plain_words(
    user_agent: str | None, description: str | None
) -> None:
    assert client_description(user_agent) == description
