"""Everything with the keyboard alone."""

from playwright.sync_api import Locator, expect

from tests.browser.companies import Company
from tests.browser.readers import Reader

MOST_TABS = 60


def tab_to(reader: Reader, target: Locator) -> None:
    """Press Tab until the target has the focus."""
    target.wait_for()
    for _ in range(MOST_TABS):
        if target.evaluate("element => element === document.activeElement"):
            return
        reader.page.keyboard.press("Tab")
    message = f"{target} is out of the keyboard's reach"
    raise AssertionError(message)


def test_a_user_is_added_and_invited_without_a_mouse(contoso: Company) -> None:
    alice = contoso.administrator
    keys = alice.page.keyboard
    alice.open("/checklist")
    tab_to(alice, alice.page.get_by_role("link", name="Set up users"))
    keys.press("Enter")
    expect(alice.page.get_by_role("heading", name="User management")).to_be_focused()
    tab_to(alice, alice.button("New"))
    keys.press("Enter")
    expect(alice.page.get_by_role("heading", name="New user")).to_be_focused()
    for label, text in (
        ("First name", "Kim"),
        ("Last name", "Keys"),
        ("Microsoft account", f"kim@{contoso.domain}"),
        ("Primary e-mail address", f"kim@{contoso.domain}"),
    ):
        tab_to(alice, alice.page.get_by_label(label))
        keys.type(text)
    tab_to(alice, alice.page.get_by_role("listbox", name="Available roles"))
    keys.press("ArrowDown")
    keys.press("Space")
    tab_to(alice, alice.button("Add"))
    keys.press("Enter")
    expect(alice.option("Selected roles", "Catalog manager")).to_be_visible()
    tab_to(alice, alice.button("Save"))
    keys.press("Enter")
    alice.sees("Kim Keys was added.")
    tab_to(alice, alice.page.get_by_role("checkbox", name="Select Kim Keys"))
    keys.press("Space")
    keys.press("Shift+Tab")
    alice.page.get_by_role("heading", name="User management").focus()
    tab_to(alice, alice.button("Send invitation"))
    keys.press("Enter")

    alice.sees("Invitation sent.")


def test_the_lists_of_roles_follow_the_authoring_practices(contoso: Company) -> None:
    """ARIA Authoring Practices, Listbox Pattern: keyboard interaction and selection."""
    alice = contoso.administrator
    keys = alice.page.keyboard
    alice.open("/users?new=1")
    available = alice.page.get_by_role("listbox", name="Available roles")
    tab_to(alice, available)

    def active() -> str:
        id_ = available.get_attribute("aria-activedescendant")
        return alice.page.locator(f"[id='{id_}-name']").inner_text()

    def chosen() -> list[str]:
        options = available.locator("[aria-selected=true] [id$=-name]")
        return options.all_inner_texts()

    seen = [active()]
    for key in ("End", "Home", "ArrowDown", "v", "ArrowUp"):
        keys.press(key)
        seen.append(active())
    assert seen == [
        "Service administrator",
        "Viewer",
        "Service administrator",
        "Catalog manager",
        "Viewer",
        "Order processor",
    ]
    keys.press("Space")
    keys.press("Shift+ArrowDown")
    assert chosen() == ["Order processor", "Viewer"]
    keys.press("Control+a")
    assert len(chosen()) == 4
    keys.press("Control+a")
    assert chosen() == []
    keys.press("Enter")
    expect(alice.option("Selected roles", "Viewer")).to_be_visible()
    keys.press("Control+a")
    keys.press("Alt+ArrowRight")
    expect(available.get_by_role("option")).to_have_count(0)
    tab_to(alice, alice.page.get_by_role("listbox", name="Selected roles"))
    keys.press("Alt+ArrowLeft")

    expect(alice.option("Available roles", "Service administrator")).to_be_visible()


def test_dialogs_keep_the_focus_and_give_it_back(contoso: Company) -> None:
    alice = contoso.administrator
    contoso.add("Ben Brown")
    alice.open("/users")
    alice.check("Ben Brown")
    alice.button("Delete").focus()
    alice.page.keyboard.press("Enter")
    dialog = alice.page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    for _ in range(8):
        alice.page.keyboard.press("Tab")
        outside = alice.page.evaluate(
            "document.activeElement !== document.body && "
            "!document.querySelector('dialog').contains(document.activeElement)"
        )
        assert not outside
    alice.page.keyboard.press("Escape")

    expect(dialog).to_have_count(0)
    expect(alice.button("Delete")).to_be_focused()
