"""What a directory calls users, `externalId` (RFC 7643 section 3.1): kept, and found by."""

import asyncio

import pytest

from models.users import ExternalId
from tests import documents
from tests.people import Gateway, Person
from tests.scim import DORA, USER, Directory, patch

OBJECT_ID = "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef"
EVE = {**DORA, "userName": "eve@live.example"}


@pytest.fixture
async def directory(alice: Person) -> Directory:
    """Acts for Alice, who administers Commerce Services of Contoso."""
    return Directory(await alice.program("READ", "MANAGE_USERS"))


async def test_entra_id_finds_by_its_own_id_whom_it_created_with_it(
    directory: Directory,
) -> None:
    before = await directory.found("/Users", filter=f'externalId eq "{OBJECT_ID}"')
    created = await directory.do("POST", "/Users", {**DORA, "externalId": OBJECT_ID})
    path = f"/Users/{created['id']}"
    found = await directory.found("/Users", filter=f'externalId eq "{OBJECT_ID}"')
    changed = await directory.patch(path, {"op": "Replace", "path": "externalId", "value": "ddiaz"})

    assert before == []
    assert created["externalId"] == OBJECT_ID
    assert found == [created]
    assert await directory.do("GET", path) == changed
    assert (changed["externalId"], changed["meta"]["version"]) == ("ddiaz", 'W/"2"')
    assert await directory.found("/Users", filter=f'externalId eq "{OBJECT_ID}"') == []


async def test_it_is_set_and_unset_in_every_form_each_of_which_is_a_version_and_in_the_audit_trail(
    gateway: Gateway, directory: Directory
) -> None:
    created = await directory.do("POST", "/Users", DORA)
    path = f"/Users/{created['id']}"
    set_again = {"op": "add", "path": f"{USER}:externalId", "value": "two"}
    steps = [
        await directory.patch(path, {"op": "add", "path": "externalId", "value": "one"}),
        await directory.patch(path, set_again),
        await directory.patch(path, set_again),
        await directory.patch(path, {"op": "remove", "path": "externalId"}),
        await directory.patch(path, {"op": "replace", "value": {"externalid": "three"}}),
        await directory.patch(path, {"op": "replace", "path": "externalId", "value": None}),
        await directory.do("PUT", path, {**DORA, "externalId": "four"}),
        await directory.do("PUT", path, DORA),
        await directory.do("PUT", path, {**DORA, "externalId": ""}),
    ]
    stale = await directory.error(
        "PATCH", path, patch({"op": "remove", "path": "externalId"}), if_match='W/"6"'
    )
    edits = await gateway.events(action="USER_EDITED")

    assert [(step.get("externalId"), step["meta"]["version"]) for step in steps] == [
        ("one", 'W/"2"'),
        ("two", 'W/"3"'),
        ("two", 'W/"3"'),
        (None, 'W/"4"'),
        ("three", 'W/"5"'),
        (None, 'W/"6"'),
        ("four", 'W/"7"'),
        (None, 'W/"8"'),
        (None, 'W/"8"'),
    ]
    assert stale[0] == 412
    assert [event.changes for event in edits] == [
        [{"field": "externalId", "before": before, "after": after}]
        for before, after in [
            (None, "one"),
            ("one", "two"),
            ("two", None),
            (None, "three"),
            ("three", None),
            (None, "four"),
            ("four", None),
        ]
    ]


async def test_the_audit_trail_tells_it_of_who_was_created_and_removed_and_it_is_free_again(
    gateway: Gateway, directory: Directory
) -> None:
    created = await directory.do("POST", "/Users", {**DORA, "externalId": "one"})
    await directory.do("DELETE", f"/Users/{created['id']}")
    left = await ExternalId.all().count()
    again = await directory.do("POST", "/Users", {**EVE, "externalId": "one"})
    (first, _) = await gateway.events(action="USER_CREATED")
    (removed,) = await gateway.events(action="USER_REMOVED")

    assert left == 0
    assert again["externalId"] == "one"
    assert first.changes[-1] == {"field": "externalId", "before": None, "after": "one"}
    assert removed.changes[-1] == {"field": "externalId", "before": "one", "after": None}


async def test_two_users_of_an_organization_never_have_the_same(
    directory: Directory, mallory: Person
) -> None:
    dora = await directory.do("POST", "/Users", {**DORA, "externalId": "one"})
    path = f"/Users/{dora['id']}"
    eve = await directory.do("POST", "/Users", {**EVE, "externalId": "ONE"})
    other = f"/Users/{eve['id']}"
    body = {**EVE, "externalId": "one"}
    rename = {"op": "replace", "path": "name.givenName", "value": "Evita"}
    take = {"op": "replace", "path": "externalId", "value": "one"}
    refused = [
        await directory.error("POST", "/Users", {**body, "userName": "new@live.example"}),
        await directory.error("PUT", other, body),
        await directory.error("PATCH", other, patch(rename, take)),
    ]
    unchanged = await directory.do("GET", other)
    elsewhere = Directory(await mallory.program("READ", "MANAGE_USERS"))
    theirs = await elsewhere.patch(
        f"/Users/{mallory.user['id']}", {"op": "add", "path": "externalId", "value": "one"}
    )
    await directory.patch(path, {"op": "remove", "path": "externalId"})
    handed_over = await directory.patch(other, take)

    assert (
        refused
        == [[409, "uniqueness", "Another user of the organization has this externalId."]] * 3
    )
    assert unchanged == eve
    assert theirs["externalId"] == "one"
    assert await directory.found("/Users", filter='externalId eq "one"') == [handed_over]


async def test_of_several_at_once_one_gets_it(directory: Directory) -> None:
    answers = await asyncio.gather(
        *(
            directory.send(
                "POST",
                "/Users",
                {**DORA, "userName": f"user{number}@live.example", "externalId": "one"},
            )
            for number in range(6)
        )
    )

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409, 409]
    assert len(await directory.found("/Users", filter='externalId eq "one"')) == 1


async def test_users_are_filtered_and_ordered_by_it_and_it_is_shown_where_it_is_asked_for(
    directory: Directory,
) -> None:
    for number, external_id in enumerate(["b-1", "a-1", "B-1", None]):
        await directory.do(
            "POST",
            "/Users",
            {**DORA, "userName": f"user{number}@live.example", "externalId": external_id},
        )

    async def names(**parameters: str) -> list[str]:
        return [
            each["userName"].partition("@")[0]
            for each in await directory.found("/Users", **parameters)
        ]

    only = await directory.found(
        "/Users", filter='externalId eq "b-1"', attributes="externalId", sortBy="userName"
    )
    without = await directory.found(
        "/Users", filter='externalId eq "b-1"', excludedAttributes="externalId"
    )

    assert await names(filter='externalId eq "b-1"') == ["user0"]
    assert await names(filter='externalId eq "B-1" and active eq true') == ["user2"]
    assert await names(filter='externalId eq "b-1" and externalId eq "a-1"') == []
    assert await names(filter='externalId eq "b-1" and userName eq "user1@live.example"') == []
    assert await names(filter='externalId eq "a-1" or externalId eq "b-1"') == ["user0", "user1"]
    assert await names(filter="externalId eq null") == ["alice", "user3"]
    assert await names(filter='externalId eq "\\u0000"') == []
    assert await names(filter='externalId ne "b-1"') == ["alice", "user1", "user2", "user3"]
    assert await names(filter="externalId pr") == ["user0", "user1", "user2"]
    assert await names(filter="not (externalId pr)") == ["alice", "user3"]
    assert await names(filter='externalId co "-1"', startIndex="2") == ["user1", "user2"]
    assert await names(filter='externalId sw "b"') == ["user0"]
    assert await names(filter="externalId pr", sortBy="externalId") == ["user2", "user1", "user0"]
    assert only == [{"schemas": [USER], "id": only[0]["id"], "externalId": "b-1"}]
    assert (without[0]["id"], "externalId" in without[0]) == (only[0]["id"], False)


@pytest.mark.parametrize(
    "value",
    [5, ["one"], {"value": "one"}, "x" * 256, "one\x00", "a\u202eb"],
    ids=["number", "list", "object", "long", "NUL", "right to left"],
)
async def test_what_can_be_no_id_changes_nothing(directory: Directory, value: object) -> None:
    created = await directory.do("POST", "/Users", {**DORA, "externalId": "one"})
    path = f"/Users/{created['id']}"
    refused = [
        await directory.error("POST", "/Users", {**EVE, "externalId": value}),
        await directory.error("PUT", path, {**DORA, "externalId": value}),
        await directory.error(
            "PATCH", path, patch({"op": "replace", "path": "externalId", "value": value})
        ),
    ]

    assert [status for status, _, _ in refused] == [400] * 3
    assert await directory.do("GET", path) == created


async def test_it_is_kept_to_the_letter(directory: Directory) -> None:
    value = " \u00e9 e\u0301 \U0001f600 " + "x" * 247
    created = await directory.do("POST", "/Users", {**DORA, "externalId": value})
    path = f"/Users/{created['id']}"

    assert (await directory.do("GET", path))["externalId"] == value
    assert len(value) == 255


async def test_the_graph_leaves_it_alone_and_does_not_even_read_it(
    directory: Directory, alice: Person, contoso: str, statements: list[str]
) -> None:
    created = await directory.do("POST", "/Users", {**DORA, "externalId": "one"})
    statements.clear()
    await alice.ask(documents.USERS, organization=contoso)
    user = await alice.see({"id": created["id"]})
    assert user is not None
    await alice.edit(user, firstName="Dorothea")
    sent = list(statements)
    shown = await directory.do("GET", f"/Users/{created['id']}")

    assert len(sent) > 3
    assert [text for text in sent if "external_ids" in text] == []
    assert (shown["displayName"], shown["externalId"]) == ("Dorothea Diaz", "one")
