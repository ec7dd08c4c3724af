"""Many rows at once: each has its own result."""

import re

from playwright.sync_api import expect

from tests.browser.companies import Company


def test_forty_invitations_with_three_refused_say_which_and_why(contoso: Company) -> None:
    """Rules 28 and 31; the refused ones can be tried again."""
    alice = contoso.administrator
    contoso.add_many(37)
    without_roles = [contoso.add(f"Zed Nobody{index}") for index in range(3)]
    viewer = contoso.roles["commerce-services/viewer"]
    for user in without_roles:
        contoso.edit(user, roles={"remove": [viewer]})
    alice.open("/users?status=NOT_INVITED")
    alice.page.get_by_role("checkbox", name="Select all users on this page").check()
    alice.sees("40 selected")
    alice.button("Send invitation").click()
    alice.sees("3 invitations were not sent")
    dialog = alice.page.get_by_role("dialog")
    expect(dialog).to_contain_text("37 invitations sent.")
    rows = dialog.get_by_role("listitem")
    expect(rows).to_have_count(3)
    expect(rows.first).to_contain_text("Zed Nobody0")
    expect(rows.first).to_contain_text("role")
    first = without_roles[0]
    contoso.edit({**first, "version": first["version"] + 1}, roles={"add": [viewer]})
    alice.button("Try these 3 again").click()
    alice.sees("2 invitations were not sent")
    alice.button("Close").click()

    expect(dialog).to_have_count(0)


def test_deleting_many_leaves_out_those_who_hold_roles(contoso: Company) -> None:
    """Rules 38 and 40."""
    alice = contoso.administrator
    viewer = contoso.roles["commerce-services/viewer"]
    for name in ("Ben Brown", "Carla Castro"):
        user = contoso.add(name)
        contoso.edit(user, roles={"remove": [viewer]})
    contoso.add("Dora Diaz")
    alice.open("/users")
    for name in ("Ben Brown", "Carla Castro", "Dora Diaz"):
        alice.check(name)
    alice.button("Delete").click()
    alice.sees("Delete these 2 profiles?")
    alice.sees(re.compile("This profile can.t be deleted yet"))
    alice.button("Delete 2 profiles").click()
    alice.sees("2 profiles were deleted.")
    alice.button("Edit roles of Dora Diaz").click()

    expect(alice.page.get_by_role("heading", name="Dora Diaz")).to_be_visible()
    alice.page.get_by_role("link", name="User management").first.click()
    expect(alice.page.locator("table.users tbody tr")).to_have_count(2)
