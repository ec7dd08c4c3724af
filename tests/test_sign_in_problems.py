import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.discovery import CALL_LIMIT_S, ProviderUnavailable
from gateway.oidc import Provider
from gateway.settings import InvalidSettings
from tests.oidc_tokens import OTHER_RSA, RSA, LocalProvider, local_provider, signed
from tests.sign_in_browser import (
    REQUEST_ID,
    Browser,
    Clock,
    application,
    flow_cookies,
    settings_for,
)

pytest_plugins = ["tests.sign_in_fixtures"]

pytestmark = pytest.mark.usefixtures("sign_in_database")

TENANT = "11111111-2222-3333-4444-555555555555"


@pytest.mark.parametrize(
    ("answer", "status", "reason"),
    [
        ({"error": "access_denied"}, 403, "the provider said access_denied"),
        ({"error": "login_required"}, 400, "the provider said login_required"),
        ({"error": "temporarily_unavailable"}, 503, "the provider said temporarily_unavailable"),
        ({"error": "<script>alert(1)</script>"}, 400, "the provider said something unreadable"),
        ({}, 400, "neither code nor error in the answer"),
        ({"code": ""}, 400, "neither code nor error in the answer"),
        ({"code": "made-up"}, 400, "the provider refused the code"),
        ({"code": "x", "iss": "https://evil.example"}, 400, "the answer is another issuer's"),
        ({"code": "x", "iss": ""}, 400, "the answer is another issuer's"),
    ],
)
async def test_a_bad_answer_ends_on_a_readable_page(
    browser: Browser, provider: LocalProvider, answer: dict[str, str], status: int, reason: str
) -> None:
    state = provider.authorize(await browser.leave())["state"]
    with capture_logs() as logs:
        response = await browser.come_back(
            {"state": state, "error_description": "<b>boo</b>", **answer}
        )

    assert response.status_code == status
    assert [entry["reason"] for entry in logs] == [reason]
    assert "<script>" not in response.text
    assert "boo" not in response.text
    assert REQUEST_ID in response.text
    assert flow_cookies(browser) == []


async def test_a_repeated_parameter_is_refused(browser: Browser, provider: LocalProvider) -> None:
    answer = provider.authorize(await browser.leave())
    response = await browser.get("/auth/callback", params=[*answer.items(), ("code", "other")])

    assert response.status_code == 400


@pytest.mark.parametrize(
    ("template", "iss", "status"),
    [
        (False, "{issuer}", 303),
        (False, None, 400),
        (True, "http://127.0.0.1:{port}/{tenant}/v2.0", 303),
        (True, "http://127.0.0.1:{port}/evil/v2.0", 400),
        (True, "http://127.0.0.1:{port}/None/v2.0", 400),
    ],
)
async def test_a_provider_that_promises_to_name_itself_must(
    browser: Browser, provider: LocalProvider, template: bool, iss: str | None, status: int
) -> None:
    provider.document = {"authorization_response_iss_parameter_supported": True}
    if template:
        provider.document["issuer"] = f"http://127.0.0.1:{provider.port}/{{tenantid}}/v2.0"
        provider.claims = {"iss": f"http://127.0.0.1:{provider.port}/{TENANT}/v2.0", "tid": TENANT}
    answer = provider.authorize(await browser.leave())
    if iss is not None:
        answer["iss"] = iss.format(issuer=provider.issuer, port=provider.port, tenant=TENANT)
    response = await browser.come_back(answer)

    assert response.status_code == status


async def test_while_the_provider_is_down_nobody_signs_in_and_the_signed_in_go_on(
    own_clock: Clock,
) -> None:
    with local_provider() as provider:
        provider.clock = lambda: own_clock().timestamp()
        browser = Browser(application(settings_for(provider.issuer), now=own_clock))
        await browser.sign_in(provider)
        answer = provider.authorize(await browser.leave())
    back = await browser.come_back(answer)
    own_clock.pass_by(hours=2)
    response = await browser.get("/auth/sign-in")

    assert back.status_code == response.status_code == 503
    assert response.headers["retry-after"] == "30"
    assert "Sign-in isn&#39;t available now" in response.text
    assert await browser.who() == "alice@live.example"
    assert "logout?client_id" in (await browser.get("/end-session")).json()
    await browser.aclose()


async def test_while_the_provider_hangs_sign_in_says_so_and_the_signed_in_go_on(
    browser: Browser, provider: LocalProvider, own_clock: Clock
) -> None:
    await browser.sign_in(provider)
    answer = provider.authorize(await browser.leave())
    provider.hangs_s = CALL_LIMIT_S + 1
    async with Browser(application(settings_for(provider.issuer), now=own_clock)) as other:
        leaving = asyncio.create_task(other.get("/auth/sign-in"))
        coming_back = asyncio.create_task(browser.come_back(answer))
        await asyncio.sleep(0.5)  # until both wait for the provider
        who = await browser.who()
        is_waiting = not leaving.done() and not coming_back.done()
        async with asyncio.timeout(2 * CALL_LIMIT_S):
            answers = [await leaving, await coming_back]

    assert (who, is_waiting) == ("alice@live.example", True)
    assert [each.status_code for each in answers] == [503, 503]
    assert ["Sign-in isn&#39;t available now" in each.text for each in answers] == [True, True]


async def test_signing_out_does_not_need_a_provider_that_was_never_reached(
    own_clock: Clock,
) -> None:
    async with Browser(application(settings_for("http://127.0.0.1:9"), now=own_clock)) as browser:
        assert (await browser.get("/end-session")).json() is None


async def test_signing_out_does_not_wait_for_a_provider_that_hangs(own_clock: Clock) -> None:
    held: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: held.append(writer), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    began = asyncio.get_running_loop().time()
    async with Browser(
        application(settings_for(f"http://127.0.0.1:{port}"), now=own_clock)
    ) as browser:
        answer = (await browser.get("/end-session")).json()
    took = asyncio.get_running_loop().time() - began
    for writer in held:
        writer.close()
        await writer.wait_closed()
    server.close()

    assert answer is None
    assert took < 8


async def test_a_provider_without_an_end_session_address_has_none(
    browser: Browser, provider: LocalProvider
) -> None:
    provider.document = {"end_session_endpoint": None}

    assert (await browser.get("/end-session")).json() is None


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://evil.example"},
        {"issuer": None},
        {"issuer": ["x"]},
        {"token_endpoint": None},
        {"jwks_uri": "ftp://127.0.0.1/keys"},
        {"token_endpoint": "http://evil.example/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"userinfo_endpoint": 7},
    ],
)
async def test_a_discovery_document_that_makes_no_sense_makes_sign_in_unavailable(
    browser: Browser, provider: LocalProvider, document: dict[str, Any]
) -> None:
    provider.document = document
    response = await browser.get("/auth/sign-in")

    assert response.status_code == 503


@pytest.mark.parametrize(
    "answer",
    [
        (500, b"oops"),
        (200, b"oops"),
        (200, b"[]"),
        (200, b'{"access_token": "a", "token_type": "Bearer"}'),
        (200, b'{"access_token": "a", "token_type": "Bearer", "id_token": 7}'),
        (200, b"\xff"),
        (401, b'{"error": "invalid_client"}'),
        (302, b""),
    ],
)
async def test_a_token_endpoint_that_makes_no_sense_makes_sign_in_unavailable(
    browser: Browser, provider: LocalProvider, answer: tuple[int, bytes]
) -> None:
    provider.token_answer = answer
    response = await browser.sign_in(provider)

    assert response.status_code == 503


async def test_the_secret_goes_in_the_body_where_the_provider_takes_it_there(
    browser: Browser, provider: LocalProvider
) -> None:
    provider.document = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    response = await browser.sign_in(provider)

    assert response.status_code == 303


@pytest.mark.parametrize("slash", ["", "/"])
async def test_a_final_slash_of_the_issuer_setting_makes_no_difference(
    provider: LocalProvider, own_clock: Clock, slash: str
) -> None:
    app = application(settings_for(provider.issuer + slash), now=own_clock)
    async with Browser(app) as browser:
        response = await browser.sign_in(provider)

    assert response.status_code == 303


async def test_new_keys_of_the_provider_are_found_at_once(
    browser: Browser, provider: LocalProvider
) -> None:
    await browser.sign_in(provider)
    provider.publish(OTHER_RSA)
    provider.forge = lambda claims: signed(claims, key=OTHER_RSA)
    response = await browser.sign_in(provider)

    assert response.status_code == 303
    assert provider.asked.count("keys") == 2


async def test_new_keys_at_a_new_address_are_found_too(
    browser: Browser, provider: LocalProvider
) -> None:
    await browser.sign_in(provider)
    provider.document = {"jwks_uri": f"{provider.issuer}/other-keys"}
    provider.published_elsewhere = [OTHER_RSA.as_dict(private=False)]
    provider.forge = lambda claims: signed(claims, key=OTHER_RSA)
    response = await browser.sign_in(provider)

    assert response.status_code == 303


async def test_unknown_keys_do_not_make_us_ask_again_and_again(
    browser: Browser, provider: LocalProvider, own_clock: Clock
) -> None:
    provider.forge = lambda claims: signed(claims, header={"kid": "never"})
    for _ in range(5):
        await browser.sign_in(provider)
    early = provider.asked.count("keys")
    own_clock.pass_by(seconds=10)
    await browser.sign_in(provider)

    assert (early, provider.asked.count("keys")) == (2, 3)


async def test_new_keys_are_found_though_the_clock_was_set_back_since_the_last_ones(
    browser: Browser, provider: LocalProvider, own_clock: Clock
) -> None:
    await browser.sign_in(provider)
    provider.publish(OTHER_RSA)
    provider.forge = lambda claims: signed(claims, key=OTHER_RSA)
    await browser.sign_in(provider)
    own_clock.set_back(hours=1)
    own_clock.pass_by(seconds=10)
    provider.publish(RSA)
    provider.forge = signed
    response = await browser.sign_in(provider)

    assert response.status_code == 303
    assert provider.asked.count("keys") == 3


async def test_documents_are_read_again_after_an_hour_though_the_clock_was_set_back(
    browser: Browser, provider: LocalProvider, own_clock: Clock
) -> None:
    await browser.leave()
    own_clock.set_back(hours=2)
    own_clock.pass_by(minutes=61)
    await browser.leave()

    assert provider.asked == [".well-known/openid-configuration"] * 2


async def test_documents_are_read_once_for_many_and_again_after_an_hour(
    browser: Browser, provider: LocalProvider, own_clock: Clock
) -> None:
    await asyncio.gather(*(browser.leave() for _ in range(5)))
    before = list(provider.asked)
    own_clock.pass_by(minutes=61)
    await browser.leave()

    assert before == [".well-known/openid-configuration"]
    assert provider.asked == [".well-known/openid-configuration"] * 2


async def test_nothing_is_fetched_before_it_is_needed(
    browser: Browser, provider: LocalProvider
) -> None:
    await browser.get("/")

    assert provider.asked == []


def test_a_provider_cannot_be_made_without_its_settings() -> None:
    with pytest.raises(InvalidSettings, match="GATEWAY_OIDC_CLIENT_ID"):
        Provider(settings_for("http://127.0.0.1:9", oidc_client_id=None))


async def test_a_provider_on_this_machine_is_not_looked_for_behind_a_proxy(
    browser: Browser, provider: LocalProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    response = await browser.sign_in(provider)

    assert response.status_code == 303


async def test_a_check_of_the_provider_reads_both_documents(provider: LocalProvider) -> None:
    checked = Provider(settings_for(provider.issuer))
    await checked.check()
    provider.published = []

    with pytest.raises(ProviderUnavailable, match="no usable key"):
        await checked.check()
    assert provider.asked == [".well-known/openid-configuration", "keys", "keys"]
