"""Access tokens on one's own page: made, seen once, listed, revoked."""

import re

import httpx2
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.companies import Company
from tests.browser.readers import Reader
from tests.browser.test_keyboard import tab_to


def status_of(reader: Reader, token: str) -> int:
    """What a program with the token is answered."""
    response = httpx2.post(
        f"{reader.gateway.url}/graphql",
        json={"query": "{ viewer { microsoftAccount } }"},
        headers={"authorization": f"Bearer {token}"},
    )
    return response.status_code


def make_token(reader: Reader, name: str) -> str:
    """Make a token with the mouse; its secret."""
    reader.button("New access token").click()
    reader.page.get_by_label("Name").fill(name)
    reader.button("Create").click()
    secret: str = reader.page.get_by_label("Access token", exact=True).input_value()
    return secret


def test_a_token_is_made_copied_used_and_revoked(contoso: Company) -> None:
    alice = contoso.administrator
    alice.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    alice.open("/me")
    alice.sees("You have no access tokens.")
    secret = make_token(alice, "nightly sync")
    alice.button("Copy").click()
    alice.sees("The access token is in the clipboard.")
    copied = alice.page.evaluate("navigator.clipboard.readText()")
    before = status_of(alice, secret)
    alice.button("Done").click()
    row = alice.page.get_by_role("listitem").filter(has_text="nightly sync")
    expect(row).to_contain_text(f"{secret[:12]}…")
    expect(alice.page.get_by_text(secret)).to_have_count(0)
    alice.button("Revoke nightly sync").click()
    alice.button("Revoke").click()
    alice.sees("nightly sync was revoked.")
    alice.sees("You have no access tokens.")

    assert copied == secret
    assert (before, status_of(alice, secret)) == (200, 401)


def test_a_token_is_made_and_revoked_without_a_mouse(contoso: Company) -> None:
    alice = contoso.administrator
    keys = alice.page.keyboard
    alice.open("/me")
    tab_to(alice, alice.button("New access token"))
    keys.press("Enter")
    tab_to(alice, alice.button("Create"))
    keys.press("Enter")
    expect(alice.page.get_by_label("Name")).to_be_focused()
    keys.type("by hand")
    tab_to(alice, alice.page.get_by_role("checkbox", name=re.compile("^Read the audit trail")))
    keys.press("Space")
    tab_to(alice, alice.page.get_by_label("Works for"))
    keys.press("ArrowDown")
    keys.press("Enter")
    tab_to(alice, alice.button("Create"))
    keys.press("Enter")
    secret = alice.page.get_by_label("Access token", exact=True)
    expect(secret).to_be_visible()
    keys.press("Escape")  # what is shown once does not go by a slip
    expect(secret).to_be_visible()
    tab_to(alice, alice.button("Done"))
    keys.press("Enter")
    expect(alice.button("New access token")).to_be_focused()
    alice.sees("Read, Read the audit trail")
    keys.press("Shift+Tab")
    expect(alice.button("Revoke by hand")).to_be_focused()
    keys.press("Enter")
    tab_to(alice, alice.button("Revoke"))
    keys.press("Enter")

    alice.sees("by hand was revoked.")


def test_problems_stand_at_their_fields(contoso: Company) -> None:
    alice = contoso.administrator
    alice.open("/me")
    alice.button("New access token").click()
    alice.page.get_by_role("checkbox", name=re.compile("^Read See")).uncheck()
    alice.button("Create").click()
    name = alice.page.get_by_label("Name")
    expect(name).to_have_attribute("aria-invalid", "true")
    scopes = alice.page.get_by_role("group", name="Scopes")

    expect(scopes).to_have_accessible_description(re.compile("."))


def test_what_a_program_did_is_told_in_the_audit_trail(contoso: Company) -> None:
    alice = contoso.administrator
    alice.open("/me")
    alice.button("New access token").click()
    alice.page.get_by_label("Name").fill("importer")
    alice.page.get_by_role("checkbox", name=re.compile("^Manage users")).check()
    alice.button("Create").click()
    secret = alice.page.get_by_label("Access token", exact=True).input_value()
    user = contoso.add("Pia Program")
    edit = "mutation ($i: EditUserInput!) { editUser(input: $i) { userErrors { message } } }"
    answer = httpx2.post(
        f"{alice.gateway.url}/graphql",
        json={
            "query": edit,
            "variables": {"i": {"id": user["id"], "version": 1, "firstName": "Pina"}},
        },
        headers={"authorization": f"Bearer {secret}"},
    )
    assert answer.json() == {"data": {"editUser": {"userErrors": []}}}
    alice.open("/audit")

    alice.sees(f"by access token {secret[:12]}…")


@pytest.mark.parametrize("width", [390, 1280])
def test_the_dialogs_fit_and_axe_finds_nothing_in_them(contoso: Company, width: int) -> None:
    alice = contoso.administrator
    page = alice.page
    page.set_viewport_size({"width": width, "height": 800})
    alice.open("/me")
    alice.button("New access token").click()
    seen = [problems_in(alice)]
    page.get_by_label("Name").fill("a name that is rather long for a telephone, though allowed")
    alice.button("Create").click()
    page.get_by_label("Access token", exact=True).wait_for()
    seen.append(problems_in(alice))
    alice.button("Done").click()
    page.get_by_role("listitem").filter(has_text="a name that is rather").wait_for()
    seen.append(problems_in(alice))

    assert seen == [[], [], []]


def problems_in(reader: Reader) -> list[str]:
    """What axe finds, and whether something sticks out."""
    found = [each["id"] for each in Axe().run(reader.page).response["violations"]]
    sticks_out = reader.page.evaluate("document.documentElement.scrollWidth > innerWidth")
    return [*found, *(["sticks out"] if sticks_out else [])]
