"""Where the reader is: what a page is called, where it begins, and where one comes back to."""

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.companies import Company
from tests.browser.readers import Reader

BOTTOM = "window.scrollTo(0, document.documentElement.scrollHeight)"
WIDTHS = (390, 1280)


def link_of(reader: Reader, name: str) -> Locator:
    """What opens a user's form in the list."""
    return reader.page.get_by_role("link", name=name, exact=True)


def begins_at_its_top(reader: Reader, heading: str) -> None:
    """Wait for a page whose heading has the focus and can be seen."""
    title = reader.page.get_by_role("heading", name=heading, exact=True)
    expect(title).to_be_focused()
    expect(title).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_form_begins_at_its_top_and_the_list_goes_on_at_its_user(
    contoso: Company, width: int
) -> None:
    """By Cancel, by Save and by the browser's own way back."""
    alice = contoso.administrator
    contoso.add_many(30)
    alice.page.set_viewport_size({"width": width, "height": 800})
    alice.open("/users")
    link = link_of(alice, "User020 Family020")

    def edit() -> None:
        link.click()
        begins_at_its_top(alice, "User020 Family020")
        alice.page.evaluate(BOTTOM)

    def is_back() -> None:
        begins = alice.page.get_by_role("heading", name="User management")
        expect(begins).to_be_visible()
        expect(link).to_be_in_viewport(ratio=1)
        expect(link).to_be_focused()

    edit()
    alice.button("Cancel").click()
    is_back()
    edit()
    alice.page.get_by_label("Primary e-mail address").fill(f"twenty@{contoso.domain}")
    alice.page.evaluate(BOTTOM)
    alice.button("Save").click()
    is_back()
    edit()
    alice.page.go_back()

    is_back()


@pytest.mark.parametrize("width", WIDTHS)
def test_the_list_shows_whom_one_has_added(contoso: Company, width: int) -> None:
    alice = contoso.administrator
    contoso.add_many(30)
    alice.page.set_viewport_size({"width": width, "height": 800})
    alice.open("/users")
    link_of(alice, "User029 Family029").scroll_into_view_if_needed()
    alice.button("New").click()
    begins_at_its_top(alice, "New user")
    for label, text in (
        ("First name", "Kim"),
        ("Last name", "Keys"),
        ("Microsoft account", f"kim@{contoso.domain}"),
        ("Primary e-mail address", f"kim@{contoso.domain}"),
    ):
        alice.page.get_by_label(label).fill(text)
    alice.option("Available roles", "Viewer").dblclick()
    alice.page.evaluate(BOTTOM)
    alice.button("Save").click()
    alice.sees("Kim Keys was added.")

    begins_at_its_top(alice, "User management")
    expect(link_of(alice, "Kim Keys")).to_be_in_viewport(ratio=1)


def test_another_page_of_the_list_begins_at_its_top(contoso: Company) -> None:
    """Choosing another order, however, moves nothing."""
    alice = contoso.administrator
    contoso.add_many(60)
    alice.open("/users")
    alice.button("Next").click()
    expect(link_of(alice, "User059 Family059")).to_be_visible()
    assert alice.page.evaluate("scrollY") == 0
    alice.page.evaluate("window.scrollTo(0, 60)")
    alice.page.get_by_label("Order").select_option("Newest first")
    expect(alice.page.locator("table.users tbody tr")).to_have_count(50)

    assert alice.page.evaluate("scrollY") == 60


def test_the_tab_is_called_what_the_page_is(contoso: Company) -> None:
    alice = contoso.administrator
    user = contoso.add("Ben Brown")
    for path, title in (
        ("/users?new=1", "New user"),
        (f"/users?edit={user['id']}", "Edit user"),
        ("/users?order=newest", "User management"),
        ("/audit", "Audit"),
    ):
        alice.open(path)
        expect(alice.page).to_have_title(f"{title} · Customer Portal")
    alice.open("/users")
    alice.button("New").click()
    expect(alice.page).to_have_title("New user · Customer Portal")
    alice.button("Cancel").click()

    expect(alice.page).to_have_title("User management · Customer Portal")
