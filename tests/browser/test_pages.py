"""What holds of every page: accessible, at any width, in both languages, signed out, offline."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.companies import Company, new_company
from tests.browser.readers import Reader

WIDTHS = (320, 360, 390, 720, 1024, 1280, 1920)


def pages_of(company: Company) -> dict[str, str]:
    """Each page's path, and a text that it shows once it is there."""
    user = company.add("Ben Brown")
    link = company.invite(user)
    webhook = company.tell("https://receiver.example/hook", "USER_REMOVED")
    return {
        "/checklist": "Set up users",
        "/users": "Ben Brown",
        "/users?search=nobody": "No user matches",
        "/users?new=1": "Services and roles",
        f"/users?edit={user['id']}": "Services and roles",
        "/users?edit=nobody": "This user is not there",
        "/me": "Where you are signed in",
        "/audit": "Added a user",
        "/webhooks": "https://receiver.example/hook",
        webhook: "Nothing delivered yet",
        "/webhooks?webhook=nothing": "This webhook is not there",
        link[len(company.administrator.gateway.url) :]: "Complete the association",
        "/invitations/nothing": "Otherwise ask your service administrator",
    }


def violations(reader: Reader) -> list[dict[str, Any]]:
    """What axe finds, shortly."""
    found = Axe().run(reader.page).response["violations"]
    return [
        {"rule": one["id"], "at": [node["html"][:200] for node in one["nodes"]]} for one in found
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_any_page(person: Callable[..., Reader], scheme: str) -> None:
    alice = person(color_scheme=scheme)
    alice.open("/")
    alice.sees("Welcome to the Customer Portal")
    found = {"/": violations(alice)}
    company = new_company(alice)
    for path, text in pages_of(company).items():
        alice.open(path)
        alice.sees(text)
        found[path] = violations(alice)
    alice.open("/users")
    alice.check("Ben Brown")
    alice.button("Delete").click()
    alice.sees("Still holds Viewer (Commerce Services).")
    found["the deletion's dialog"] = violations(alice)
    alice.open("/users?new=1")
    alice.button("Save").click()
    alice.sees("Not saved: 5 problems")
    found["the form with problems"] = violations(alice)
    alice.button("Language and appearance").click()
    found["the preferences"] = violations(alice)

    assert {where: what for where, what in found.items() if what} == {}


def sideways(reader: Reader) -> dict[int, int]:
    """By how many pixels the page that is there is wider than the window, where it is."""
    expect(reader.page.locator("h1, .notice").first).to_be_visible()
    expect(reader.page.locator(".skeleton")).to_have_count(0)
    over = {}
    for width in WIDTHS:
        reader.page.set_viewport_size({"width": width, "height": 800})
        over[width] = reader.page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return {width: pixels for width, pixels in over.items() if pixels > 0}


@pytest.mark.parametrize("locale", ["en-US", "de-DE"])
def test_no_page_scrolls_sideways_at_any_width(person: Callable[..., Reader], locale: str) -> None:
    anna = person(locale=locale)
    anna.open("/")
    wider = {"before signing in": sideways(anna)}
    company = new_company(anna)
    paths = list(pages_of(company))
    for path in paths:
        anna.open(path)
        wider[path] = sideways(anna)
    user = company.add("Mia Meyer")
    anna.open(f"/users?edit={user['id']}")
    anna.page.locator("[name=firstName]").fill("Maria")
    company.edit(user, firstName="Marie")
    anna.page.locator("[type=submit]").click()
    expect(anna.page.locator(".conflict")).to_be_visible()
    wider["a conflict"] = sideways(anna)
    anna.ask("mutation { signOut(scope: ALL_SESSIONS) { signedOutSessions } }")
    anna.page.locator("[name=firstName]").fill("Mary")
    anna.page.locator(".conflict button").first.click()
    anna.page.locator("[type=submit]").click()
    expect(anna.page.locator(".hero-card")).to_be_visible()
    wider["signed out meanwhile"] = sideways(anna)
    for path in paths:
        if path.startswith("/invitations/"):
            anna.open(path)
            wider[f"{path}, signed out"] = sideways(anna)
    anna.provoked = "401 (Unauthorized)"

    assert {place: over for place, over in wider.items() if over} == {}


def test_the_browser_chooses_the_language_and_the_reader_may_change_it(
    person: Callable[..., Reader],
) -> None:
    anna = person(locale="de-AT")
    new_company(anna)
    anna.open("/users")
    expect(anna.page.get_by_role("heading", name="Benutzerverwaltung")).to_be_visible()
    expect(anna.page.locator("html")).to_have_attribute("lang", "de")
    anna.button("Sprache und Darstellung").click()
    anna.page.get_by_role("radio", name="English").check()
    expect(anna.page.get_by_role("heading", name="User management")).to_be_visible()
    anna.page.reload()

    expect(anna.page.get_by_role("heading", name="User management")).to_be_visible()


def test_the_reader_may_choose_the_dark_appearance(alice: Reader) -> None:
    alice.open("/")
    alice.button("Language and appearance").click()
    alice.page.get_by_role("radio", name="Dark").check()
    alice.page.reload()

    expect(alice.page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(alice.page.locator("html")).to_have_css("color-scheme", "dark")


def test_times_are_in_the_readers_zone(person: Callable[..., Reader]) -> None:
    here = person(timezone_id="Asia/Tokyo")
    new_company(here)
    here.open("/audit")
    moment = here.page.locator("time").first
    title = moment.get_attribute("title") or ""

    assert "GMT+9" in title


def test_an_ended_session_shows_nothing_and_comes_back_to_its_place(contoso: Company) -> None:
    """Rule 41."""
    alice = contoso.administrator
    alice.open("/users?order=newest")
    expect(alice.row("Alice Archer")).to_be_visible()
    alice.ask("mutation { signOut(scope: ALL_SESSIONS) { signedOutSessions } }")
    alice.page.get_by_role("searchbox").fill("a")
    alice.sees("You are signed out")
    assert alice.page.get_by_text("Alice Archer").count() == 0
    alice.page.get_by_role("link", name="Sign in with your Microsoft account").click()
    alice.identify()

    expect(alice.row("Alice Archer")).to_be_visible()
    assert "order=newest" in alice.page.url
    alice.provoked = "401 (Unauthorized)"


def test_one_session_elsewhere_is_signed_out(
    person: Callable[..., Reader], contoso: Company
) -> None:
    """Rule 41: from the person's own page; this browser stays signed in."""
    alice = contoso.administrator
    elsewhere = person(alice.account)
    elsewhere.sign_in("/me")
    elsewhere.sees("Where you are signed in")
    alice.open("/me")
    alice.page.get_by_role("button", name=re.compile("^Sign out (?!here|everywhere|the)")).click()

    alice.sees("1 other session signed out.")
    expect(alice.button("Sign out the others")).to_be_disabled()
    elsewhere.open("/users")
    elsewhere.sees("You are signed out")
    elsewhere.provoked = "401 (Unauthorized)"


def test_going_back_after_signing_out_shows_nothing(contoso: Company) -> None:
    """Rule 41."""
    alice = contoso.administrator
    alice.open("/users")
    expect(alice.row("Alice Archer")).to_be_visible()
    alice.sign_out()
    alice.page.go_back()
    alice.page.go_back()
    alice.page.wait_for_timeout(500)

    assert alice.page.get_by_text("Alice Archer").count() == 0


def test_offline_is_said_and_mended(contoso: Company) -> None:
    alice = contoso.administrator
    alice.open("/checklist")
    alice.sees("Set up users")
    alice.page.context.set_offline(True)
    alice.sees("You are offline.")
    alice.page.get_by_role("link", name="Audit").click()
    alice.sees("No connection")
    alice.page.context.set_offline(False)
    alice.button("Try again").click()

    alice.sees("Signed up for a service")
    alice.provoked = "ERR_INTERNET_DISCONNECTED"


LATE = {"offline": False, "latency": 100, "downloadThroughput": -1, "uploadThroughput": -1}


def test_nothing_moves_while_a_page_loads(contoso: Company) -> None:
    """From the second visit on: the first can't know that the navigation will be there.

    Answers come late, so that what waits for them is painted before.
    """
    alice = contoso.administrator
    paths = pages_of(contoso)
    alice.open("/checklist")
    alice.sees("Set up users")
    alice.page.add_init_script(
        """window.moved = 0
        new PerformanceObserver((list) => {
          for (const entry of list.getEntries()) window.moved += entry.value
        }).observe({ type: 'layout-shift', buffered: true })"""
    )
    alice.page.context.new_cdp_session(alice.page).send("Network.emulateNetworkConditions", LATE)
    moved = {}
    for width in (390, 1280):
        alice.page.set_viewport_size({"width": width, "height": 800})
        for path, text in paths.items():
            alice.open(path)
            alice.sees(text)
            alice.page.wait_for_timeout(200)
            moved[path, width] = round(alice.page.evaluate("window.moved"), 3)

    assert {where: how for where, how in moved.items() if how} == {}


def test_paper_shows_the_list_without_its_tools(contoso: Company) -> None:
    alice = contoso.administrator
    alice.open("/users")
    expect(alice.row("Alice Archer")).to_be_visible()
    alice.page.emulate_media(media="print")

    expect(alice.button("New")).to_be_hidden()
    expect(alice.page.get_by_role("searchbox")).to_be_hidden()
    expect(alice.row("Alice Archer")).to_be_visible()
