"""SCIM's `/Groups`: roles, whose members directories add and remove."""

import time

import pytest

from models.audit import AuditOutcome
from models.rows import new_id
from schema.nodes import encode_id
from tests.people import Gateway, Person, associated
from tests.scim import DORA, GROUP, SEARCH, Directory, members, patch

VIEWER = "Commerce Services / Viewer"
ADMINISTRATOR = "Commerce Services / Service administrator"


@pytest.fixture
async def directory(alice: Person) -> Directory:
    """Acts for Alice, who administers Commerce Services of Contoso."""
    return Directory(await alice.program("READ", "MANAGE_USERS"))


def added(*users: str) -> dict[str, object]:
    return {"op": "Add", "path": "members", "value": [{"value": user} for user in users]}


async def test_groups_are_the_roles_of_the_services_that_the_organization_uses(
    gateway: Gateway, directory: Directory, bob: Person
) -> None:
    groups = await directory.found("/Groups")
    role = await gateway.role("commerce-services/viewer")
    viewers = await directory.group(VIEWER)
    alone = await directory.do("GET", f"/Groups/{role}?excludedAttributes=members")

    assert {group["displayName"].partition(" / ")[0] for group in groups} == {"Commerce Services"}
    assert viewers == {
        "schemas": [GROUP],
        "id": role,
        "displayName": VIEWER,
        "members": [
            {
                "value": bob.user["id"],
                "$ref": f"http://127.0.0.1:8000/scim/v2/Users/{bob.user['id']}",
                "type": "User",
                "display": "Bob Baker",
            }
        ],
        "meta": {
            "resourceType": "Group",
            "location": f"http://127.0.0.1:8000/scim/v2/Groups/{role}",
        },
    }
    assert alone == {name: value for name, value in viewers.items() if name != "members"}


async def test_a_directory_may_name_a_group_by_its_own_id_which_is_not_kept(
    directory: Directory, bob: Person
) -> None:
    del bob
    viewers = await directory.group(VIEWER)
    path = f"/Groups/{viewers['id']}"
    await directory.patch(path, {"op": "Add", "path": "externalId", "value": "g-1"})
    await directory.patch(path, {"op": "replace", "value": {"externalId": "g-1"}})

    assert await directory.do("GET", path) == viewers
    assert await directory.found("/Groups", filter='externalId eq "g-1"') == []


async def test_entra_id_moves_members(directory: Directory, bob: Person) -> None:
    """It removes by a filter in the path, and in its older form by the operation's value."""
    dora = await directory.do("POST", "/Users", DORA)
    administrators = await directory.group(ADMINISTRATOR)
    path = f"/Groups/{administrators['id']}"
    both = (dora["id"], bob.user["id"])
    answer = await directory.send("PATCH", path, patch(added(*both)))
    grown = await directory.group(ADMINISTRATOR)
    await directory.patch(path, {"op": "Remove", "path": f'members[value eq "{dora["id"]}"]'})
    await directory.patch(
        path,
        {"op": "Remove", "path": "members", "value": [{"value": bob.user["id"], "$ref": None}]},
    )
    shrunk = await directory.group(ADMINISTRATOR)
    found = await directory.found("/Groups", filter=f'members.value eq "{dora["id"]}"')

    assert (answer.status_code, answer.content) == (204, b"")
    assert members(grown) == ["Alice Archer", "Bob Baker", "Dora Diaz"]
    assert members(shrunk) == ["Alice Archer"]
    assert [group["displayName"] for group in found] == [VIEWER]
    assert (await directory.do("GET", f"/Users/{dora['id']}"))["meta"]["version"] == 'W/"3"'


async def test_okta_moves_members(directory: Directory, bob: Person) -> None:
    """It sends the whole list, as a replacement or by PUT, and the group's name with it."""
    dora = await directory.do("POST", "/Users", DORA)
    viewers = await directory.group(VIEWER)
    path = f"/Groups/{viewers['id']}"
    only_dora = {"op": "replace", "path": "members", "value": [{"value": dora["id"]}]}
    await directory.patch(path, only_dora)
    replaced = await directory.group(VIEWER)
    put = await directory.do(
        "PUT", path, {"schemas": [GROUP], "members": [{"value": bob.user["id"], "display": "x"}]}
    )
    await directory.patch(
        path,
        {"op": "replace", "value": {"id": viewers["id"], "displayName": VIEWER}},
        {"op": "add", "path": GROUP, "value": {"members": [{"value": dora["id"]}]}},
    )
    shown = await directory.do("PATCH", f"{path}?attributes=members", patch(added(dora["id"])))
    await directory.patch(path, {"op": "remove", "path": "members"})

    assert members(replaced) == ["Dora Diaz"]
    assert members(put) == ["Bob Baker"]
    assert sorted(members(shown)) == ["Bob Baker", "Dora Diaz"]
    assert members(await directory.group(VIEWER)) == []


async def test_a_change_of_members_is_done_whole_or_not_at_all(
    directory: Directory, alice: Person, bob: Person
) -> None:
    dora = await directory.do("POST", "/Users", DORA)
    administrators = await directory.group(ADMINISTRATOR)
    path = f"/Groups/{administrators['id']}"
    unknown = await directory.error("PATCH", path, patch(added(dora["id"], alice.user["id"][::-1])))
    last = await directory.error(
        "PATCH",
        path,
        patch(
            added(dora["id"]), {"op": "remove", "path": f'members[value eq "{alice.user["id"]}"]'}
        ),
    )
    nobody = await directory.error("PUT", path, {"schemas": [GROUP], "members": []})
    version = await directory.error("PATCH", path, patch(added(dora["id"])), if_match='W/"1"')

    assert unknown == [400, "invalidValue", "No user has this id."]
    assert last[:2] == [409, None]
    assert nobody[:2] == [409, None]
    assert version[0] == 412
    assert members(await directory.group(ADMINISTRATOR)) == ["Alice Archer"]
    assert (await directory.do("GET", f"/Users/{dora['id']}"))["meta"]["version"] == 'W/"1"'
    assert (await directory.do("GET", f"/Users/{bob.user['id']}"))["active"] is True


async def test_the_administrators_of_a_service_are_replaced_in_one_request(
    directory: Directory, alice: Person, contoso: str
) -> None:
    """A new one is granted the role before the old one loses it."""
    frank = await associated(
        alice,
        contoso,
        "frank@live.example",
        role="commerce-services/service-administrator",
        name="Frank Fox",
    )
    grace = await associated(
        alice, contoso, "grace@live.example", role="commerce-services/viewer", name="Grace Gray"
    )
    administrators = await directory.group(ADMINISTRATOR)
    ids = [alice.user["id"], grace.user["id"]]
    await directory.do(
        "PUT",
        f"/Groups/{administrators['id']}",
        {"schemas": [GROUP], "members": [{"value": id_} for id_ in ids]},
    )

    assert members(await directory.group(ADMINISTRATOR)) == ["Alice Archer", "Grace Gray"]
    assert frank.user["id"] not in ids


async def test_more_than_a_hundred_changes_of_members_are_too_many(
    directory: Directory, contoso: str
) -> None:
    del contoso
    administrators = await directory.group(ADMINISTRATOR)
    users = [
        await directory.do("POST", "/Users", {**DORA, "userName": f"user{number}@live.example"})
        for number in range(101)
    ]
    path = f"/Groups/{administrators['id']}"
    refused = await directory.error("PATCH", path, patch(added(*(user["id"] for user in users))))

    assert refused == [
        413,
        None,
        "101 members are named; at most 100 can be in one request.",
    ]
    assert members(await directory.group(ADMINISTRATOR)) == ["Alice Archer"]


async def test_groups_are_declared_elsewhere(directory: Directory) -> None:
    viewers = await directory.group(VIEWER)
    path = f"/Groups/{viewers['id']}"
    declared = "Roles are declared in the gateway's catalogue; here only their members are changed."
    renamed = await directory.error(
        "PATCH", path, patch({"op": "replace", "path": "displayName", "value": "x"})
    )

    assert await directory.error("POST", "/Groups", {"schemas": [GROUP], "displayName": "x"}) == [
        501,
        None,
        declared,
    ]
    assert await directory.error("DELETE", path) == [501, None, declared]
    assert renamed[:2] == [400, "mutability"]


async def test_the_roles_of_another_service_are_not_moved_and_the_attempt_is_recorded(
    gateway: Gateway, directory: Directory, carol: Person, bob: Person
) -> None:
    del carol
    sites = await directory.group("Sites Services / Sites Administrators")
    refused = await directory.error("PATCH", f"/Groups/{sites['id']}", patch(added(bob.user["id"])))
    denied = await gateway.events(outcome=AuditOutcome.DENIED)

    assert members(sites) == ["Carol Clark"]
    assert refused[0] == 403
    assert [(event.action, event.subject_name) for event in denied] == [
        ("USER_EDITED", "Bob Baker")
    ]


async def test_groups_are_searched_ordered_and_cut_into_pages(directory: Directory) -> None:
    everything = [group["displayName"] for group in await directory.found("/Groups")]
    ordered = await directory.found(
        "/Groups", sortBy="displayName", sortOrder="descending", startIndex="2", count="2"
    )
    searched = await directory.do(
        "POST",
        "/Groups/.search",
        {"schemas": [SEARCH], "filter": 'displayName co "view"', "attributes": ["displayName"]},
    )

    assert [group["displayName"] for group in ordered] == sorted(everything, reverse=True)[1:3]
    assert [set(group) for group in searched["Resources"]] == [{"schemas", "id", "displayName"}]


@pytest.mark.parametrize(
    ("operation", "scim_type"),
    [
        ({"op": "remove", "path": 'members[display sw "A"]'}, "noTarget"),
        ({"op": "remove", "path": 'members[value eq "x"].display'}, "mutability"),
        ({"op": "remove", "path": "members.value"}, "noTarget"),
        ({"op": "replace", "path": 'members[value eq "x"]', "value": {"value": "y"}}, "noTarget"),
        ({"op": "add", "path": "members", "value": ["x"]}, "invalidValue"),
        ({"op": "add", "path": "members", "value": [{"display": "x"}]}, "invalidValue"),
        ({"op": "replace", "value": {"members": [], "displayName": "x"}}, "mutability"),
        ({"op": "remove"}, "noTarget"),
    ],
)
async def test_members_are_chosen_by_their_ids_alone(
    directory: Directory, operation: dict[str, object], scim_type: str
) -> None:
    administrators = await directory.group(ADMINISTRATOR)
    path = f"/Groups/{administrators['id']}"

    assert (await directory.error("PATCH", path, patch(operation)))[:2] == [400, scim_type]
    assert await directory.group(ADMINISTRATOR) == administrators


async def test_thousands_of_members_in_one_request_are_told_apart_at_once(
    directory: Directory, bob: Person
) -> None:
    """Those who are no members need not be removed."""
    viewers = await directory.group(VIEWER)
    strangers = [{"value": encode_id("User", new_id())} for _ in range(5_000)]
    began = time.monotonic()
    await directory.patch(
        f"/Groups/{viewers['id']}",
        {"op": "remove", "path": "members", "value": [*strangers, {"value": bob.user["id"]}]},
    )

    assert members(await directory.group(VIEWER)) == []
    assert time.monotonic() - began < 10
