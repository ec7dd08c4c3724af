"""Editing and removing: rules 33 to 40."""

import asyncio
from typing import Any

import pytest

from models.users import User
from resolvers.administrators import services_left_without
from resolvers.catalogue import current_catalogue
from schema.nodes import split_id
from tests import documents
from tests.people import Gateway, Person
from tests.test_rules_sign_up import codes, problems


async def admin_role(gateway: Gateway) -> str:
    """The id of the administrator role of Commerce Services."""
    return await gateway.role("commerce-services/service-administrator")


async def test_names_address_and_roles_can_be_edited(
    gateway: Gateway, alice: Person, bob: Person
) -> None:
    """Rule 33: in one Save."""
    payload = await alice.edit(
        bob.user,
        firstName="Robert",
        primaryEmailAddress="robert@contoso.example",
        roles={"set": [await gateway.role("commerce-services/order-processor")]},
    )

    user = payload["user"]
    assert payload["userErrors"] == []
    assert (user["firstName"], user["lastName"]) == ("Robert", "Baker")
    assert user["primaryEmailAddress"] == "robert@contoso.example"
    assert [role["code"] for role in user["selectedRoles"]] == ["order-processor"]
    assert user["version"] == bob.user["version"] + 1


async def test_the_microsoft_account_can_not_be_edited(alice: Person, bob: Person) -> None:
    """Rule 33: the form has no such field."""
    response = await alice.post(
        documents.EDIT_USER,
        input={"id": bob.user["id"], "version": 1, "microsoftAccount": "x@y.example"},
    )

    assert [e["extensions"]["code"] for e in response.json()["errors"]] == ["BAD_REQUEST"]
    assert "microsoftAccount" in response.json()["errors"][0]["message"]


async def test_a_new_profile_inherits_nothing_of_the_removed_one(
    gateway: Gateway, alice: Person, bob: Person, contoso: str
) -> None:
    """Rules 33 and 40: the same Microsoft account, a new profile, no access until associated."""
    emptied = (await alice.edit(bob.user, roles={"set": []}))["user"]
    await alice.remove(emptied)
    payload = await alice.create(
        contoso,
        microsoftAccount="bob@live.example",
        roles={"add": [await gateway.role("commerce-services/catalog-manager")]},
    )
    returned = await gateway.person("bob@live.example")

    assert payload["userErrors"] == []
    assert payload["user"]["id"] != bob.user["id"]
    assert (payload["user"]["status"], payload["user"]["invitation"]) == ("NOT_INVITED", None)
    assert [role["code"] for role in payload["user"]["selectedRoles"]] == ["catalog-manager"]
    assert (await returned.ask(documents.VIEWER))["viewer"]["profiles"] == []


async def test_all_problems_of_an_edit_are_reported_at_once(alice: Person) -> None:
    """Rule 33."""
    payload = await alice.edit(
        alice.user,
        firstName=" ",
        primaryEmailAddress="nowhere",
        roles={"set": ["bm90aGluZw=="]},
    )

    assert sorted(problems(payload)) == [
        ("INVALID", ["primaryEmailAddress"]),
        ("LAST_SERVICE_ADMINISTRATOR", ["roles"]),
        ("NOT_FOUND", ["roles", "set", "0"]),
        ("REQUIRED", ["firstName"]),
        ("SELF_DEMOTION_NOT_CONFIRMED", ["confirmSelfDemotion"]),
    ]
    assert await alice.see(alice.user) == alice.user


async def test_a_stale_edit_is_refused_with_the_current_state(
    alice: Person, carol: Person, bob: Person
) -> None:
    """Rule 34."""
    await carol.edit(bob.user, firstName="Robert")

    payload = await alice.edit(bob.user, firstName="Rob")

    assert payload["user"] is None
    assert payload["userErrors"] == [
        {
            "__typename": "VersionConflictError",
            "code": "VERSION_CONFLICT",
            "message": "Robert Baker was changed in the meantime.",
            "path": ["version"],
            "current": {
                "id": bob.user["id"],
                "version": bob.user["version"] + 1,
                "firstName": "Robert",
            },
        }
    ]


async def test_of_two_edits_at_once_one_wins(alice: Person, bob: Person) -> None:
    """Rule 34."""
    payloads = await asyncio.gather(
        *(alice.edit(bob.user, firstName=f"Bob{letter}") for letter in "ABCD")
    )

    assert sorted(codes(payload) for payload in payloads) == [[]] + [["VERSION_CONFLICT"]] * 3
    assert (await User.get(first_name__startswith="Bob")).version == bob.user["version"] + 1


async def test_inviting_leaves_the_version_as_it_is(
    gateway: Gateway, alice: Person, contoso: str
) -> None:
    """Rule 34: who read the user before can still save the form."""
    roles = {"add": [await gateway.role("commerce-services/viewer")]}
    user = (await alice.create(contoso, roles=roles))["user"]
    await alice.invite(user)

    payload = await alice.edit(user, firstName="Theodora")

    assert payload["userErrors"] == []


async def test_giving_up_one_s_own_administrator_role_needs_confirmation(
    gateway: Gateway, alice: Person, bob: Person, contoso: str
) -> None:
    """Rule 36."""
    admin = await admin_role(gateway)
    await alice.edit(bob.user, roles={"add": [admin]})

    asked = await alice.edit(alice.user, roles={"remove": [admin]})
    confirmed = await alice.edit(alice.user, roles={"remove": [admin]}, confirmSelfDemotion=True)
    afterwards = await alice.create(contoso)

    assert problems(asked) == [("SELF_DEMOTION_NOT_CONFIRMED", ["confirmSelfDemotion"])]
    assert confirmed["userErrors"] == []
    assert confirmed["user"]["selectedRoles"] == []
    assert codes(afterwards) == ["FORBIDDEN"]


async def test_demoting_someone_else_needs_no_confirmation(
    gateway: Gateway, alice: Person, bob: Person
) -> None:
    """Rule 36."""
    admin = await admin_role(gateway)
    promoted = (await alice.edit(bob.user, roles={"add": [admin]}))["user"]

    payload = await alice.edit(promoted, roles={"remove": [admin]})

    assert payload["userErrors"] == []


@pytest.mark.parametrize("form", ["remove", "set", "removeAll"])
async def test_a_service_keeps_its_last_administrator(
    gateway: Gateway, alice: Person, bob: Person, form: str
) -> None:
    """Rule 37: on any path."""
    service = (await gateway.services())["commerce-services"]["id"]
    ids = {"remove": [await admin_role(gateway)], "set": [], "removeAll": [service]}[form]

    payload = await alice.edit(alice.user, roles={form: ids}, confirmSelfDemotion=True)

    (error,) = payload["userErrors"]
    assert (error["__typename"], error["code"], error["services"]) == (
        "LastServiceAdministratorError",
        "LAST_SERVICE_ADMINISTRATOR",
        [{"code": "commerce-services"}],
    )
    assert bob.user
    assert await alice.see(alice.user) == alice.user


async def test_an_administrator_who_is_not_associated_does_not_count(
    gateway: Gateway, alice: Person, contoso: str
) -> None:
    """Rule 37."""
    admin = await admin_role(gateway)
    await alice.create(contoso, roles={"add": [admin]})

    payload = await alice.edit(alice.user, roles={"remove": [admin]}, confirmSelfDemotion=True)

    assert codes(payload) == ["LAST_SERVICE_ADMINISTRATOR"]


async def test_the_first_administrator_counts_while_nobody_is_associated(
    gateway: Gateway, alice: Person, contoso: str
) -> None:
    """Rule 37: asked of the rule itself.

    Nobody reaches this through the graph, since who moves an administrator role is an associated
    administrator. A provisioned organization may be in this state.
    """
    admin = await admin_role(gateway)
    second = (await alice.create(contoso, roles={"add": [admin]}))["user"]
    await User.all().update(account_id=None)
    first_row, second_row = [
        await User.get(id=split_id(user["id"])[1]) for user in (alice.user, second)
    ]
    catalogue = await current_catalogue()

    left = [
        await services_left_without(
            row.organization_id, row.id, losing=[split_id(admin)[1]], catalogue=catalogue
        )
        for row in (first_row, second_row)
    ]

    assert [[service.code for service in services] for services in left] == [
        ["commerce-services"],
        [],
    ]


async def test_administrators_who_demote_each_other_at_once_leave_one(
    gateway: Gateway, alice: Person, bob: Person
) -> None:
    """Rule 37: within one process; two processes do it in `test_last_administrator`."""
    admin = await admin_role(gateway)
    for _ in range(5):
        bob.user = (await alice.edit(bob.user, roles={"add": [admin]}))["user"]
        alice.user = await alice.see(alice.user) or {}

        outcomes = await asyncio.gather(
            alice.edit(bob.user, roles={"remove": [admin]}),
            bob.edit(alice.user, roles={"remove": [admin]}),
        )

        assert sorted(codes(outcome) for outcome in outcomes) == [[], ["NOT_FOUND"]]
        if codes(outcomes[0]):  # bob was first, and is alone now
            await bob.edit(alice.user | outcomes_user(outcomes[1]), roles={"add": [admin]})
        alice.user = await alice.see(alice.user) or {}
        bob.user = await alice.see(bob.user) or {}


def outcomes_user(payload: dict[str, Any]) -> dict[str, Any]:
    """The user that an edit answered with."""
    user: dict[str, Any] = payload["user"]
    return user


async def test_a_profile_with_roles_is_not_deleted(alice: Person, bob: Person) -> None:
    """Rule 38: nothing is changed, and what stands in the way is named."""
    payload = await alice.remove(bob.user)

    (result,) = payload["results"]
    assert result["removedUserId"] is None
    assert result["userErrors"] == [
        {
            "__typename": "UserHasRolesError",
            "code": "USER_HAS_ROLES",
            "message": "Bob Baker still holds roles: Viewer of Commerce Services.",
            "path": ["users", "0", "id"],
            "selectedRoles": [{"code": "viewer", "service": {"code": "commerce-services"}}],
        }
    ]
    assert await alice.see(bob.user) == bob.user


async def test_removal_blockers_tell_beforehand(alice: Person, bob: Person) -> None:
    """Rule 38: empty exactly when deleting would succeed."""
    query = "query ($id: ID!) { user(id: $id) { removalBlockers { code } } }"
    before = (await alice.ask(query, id=bob.user["id"]))["user"]["removalBlockers"]
    own = (await bob.ask(query, id=bob.user["id"]))["user"]["removalBlockers"]
    await alice.edit(bob.user, roles={"set": []})
    after = (await alice.ask(query, id=bob.user["id"]))["user"]["removalBlockers"]

    assert before == [{"code": "USER_HAS_ROLES"}]
    assert own == [{"code": "FORBIDDEN"}, {"code": "USER_HAS_ROLES"}]
    assert after == []
    assert (await alice.remove(bob.user))["results"][0]["userErrors"] == []


async def test_an_administrator_of_a_can_not_delete_who_holds_roles_in_b(
    carol: Person, bob: Person
) -> None:
    """Rule 39: neither at once, nor after removing the roles, which are not his to remove."""
    deleted = await carol.remove(bob.user)
    emptied = await carol.edit(bob.user, roles={"set": []})

    assert codes(deleted["results"][0]) == ["USER_HAS_ROLES"]
    assert codes(emptied) == ["ROLE_OUT_OF_SCOPE"]


async def test_deleting_ends_the_sessions_of_the_profile(
    gateway: Gateway, alice: Person, bob: Person
) -> None:
    """Rule 40."""
    second = await gateway.person("bob@live.example")
    await alice.edit(bob.user, roles={"set": []})

    payload = await alice.remove(bob.user)
    responses = [await person.post(documents.VIEWER) for person in (bob, second)]

    assert payload["results"] == [{"removedUserId": bob.user["id"], "userErrors": []}]
    assert [response.status_code for response in responses] == [401, 401]
    assert await alice.see(bob.user) is None


async def test_deleting_works_for_who_never_accepted(
    gateway: Gateway, alice: Person, contoso: str
) -> None:
    """Rule 40: and frees the Microsoft account."""
    roles = {"add": [await gateway.role("commerce-services/viewer")]}
    user = (await alice.create(contoso, roles=roles))["user"]
    await alice.invite(user)
    await alice.edit(user, roles={"set": []})

    removed = await alice.remove(user)
    again = await alice.create(contoso, roles=roles)

    assert removed["results"][0]["userErrors"] == []
    assert again["userErrors"] == []


async def test_deleting_many_gives_a_result_per_row(
    gateway: Gateway, alice: Person, bob: Person, mallory: Person, contoso: str
) -> None:
    """Rule 40."""
    roles = {"add": [await gateway.role("commerce-services/viewer")]}
    users = []
    for number in range(2):
        account = f"u{number}@live.example"
        user = (await alice.create(contoso, microsoftAccount=account, roles=roles))["user"]
        users.append((await alice.edit(user, roles={"set": []}))["user"])

    payload = await alice.do(
        documents.REMOVE_USERS,
        input={
            "users": [
                {"id": users[0]["id"]},
                {"id": bob.user["id"]},
                {"id": mallory.user["id"]},
                {"id": users[1]["id"], "version": 1},
                {"id": users[1]["id"], "version": 2},
                {"id": users[0]["id"]},
            ]
        },
    )

    assert [codes(row) for row in payload["results"]] == [
        [],
        ["USER_HAS_ROLES"],
        ["NOT_FOUND"],
        ["VERSION_CONFLICT"],
        [],
        ["NOT_FOUND"],
    ]
    assert payload["userErrors"] == []


async def test_who_granted_a_role_may_be_gone(
    gateway: Gateway, alice: Person, bob: Person, contoso: str
) -> None:
    """Rule 40: what the removed profile did stays, without its name."""
    admin = await admin_role(gateway)
    viewer = await gateway.role("commerce-services/viewer")
    promoted = (await alice.edit(bob.user, roles={"add": [admin]}))["user"]
    granted = (await bob.create(contoso, roles={"add": [viewer]}))["user"]
    await bob.invite(granted)
    await alice.edit(promoted, roles={"set": []})
    await alice.remove(bob.user)

    seen = (
        await alice.ask(
            "query ($id: ID!) { user(id: $id) { roleAssignments { grantedBy { id } } "
            "invitation { status sentBy { id } } } }",
            id=granted["id"],
        )
    )["user"]

    assert seen == {
        "roleAssignments": [{"grantedBy": None}],
        "invitation": {"status": "PENDING", "sentBy": None},
    }
