"""Who may do what: rules 1 to 6."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from models.users import RoleAssignment, User
from tests import documents
from tests.people import Gateway, Person, associated
from tests.test_rules_sign_up import codes, problems

UNKNOWN = "VXNlcjowMTkyNzVmMGFiY2Q3ZWYwYWJjZDAxMjM0NTY3ODlhYg=="


async def test_a_user_without_roles_has_access_to_nothing(
    alice: Person, bob: Person, contoso: str
) -> None:
    """Rule 2: no role, no access. What is left is one's own profile."""
    await alice.edit(bob.user, roles={"set": []})

    page = (await bob.ask(documents.USERS, organization=contoso))["users"]

    assert [user["id"] for user in page["nodes"]] == [bob.user["id"]]
    assert page["nodes"][0]["selectedRoles"] == []
    assert codes(await bob.create(contoso)) == ["FORBIDDEN"]


@pytest.mark.parametrize("mutation", ["create", "edit", "remove", "invite"])
async def test_only_a_service_administrator_manages_users(
    bob: Person, contoso: str, mutation: str
) -> None:
    """Rule 3."""
    before = await User.all().count(), await RoleAssignment.all().count()
    attempts: dict[str, Callable[[], Awaitable[dict[str, Any]]]] = {
        "create": lambda: bob.create(contoso),
        "edit": lambda: bob.edit(bob.user, firstName="Robert"),
        "remove": lambda: bob.remove(bob.user),
        "invite": lambda: bob.invite(bob.user),
    }

    answer = await attempts[mutation]()

    row = answer["results"][0] if "results" in answer else answer
    assert codes(row) == ["FORBIDDEN"]
    assert (await User.all().count(), await RoleAssignment.all().count()) == before


async def test_permission_is_checked_before_anything_else(
    bob: Person, mallory: Person, contoso: str
) -> None:
    """Rule 3: a refusal tells nothing of what else is wrong, or of who exists."""
    wrong: dict[str, Any] = {
        "firstName": "",
        "microsoftAccount": "alice@live.example",
        "roles": {"add": ["nothing"]},
    }

    as_member = await bob.create(contoso, **wrong)
    as_stranger = await mallory.create(contoso, **wrong)

    assert problems(as_member) == [("FORBIDDEN", ["organizationId"])]
    assert problems(as_stranger) == [("NOT_FOUND", ["organizationId"])]


@pytest.mark.parametrize(
    "roles",
    [
        {"add": ["{admin}"]},
        {"remove": ["{viewer}"]},
        {"set": ["{viewer}", "{admin}"]},
        {"set": []},
        {"set": ["{sites}"]},
        {"addAll": ["{commerce}"]},
        {"removeAll": ["{commerce}"]},
        {"add": ["{sites}"], "removeAll": ["{commerce}"]},
    ],
    ids=str,
)
async def test_an_administrator_of_one_service_moves_no_role_of_another(
    gateway: Gateway, bob: Person, carol: Person, roles: dict[str, list[str]]
) -> None:
    """Rule 4: by no form of the selection."""
    names = {
        "admin": await gateway.role("commerce-services/service-administrator"),
        "viewer": await gateway.role("commerce-services/viewer"),
        "sites": await gateway.role("sites-services/sites-users"),
        "commerce": (await gateway.services())["commerce-services"]["id"],
    }
    selection = {form: [id_.format(**names) for id_ in ids] for form, ids in roles.items()}

    payload = await carol.edit(bob.user, roles=selection)

    assert payload["user"] is None
    assert set(codes(payload)) == {"ROLE_OUT_OF_SCOPE"}
    assert all(error["path"][0] == "roles" for error in payload["userErrors"])
    assert await carol.see(bob.user) == bob.user


async def test_an_administrator_of_one_service_may_name_another_s_roles_as_they_are(
    gateway: Gateway, bob: Person, carol: Person
) -> None:
    """Rule 4: `set` tells the whole list."""
    viewer = await gateway.role("commerce-services/viewer")
    sites = await gateway.role("sites-services/sites-users")

    payload = await carol.edit(bob.user, roles={"set": [viewer, sites]})

    assert payload["userErrors"] == []
    assert [role["code"] for role in payload["user"]["selectedRoles"]] == ["viewer", "sites-users"]


async def test_an_administrator_of_one_service_creates_no_user_with_another_s_role(
    gateway: Gateway, carol: Person, contoso: str
) -> None:
    """Rule 4."""
    payload = await carol.create(
        contoso, roles={"add": [await gateway.role("commerce-services/viewer")]}
    )

    assert problems(payload) == [("ROLE_OUT_OF_SCOPE", ["roles", "add", "0"])]
    assert payload["userErrors"][0]["role"] == {"code": "viewer"}


async def test_the_available_roles_are_those_that_the_viewer_may_grant(
    bob: Person, carol: Person, alice: Person
) -> None:
    """Rule 4: nothing is offered that would be refused."""
    query = "query ($id: ID!) { user(id: $id) { availableRoles { code service { code } } } }"

    seen = {
        person.account: [
            f"{role['service']['code']}/{role['code']}"
            for role in (await person.ask(query, id=bob.user["id"]))["user"]["availableRoles"]
        ]
        for person in (alice, bob, carol)
    }

    assert seen == {
        "alice@live.example": [
            "commerce-services/service-administrator",
            "commerce-services/catalog-manager",
            "commerce-services/order-processor",
        ],
        "bob@live.example": [],
        "carol@live.example": [
            "sites-services/service-administrator",
            "sites-services/sites-users",
        ],
    }


async def test_any_service_administrator_edits_names_and_addresses(
    bob: Person, carol: Person
) -> None:
    """Rule 5."""
    payload = await carol.edit(
        bob.user, firstName="Robert", lastName="Butler", primaryEmailAddress="rob@contoso.example"
    )

    assert payload["userErrors"] == []
    assert payload["user"]["version"] == bob.user["version"] + 1
    assert (payload["user"]["firstName"], payload["user"]["lastName"]) == ("Robert", "Butler")
    assert payload["user"]["primaryEmailAddress"] == "rob@contoso.example"


READS = {
    "node": "query ($id: ID!) { node(id: $id) { id } }",
    "nodes": "query ($id: ID!) { nodes(ids: [$id]) { id } }",
    "user": "query ($id: ID!) { user(id: $id) { id } }",
}


@pytest.mark.parametrize("read", READS)
async def test_another_organization_s_user_does_not_exist_for_a_reader(
    mallory: Person, bob: Person, read: str
) -> None:
    """Rule 6: the same answer for an unknown id."""
    foreign = await mallory.post(READS[read], id=bob.user["id"])
    unknown = await mallory.post(READS[read], id=UNKNOWN)
    malformed = await mallory.post(READS[read], id="nonsense")

    assert foreign.json() == unknown.json() == malformed.json()
    assert foreign.json()["data"] in ({read: None}, {read: [None]})


async def test_another_organization_s_user_does_not_exist_for_a_writer(
    mallory: Person, bob: Person
) -> None:
    """Rule 6."""
    for stranger in ({"id": UNKNOWN, "version": 1}, bob.user):
        edited = await mallory.edit(stranger, firstName="Eve")
        removed = await mallory.remove(stranger)
        invited = await mallory.invite(stranger)

        assert edited["userErrors"] == [
            {
                "__typename": "InputError",
                "code": "NOT_FOUND",
                "message": "No user has this id.",
                "path": ["id"],
            }
        ]
        assert problems(removed["results"][0]) == [("NOT_FOUND", ["users", "0", "id"])]
        assert problems(invited["results"][0]) == [("NOT_FOUND", ["userIds", "0"])]


async def test_another_organization_does_not_exist(mallory: Person, contoso: str) -> None:
    """Rule 6: as a node, as a list, as an object."""
    unknown = "T3JnYW5pemF0aW9uOjAxOTI3NWYwYWJjZDdlZjBhYmNkMDEyMzQ1Njc4OWFi"
    lists = [
        (await mallory.post(documents.USERS, organization=id_)).json() for id_ in (contoso, unknown)
    ]
    objects = [
        (await mallory.post(documents.ORGANIZATION, id=id_)).json() for id_ in (contoso, unknown)
    ]

    assert lists[0] == lists[1]
    assert [error["extensions"]["code"] for error in lists[0]["errors"]] == ["FORBIDDEN"]
    assert objects[0] == objects[1] == {"data": {"organization": None}}


async def test_unknown_and_foreign_ids_take_the_same_statements(
    mallory: Person, bob: Person, statements: list[str]
) -> None:
    """Rule 6: the same timing, since the same work is done."""
    counts = []
    for id_ in (UNKNOWN, bob.user["id"]):
        statements.clear()
        await mallory.do(documents.EDIT_USER, input={"id": id_, "version": 1, "firstName": "Eve"})
        counts.append(list(statements))

    assert counts[0] == counts[1]


async def test_a_member_sees_himself_alone(alice: Person, bob: Person, contoso: str) -> None:
    """Rule 6."""
    page = (await bob.ask(documents.USERS, organization=contoso))["users"]

    assert [user["id"] for user in page["nodes"]] == [bob.user["id"]]
    assert page["totalCount"] == 1
    assert await bob.see(alice.user) is None
    assert await bob.errors(documents.AUDIT, id=contoso) == ["FORBIDDEN"]


async def test_an_administrator_of_any_service_sees_all_users(
    bob: Person, carol: Person, contoso: str
) -> None:
    """Rules 1 and 5."""
    assert bob.user
    page = (await carol.ask(documents.USERS, organization=contoso))["users"]

    assert [user["firstName"] for user in page["nodes"]] == ["Alice", "Bob", "Carol"]
    assert page["totalCount"] == 3


async def test_nobody_reads_or_writes_without_signing_in(
    gateway: Gateway, bob: Person, contoso: str
) -> None:
    """Rule 2."""
    anyone = gateway.anyone()
    operations: list[tuple[str, dict[str, Any]]] = [
        (documents.USER, {"id": bob.user["id"]}),
        (documents.USERS, {"organization": contoso}),
        (documents.ORGANIZATION, {"id": contoso}),
        (documents.REMOVE_USERS, {"input": {"users": [{"id": bob.user["id"]}]}}),
        (documents.INVITE_USERS, {"input": {"userIds": [bob.user["id"]]}}),
        (documents.CREATE_USER, {"input": {"organizationId": contoso, **documents.FORM}}),
        (documents.ACCEPT_INVITATION, {"input": {"token": "x"}}),
    ]

    codes_ = [await anyone.errors(query, **variables) for query, variables in operations]

    assert codes_ == [["UNAUTHENTICATED"]] * len(operations)
    assert await anyone.ask("{ viewer { microsoftAccount } }") == {"viewer": None}


async def test_changed_roles_count_from_the_next_request_on(
    gateway: Gateway, alice: Person, bob: Person, contoso: str
) -> None:
    """Rule 35: in both directions."""
    admin = await gateway.role("commerce-services/service-administrator")
    viewer = {"roles": {"add": [await gateway.role("commerce-services/viewer")]}}
    refused = await bob.create(contoso, **viewer)

    promoted = (await alice.edit(bob.user, roles={"add": [admin]}))["user"]
    allowed = await bob.create(contoso, **viewer)
    await alice.edit(promoted, roles={"remove": [admin]})
    refused_again = await bob.create(contoso, microsoftAccount="x@y.example", **viewer)

    assert codes(refused) == ["FORBIDDEN"]
    assert allowed["userErrors"] == []
    assert codes(refused_again) == ["FORBIDDEN"]


async def test_roles_are_held_for_an_organization(
    gateway: Gateway, alice: Person, mallory: Person, contoso: str
) -> None:
    """Rule 1: an administrator of one organization is a stranger to another."""
    dora = await associated(
        alice, contoso, "dora@live.example", role="commerce-services/viewer", name="Dora Diaz"
    )

    payload = await mallory.edit(dora.user, roles={"add": [await gateway.role(
        "commerce-services/service-administrator")]})  # fmt: skip

    assert codes(payload) == ["NOT_FOUND"]
    assert await RoleAssignment.filter(user__first_name="Dora").count() == 1
