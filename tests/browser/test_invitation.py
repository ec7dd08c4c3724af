"""The page that a mail's link leads to."""

import re
from collections.abc import Callable

from playwright.sync_api import Request, expect

from tests.browser.companies import Company
from tests.browser.readers import Reader


def test_opening_the_link_changes_nothing_and_says_who_invites(
    contoso: Company, person: Callable[..., Reader]
) -> None:
    """Rule 26."""
    user = contoso.add("Mia Meyer")
    mia = person(user["address"])
    mia.follow(contoso.invite(user))
    mia.sees(f"{contoso.name} invites you")
    mia.sees("Associate your Microsoft account to use Commerce Services.")
    mia.sees(re.compile(rf"m•+@{contoso.domain}"))
    alice = contoso.administrator
    alice.open("/users")

    expect(alice.row("Mia Meyer")).to_contain_text("Invited")
    assert set(mia.operations) == {"Viewer", "InvitationPreview"}


def test_another_account_is_told_plainly_and_can_come_back(
    contoso: Company, person: Callable[..., Reader]
) -> None:
    """Rule 25: the link is still good afterwards; rule 27: it works once."""
    user = contoso.add("Mia Meyer")
    link = contoso.invite(user)
    mallory = person(f"mallory@{contoso.domain}")
    contoso.administrator.gateway.provider.knows(user["address"], name="Mia Meyer")
    mallory.sign_in()
    mallory.follow(link)
    mallory.button("Complete the association").click()
    mallory.sees("This is another account")
    mallory.button("Sign out and come back").click()
    mallory.button("End session").click()
    mallory.sees(f"{contoso.name} invites you")
    mallory.page.get_by_role("link", name="Sign in with this Microsoft account").click()
    mallory.identify(user["address"])
    mallory.button("Complete the association").click()
    mallory.sees("Welcome, Mia")
    mallory.follow(link)

    mallory.sees(re.compile("This invitation can.t be used"))


def test_the_link_s_token_is_told_to_nobody_else(
    contoso: Company, person: Callable[..., Reader]
) -> None:
    """Neither in a Referer, nor to another origin: not to the provider on the way through it."""
    user = contoso.add("Mia Meyer")
    link = contoso.invite(user)
    token = link.rpartition("/")[2]
    mia = person(user["address"])
    seen: list[Request] = []

    def note(request: Request) -> None:
        seen.append(request)

    mia.page.context.on("request", note)
    mia.follow(link)
    mia.page.get_by_role("link", name="Sign in with this Microsoft account").click()
    mia.identify()
    mia.button("Complete the association").click()
    mia.sees("Welcome, Mia")
    told = [(request.url, request.all_headers()) for request in seen]
    elsewhere = [each for each in told if not each[0].startswith(f"{mia.gateway.url}/")]

    assert [url for url, headers in told if token in headers.get("referer", "")] == []
    assert [url for url, headers in elsewhere if token in f"{url} {headers}"] == []
    assert any(url.startswith(mia.gateway.provider.issuer) for url, _ in elsewhere)


def test_a_session_that_has_ended_is_no_obstacle(
    contoso: Company, person: Callable[..., Reader]
) -> None:
    """Rule 26: looking needs no session."""
    user = contoso.add("Mia Meyer")
    link = contoso.invite(user)
    mia, elsewhere = person(user["address"]), person(user["address"])
    mia.sign_in()
    elsewhere.sign_in()
    elsewhere.ask("mutation { signOut(scope: ALL_SESSIONS) { signedOutSessions } }")
    mia.follow(link)
    mia.sees(f"{contoso.name} invites you")

    expect(mia.page.get_by_role("link", name="Sign in with this Microsoft account")).to_be_visible()
    mia.provoked = elsewhere.provoked = "401 (Unauthorized)"


def test_a_link_that_never_was_says_what_to_do(person: Callable[..., Reader]) -> None:
    mia = person()
    mia.open("/invitations/0123456789012345678901234567890123456789012")
    mia.sees(re.compile("This invitation can.t be used"))
    mia.sees("Otherwise ask your service administrator to send the invitation again.")
    mia.page.get_by_role("link", name="To the Customer Portal").click()

    mia.sees("Welcome to the Customer Portal")


def test_an_invitation_that_was_withdrawn_meanwhile_says_so(
    contoso: Company, person: Callable[..., Reader]
) -> None:
    """Rule 29."""
    user = contoso.add("Mia Meyer")
    mia = person(user["address"])
    mia.sign_in()
    mia.follow(contoso.invite(user))
    mia.button("Complete the association").wait_for()
    contoso.invite(user)
    mia.button("Complete the association").click()

    mia.sees(re.compile("This invitation can.t be used"))
    mia.sees("Only the link in the newest one works.")
