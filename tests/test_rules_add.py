"""The User management page and adding users: rules 15 to 23."""

import json
from typing import Any

import pytest

from models.users import RoleAssignment, User, UserWord
from tests import documents
from tests.people import Gateway, Person
from tests.test_rules_sign_up import codes, problems

ROLE_LISTS = """
query Lists($id: ID!, $service: ID) {
  user(id: $id) {
    selectedRoles(serviceId: $service) { id code service { code } }
    availableRoles(serviceId: $service) { id code service { code } }
    roleAssignments { role { code } grantedBy { id } grantedAt }
  }
}
"""


async def viewer_role(gateway: Gateway) -> dict[str, Any]:
    """A form's roles: the viewer role of Commerce Services."""
    return {"roles": {"add": [await gateway.role("commerce-services/viewer")]}}


def names(roles: list[dict[str, Any]]) -> list[str]:
    """Roles as `service/role`."""
    return [f"{role['service']['code']}/{role['code']}" for role in roles]


async def test_the_configuration_checklist_leads_to_user_management(
    gateway: Gateway, alice: Person, contoso: str
) -> None:
    """Rule 15: by its item `Set up users`."""
    before = (await alice.ask(documents.ORGANIZATION, id=contoso))["organization"]
    await alice.create(contoso, **await viewer_role(gateway))
    after = (await alice.ask(documents.ORGANIZATION, id=contoso))["organization"]

    steps = before["subscriptions"][0]["configurationChecklist"]
    assert [step["code"] for step in steps] == [
        "sign-up",
        "activate-subscription",
        "set-up-users",
        "send-invitations",
    ]
    assert steps[2] == {
        "code": "set-up-users",
        "label": "Set up users",
        "complete": False,
        "available": True,
        "href": "/users",
    }
    assert after["subscriptions"][0]["configurationChecklist"][2]["complete"] is True


async def test_the_checklist_of_a_member_offers_nothing_that_he_may_not_do(
    bob: Person, contoso: str
) -> None:
    """Rule 15."""
    organization = (await bob.ask(documents.ORGANIZATION, id=contoso))["organization"]

    steps = organization["subscriptions"][0]["configurationChecklist"]
    assert {step["code"]: step["available"] for step in steps} == {
        "sign-up": True,
        "activate-subscription": False,
        "set-up-users": False,
        "send-invitations": False,
    }


async def test_every_button_of_the_page_has_its_operation(
    gateway: Gateway, alice: Person, contoso: str
) -> None:
    """Rule 16: New and Save, Edit and Save, Send invitation, Delete, Sign out."""
    new = await alice.create(contoso, **await viewer_role(gateway))
    edited = await alice.edit(new["user"], firstName="Theodora", roles={"set": []})
    sent = await alice.invite(new["user"])
    deleted = await alice.remove(new["user"])
    signed_out = await alice.do(documents.SIGN_OUT)

    assert (new["userErrors"], edited["userErrors"]) == ([], [])
    assert codes(sent["results"][0]) == ["ROLE_REQUIRED"]
    assert deleted["results"] == [{"removedUserId": new["user"]["id"], "userErrors": []}]
    assert signed_out["signedOutSessions"] == 1


async def test_the_single_arrow_moves_the_chosen_role_both_ways(
    gateway: Gateway, alice: Person, bob: Person
) -> None:
    """Rule 17."""
    role = await gateway.role("commerce-services/catalog-manager")

    there = (await alice.edit(bob.user, roles={"add": [role]}))["user"]
    back = (await alice.edit(there, roles={"remove": [role]}))["user"]

    assert names(there["selectedRoles"]) == [
        "commerce-services/catalog-manager",
        "commerce-services/viewer",
    ]
    assert names(back["selectedRoles"]) == ["commerce-services/viewer"]


async def test_the_double_arrow_moves_all_roles_both_ways(
    gateway: Gateway, alice: Person, bob: Person
) -> None:
    """Rule 17: `addAll` adds exactly what is available."""
    service = (await gateway.services())["commerce-services"]["id"]
    lists = (await alice.ask(ROLE_LISTS, id=bob.user["id"]))["user"]

    there = (await alice.edit(bob.user, roles={"addAll": [service]}))["user"]
    back = (await alice.edit(there, roles={"removeAll": [service]}))["user"]

    everything = names(lists["availableRoles"]) + names(lists["selectedRoles"])
    assert sorted(names(there["selectedRoles"])) == sorted(everything)
    assert back["selectedRoles"] == []


async def test_the_double_arrow_goes_with_a_single_one(
    gateway: Gateway, alice: Person, bob: Person
) -> None:
    """Rule 17: all but one, and only one."""
    service = (await gateway.services())["commerce-services"]["id"]
    admin = await gateway.role("commerce-services/service-administrator")
    clerk = await gateway.role("commerce-services/order-processor")

    all_but = (await alice.edit(bob.user, roles={"addAll": [service], "remove": [admin]}))["user"]
    only = (await alice.edit(all_but, roles={"removeAll": [service], "add": [clerk]}))["user"]

    assert names(all_but["selectedRoles"]) == [
        "commerce-services/catalog-manager",
        "commerce-services/order-processor",
        "commerce-services/viewer",
    ]
    assert names(only["selectedRoles"]) == ["commerce-services/order-processor"]


async def test_the_lists_can_be_shown_for_one_service(
    gateway: Gateway, alice: Person, bob: Person, contoso: str
) -> None:
    """Rule 17: under Services and roles."""
    await alice.sign_up("sites-services", organizationId=contoso)
    service = (await gateway.services())["sites-services"]["id"]

    lists = (await alice.ask(ROLE_LISTS, id=bob.user["id"], service=service))["user"]

    assert names(lists["selectedRoles"]) == []
    assert names(lists["availableRoles"]) == [
        "sites-services/service-administrator",
        "sites-services/sites-users",
    ]
    assert lists["roleAssignments"][0]["role"] == {"code": "viewer"}
    assert lists["roleAssignments"][0]["grantedBy"] == {"id": alice.user["id"]}


async def test_edit_takes_one_user_and_the_others_one_or_more(
    gateway: Gateway, alice: Person, contoso: str
) -> None:
    """Rule 18."""
    users = []
    for number in range(3):
        form = {"microsoftAccount": f"u{number}@x.example", **await viewer_role(gateway)}
        users.append((await alice.create(contoso, **form))["user"])

    invited = await alice.invite(*users)
    nobody = [await alice.remove(), await alice.invite()]
    too_many = await alice.invite(*users * 40)

    assert [row["invitation"]["user"]["id"] for row in invited["results"]] == [
        user["id"] for user in users
    ]
    assert [problems(payload) for payload in nobody] == [
        [("REQUIRED", ["users"])],
        [("REQUIRED", ["userIds"])],
    ]
    assert problems(too_many) == [("BATCH_TOO_LARGE", ["userIds"])]
    assert too_many["results"] == []


async def test_save_stores_what_the_form_says(
    gateway: Gateway, alice: Person, contoso: str
) -> None:
    """Rule 19."""
    payload = await alice.create(
        contoso,
        firstName="  Dora ",
        lastName="Díaz  Ortega",
        microsoftAccount=" Dora@Live.example",
        primaryEmailAddress="Dora.Diaz@Contoso.example ",
        **await viewer_role(gateway),
    )

    user = payload["user"]
    assert payload["userErrors"] == []
    assert (user["firstName"], user["lastName"]) == ("Dora", "Díaz Ortega")
    assert user["microsoftAccount"] == "Dora@Live.example"
    assert user["primaryEmailAddress"] == "Dora.Diaz@Contoso.example"
    assert (user["status"], user["version"], user["invitation"]) == ("NOT_INVITED", 1, None)
    assert await alice.see(user) == user


async def test_all_problems_of_the_form_are_reported_at_once(
    gateway: Gateway, alice: Person, contoso: str
) -> None:
    """Rules 19 and 23."""
    payload = await alice.create(
        contoso,
        firstName="",
        lastName="x" * 101,
        microsoftAccount="ALICE@live.example",
        primaryEmailAddress="not an address",
        roles={"add": ["Um9sZTpub25l", await gateway.role("sites-services/sites-users")]},
    )

    assert sorted(problems(payload)) == [
        ("INVALID", ["primaryEmailAddress"]),
        ("MICROSOFT_ACCOUNT_TAKEN", ["microsoftAccount"]),
        ("NOT_FOUND", ["roles", "add", "0"]),
        ("REQUIRED", ["firstName"]),
        ("ROLE_NOT_AVAILABLE", ["roles", "add", "1"]),
        ("TOO_LONG", ["lastName"]),
    ]


@pytest.mark.parametrize(
    "name", ["a\x00b", "a\u202eb", "a\ud800", "a\x07"], ids=["null", "bidi", "surrogate", "bell"]
)
async def test_a_name_with_characters_that_can_not_be_shown_is_refused(
    gateway: Gateway, alice: Person, contoso: str, name: str
) -> None:
    """Rule 19."""
    body = {
        "query": documents.CREATE_USER,
        "variables": {
            "input": {
                "organizationId": contoso,
                **documents.FORM,
                "firstName": name,
                **await viewer_role(gateway),
            }
        },
    }
    # JSON can spell a lone surrogate, which UTF-8 can't.
    text = json.dumps(body)

    response = await gateway.client.post(
        "/graphql",
        content=text,
        headers={"content-type": "application/json", "cookie": f"session={alice.cookie}"},
    )

    if "\ud800" in name:
        assert response.status_code == 400
    else:
        assert problems(response.json()["data"]["createUser"]) == [("INVALID", ["firstName"])]


async def test_a_microsoft_account_is_unique_within_the_organization_ignoring_case(
    gateway: Gateway, alice: Person, contoso: str
) -> None:
    """Rule 20."""
    roles = await viewer_role(gateway)
    first = await alice.create(contoso, microsoftAccount="Dora@live.example", **roles)

    second = await alice.create(contoso, microsoftAccount="dORA@LIVE.example", **roles)

    assert first["userErrors"] == []
    assert problems(second) == [("MICROSOFT_ACCOUNT_TAKEN", ["microsoftAccount"])]


async def test_a_microsoft_account_may_be_used_in_another_organization(
    gateway: Gateway, alice: Person, mallory: Person, contoso: str
) -> None:
    """Rule 20."""
    roles = await viewer_role(gateway)
    await alice.create(contoso, **roles)

    payload = await mallory.create(mallory.user["organization"]["id"], **roles)

    assert payload["userErrors"] == []


async def test_nothing_of_a_refused_form_is_stored(
    gateway: Gateway, alice: Person, contoso: str
) -> None:
    """Rule 21: Save is atomic."""
    viewer = await gateway.role("commerce-services/viewer")
    before = [await each.all().count() for each in (User, RoleAssignment, UserWord)]

    payload = await alice.create(contoso, roles={"add": [viewer, "Um9sZTpub25l"]})

    assert problems(payload) == [("NOT_FOUND", ["roles", "add", "1"])]
    assert [await each.all().count() for each in (User, RoleAssignment, UserWord)] == before


async def test_save_sends_no_mail(gateway: Gateway, alice: Person, contoso: str) -> None:
    """Rule 21."""
    user = (await alice.create(contoso, **await viewer_role(gateway)))["user"]
    await alice.edit(user, firstName="Theodora")

    assert await gateway.tokens() == []


async def test_a_new_user_needs_a_role(alice: Person, contoso: str) -> None:
    """Rule 22."""
    payload = await alice.create(contoso, roles={})

    assert problems(payload) == [("ROLE_REQUIRED", ["roles"])]


async def test_editing_down_to_no_role_is_allowed(alice: Person, bob: Person) -> None:
    """Rule 22."""
    payload = await alice.edit(bob.user, roles={"set": []})

    assert payload["userErrors"] == []
    assert payload["user"]["selectedRoles"] == []


async def test_available_and_selected_are_disjoint(
    gateway: Gateway, alice: Person, bob: Person
) -> None:
    """Rule 23: after any move."""
    role = await gateway.role("commerce-services/catalog-manager")
    service = (await gateway.services())["commerce-services"]["id"]
    user = bob.user
    moves: list[dict[str, Any]] = [{"add": [role]}, {"addAll": [service]}, {"set": [role]}]
    for roles in moves:
        user = (await alice.edit(user, roles=roles))["user"]

        lists = (await alice.ask(ROLE_LISTS, id=user["id"]))["user"]

        selected = {each["id"] for each in lists["selectedRoles"]}
        available = {each["id"] for each in lists["availableRoles"]}
        assert selected & available == set()
        assert len(selected | available) == 4


async def test_repeating_a_move_changes_nothing(
    gateway: Gateway, alice: Person, bob: Person
) -> None:
    """Rule 23: not even the version."""
    role = await gateway.role("commerce-services/catalog-manager")
    moved = (await alice.edit(bob.user, roles={"add": [role]}))["user"]
    events = await gateway.events(action="USER_EDITED")

    again = (await alice.edit(moved, roles={"add": [role, role]}))["user"]

    assert again == moved
    assert await gateway.events(action="USER_EDITED") == events


@pytest.mark.parametrize("form", ["set", "add", "remove", "addAll", "removeAll"])
async def test_unknown_roles_are_refused_by_name(alice: Person, bob: Person, form: str) -> None:
    """Rule 23."""
    payload = await alice.edit(bob.user, roles={form: ["bm90aGluZw=="]})

    assert ("NOT_FOUND", ["roles", form, "0"]) in problems(payload)
    assert await alice.see(bob.user) == bob.user


async def test_a_selection_that_contradicts_itself_is_refused(
    gateway: Gateway, alice: Person, bob: Person
) -> None:
    """Rule 23."""
    role = await gateway.role("commerce-services/catalog-manager")
    service = (await gateway.services())["commerce-services"]["id"]

    payloads = [
        await alice.edit(bob.user, roles={"add": [role], "remove": [role]}),
        await alice.edit(bob.user, roles={"addAll": [service], "removeAll": [service]}),
        await alice.edit(bob.user, roles={"set": [role], "add": [role]}),
    ]

    assert [problems(payload)[0] for payload in payloads] == [
        ("INVALID", ["roles", "remove", "0"]),
        ("INVALID", ["roles", "removeAll", "0"]),
        ("INVALID", ["roles", "set"]),
    ]
