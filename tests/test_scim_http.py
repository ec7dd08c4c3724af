"""Who may use SCIM, and where; its discovery; and what is no proper request."""

from datetime import timedelta

import httpx2
import pytest
from tortoise.connection import get_connection

from gateway.app import create_app
from gateway.settings import Settings
from models.audit import AuditOutcome
from tests import documents
from tests.people import Gateway, Person
from tests.scim import DORA, ERROR, GROUP, PATCH_OP, USER, Directory, patch


async def test_only_an_access_token_counts(gateway: Gateway, alice: Person) -> None:
    """Not a browser's cookie, which comes by itself."""
    nobody, browser = Directory(gateway.anyone()), Directory(alice)
    wrong = Directory(Person(gateway, token="csu_" + "a" * 49))
    answers = [await each.send("GET", "/Users") for each in (nobody, browser, wrong)]

    assert [answer.status_code for answer in answers] == [401, 401, 401]
    assert [answer.headers["www-authenticate"].partition(" ")[0] for answer in answers] == [
        "Bearer",
        "Bearer",
        "Bearer",
    ]
    assert 'error="invalid_token"' in answers[2].headers["www-authenticate"]
    assert answers[0].json() == {
        "schemas": [ERROR],
        "status": "401",
        "detail": "Send an access token: Authorization: Bearer.",
    }
    assert answers[0].headers["cache-control"] == "no-store"
    assert answers[0].headers["x-content-type-options"] == "nosniff"


async def test_a_token_does_what_its_scopes_let_it(
    gateway: Gateway, alice: Person, bob: Person
) -> None:
    reads = Directory(await alice.program("READ"))
    manages = Directory(await alice.program("MANAGE_USERS"))
    path = f"/Users/{bob.user['id']}"
    rename = patch({"op": "replace", "path": "name.givenName", "value": "Rob"})
    viewers = f"/Groups/{await gateway.role('commerce-services/viewer')}"
    refused = [
        await reads.error("POST", "/Users", DORA),
        await reads.error("PATCH", path, rename),
        await reads.error("DELETE", path),
        await reads.error("PATCH", viewers, patch({"op": "remove", "path": "members"})),
        await manages.error("GET", "/Users"),
        await manages.error("GET", path),
        await manages.error("PUT", viewers, {"schemas": [GROUP], "members": []}),
    ]
    unread = await manages.send("GET", viewers)
    renamed = await manages.do("PATCH", path, rename)
    denied = await gateway.events(outcome=AuditOutcome.DENIED)

    assert [answer[:2] for answer in refused] == [[403, None]] * 7
    assert refused[0][2] == "The access token lacks the scope MANAGE_USERS."
    assert unread.headers["www-authenticate"] == 'Bearer error="insufficient_scope", scope="READ"'
    assert (await reads.do("GET", path)) == renamed
    assert renamed["displayName"] == "Rob Baker"
    assert [event.action for event in denied] == [
        "USER_CREATED",
        "USER_EDITED",
        "USER_REMOVED",
        "USER_EDITED",
    ]


async def test_a_member_is_refused_and_his_attempts_are_recorded(
    gateway: Gateway, alice: Person, bob: Person
) -> None:
    member = Directory(await bob.program("READ", "MANAGE_USERS"))
    path = f"/Users/{alice.user['id']}"
    refused = [
        await member.error("GET", "/Users"),
        await member.error("GET", f"/Users/{bob.user['id']}"),
        await member.error("GET", "/Groups"),
        await member.error("POST", "/Users", DORA),
        await member.error(
            "PATCH",
            f"/Users/{bob.user['id']}",
            patch({"op": "replace", "value": {"active": False}}),
        ),
    ]
    unseen = await member.error("DELETE", path)
    denied = await gateway.events(outcome=AuditOutcome.DENIED)

    assert [answer[0] for answer in refused] == [403] * 5
    assert unseen == [404, None, "No user has this id."]
    assert [event.action for event in denied] == ["USER_CREATED", "USER_EDITED", "USER_REMOVED"]


async def test_another_organization_is_as_one_that_does_not_exist(
    gateway: Gateway, alice: Person, contoso: str, mallory: Person
) -> None:
    program = await mallory.program("READ", "MANAGE_USERS")
    unknown = contoso[:-4] + ("AAA=" if contoso.endswith("=") else "AAAA")

    async def answers(organization: str) -> list[object]:
        there = Directory(program, f"/scim/v2/organizations/{organization}")
        return [
            await there.error("GET", "/Users"),
            await there.error("GET", f"/Users/{alice.user['id']}"),
            await there.error("GET", "/Groups"),
            await there.error("POST", "/Users", DORA),
            await there.error("DELETE", f"/Users/{alice.user['id']}"),
            await there.error(
                "PATCH",
                f"/Groups/{await gateway.role('commerce-services/viewer')}",
                patch({"op": "remove", "path": "members"}),
            ),
        ]

    foreign = await answers(contoso)
    home = Directory(program)

    assert foreign == await answers(unknown)
    assert [answer[0] for answer in foreign] == [404] * 6  # type: ignore[index] # lists
    assert (await home.error("GET", f"/Users/{alice.user['id']}"))[0] == 404
    assert len(await home.found("/Users")) == 1
    assert await alice.see(alice.user) is not None


async def test_an_account_that_administers_several_organizations_says_which(
    alice: Person, contoso: str
) -> None:
    organization = {**documents.CONTOSO, "name": "Fabrikam"}
    made = await alice.sign_up("commerce-services", newOrganization=organization)
    fabrikam = made["user"]["organization"]["id"]
    program = await alice.program("READ", "MANAGE_USERS")
    one, other = (
        Directory(program, f"/scim/v2/organizations/{id_}") for id_ in (contoso, fabrikam)
    )
    refused = await Directory(program).error("GET", "/Users")
    dora = await one.do("POST", "/Users", DORA)

    assert refused[0] == 400
    assert refused[2].startswith(
        "The account administers 2 organizations: say which, as in /scim/v2"
    )
    assert dora["meta"]["location"].endswith(f"/scim/v2/organizations/{contoso}/Users/{dora['id']}")
    assert len(await one.found("/Users")) == 2
    assert len(await other.found("/Users")) == 1
    assert (await other.error("GET", f"/Users/{dora['id']}"))[0] == 404
    assert (await other.error("DELETE", f"/Users/{dora['id']}"))[0] == 404
    assert (await Directory(program).do("GET", "/Schemas"))["totalResults"] == 2


async def test_the_service_tells_what_it_can_do(alice: Person) -> None:
    directory = Directory(await alice.program("READ"))
    config = await directory.do("GET", "/ServiceProviderConfig")
    schemas = await directory.do("GET", "/Schemas")
    types = await directory.do("GET", "/ResourceTypes")
    user = await directory.do("GET", f"/Schemas/{USER}")
    attributes = {attribute["name"]: attribute for attribute in user["attributes"]}
    (role,) = attributes["roles"]["subAttributes"]

    assert {name: config[name]["supported"] for name in ("patch", "bulk", "sort", "etag")} == {
        "patch": True,
        "bulk": True,
        "sort": True,
        "etag": True,
    }
    assert config["bulk"] == {
        "supported": True,
        "maxOperations": 100,
        "maxPayloadSize": 1_048_576,
    }
    assert config["filter"] == {"supported": True, "maxResults": 100}
    assert [each["type"] for each in config["authenticationSchemes"]] == ["oauthbearertoken"]
    assert [schema["id"] for schema in schemas["Resources"]] == [USER, GROUP]
    assert [each["endpoint"] for each in types["Resources"]] == ["/Users", "/Groups"]
    assert await directory.do("GET", "/ResourceTypes/User") == types["Resources"][0]
    assert attributes["userName"]["mutability"] == "immutable"
    assert "commerce-services/viewer" in role["canonicalValues"]
    assert "externalId" not in attributes
    assert (await directory.error("GET", '/Schemas?filter=id eq "x"'))[0] == 403
    assert (await directory.error("GET", "/Schemas/urn:nothing"))[0] == 404


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "", 404),
        ("GET", "/", 404),
        ("GET", "/Nothing", 404),
        ("GET", "/Users/a/b", 404),
        ("GET", "/Users/nonsense", 404),
        ("GET", "/Groups/nonsense", 404),
        ("GET", "/organizations", 404),
        ("GET", "/organizations/x", 404),
        ("PUT", "/Users", 405),
        ("GET", "/Bulk", 405),
        ("POST", "/ServiceProviderConfig", 405),
        ("OPTIONS", "/Users", 405),
        ("GET", "/Me", 501),
        ("POST", "/.search", 501),
    ],
)
async def test_an_address_that_leads_nowhere_is_told_in_the_form_of_errors(
    alice: Person, method: str, path: str, status: int
) -> None:
    directory = Directory(await alice.program("READ"))

    assert (await directory.error(method, path))[0] == status


@pytest.mark.parametrize(
    "body",
    ["", "[]", "null", "{", '{"Operations": 3}', "[" * 100, "\xff", '"x"', "{}"],
)
@pytest.mark.parametrize(("method", "path"), [("POST", "/Users"), ("PATCH", "/Users/{alice}")])
async def test_a_body_that_is_no_resource_is_the_clients_mistake(
    gateway: Gateway, alice: Person, method: str, path: str, body: str
) -> None:
    program = await alice.program("READ", "MANAGE_USERS")
    answer = await gateway.client.request(
        method,
        f"/scim/v2{path.format(alice=alice.user['id'])}",
        content=body.encode("latin-1"),
        headers={**program.headers(), "content-type": "application/scim+json"},
    )

    assert (answer.status_code, answer.json()["schemas"]) == (400, [ERROR])


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "explode", "path": "active", "value": True},
        {"op": "replace", "path": "emails[", "value": "x"},
        {"op": "replace", "path": "name", "value": 3},
        {"op": "replace", "path": "emails", "value": [{"value": {"a": 1}}]},
        {"op": "replace", "path": "active", "value": "perhaps"},
        {"op": "replace", "path": "roles", "value": [{"value": "\x00"}]},
        {"op": "replace", "path": "name.givenName", "value": "\u202e"},
        {"op": "remove", "path": "name.givenName"},
        {"op": "remove"},
        {"op": "replace", "path": "id", "value": "x"},
        {"op": "replace", "path": "meta.version", "value": "x"},
        {"op": "replace", "path": "groups", "value": []},
        "not an object",
    ],
)
async def test_an_operation_that_can_not_be_done_changes_nothing(
    alice: Person, operation: object
) -> None:
    directory = Directory(await alice.program("READ", "MANAGE_USERS"))
    path = f"/Users/{alice.user['id']}"
    before = await directory.do("GET", path)
    body = {"schemas": [PATCH_OP], "Operations": [operation]}

    assert (await directory.error("PATCH", path, body))[0] == 400
    assert await directory.do("GET", path) == before


async def test_a_token_that_has_ended_is_good_for_nothing(gateway: Gateway, alice: Person) -> None:
    directory = Directory(await alice.program("READ", days=1))
    first = await directory.send("GET", "/Users")
    gateway.clock.pass_by(timedelta(days=2))
    ended = await directory.error("GET", "/Users")

    assert first.status_code == 200
    assert ended[0] == 401


async def test_requests_count_for_the_tokens_rate_and_for_the_addresss_without_one(
    gateway: Gateway, oidc_settings: dict[str, str], alice: Person
) -> None:
    settings = Settings.model_validate(
        {
            "database_url": gateway.database_url,
            "token_cost_rate": "4000 per hour",
            "address_cost_rate": "150 per hour",
            **oidc_settings,
        }
    )
    program = await alice.program("READ")
    transport = httpx2.ASGITransport(create_app(settings, delivers_mail=False, now=gateway.clock))
    async with httpx2.AsyncClient(transport=transport, base_url=settings.public_url) as client:
        answers = [await client.get("/scim/v2/Users", headers=program.headers()) for _ in range(3)]
        strangers = [await client.get("/scim/v2/Users") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[2].headers["retry-after"]) > 0
    assert answers[2].json()["schemas"] == [ERROR]
    assert [answer.status_code for answer in strangers] == [401, 429]


async def test_a_defect_is_masked_in_the_form_of_errors(gateway: Gateway, alice: Person) -> None:
    """As when the database lacks a table."""
    directory = Directory(await alice.program("READ"))
    await directory.do("GET", "/Groups")
    await get_connection("default").execute_script("ALTER TABLE role_assignments RENAME TO gone")
    answer = await gateway.client.get("/scim/v2/Groups", headers=directory.person.headers())

    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/scim+json")
    assert answer.json() == {
        "schemas": [ERROR],
        "status": "500",
        "detail": "Something went wrong here. The request's id helps us find out.",
    }


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/Users/.search", {"attributes": ["userName"] * 101}),
        ("POST", "/Users/.search", {"sortBy": "x" * 4_001}),
        ("POST", "/Users/.search", {"filter": "not (" * 51 + "userName pr" + ")" * 51}),
        ("GET", f"/Users?excludedAttributes={'a,' * 101}", None),
        ("GET", f"/Users/{{alice}}?attributes={'a,' * 101}", None),
        ("PATCH", "/Users/{alice}", patch(*[{"op": "remove", "path": "title"}] * 101)),
        ("PATCH", "/Users/{alice}", patch({"op": "remove", "path": f"emails[{'(' * 51}"})),
        ("PATCH", "/Users/{alice}", patch({"op": "remove", "path": "e" * 4_001})),
        (
            "PATCH",
            "/Users/{alice}",
            patch({"op": "add", "value": {"emails": [{"value": "a@b.example"}] * 101}}),
        ),
    ],
)
async def test_what_would_take_too_long_is_refused_at_once(
    alice: Person, method: str, path: str, body: object
) -> None:
    directory = Directory(await alice.program("READ", "MANAGE_USERS"))

    assert (await directory.error(method, path.format(alice=alice.user["id"]), body))[0] == 400


async def test_head_is_get_without_a_body_and_an_endless_version_is_nobodys(alice: Person) -> None:
    directory = Directory(await alice.program("READ", "MANAGE_USERS"))
    path = f"/Users/{alice.user['id']}"
    head = await directory.send("HEAD", path)
    endless = await directory.error("DELETE", path, if_match=f'W/"{"9" * 5_000}"')

    assert (head.status_code, head.headers["etag"]) == (200, 'W/"1"')
    assert endless[0] == 412
