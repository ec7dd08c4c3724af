"""SCIM's `/Bulk`: many changes in one request (RFC 7644 section 3.7)."""

from typing import Any

import httpx2
import pytest
from scim2_models import BulkResponse, Context

from gateway.app import create_app
from gateway.scim.models import Group, User
from gateway.settings import Settings
from models.audit import AuditOutcome
from tests.people import Gateway, Person
from tests.scim import DORA, ERROR, Directory, members, patch

REQUEST = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
RESPONSE = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"
BASE = "http://127.0.0.1:8000/scim/v2"


@pytest.fixture
async def directory(alice: Person) -> Directory:
    """Acts for Alice, who administers Commerce Services of Contoso."""
    return Directory(await alice.program("READ", "MANAGE_USERS"))


def bulk(*operations: object, **more: object) -> dict[str, object]:
    return {"schemas": [REQUEST], "Operations": list(operations), **more}


def make(name: str, **more: object) -> dict[str, object]:
    """The operation that makes a user of this name, which is its `bulkId` too."""
    data = {**DORA, "userName": f"{name}@live.example", **more}
    return {"method": "POST", "path": "/Users", "bulkId": name, "data": data}


async def results(directory: Directory, *operations: object, **more: object) -> list[Any]:
    """What came of each operation."""
    told = await directory.do("POST", "/Bulk", bulk(*operations, **more))
    BulkResponse[User | Group].model_validate(told, scim_ctx=Context.BULK_RESPONSE)
    assert told["schemas"] == [RESPONSE]
    operations_told: list[Any] = told["Operations"]
    return operations_told


async def statuses(directory: Directory, *operations: object, **more: object) -> list[str]:
    return [each["status"] for each in await results(directory, *operations, **more)]


async def test_users_are_made_changed_and_removed_in_one_request(directory: Directory) -> None:
    old = await directory.do("POST", "/Users", DORA)
    gone = await directory.do("POST", "/Users", {**DORA, "userName": "gone@live.example"})
    rename = patch({"op": "replace", "path": "name.givenName", "value": "Dorothea"})
    old_path, gone_path = f"/Users/{old['id']}", f"/Users/{gone['id']}"
    told = await results(
        directory,
        make("eve", externalId="e-1"),
        {"method": "PATCH", "path": old_path, "version": 'W/"1"', "data": rename},
        {"method": "put", "path": old_path, "bulkId": "again", "data": DORA},
        {"method": "DELETE", "path": gone_path},
    )
    (eve,) = await directory.found("/Users", filter='externalId eq "e-1"')

    assert told == [
        {
            "method": "POST",
            "bulkId": "eve",
            "location": f"{BASE}/Users/{eve['id']}",
            "version": 'W/"1"',
            "status": "201",
        },
        {"method": "PATCH", "location": BASE + old_path, "version": 'W/"2"', "status": "200"},
        {
            "method": "PUT",
            "bulkId": "again",
            "location": BASE + old_path,
            "version": 'W/"3"',
            "status": "200",
        },
        {"method": "DELETE", "location": BASE + gone_path, "status": "204"},
    ]
    assert [user["displayName"] for user in await directory.found("/Users")] == [
        "Alice Archer",
        "Dora Diaz",
        "Dora Diaz",
    ]


async def test_what_is_made_can_be_named_before_and_after_by_its_bulk_id(
    directory: Directory,
) -> None:
    processor = await directory.group("Commerce Services / Order processor")
    path = f"/Groups/{processor['id']}"
    added = patch({"op": "add", "path": "members", "value": [{"value": "bulkId:eve"}]})
    rename = patch({"op": "replace", "path": "name.givenName", "value": "Eve"})
    told = await results(
        directory,
        {"method": "PATCH", "path": path, "data": added},
        make("eve"),
        {"method": "PATCH", "path": "/Users/bulkId:eve", "data": rename},
    )
    (eve,) = await directory.found("/Users", filter='userName eq "eve@live.example"')
    processors = await directory.do("GET", path)

    assert [each["status"] for each in told] == ["204", "201", "200"]
    assert told[0]["location"] == BASE + path
    assert told[2]["location"] == told[1]["location"] == f"{BASE}/Users/{eve['id']}"
    assert members(processors) == ["Eve Diaz"]


async def test_each_is_refused_for_itself_as_it_would_be_alone(
    gateway: Gateway, directory: Directory, alice: Person
) -> None:
    own = f"/Users/{alice.user['id']}"
    leave = patch({"op": "replace", "value": {"active": False}})
    operations = [
        ("POST", "/Users", {**DORA, "userName": "ALICE@live.example"}),
        ("POST", "/Groups", {"displayName": "Sales"}),
        ("PATCH", own, leave),
        ("PATCH", own, {"Operations": 3}),
        ("DELETE", own, None),
        ("PUT", "/Users/nobody", DORA),
        ("PUT", "/Users", DORA),
        ("DELETE", "/Nothing/x", None),
    ]
    alone = [await directory.error(*operation) for operation in operations]
    told = await results(
        directory,
        make("eve"),
        *(
            {"method": method, "path": path, "bulkId": str(number), "data": data}
            for number, (method, path, data) in enumerate(operations)
        ),
        make("dora"),
    )
    refused = [each["response"] for each in told[1:-1]]

    assert [told[0]["status"], told[-1]["status"]] == ["201", "201"]
    assert [
        [int(each["status"]), each.get("scimType"), each["detail"]] for each in refused[:6]
    ] == alone[:6]
    assert [each["schemas"] for each in refused] == [[ERROR]] * 8
    assert [each["status"] for each in told[1:-1]] == [each["status"] for each in refused]
    assert [each["status"] for each in refused] == [str(status) for status, _, _ in alone]
    assert ["location" in each for each in told[1:-1]] == [False] * 2 + [True] * 6
    assert len(await gateway.events(action="USER_CREATED")) == 2


async def test_after_as_many_errors_as_were_said_the_rest_is_left_undone(
    directory: Directory,
) -> None:
    gone = {"method": "DELETE", "path": "/Users/nobody"}
    first = await statuses(
        directory, make("u1"), gone, make("u2"), gone, make("u3"), failOnErrors=1
    )
    second = await statuses(
        directory, make("u4"), gone, make("u5"), gone, make("u6"), failOnErrors=2
    )
    users = await directory.found("/Users")

    assert first == ["201", "404"]
    assert second == ["201", "404", "201", "404"]
    assert [user["userName"].partition("@")[0] for user in users] == ["alice", "u1", "u4", "u5"]


async def test_a_reference_to_what_was_not_made_is_a_conflict(directory: Directory) -> None:
    rename = patch({"op": "replace", "path": "name.givenName", "value": "Eve"})
    told = await results(
        directory,
        make("alice"),
        {"method": "PATCH", "path": "/Users/bulkId:alice", "data": rename},
        {"method": "DELETE", "path": "/Users/bulkId:unknown"},
        make("one", externalId="bulkId:two"),
        make("two", externalId="bulkId:one"),
        make("three", externalId="bulkId:three"),
    )

    assert [each["status"] for each in told] == ["409"] * 6
    assert [each["response"]["detail"] for each in told[1:]] == [
        f"No operation with the bulkId '{name}' has created anything."
        for name in ("alice", "unknown", "two", "one", "three")
    ]
    assert len(await directory.found("/Users")) == 1


@pytest.mark.parametrize(
    "operation",
    [
        {},
        {"method": 3},
        {"method": "GET", "path": "/Users"},
        {"method": "POST", "path": "/Users", "data": DORA},
        {"method": "POST", "bulkId": "x", "data": DORA},
        {"method": "POST", "bulkId": "x", "path": "/", "data": DORA},
        {"method": "POST", "bulkId": "x", "path": ["Users"], "data": DORA},
        {"method": "POST", "bulkId": "x", "path": "/Users"},
        {"method": "POST", "bulkId": "x", "path": "/Users", "data": [DORA]},
        {"method": "DELETE", "path": "/Users/{alice}", "version": 3},
        {"method": "DELETE", "path": "/Users/{alice}", "version": "\u2713"},
    ],
)
async def test_an_operation_that_is_none_is_the_clients_mistake_and_its_own(
    directory: Directory, alice: Person, operation: dict[str, Any]
) -> None:
    path = operation.get("path")
    given = (
        {**operation, "path": path.format(alice=alice.user["id"])}
        if path == str(path)
        else operation
    )
    told = (await directory.do("POST", "/Bulk", bulk(given, make("eve"))))["Operations"]

    assert [each["status"] for each in told] == ["400", "201"]
    assert told[0]["response"]["scimType"] == "invalidSyntax"


@pytest.mark.parametrize("path", ["/Users/.search", "/Bulk", "/Schemas", "/Users/a/b", "Me"])
async def test_nothing_else_can_be_done_in_bulk(directory: Directory, path: str) -> None:
    operation = {"method": "POST", "path": path, "bulkId": "x", "data": {}}

    assert (await statuses(directory, operation))[0] in {"404", "501"}


async def test_a_stale_version_is_refused(directory: Directory) -> None:
    user = await directory.do("POST", "/Users", DORA)
    path = f"/Users/{user['id']}"

    assert await statuses(
        directory,
        {"method": "PUT", "path": path, "version": 'W/"7"', "data": DORA},
        {"method": "DELETE", "path": path, "version": "nonsense"},
        {"method": "DELETE", "path": path, "version": 'W/"1"'},
    ) == ["412", "412", "204"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"Operations": []}, 400),
        ({"schemas": REQUEST, "Operations": []}, 400),
        ({"schemas": [REQUEST]}, 400),
        (bulk("POST"), 400),
        (bulk(make("eve"), make("eve")), 400),
        (bulk({**make("eve"), "bulkId": ["eve"]}), 400),
        (bulk(make("eve"), failOnErrors=0), 400),
        (bulk(make("eve"), failOnErrors="1"), 400),
        (bulk(make("eve"), failOnErrors=True), 400),
        (bulk(*[make("eve")] * 101), 413),
        (bulk(make("eve", title="x" * 1_048_576)), 413),
    ],
)
async def test_a_request_that_is_none_or_too_large_does_nothing(
    directory: Directory, body: object, status: int
) -> None:
    refused = await directory.error("POST", "/Bulk", body)

    assert refused[0] == status
    assert len(await directory.found("/Users")) == 1


async def test_a_hundred_are_done_and_a_limit_that_is_exceeded_is_named(
    directory: Directory,
) -> None:
    hundred = [make(f"user{number}") for number in range(100)]
    (_, _, detail) = await directory.error("POST", "/Bulk", bulk(*hundred, make("eve")))

    assert detail == "101 operations; maxOperations is 100."
    assert await statuses(directory, *hundred) == ["201"] * 100


async def test_what_is_not_begun_in_time_is_to_be_sent_again(
    directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.scim.bulk.BEGIN_WITHIN_S", 0.05)
    told = await statuses(directory, *(make(f"user{number}") for number in range(100)))
    done = told.count("201")

    assert told == ["201"] * done + ["503"] * (100 - done)
    assert 0 < done < 100
    assert (await directory.do("GET", "/Users?count=0"))["totalResults"] == done + 1


async def test_the_rules_are_those_of_the_caller_and_denials_are_recorded(
    gateway: Gateway, alice: Person, bob: Person
) -> None:
    reads = Directory(await alice.program("READ"))
    member = Directory(await bob.program("READ", "MANAGE_USERS"))
    delete = {"method": "DELETE", "path": f"/Users/{alice.user['id']}"}

    assert await statuses(reads, make("eve"), delete) == ["403", "403"]
    assert await statuses(member, make("eve"), delete) == ["403", "404"]
    assert [event.action for event in await gateway.events(outcome=AuditOutcome.DENIED)] == [
        "USER_CREATED",
        "USER_REMOVED",
    ] * 2


async def test_each_operation_counts_for_the_tokens_rate(
    gateway: Gateway, oidc_settings: dict[str, str], alice: Person
) -> None:
    settings = Settings.model_validate(
        {
            "database_url": gateway.database_url,
            "token_cost_rate": "11000 per hour",
            **oidc_settings,
        }
    )
    program = await alice.program("READ", "MANAGE_USERS")
    transport = httpx2.ASGITransport(create_app(settings, delivers_mail=False, now=gateway.clock))
    async with httpx2.AsyncClient(transport=transport, base_url=settings.public_url) as client:
        answer = await client.post(
            "/scim/v2/Bulk",
            json=bulk(make("u1"), make("u2"), make("u3")),
            headers=program.headers(),
        )

    assert [each["status"] for each in answer.json()["Operations"]] == ["201", "201", "429"]
