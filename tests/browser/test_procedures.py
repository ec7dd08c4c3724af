"""The document's procedures, step by step, by the words on its buttons."""

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.companies import Company
from tests.browser.readers import Reader


def open_user_management(reader: Reader) -> None:
    """Steps 1 and 2 of every procedure: the checklist, then Set up users (rule 15)."""
    reader.open("/checklist")
    reader.page.get_by_role("link", name="Set up users").click()
    expect(reader.page.get_by_role("heading", name="User management")).to_be_visible()


def test_a_user_is_added_invited_and_associated(
    contoso: Company, person: Callable[..., Reader]
) -> None:
    """Rules 15 to 17, 19, 21, 24, 25 and 41."""
    alice, mia = contoso.administrator, person(f"mia@{contoso.domain}", name="Mia Meyer")
    open_user_management(alice)
    alice.button("New").click()
    alice.page.get_by_label("First name").fill("Mia")
    alice.page.get_by_label("Last name").fill("Meyer")
    alice.page.get_by_label("Microsoft account").fill(mia.account)
    alice.page.get_by_label("Primary e-mail address").fill(f"mia.meyer@{contoso.domain}")
    alice.option("Available roles", "Catalog manager").click()
    alice.button("Add").click()
    expect(alice.option("Selected roles", "Catalog manager")).to_be_visible()
    alice.button("Save").click()
    alice.check("Mia Meyer")
    alice.button("Send invitation").click()
    alice.sees("Invitation sent.")

    mia.follow(alice.gateway.mailbox.link_for(f"mia.meyer@{contoso.domain}"))
    mia.page.get_by_role("link", name="Sign in with this Microsoft account").click()
    mia.identify()
    mia.button("Complete the association").click()
    mia.sees("Welcome, Mia")
    mia.page.get_by_role("link", name="Go to the Customer Portal").click()
    expect(mia.page.get_by_role("heading", name="Configuration checklist")).to_be_visible()

    alice.page.reload()
    expect(alice.row("Mia Meyer")).to_contain_text("Associated")
    expect(alice.row("Mia Meyer")).to_contain_text("Catalog manager")
    alice.sign_out()
    alice.open("/users")
    alice.sees("Sign in with your Microsoft account")


def test_a_profile_is_edited(contoso: Company) -> None:
    """Rules 18 and 33."""
    alice = contoso.administrator
    user = contoso.add("Ben Brown")
    open_user_management(alice)
    alice.check("Ben Brown")
    alice.button("Edit").click()
    expect(alice.page.get_by_label("Microsoft account")).to_have_value(user["address"])
    expect(alice.page.get_by_label("Microsoft account")).not_to_be_editable()
    alice.sees(re.compile("The Microsoft account can.t be edited"))
    alice.page.get_by_label("First name").fill("Benjamin")
    alice.page.get_by_label("Primary e-mail address").fill(f"benjamin@{contoso.domain}")
    alice.button("Add all").click()
    alice.button("Save").click()
    alice.sees("Benjamin Brown was saved.")

    expect(alice.row("Benjamin Brown")).to_contain_text(f"benjamin@{contoso.domain}")
    expect(alice.row("Benjamin Brown")).to_contain_text("Order processor")
    alice.sign_out()


def test_a_profile_is_deleted_after_its_roles(contoso: Company) -> None:
    """Rule 38: the refusal first, which leads to the form."""
    alice = contoso.administrator
    contoso.add("Carla Castro")
    open_user_management(alice)
    alice.check("Carla Castro")
    alice.button("Delete").click()
    alice.sees(re.compile("This profile can.t be deleted yet"))
    alice.sees("Still holds Viewer (Commerce Services).")
    alice.button("Edit roles of Carla Castro").click()
    alice.button("Remove all").click()
    alice.button("Save").click()
    alice.sees("Carla Castro was saved.")
    expect(alice.row("Carla Castro")).to_contain_text("No roles")
    alice.check("Carla Castro")
    alice.button("Delete").click()
    alice.button("Delete profile").click()
    alice.sees("The profile was deleted.")

    expect(alice.row("Carla Castro")).to_have_count(0)
    alice.sign_out()
