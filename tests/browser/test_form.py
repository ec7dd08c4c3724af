"""The form: problems at their fields, stale edits, questions before something is lost."""

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.companies import INVITE, Company
from tests.browser.readers import Reader

DELIVERY = "query ($id: ID!) { user(id: $id) { invitation { deliveryDetail } } }"


def open_form(reader: Reader, name: str) -> None:
    """Select a user's check box and click Edit."""
    reader.open("/users")
    reader.check(name)
    reader.button("Edit").click()
    expect(reader.page.get_by_role("heading", name=name)).to_be_visible()


def test_all_problems_appear_at_their_fields_at_once(contoso: Company) -> None:
    """Rules 19, 20 and 22; the summary leads to each field."""
    alice = contoso.administrator
    user = contoso.add("Ben Brown")
    alice.open("/users?new=1")
    alice.page.get_by_label("Last name").fill("Miller")
    alice.page.get_by_label("Microsoft account").fill(user["address"].upper())
    alice.page.get_by_label("Primary e-mail address").fill("nobody")
    alice.button("Save").click()
    alice.sees("Not saved: 4 problems")
    invalid = alice.page.locator("[aria-invalid=true]")
    names = [invalid.nth(index).get_attribute("name") for index in range(invalid.count())]
    alice.page.get_by_role("button", name=re.compile("First name")).click()

    assert names == ["firstName", "microsoftAccount", "primaryEmailAddress"]
    expect(alice.page.get_by_label("First name")).to_be_focused()
    expect(alice.page.locator("#roles-problem")).to_contain_text("Select at least one role.")


def test_a_stale_edit_offers_what_changed_and_keeps_both(contoso: Company) -> None:
    """Rule 34."""
    alice = contoso.administrator
    user = contoso.add("Ben Brown")
    open_form(alice, "Ben Brown")
    contoso.edit(user, lastName="Black", roles={"add": [contoso.roles["commerce-services/viewer"]]})
    alice.page.get_by_label("First name").fill("Benjamin")
    alice.button("Save").click()
    alice.sees("Someone else saved this user meanwhile")
    expect(alice.page.get_by_role("row", name="Last name")).to_contain_text("Black")
    alice.button("Keep my changes, take the rest").click()
    expect(alice.page.get_by_label("Last name")).to_have_value("Black")
    alice.button("Save").click()

    alice.sees("Benjamin Black was saved.")


def test_a_stale_edit_can_be_given_up(contoso: Company) -> None:
    """Rule 34."""
    alice = contoso.administrator
    user = contoso.add("Ben Brown")
    open_form(alice, "Ben Brown")
    contoso.edit(user, firstName="Bernd")
    alice.page.get_by_label("First name").fill("Benjamin")
    alice.button("Save").click()
    alice.button("Discard my changes").click()

    expect(alice.page.get_by_label("First name")).to_have_value("Bernd")
    expect(alice.button("Save")).to_have_attribute("aria-disabled", "true")


def test_giving_up_ones_own_administrator_role_asks(
    contoso: Company, person: Callable[..., Reader]
) -> None:
    """Rules 35 to 37: refused while nobody else administers, asked for once someone does."""
    alice = contoso.administrator
    open_form(alice, "Alice Archer")
    alice.button("Remove all").click()
    alice.button("Save").click()
    alice.sees(re.compile("would be left without an administrator"))
    user = contoso.add("Bob Baker", role="commerce-services/service-administrator")
    contoso.associate(user, person(user["address"]))
    alice.button("Save").click()
    alice.button("Keep it").click()
    expect(alice.page.get_by_role("dialog")).to_have_count(0)
    alice.button("Save").click()
    alice.button("Give it up").click()
    alice.sees("Alice Archer was saved.")

    expect(alice.button("New")).to_have_attribute("aria-disabled", "true")
    expect(alice.button("New")).to_have_accessible_description(
        "Only a service administrator adds users and maintains their roles."
    )


def test_leaving_with_unsaved_changes_asks(contoso: Company) -> None:
    alice = contoso.administrator
    contoso.add("Ben Brown")
    open_form(alice, "Ben Brown")
    alice.page.get_by_label("First name").fill("Benjamin")
    alice.page.get_by_role("link", name="Configuration checklist").click()
    alice.button("Stay here").click()
    expect(alice.page.get_by_label("First name")).to_have_value("Benjamin")
    alice.page.go_back()
    alice.button("Stay here").click()
    expect(alice.page.get_by_label("First name")).to_have_value("Benjamin")
    alice.page.go_back()
    alice.button("Leave").click()

    expect(alice.page.get_by_role("heading", name="User management")).to_be_visible()
    expect(alice.row("Ben Brown")).to_be_visible()


def test_roles_of_a_service_that_one_does_not_administer_stay(
    contoso: Company, person: Callable[..., Reader]
) -> None:
    """Rule 4: neither a single nor a double arrow moves them; rule 39: nor can one delete."""
    alice = contoso.administrator
    contoso.signed_up_by_a_colleague("sites-services", person)
    open_form(alice, "Bob Baker")
    locked = alice.option("Selected roles", "Sites Administrators")
    expect(locked).to_have_attribute("aria-disabled", "true")
    expect(locked).to_have_accessible_description(re.compile("You don.t administer this service"))
    locked.click(force=True)  # aria-disabled, which Playwright would wait for
    expect(alice.button("Remove")).to_have_attribute("aria-disabled", "true")
    alice.button("Remove all").click()
    alice.button("Save").click()
    alice.sees("Bob Baker was saved.")
    alice.check("Bob Baker")
    alice.button("Delete").click()

    alice.sees(
        "Still holds Sites Administrators (Sites Services). "
        "An administrator of Sites Services has to remove the roles of that service."
    )
    expect(alice.button("Edit roles of Bob Baker")).to_have_count(0)


def test_roles_of_a_service_that_is_not_available_any_more_say_so(contoso: Company) -> None:
    """Rules 11 and 12: also to its own administrator, and where its roles are missing."""
    alice = contoso.administrator
    contoso.sign_up("sites-services", by=alice)
    contoso.installs("AX_2012_R3")
    why = "Commerce Services is not available if Microsoft Dynamics AX 2012 R3 is installed."
    open_form(alice, "Alice Archer")
    held = alice.option("Selected roles", "Service administrator")
    expect(held).to_have_attribute("aria-disabled", "true")
    expect(held).to_have_accessible_description(why)
    alice.open("/users?new=1")

    alice.sees(re.compile(f"The roles of Commerce Services can.t be changed now. {why}"))
    expect(alice.option("Available roles", "Sites Users")).to_be_visible()


def test_roles_of_a_deactivated_service_say_so(contoso: Company) -> None:
    """Rule 14; who holds one of them can't be deleted meanwhile."""
    alice = contoso.administrator
    contoso.add("Ben Brown")
    contoso.sign_up("sites-services", by=alice)
    contoso.deactivate("commerce-services")
    why = "This service is deactivated for your organization."
    open_form(alice, "Ben Brown")
    expect(alice.option("Selected roles", "Viewer")).to_have_accessible_description(why)
    alice.sees(re.compile(f"The roles of Commerce Services can.t be changed now. {why}"))
    alice.button("Cancel").click()
    alice.check("Ben Brown")
    alice.button("Delete").click()

    alice.sees("Still holds Viewer (Commerce Services). The roles of Commerce Services")
    expect(alice.button("Edit roles of Ben Brown")).to_have_count(0)


def test_arrows_move_the_chosen_role_or_all_both_ways(contoso: Company) -> None:
    """Rules 17 and 23; nothing is stored before Save (rule 21)."""
    alice = contoso.administrator
    contoso.add("Ben Brown")
    open_form(alice, "Ben Brown")
    available = alice.page.get_by_role("listbox", name="Available roles").get_by_role("option")
    selected = alice.page.get_by_role("listbox", name="Selected roles").get_by_role("option")
    counts = [(available.count(), selected.count())]
    alice.option("Available roles", "Order processor").click()
    alice.button("Add").click()
    counts.append((available.count(), selected.count()))
    alice.button("Add all").click()
    counts.append((available.count(), selected.count()))
    alice.option("Selected roles", "Viewer").click()
    alice.button("Remove").click()
    counts.append((available.count(), selected.count()))
    alice.button("Remove all").click()
    counts.append((available.count(), selected.count()))
    alice.option("Available roles", "Catalog manager").dblclick()
    counts.append((available.count(), selected.count()))
    alice.sees("1 role will be added and 1 role will be removed when you save.")
    alice.page.reload()

    assert counts == [(3, 1), (2, 2), (0, 4), (1, 3), (4, 0), (3, 1)]
    expect(alice.option("Selected roles", "Viewer")).to_be_visible()


def test_moved_roles_of_one_name_are_told_apart(contoso: Company) -> None:
    """For those who hear it; where a name says enough, the service isn't told."""
    alice = contoso.administrator
    contoso.sign_up("payment-services", by=alice)
    contoso.add("Ben Brown")
    open_form(alice, "Ben Brown")
    said = alice.page.get_by_role("status")
    alice.button("Remove all").click()
    expect(said.filter(has_text="Viewer removed from the selected roles.")).to_have_count(1)
    alice.page.get_by_role("listbox", name="Available roles").get_by_role(
        "option", name="Service administrator", exact=True
    ).first.dblclick()

    expect(
        said.filter(
            has_text="Service administrator (Commerce Services) added to the selected roles."
        )
    ).to_have_count(1)


def test_an_open_invitation_is_withdrawn_in_the_form(
    contoso: Company, person: Callable[..., Reader]
) -> None:
    """Rule 29."""
    alice = contoso.administrator
    user = contoso.add("Ben Brown")
    link = contoso.invite(user)
    open_form(alice, "Ben Brown")
    alice.button("Withdraw invitation").click()
    alice.page.get_by_role("dialog").get_by_role("button", name="Withdraw invitation").click()
    alice.sees("The invitation was withdrawn.")
    ben = person(user["address"])
    ben.follow(link)

    ben.sees(re.compile("This invitation can.t be used"))


def test_the_form_says_why_a_mail_still_waits(contoso: Company) -> None:
    alice = contoso.administrator
    user = contoso.add("Ben Brown")
    server = alice.gateway.mailbox.server
    refused = "451 4.3.2 The mailbox is locked"

    async def refuse(recipient: str) -> str | None:
        return refused if user["address"] in recipient else None

    server.at["RCPT"] = refuse
    alice.ask(INVITE, input={"userIds": [user["id"]]})
    for _ in range(100):
        if alice.ask(DELIVERY, id=user["id"])["user"]["invitation"]["deliveryDetail"]:
            break
        alice.page.wait_for_timeout(100)
    del server.at["RCPT"]
    open_form(alice, "Ben Brown")

    alice.sees("Invited · Waiting to be sent")
    alice.sees(re.compile("The mailbox is locked"))


def test_a_telephone_is_told_of_no_keys(contoso: Company, person: Callable[..., Reader]) -> None:
    alice = contoso.administrator
    alice.open("/users?new=1")
    expect(alice.page.get_by_text("a double click moves it")).to_be_visible()
    there = person(alice.account, has_touch=True, is_mobile=True)
    there.sign_in("/users?new=1")
    there.sees("Selected roles")

    expect(there.page.get_by_text("a double click moves it")).to_be_hidden()
