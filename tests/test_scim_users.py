"""SCIM's `/Users`, as Entra ID and Okta ask it."""

import pytest

from models.audit import AuditOutcome
from tests.people import Gateway, Person
from tests.scim import DORA, LIST, SEARCH, USER, Directory, patch


@pytest.fixture
async def directory(alice: Person) -> Directory:
    """Acts for Alice, who administers Commerce Services of Contoso."""
    return Directory(await alice.program("READ", "MANAGE_USERS"))


async def test_a_user_is_created_as_the_form_would_create_it(
    gateway: Gateway, directory: Directory, alice: Person
) -> None:
    answer = await directory.send("POST", "/Users", DORA)
    created = answer.json()
    seen = await alice.see({"id": created["id"]})
    viewer = await gateway.role("commerce-services/viewer")
    location = f"http://127.0.0.1:8000/scim/v2/Users/{created['id']}"

    assert answer.status_code == 201
    assert (answer.headers["location"], answer.headers["etag"]) == (location, 'W/"1"')
    assert created == {
        "schemas": [USER],
        "id": created["id"],
        "userName": "Dora@live.example",
        "name": {"givenName": "Dora", "familyName": "Diaz"},
        "displayName": "Dora Diaz",
        "active": True,
        "emails": [{"value": "dora@contoso.example", "type": "work", "primary": True}],
        "roles": [{"value": "commerce-services/viewer"}],
        "groups": [
            {
                "value": viewer,
                "$ref": f"http://127.0.0.1:8000/scim/v2/Groups/{viewer}",
                "display": "Commerce Services / Viewer",
            }
        ],
        "meta": {
            "resourceType": "User",
            "created": created["meta"]["created"],
            "lastModified": created["meta"]["created"],
            "location": location,
            "version": 'W/"1"',
        },
    }
    assert seen is not None
    assert (seen["microsoftAccount"], seen["status"]) == ("Dora@live.example", "NOT_INVITED")
    assert await directory.do("GET", f"/Users/{created['id']}") == created


async def test_entra_id_finds_creates_changes_disables_and_deletes_a_user(
    directory: Directory, alice: Person
) -> None:
    """The requests of Microsoft's documentation, with its spellings of `op` and of booleans."""
    before = await directory.do("GET", '/Users?filter=userName eq "dora@live.example"')
    sent = {
        **DORA,
        "schemas": [USER, "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
        "externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef",
        "title": "Buyer",
    }
    created = await directory.do("POST", "/Users", sent)
    path = f"/Users/{created['id']}"
    after = await directory.found("/Users", filter='userName eq "DORA@live.example"')
    changed = await directory.patch(
        path,
        {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "d@contoso.example"},
        {"op": "Replace", "path": "name.familyName", "value": "Diaz-Dunn"},
        {"op": "Add", "path": "title", "value": "Head of buying"},
    )
    disabled = await directory.patch(path, {"op": "Replace", "path": "active", "value": "False"})
    await directory.do("DELETE", path)

    assert before == {
        "schemas": [LIST],
        "totalResults": 0,
        "startIndex": 1,
        "itemsPerPage": 0,
        "Resources": [],
    }
    assert after == [created]
    assert changed["emails"] == [{"value": "d@contoso.example", "type": "work", "primary": True}]
    assert (changed["displayName"], changed["meta"]["version"]) == ("Dora Diaz-Dunn", 'W/"2"')
    assert (disabled["active"], disabled.get("roles"), disabled.get("groups")) == (
        False,
        None,
        None,
    )
    assert await alice.see({"id": created["id"]}) is None
    assert await directory.error("GET", path) == [404, None, "No user has this id."]


async def test_okta_finds_creates_replaces_and_deactivates_a_user(directory: Directory) -> None:
    """Okta lists from `startIndex=1`, replaces users whole, and deactivates without a path."""
    page = await directory.do("GET", "/Users?startIndex=1&count=100")
    created = await directory.do("POST", "/Users", {**DORA, "groups": [], "displayName": "x"})
    path = f"/Users/{created['id']}"
    replaced = await directory.do(
        "PUT",
        path,
        {
            "schemas": [USER],
            "id": created["id"],
            "userName": "dora@LIVE.example",
            "name": {"givenName": "Dorothea", "familyName": "Diaz"},
            "emails": DORA["emails"],
            "active": True,
        },
    )
    deactivated = await directory.patch(path, {"op": "replace", "value": {"active": False}})
    again = await directory.error(
        "PATCH", path, patch({"op": "replace", "value": {"active": True}})
    )
    granted = await directory.patch(
        path, {"op": "add", "path": "roles", "value": [{"value": "commerce-services/viewer"}]}
    )

    assert [each["userName"] for each in page["Resources"]] == ["alice@live.example"]
    assert (replaced["displayName"], replaced["userName"]) == ("Dorothea Diaz", "Dora@live.example")
    assert replaced["roles"] == [{"value": "commerce-services/viewer"}]
    assert deactivated["active"] is False
    assert again == [400, "invalidValue", "active follows the roles: grant the user a role."]
    assert (granted["active"], granted["meta"]["version"]) == (True, 'W/"4"')


async def test_what_can_not_be_understood_or_is_against_the_rules_is_told_as_scim_tells_it(
    directory: Directory,
) -> None:
    created = await directory.do("POST", "/Users", DORA)
    path = f"/Users/{created['id']}"
    two = [{"value": "a@b.example"}, {"value": "c@d.example"}]
    answers = {
        "taken": await directory.error("POST", "/Users", {**DORA, "userName": "dora@LIVE.example"}),
        "no account": await directory.error("POST", "/Users", {**DORA, "userName": "dora"}),
        "no roles": await directory.error("POST", "/Users", {**DORA, "roles": []}),
        "no role": await directory.error("POST", "/Users", {**DORA, "roles": [{"value": "x"}]}),
        "inactive": await directory.error("POST", "/Users", {**DORA, "active": False}),
        "two addresses": await directory.error("POST", "/Users", {**DORA, "emails": two}),
        "other account": await directory.error("PUT", path, {**DORA, "userName": "e@x.example"}),
        "patched account": await directory.error(
            "PATCH", path, patch({"op": "replace", "path": "userName", "value": "e@x.example"})
        ),
        "no operation": await directory.error("PATCH", path, patch()),
        "filter": await directory.error("GET", "/Users?filter=userName eq"),
        "unknown attribute": await directory.error("GET", '/Users?filter=nope eq "x"'),
        "not JSON": (await directory.send("POST", "/Users", content_type="text/plain")).status_code,
    }

    assert {
        name: told[:2] if isinstance(told, list) else told for name, told in answers.items()
    } == {
        "taken": [409, "uniqueness"],
        "no account": [400, "invalidValue"],
        "no roles": [400, "invalidValue"],
        "no role": [400, "invalidValue"],
        "inactive": [400, "invalidValue"],
        "two addresses": [400, "invalidValue"],
        "other account": [400, "mutability"],
        "patched account": [400, "mutability"],
        "no operation": [400, "invalidValue"],
        "filter": [400, "invalidFilter"],
        "unknown attribute": [400, "invalidFilter"],
        "not JSON": 415,
    }
    assert answers["other account"] == answers["patched account"]
    assert await directory.do("GET", path) == created


async def test_a_stale_version_is_refused_and_a_known_one_is_not_sent_again(
    directory: Directory,
) -> None:
    created = await directory.do("POST", "/Users", DORA)
    path = f"/Users/{created['id']}"
    rename = patch({"op": "replace", "path": "name.givenName", "value": "Dorothea"})
    renamed = await directory.do("PATCH", path, rename, if_match='W/"1"')
    stale = [
        await directory.error("PATCH", path, rename, if_match='W/"1"'),
        await directory.error("PUT", path, DORA, if_match='"1", "7"'),
        await directory.error("DELETE", path, if_match="nonsense"),
    ]
    unchanged = await directory.send("GET", path, if_none_match='W/"2"')
    await directory.do("DELETE", path, if_match='W/"1", W/"2"')

    assert renamed["meta"]["version"] == 'W/"2"'
    assert stale == [[412, None, "Dorothea Diaz was changed in the meantime."]] * 3
    assert (unchanged.status_code, unchanged.content, unchanged.headers["etag"]) == (
        304,
        b"",
        'W/"2"',
    )


async def test_the_last_administrator_stays_whatever_is_asked(
    directory: Directory, alice: Person
) -> None:
    path = f"/Users/{alice.user['id']}"
    refusals = [
        await directory.error("DELETE", path),
        await directory.error("PATCH", path, patch({"op": "replace", "value": {"active": False}})),
    ]

    assert [refusal[:2] for refusal in refusals] == [[409, None]] * 2
    assert "Alice" in refusals[0][2]
    assert (await directory.do("GET", path))["active"] is True


async def test_roles_of_services_that_the_caller_does_not_administer_stay(
    gateway: Gateway, directory: Directory, carol: Person
) -> None:
    """Carol administers another service: nothing is taken from her, and she is not deleted."""
    path = f"/Users/{carol.user['id']}"
    viewer = {"value": "commerce-services/viewer"}
    seen = await directory.patch(path, {"op": "add", "path": "roles", "value": [viewer]})
    left = await directory.patch(path, {"op": "replace", "path": "active", "value": False})
    refused = await directory.error(
        "PATCH", path, patch({"op": "replace", "value": {"active": False}})
    )
    await directory.patch(path, {"op": "add", "path": "roles", "value": [viewer]})
    kept = await directory.error("DELETE", path)
    denied = await gateway.events(outcome=AuditOutcome.DENIED)

    assert [each["value"] for each in seen["roles"]] == [
        "commerce-services/viewer",
        "sites-services/service-administrator",
    ]
    assert (left["active"], left["roles"]) == (
        True,
        [{"value": "sites-services/service-administrator"}],
    )
    assert refused[0] == 403
    assert kept[0] == 409
    assert len((await directory.do("GET", path))["roles"]) == 2
    assert [(event.action, event.subject_name) for event in denied] == [
        ("USER_EDITED", "Carol Clark")
    ]


async def test_lists_are_filtered_ordered_cut_into_pages_and_shaped(
    directory: Directory, bob: Person
) -> None:
    del bob
    for number in range(5):
        await directory.do(
            "POST",
            "/Users",
            {
                **DORA,
                "userName": f"user{number}@live.example",
                "name": {"givenName": "Una", "familyName": f"U{4 - number}"},
                "emails": [{"value": f"u{number}@contoso.example"}],
            },
        )

    async def names(**parameters: str) -> list[str]:
        return [
            each["userName"].partition("@")[0]
            for each in await directory.found("/Users", **parameters)
        ]

    only = await directory.found(
        "/Users", filter='name.givenName eq "una"', attributes="userName", count="1"
    )
    searched = await directory.do(
        "POST",
        "/Users/.search",
        {
            "schemas": [SEARCH],
            "filter": 'emails[type eq "work" and value eq "U3@contoso.example"]',
            "excludedAttributes": ["meta", "groups", "roles", "emails", "name"],
        },
    )

    assert await names(startIndex="2", count="3") == ["bob", "user0", "user1"]
    assert await names(sortBy="name.familyName", count="3") == ["alice", "bob", "user4"]
    assert await names(sortBy="displayName", startIndex="2", count="2") == ["bob", "user4"]
    assert await names(sortBy="userName", sortOrder="descending", count="2") == ["user4", "user3"]
    assert await names(filter='userName sw "user" and not (userName eq "user3@live.example")') == [
        "user0",
        "user1",
        "user2",
        "user4",
    ]
    assert await names(filter='userName eq "user1@live.example" or emails.value co "u2@"') == [
        "user1",
        "user2",
    ]
    assert await names(filter='emails.value eq "u4@contoso.example" and active eq true') == [
        "user4"
    ]
    assert await names(filter='userName eq "user1@live.example" and id eq "nothing"') == []
    assert only == [{"schemas": [USER], "id": only[0]["id"], "userName": "user0@live.example"}]
    assert searched["Resources"] == [
        {
            "schemas": [USER],
            "id": searched["Resources"][0]["id"],
            "userName": "user3@live.example",
            "displayName": "Una U1",
            "active": True,
        }
    ]


async def test_what_directories_ask_most_takes_the_same_statements_for_one_user_and_for_fifty(
    directory: Directory, statements: list[str]
) -> None:
    async def cost(path: str) -> int:
        statements.clear()
        await directory.do("GET", path)
        return len(statements)

    paths = [
        '/Users?filter=userName eq "dora@live.example"',
        '/Users?filter=externalId eq "d"',
        "/Users?count=100",
        "/Groups",
    ]
    await directory.do("POST", "/Users", {**DORA, "externalId": "d"})
    few = [await cost(path) for path in paths]
    for number in range(50):
        other = {"userName": f"user{number}@live.example", "externalId": f"d{number}"}
        await directory.do("POST", "/Users", {**DORA, **other})
    many = [await cost(path) for path in paths]

    assert few == many
    assert max(many) <= 4
