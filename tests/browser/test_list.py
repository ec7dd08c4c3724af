"""The list: 50 users by two requests, search, filters, order, paging, and what buttons say."""

import gzip
import re
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Response, expect

from tests.browser.companies import Company
from tests.browser.readers import Reader

JAVASCRIPT_BUDGET = 60_000


def names(reader: Reader) -> list[str]:
    """The users shown, in their order."""
    return reader.page.locator("table.users tbody .name").all_inner_texts()


def parameters(reader: Reader) -> dict[str, str]:
    """What the address bar holds."""
    return {name: value for name, (value,) in parse_qs(urlsplit(reader.page.url).query).items()}


def test_fifty_users_take_two_requests_and_little_script(contoso: Company) -> None:
    alice = contoso.administrator
    contoso.add_many(60)
    scripts: list[Response] = []
    alice.page.on(
        "response",
        lambda response: scripts.append(response) if response.url.endswith(".js") else None,
    )
    alice.operations.clear()
    alice.open("/users")
    expect(alice.page.locator("table.users tbody tr")).to_have_count(50)
    alice.page.wait_for_timeout(500)
    sizes = [len(gzip.compress(script.body())) for script in scripts]

    assert alice.operations == ["Viewer", "UsersPage"]
    assert 0 < sum(sizes) < JAVASCRIPT_BUDGET
    assert {script.headers["content-encoding"] for script in scripts} == {"gzip"}
    assert all("immutable" in script.headers["cache-control"] for script in scripts)


def test_paging_keeps_its_place_in_the_address(contoso: Company) -> None:
    alice = contoso.administrator
    contoso.add_many(60)
    alice.open("/users")
    first = alice.page.get_by_text("User000 Family000")
    expect(first).to_be_visible()
    alice.button("Next").click()
    expect(alice.page.get_by_text("User059 Family059")).to_be_visible()
    second_page = names(alice)
    address = alice.page.url
    alice.page.reload()
    expect(alice.page.get_by_text("User059 Family059")).to_be_visible()
    assert names(alice) == second_page
    assert len(second_page) == 11
    alice.page.go_back()
    expect(first).to_be_visible()
    alice.page.goto(address)
    alice.button("Previous").click()
    expect(first).to_be_visible()

    assert len(names(alice)) == 50


def test_searching_as_one_types(contoso: Company) -> None:
    alice = contoso.administrator
    contoso.add("Ben Brown")
    contoso.add("Carla Castro")
    alice.open("/users")
    alice.page.get_by_role("searchbox").press_sequentially("cas car")
    expect(alice.page.locator("table.users tbody tr")).to_have_count(1)
    assert names(alice) == ["Carla Castro"]
    assert parameters(alice) == {"search": "cas car"}
    alice.page.get_by_role("searchbox").fill("nobody at all")
    alice.sees("No user matches")
    alice.button("Clear filters").click()

    expect(alice.page.locator("table.users tbody tr")).to_have_count(3)
    expect(alice.page.get_by_role("searchbox")).to_have_value("")


def test_filters_and_order(contoso: Company) -> None:
    alice = contoso.administrator
    contoso.add("Ben Brown", role="commerce-services/order-processor")
    user = contoso.add("Carla Castro")
    contoso.invite(user)
    alice.open("/users")
    alice.page.get_by_label("Order").select_option("newest")
    expect(alice.page.locator("table.users tbody tr").first).to_contain_text("Carla Castro")
    alice.page.get_by_label("Status").select_option("Invited")
    expect(alice.page.locator("table.users tbody tr")).to_have_count(1)
    assert names(alice) == ["Carla Castro"]
    alice.page.get_by_label("Status").select_option("Every status")
    alice.page.get_by_label("Role").select_option("Order processor")
    expect(alice.page.locator("table.users tbody tr")).to_have_count(1)
    expect(alice.row("Ben Brown")).to_be_visible()
    alice.page.get_by_label("Role").select_option("All roles")
    alice.page.get_by_label("Service").select_option("Commerce Services")
    expect(alice.page.locator("table.users tbody tr")).to_have_count(3)

    assert {"order": "newest"}.items() <= parameters(alice).items()


def test_buttons_are_enabled_by_what_is_checked_and_say_why_they_are_not(contoso: Company) -> None:
    """Rules 16 and 18."""
    alice = contoso.administrator
    contoso.add("Ben Brown")
    alice.open("/users")
    buttons = ("New", "Edit", "Delete", "Send invitation")

    def enabled() -> list[str]:
        return [
            name for name in buttons if alice.button(name).get_attribute("aria-disabled") is None
        ]

    alice.row("Ben Brown").wait_for()
    seen = [enabled()]
    expect(alice.button("Edit")).to_have_accessible_description(
        "Select the check box of exactly one user."
    )
    alice.check("Ben Brown")
    seen.append(enabled())
    alice.page.get_by_role("checkbox", name="Select all users on this page").check()
    alice.sees("2 selected")
    seen.append(enabled())
    alice.button("Edit").click(force=True)  # aria-disabled, which Playwright would wait for
    alice.page.get_by_role("checkbox", name="Select all users on this page").uncheck()
    seen.append(enabled())

    assert seen == [
        ["New"],
        ["New", "Edit", "Delete", "Send invitation"],
        ["New", "Delete", "Send invitation"],
        ["New"],
    ]
    expect(alice.page.get_by_role("status").filter(has_text="exactly one user")).to_be_visible()


def test_the_new_user_is_at_hand_for_the_invitation(contoso: Company) -> None:
    """Step 7 of the document's first procedure, in a list of several pages."""
    alice = contoso.administrator
    contoso.add_many(55)
    alice.open("/users?new=1")
    alice.page.get_by_label("First name").fill("Zoe")
    alice.page.get_by_label("Last name").fill("Zimmer")
    alice.page.get_by_label("Microsoft account").fill(f"zoe@{contoso.domain}")
    alice.page.get_by_label("Primary e-mail address").fill(f"zoe@{contoso.domain}")
    alice.button("Add all").click()
    alice.button("Save").click()
    alice.check("Zoe Zimmer")
    alice.button("Send invitation").click()
    alice.sees("Invitation sent.")

    expect(alice.row("Zoe Zimmer")).to_contain_text(re.compile("Sent now|Sent .* ago"))
