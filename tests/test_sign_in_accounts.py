from typing import Any

import pytest
from structlog.testing import capture_logs

from models.accounts import Account
from tests.oidc_tokens import LocalProvider
from tests.sign_in_browser import Browser, Clock, application, settings_for
from tests.signed_in_database import profile

pytest_plugins = ["tests.sign_in_fixtures"]

pytestmark = pytest.mark.usefixtures("sign_in_database")

PERSONAL = "9188040d-6c67-4c5b-b112-36a304b66dad"
TENANT = "11111111-2222-3333-4444-555555555555"


@pytest.mark.parametrize(
    ("claims", "confirmed"),
    [
        ({"email_verified": True}, True),
        ({"email_verified": "true"}, True),
        ({"email_verified": False}, False),
        ({"email_verified": None}, False),
        ({"email_verified": "false"}, False),
        ({"email_verified": 1}, False),
        ({"email_verified": ["true"]}, False),
        ({"email_verified": None, "xms_edov": True}, True),
        ({"email_verified": None, "xms_edov": "1"}, True),
        ({"email_verified": None, "xms_edov": 1}, True),
        ({"email_verified": None, "xms_edov": "true"}, True),
        ({"email_verified": None, "xms_edov": "0"}, False),
        ({"email_verified": None, "xms_edov": {}}, False),
        ({"email_verified": None, "tid": PERSONAL}, True),
        ({"email_verified": None, "tid": TENANT}, False),
        ({"email_verified": None, "tid": [PERSONAL]}, False),
        ({"email_verified": None, "tid": PERSONAL[:-1]}, False),
        ({"email": "no address"}, False),
        ({"email": "alice@live.example\n"}, False),
        ({"email": ["alice@live.example"]}, False),
    ],
)
async def test_an_address_counts_only_if_the_provider_vouches_for_it(
    browser: Browser, provider: LocalProvider, claims: dict[str, Any], confirmed: bool
) -> None:
    provider.claims = claims
    response = await browser.sign_in(provider)

    assert response.status_code == (303 if confirmed else 403)
    assert await Account.all().count() == confirmed


async def test_a_trusted_tenant_does_not_vouch_for_what_another_tenant_issued(
    provider: LocalProvider, own_clock: Clock
) -> None:
    """The issuer says who it is: here it contradicts the claim, though both are signed."""
    issuer = f"http://127.0.0.1:{provider.port}/{TENANT}/v2.0"
    provider.document = {"issuer": issuer}
    provider.claims = {"iss": issuer, "tid": PERSONAL, "email_verified": None}
    async with Browser(application(settings_for(issuer), now=own_clock)) as browser:
        response = await browser.sign_in(provider)

    assert response.status_code == 403


@pytest.mark.parametrize(("tenant", "status"), [(PERSONAL, 303), (TENANT, 403)])
async def test_a_trusted_tenant_vouches_as_the_issuer_that_was_checked(
    browser: Browser, provider: LocalProvider, tenant: str, status: int
) -> None:
    provider.document = {"issuer": f"http://127.0.0.1:{provider.port}/{{tenantid}}/v2.0"}
    provider.claims = {
        "iss": f"http://127.0.0.1:{provider.port}/{tenant}/v2.0",
        "tid": tenant,
        "email_verified": None,
    }
    response = await browser.sign_in(provider)

    assert response.status_code == status


async def test_someone_associated_signs_in_without_confirmation_under_the_stored_account(
    browser: Browser, provider: LocalProvider
) -> None:
    await browser.sign_in(provider)
    await profile(await Account.get())
    provider.claims = {"email": "ceo@contoso.example", "email_verified": None}
    response = await browser.sign_in(provider)

    assert response.status_code == 303
    assert await browser.who() == "alice@live.example"


async def test_an_account_claim_missing_from_the_id_token_is_asked_for(
    browser: Browser, provider: LocalProvider
) -> None:
    provider.claims = {"email": None}
    provider.user_info = {
        "sub": "alice-at-provider",
        "email": "alice@work.example",
        "email_verified": True,
    }
    await browser.sign_in(provider)

    assert await browser.who() == "alice@work.example"


async def test_verification_in_the_id_token_says_nothing_of_an_address_from_elsewhere(
    browser: Browser, provider: LocalProvider
) -> None:
    provider.claims = {"email": None, "email_verified": True}
    provider.user_info = {"sub": "alice-at-provider", "email": "alice@work.example"}
    response = await browser.sign_in(provider)

    assert response.status_code == 403


async def test_user_info_about_somebody_else_is_not_believed(
    browser: Browser, provider: LocalProvider
) -> None:
    provider.claims = {"email": None}
    provider.user_info = {"sub": "bob", "email": "bob@live.example", "email_verified": True}
    with capture_logs() as logs:
        response = await browser.sign_in(provider)

    assert response.status_code == 503
    assert logs[0]["reason"] == "userinfo endpoint: another subject"


@pytest.mark.parametrize(
    ("email", "status"), [(None, 303), ("ALICE@live.example", 303), ("mallory@evil.example", 403)]
)
async def test_a_verified_email_does_not_vouch_for_another_name(
    provider: LocalProvider, own_clock: Clock, email: str | None, status: int
) -> None:
    provider.claims = {"email": email, "preferred_username": "alice@live.example"}
    settings = settings_for(provider.issuer, oidc_account_claim="preferred_username")
    async with Browser(application(settings, now=own_clock)) as browser:
        response = await browser.sign_in(provider)

    assert response.status_code == status


async def test_a_name_is_stored_on_one_line_and_shown_as_text(
    browser: Browser, provider: LocalProvider
) -> None:
    provider.claims = {"name": "  <script>\n\u202ealert(1)</script>\0 " + "x" * 300}
    await browser.sign_in(provider)
    page = await browser.get("/")

    account = await Account.get()
    assert account.display_name is not None
    assert account.display_name.startswith("<script> alert(1)</script> x")
    assert len(account.display_name) == 200
    assert "&lt;script&gt;" in page.text
