"""The checklist, signing up, a person's own page, the audit trail."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.companies import EDIT, Company, new_company
from tests.browser.readers import Reader


def test_someone_new_signs_an_organization_up(person: Callable[..., Reader]) -> None:
    """Rules 7 and 8."""
    nora = person(name="Nora Newman")
    nora.open("/")
    nora.page.get_by_role("link", name="Sign in with your Microsoft account").click()
    nora.identify()
    nora.sees(f"{nora.account} belongs to no organization yet.")
    nora.button("Sign up: Commerce Services").click()
    dialog = nora.page.get_by_role("dialog")
    expect(dialog.get_by_label("First name")).to_have_value("Nora")
    dialog.get_by_role("button", name="Sign up").click()
    nora.sees("Please fill this in.")
    dialog.get_by_label("Name of the organization").fill("Northwind")
    dialog.get_by_role("button", name="Sign up").click()
    nora.sees("Northwind has signed up for Commerce Services.")
    nora.page.get_by_role("link", name="Set up users").click()

    expect(nora.row("Nora Newman")).to_contain_text("Service administrator")


def test_an_address_is_not_taken_for_a_name(person: Callable[..., Reader]) -> None:
    """Some providers give it in the place of a name that they don't know."""
    nora = person("nora@live.example", name="nora@live.example")
    nora.sign_in("/checklist")
    nora.button("Sign up: Commerce Services").click()
    dialog = nora.page.get_by_role("dialog")

    expect(dialog.get_by_label("First name")).to_have_value("")
    expect(dialog.get_by_label("Primary e-mail address")).to_have_value("nora@live.example")


def test_a_chosen_release_can_be_read_whole(person: Callable[..., Reader]) -> None:
    """A select cuts its text without telling, so the text is measured."""
    nora = person()
    nora.sign_in("/checklist")
    nora.button("Sign up: Commerce Services").click()
    release = nora.page.get_by_role("dialog").get_by_label("Installed release")
    cut = {}
    for width in (320, 390, 1280):
        nora.page.set_viewport_size({"width": width, "height": 900})
        cut[width] = release.evaluate(
            """(select) => {
              const style = getComputedStyle(select)
              const pen = document.createElement('canvas').getContext('2d')
              pen.font = `${style.fontSize} ${style.fontFamily}`
              const padding = parseFloat(style.paddingLeft) + parseFloat(style.paddingRight)
              const texts = [...select.options].map((option) => option.text)
              const room = select.clientWidth - padding
              return texts.filter((text) => pen.measureText(text).width > room)
            }"""
        )

    assert cut == {320: [], 390: [], 1280: []}


def test_the_present_organization_signs_up_for_another_service(contoso: Company) -> None:
    """Rule 9."""
    alice = contoso.administrator
    alice.open("/checklist")
    alice.button("Sign up: Sites Services").click()
    alice.page.get_by_role("dialog").get_by_role("button", name="Sign up").click()
    alice.sees(f"{contoso.name} has signed up for Sites Services.")

    expect(alice.page.get_by_role("region", name="Sites Services")).to_contain_text("Active")


def test_a_subscription_is_deactivated_and_activated_again(contoso: Company) -> None:
    """Rule 14: meanwhile nobody manages its roles, and the list says why."""
    alice = contoso.administrator
    alice.open("/checklist")
    alice.button("Deactivate: Commerce Services").click()
    alice.page.get_by_role("dialog").get_by_role("button", name="Deactivate").click()
    alice.sees("Commerce Services is deactivated.")
    step = alice.page.get_by_role("listitem").filter(has_text="Set up users")
    expect(step).to_contain_text("Activate first")
    alice.page.get_by_role("link", name="User management").click()
    expect(alice.button("New")).to_have_accessible_description(
        "The services that you administer are deactivated."
    )
    alice.page.get_by_role("link", name="Configuration checklist").click()
    alice.button("Activate: Commerce Services").click()
    alice.sees("Commerce Services is active.")
    alice.page.get_by_role("link", name="Set up users").click()

    expect(alice.button("New")).not_to_have_attribute("aria-disabled", "true")


def test_a_service_that_is_not_available_says_why(alice: Reader) -> None:
    """Rules 11 and 12."""
    new_company(alice, productRelease="AX_2012_R3", service="sites-services")
    alice.open("/checklist")
    alice.sees("Sites Services")
    alice.button("Sign up: Commerce Services").click()
    alice.page.get_by_role("dialog").get_by_role("button", name="Sign up").click()

    refusal = alice.page.get_by_role("dialog").get_by_role("alert")
    expect(refusal).to_have_text(
        "Commerce Services is not available if Microsoft Dynamics AX 2012 R3 is installed."
    )
    expect(refusal.locator("svg")).to_be_visible()
    expect(refusal).to_have_css("color", "rgb(179, 38, 30)")


def test_nothing_is_offered_when_nothing_is_left(contoso: Company) -> None:
    alice = contoso.administrator
    for service in contoso.services:
        if service != "commerce-services":
            contoso.sign_up(service, by=alice)
    alice.open("/checklist")
    alice.sees("Your organization has signed up for all services.")

    assert alice.page.get_by_text("Sign up, and you become").count() == 0
    expect(alice.button("Sign up another organization")).to_be_visible()


def test_organizations_are_switched(alice: Reader) -> None:
    first = new_company(alice)
    second = new_company(alice)
    first.add("Ben Brown")
    alice.open(f"/users?organization={first.id}")
    expect(alice.row("Ben Brown")).to_be_visible()
    alice.page.get_by_label("Organization").select_option(second.name)
    expect(alice.row("Ben Brown")).to_have_count(0)
    expect(alice.row("Alice Archer")).to_be_visible()
    alice.page.reload()

    expect(alice.page.get_by_label("Organization")).to_have_value(second.id)
    alice.sees(second.name)


def test_ones_own_page_ends_the_other_sessions(
    contoso: Company, person: Callable[..., Reader]
) -> None:
    """Rule 41: this session, the others, all."""
    alice = contoso.administrator
    elsewhere = person(alice.account)
    elsewhere.sign_in("/checklist")
    alice.open("/me")
    alice.sees("Service administrator")
    alice.button("Sign out the others").click()
    alice.sees("1 other session signed out.")
    elsewhere.page.reload()
    elsewhere.sees("You are signed out")
    elsewhere.provoked = "401 (Unauthorized)"
    alice.button("Sign out everywhere").click()
    alice.page.get_by_role("dialog").get_by_role("button", name="Sign out everywhere").click()
    alice.button("End session").click()

    alice.sees("Welcome to the Customer Portal")


def test_the_audit_trail_shows_who_did_what_and_filters(contoso: Company) -> None:
    """Rule 42."""
    alice = contoso.administrator
    user = contoso.add("Ben Brown")
    contoso.edit(user, lastName="Black")
    alice.open("/audit")
    event = alice.page.get_by_role("listitem").filter(has_text="Edited a user").first
    expect(event).to_contain_text("Alice Archer")
    expect(event).to_contain_text("Black")
    alice.page.get_by_label("What happened").select_option("Added a user")
    expect(alice.page.locator(".event")).to_have_count(1)
    alice.page.reload()
    expect(alice.page.locator(".event")).to_have_count(1)
    alice.page.get_by_label("From", exact=True).fill("2020-01-01")
    alice.page.get_by_label("To", exact=True).fill("2020-01-02")

    alice.sees("Nothing matches the filters")


def test_a_refusal_in_the_audit_trail_is_told_from_a_change(
    contoso: Company, person: Callable[..., Reader]
) -> None:
    """Rule 42: what was asked for has not happened."""
    alice = contoso.administrator
    user = contoso.signed_up_by_a_colleague("payment-services", person)
    asked = {"id": user["id"], "roles": {"add": [contoso.roles["payment-services/auditor"]]}}
    seen = alice.ask("query ($id: ID!) { user(id: $id) { version } }", id=user["id"])["user"]
    alice.ask(EDIT, input={**asked, **seen})
    alice.open("/audit")
    event = alice.page.get_by_role("listitem").filter(has_text="Edited a user").first

    expect(event).to_contain_text("Denied")
    expect(event).to_contain_text("Payment Services")
    expect(event.locator(".changes li")).to_contain_text("Asked for: Roles")
    expect(event.locator("ins")).to_contain_text("payment-services/auditor")


def test_someone_who_administers_nothing_sees_only_themselves(
    contoso: Company, person: Callable[..., Reader]
) -> None:
    """Rules 3 and 6; the checklist says what is not for them, and nothing of administrators."""
    user = contoso.add("Bob Baker")
    bob = person(user["address"])
    contoso.associate(user, bob)
    bob.open("/users")
    expect(bob.page.locator("table.users tbody tr")).to_have_count(1)
    expect(bob.button("New")).to_have_accessible_description(
        "Only a service administrator adds users and maintains their roles."
    )
    expect(bob.page.get_by_role("link", name="Audit")).to_have_count(0)
    contoso.add("Cara Cole")  # not invited yet
    bob.page.get_by_role("link", name="Configuration checklist").click()
    card = bob.page.get_by_role("region", name="Commerce Services")
    expect(card.get_by_role("listitem").filter(has_text="Send invitations")).to_contain_text(
        "Only for this service’s administrators"
    )
    expect(card).not_to_contain_text("Service administrators")
    contoso.administrator.open("/checklist")
    contoso.administrator.sees("Service administrators: Alice Archer")
    bob.open(f"/users?edit={user['id']}")
    bob.sees("There are no roles that you could grant.")
    expect(bob.button("Save")).to_have_accessible_description(
        "Only a service administrator adds users and maintains their roles."
    )
