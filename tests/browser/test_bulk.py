"""Many rows at once: each has its own result."""

import re

from playwright.sync_api import expect

from tests.browser.companies import INVITE, Company

MAILS_PER_HOUR = 60
"""To one recipient, as `recipient_mail_rate` of the settings has it."""


def test_forty_invitations_with_three_refused_say_which_and_why(contoso: Company) -> None:
    """Rules 28 and 31; trying again could not help before they have roles."""
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
    expect(rows.first).to_contain_text("Give this user a role first")
    expect(dialog.get_by_role("button", name=re.compile("again"))).to_have_count(0)
    alice.button("Edit roles of Zed Nobody1").click()

    expect(alice.page.get_by_role("heading", name="Zed Nobody1")).to_be_visible()


def test_what_was_refused_for_now_can_be_tried_again(contoso: Company) -> None:
    """The limit of mails to one recipient; what else is refused would be refused again."""
    alice = contoso.administrator
    user = contoso.add("Ben Brown")
    for _ in range(MAILS_PER_HOUR):
        contoso.administrator.ask(INVITE, input={"userIds": [user["id"]]})
    alice.open("/users")
    alice.check("Ben Brown")
    alice.check("Alice Archer")
    alice.button("Send invitation").click()
    alice.sees("2 invitations were not sent")
    alice.sees(re.compile("Too many attempts. Try again in"))
    alice.button("Try this one again").click()

    alice.sees("1 invitation was not sent")
    expect(alice.page.get_by_role("dialog")).not_to_contain_text("associated")


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
