"""Webhooks: registered, told of what happens, sent to again, disabled, removed."""

import re
from collections.abc import Callable
from typing import Literal

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.companies import Company
from tests.browser.readers import WITHIN_MS, Reader
from tests.browser.test_keyboard import tab_to
from tests.browser.test_tokens import problems_in
from tests.webhook_receiver import Receiver

URL = "https://receiver.example/hook"


def answer_yes(reader: Reader, name: str) -> None:
    """Click the button of the dialog that asks."""
    reader.page.get_by_role("dialog").get_by_role("button", name=name, exact=True).click()


def fact(reader: Reader, name: str) -> Locator:
    """What stands beside a name on the webhook's page."""
    return reader.page.locator("dt", has_text=re.compile(f"^{name}$")).locator(
        "xpath=following-sibling::dd[1]"
    )


def newest(reader: Reader) -> Locator:
    """The newest delivery."""
    return reader.page.locator(".deliveries > li").first


def has(place: Locator, text: str) -> None:
    """Wait until the place has the text: the page looks again by itself."""
    expect(place).to_contain_text(text, timeout=WITHIN_MS)


def ids(receiver: Receiver) -> list[str]:
    """The ids of what came."""
    return [message.headers["webhook-id"] for message in receiver.messages]


def test_a_webhook_is_registered_and_told_what_happens(
    contoso: Company, receiver: Receiver
) -> None:
    alice = contoso.administrator
    alice.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    alice.open("/checklist")
    alice.page.get_by_role("link", name="Webhooks").click()
    alice.sees("No webhooks yet")
    alice.button("New webhook").click()
    alice.page.get_by_label("Address", exact=True).fill(receiver.url)
    alice.button("Register").click()
    secret = alice.page.get_by_label("Secret", exact=True).input_value()
    alice.button("Copy").click()
    alice.sees("The secret is in the clipboard.")
    copied = alice.page.evaluate("navigator.clipboard.readText()")
    alice.button("Done").click()
    row = alice.page.get_by_role("listitem").filter(has_text=receiver.url)
    expect(row).to_contain_text("All events")
    expect(alice.page.get_by_text(secret)).to_have_count(0)
    contoso.add("Ben Brown")
    receiver.wait_for(2)
    row.get_by_role("link").click()
    has(newest(alice), "Delivered1 attempt · answered 204")
    expect(newest(alice)).to_contain_text("Added a user")
    expect(newest(alice)).to_contain_text("Ben Brown")
    alice.page.get_by_role("link", name="Webhooks").first.click()
    has(row, "Active")

    assert copied == secret
    assert secret.startswith("whsec_")
    assert [message.json["type"] for message in receiver.messages] == [
        "webhook.created",
        "user.created",
    ]


def test_a_webhook_is_edited_disabled_replayed_and_removed(
    contoso: Company, receiver: Receiver
) -> None:
    alice = contoso.administrator
    alice.open(contoso.tell(receiver.url, "USER_REMOVED"))
    alice.button("Edit").click()
    alice.page.get_by_role("checkbox", name="Deleted a user").uncheck()
    alice.page.get_by_role("checkbox", name="Added a user").check()
    alice.button("Save").click()
    alice.sees("The webhook was saved.")
    has(fact(alice, "Events"), "Added a user")
    receiver.answers = [503] * 9
    contoso.add("Cy Cole")
    receiver.wait_for(1)
    alice.page.reload()
    has(newest(alice), "The receiver answered 503.")
    has(fact(alice, "Status"), "Failing")
    alice.button("Disable").click()
    answer_yes(alice, "Disable")
    has(fact(alice, "Status"), "by Alice Archer")
    has(newest(alice), "Given up")
    expect(newest(alice).get_by_role("button")).to_have_accessible_description(
        "The webhook is disabled. Enable it first."
    )
    receiver.answers.clear()
    tried = len(receiver.messages)
    alice.button("Enable").click()
    has(fact(alice, "Status"), "Active")
    alice.button("Send 1 given up again").click()
    answer_yes(alice, "Send again")
    receiver.wait_for(tried + 1)
    has(newest(alice), "Delivered")
    alice.button("New secret").click()
    alice.sees(re.compile("For 24 hours messages are signed with the old one too"))
    answer_yes(alice, "Make a new secret")
    expect(alice.page.get_by_label("Secret", exact=True)).to_have_value(re.compile("^whsec_"))
    alice.button("Done").click()
    newest(alice).get_by_role("button").click()
    alice.sees("1 delivery waits to be sent again.")
    *_, last = receiver.wait_for(tried + 2)
    has(newest(alice), "Delivered")
    alice.button("Remove").click()
    answer_yes(alice, "Remove")
    alice.sees("No webhooks yet")

    assert len(set(ids(receiver))) == 1
    assert len(last.headers["webhook-signature"].split()) == 2


def test_deliveries_have_pages_and_outcomes(contoso: Company) -> None:
    alice = contoso.administrator
    path = contoso.tell(URL, "USER_CREATED")
    contoso.add_many(51)
    alice.open(path)
    rows = alice.page.locator(".deliveries > li")
    expect(rows).to_have_count(50)
    expect(newest(alice)).to_contain_text("User050 Family050")
    alice.button("Next").click()
    expect(rows).to_have_count(1)
    expect(newest(alice)).to_contain_text("User000 Family000")
    alice.page.get_by_label("Outcome").select_option("Delivered")
    alice.sees("No delivery has this outcome")
    alice.page.go_back()

    expect(rows).to_have_count(1)


def test_problems_stand_at_their_fields(contoso: Company) -> None:
    alice = contoso.administrator
    alice.open("/webhooks")
    alice.button("New webhook").click()
    address = alice.page.get_by_label("Address", exact=True)
    address.fill("http://receiver.example")
    alice.button("Register").click()
    expect(address).to_have_attribute("aria-invalid", "true")
    expect(address).to_be_focused()
    expect(address).to_have_accessible_description(re.compile("must begin with https://"))
    address.fill(URL)
    alice.page.get_by_role("radio", name=re.compile("^Only these")).check()
    alice.button("Register").click()
    events = alice.page.get_by_role("group", name="Which events?")

    expect(events).to_have_accessible_description("Choose at least one event.")


def test_a_webhook_is_registered_edited_and_removed_without_a_mouse(contoso: Company) -> None:
    alice = contoso.administrator
    keys = alice.page.keyboard

    def press(button: Locator) -> None:
        tab_to(alice, button)
        keys.press("Enter")

    dialog = alice.page.get_by_role("dialog")
    alice.open("/webhooks")
    press(alice.button("New webhook"))
    tab_to(alice, alice.page.get_by_label("Address", exact=True))
    keys.type(URL)
    keys.press("Tab")
    keys.press("ArrowDown")  # to "Only these"
    tab_to(alice, alice.page.get_by_role("checkbox", name="Deleted a user"))
    keys.press("Space")
    press(alice.button("Register"))
    secret = alice.page.get_by_label("Secret", exact=True)
    expect(secret).to_be_visible()
    keys.press("Escape")  # what is shown once does not go by a slip
    expect(secret).to_be_visible()
    press(alice.button("Done"))
    expect(alice.button("New webhook")).to_be_focused()
    press(alice.page.get_by_role("link", name=URL))
    expect(alice.page.get_by_role("heading", name="receiver.example")).to_be_focused()
    press(alice.button("Disable"))
    press(dialog.get_by_role("button", name="Disable"))
    expect(alice.button("Enable")).to_be_focused()
    press(alice.button("Remove"))
    press(dialog.get_by_role("button", name="Remove"))
    alice.sees("No webhooks yet")

    expect(alice.page.get_by_role("heading", name="Webhooks", exact=True)).to_be_focused()


def test_who_administers_nothing_neither_finds_nor_sees_webhooks(
    contoso: Company, person: Callable[..., Reader]
) -> None:
    path = contoso.tell(URL, "USER_REMOVED")
    user = contoso.add("Bob Baker")
    bob = person(user["address"])
    contoso.associate(user, bob)
    bob.open("/webhooks")
    bob.sees("Not for you to see")
    expect(bob.page.get_by_role("link", name="Webhooks")).to_have_count(0)
    expect(bob.button("New webhook")).to_have_count(0)
    bob.open(path)

    bob.sees("This webhook is not there")


def test_it_speaks_german(contoso: Company, person: Callable[..., Reader]) -> None:
    contoso.tell(URL, "USER_REMOVED")
    anna = person(contoso.administrator.account, locale="de-DE")
    anna.sign_in("/webhooks")
    anna.sees("Benutzer gelöscht")
    anna.page.get_by_role("link", name=URL).click()
    anna.sees("Noch nichts zugestellt")

    expect(anna.button("Neues Geheimnis")).to_be_visible()


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_all_of_it_fits_and_axe_finds_nothing_in_it(
    contoso: Company, receiver: Receiver, width: int, scheme: Literal["light", "dark"]
) -> None:
    alice = contoso.administrator
    page = alice.page
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    receiver.answers = [503] * 9
    path = contoso.tell(f"{receiver.url}?{'rather-long' * 12}")
    receiver.wait_for(1)
    alice.open("/webhooks")
    alice.sees("The receiver answered 503.")
    seen = [problems_in(alice)]
    alice.button("New webhook").click()
    page.get_by_role("radio", name=re.compile("^Only these")).check()
    alice.button("Register").click()
    alice.sees("Choose at least one event.")
    seen.append(problems_in(alice))
    alice.open(path)
    alice.sees("Registered a webhook")
    seen.append(problems_in(alice))

    assert seen == [[], [], []]
