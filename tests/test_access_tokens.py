"""Access tokens: made, shown once, used within their scopes, ended."""

import asyncio
import re
from datetime import timedelta
from typing import Any

import pytest
from tortoise.connection import get_connection

from models.accounts import AccessToken
from models.rows import new_id
from resolvers.access_tokens import MOST_TOKENS, purge_expired_tokens
from tests import documents
from tests.people import BEGINNING, Gateway, Person, associated
from tests.walks import fields_of


def form(gateway: Gateway, **given: Any) -> dict[str, Any]:
    ends = (gateway.clock() + timedelta(days=90)).isoformat()
    return {"name": "nightly sync", "scopes": ["READ"], "expiresAt": ends, **given}


async def who(person: Person) -> int:
    return (await person.post("{ viewer { microsoftAccount } }")).status_code


async def test_a_token_is_made_shown_once_and_listed_without_its_secret(
    gateway: Gateway, alice: Person
) -> None:
    given = form(gateway, scopes=["READ_AUDIT", "READ"], name="  nightly   sync ")
    payload = await alice.do(documents.CREATE_ACCESS_TOKEN, input=given)
    secret = payload["secret"]
    viewer = (await alice.ask(documents.ACCESS_TOKENS))["viewer"]

    assert payload["userErrors"] == []
    assert re.fullmatch(r"csu_[0-9A-Za-z]{49}", secret)
    assert viewer["accessTokens"] == [payload["accessToken"]]
    assert payload["accessToken"] == {
        "id": payload["accessToken"]["id"],
        "name": "nightly sync",
        "prefix": secret[:12],
        "scopes": ["READ", "READ_AUDIT"],
        "createdAt": payload["accessToken"]["createdAt"],
        "expiresAt": given["expiresAt"].replace("+00:00", "Z"),
        "lastUsedAt": None,
    }


async def test_a_program_with_a_token_is_its_owner_without_a_session(alice: Person) -> None:
    program = await alice.program("READ")
    data = await program.ask("{ viewer { microsoftAccount session { id } profiles { id } } }")

    assert data["viewer"] == {
        "microsoftAccount": "alice@live.example",
        "session": None,
        "profiles": [{"id": alice.user["id"]}],
    }


async def test_the_database_never_holds_the_secret_not_even_for_a_repeat(
    gateway: Gateway, alice: Person
) -> None:
    """Not in the answer that is kept for its `Idempotency-Key`, either: that is encrypted."""
    body = {"query": documents.CREATE_ACCESS_TOKEN, "variables": {"input": form(gateway)}}
    headers = {**alice.headers(), "idempotency-key": "a key"}
    answers = [
        (await gateway.client.post("/graphql", json=body, headers=headers)).json() for _ in range(2)
    ]
    secret = answers[0]["data"]["createAccessToken"]["secret"]
    tables = ["access_tokens", "kept_answers", "audit_events", "accounts", "sessions"]
    connection = get_connection("default")
    stored = [await connection.execute_query_dict(f"SELECT * FROM {name}") for name in tables]  # noqa: S608 - ours

    assert answers[0] == answers[1]
    assert [len(rows) for rows in stored[:2]] == [1, 1]
    assert secret not in str(stored)
    assert secret[12:] not in str(stored)


@pytest.mark.parametrize(
    ("given", "problems"),
    [
        ({"name": " "}, [("REQUIRED", ["name"])]),
        ({"name": "n" * 101}, [("TOO_LONG", ["name"])]),
        ({"name": "a\u202eb"}, [("INVALID", ["name"])]),
        ({"scopes": []}, [("REQUIRED", ["scopes"])]),
        ({"scopes": ["READ", "READ_AUDIT", "READ"]}, [("INVALID", ["scopes", "2"])]),
        ({"expiresAt": BEGINNING.isoformat()}, [("INVALID", ["expiresAt"])]),
        (
            {"expiresAt": (BEGINNING + timedelta(days=367)).isoformat()},
            [("INVALID", ["expiresAt"])],
        ),
        (
            {"name": "", "scopes": [], "expiresAt": "1970-01-01T00:00:00Z"},
            [("REQUIRED", ["name"]), ("REQUIRED", ["scopes"]), ("INVALID", ["expiresAt"])],
        ),
    ],
    ids=str,
)
async def test_all_problems_of_the_form_are_told_together(
    gateway: Gateway,
    alice: Person,
    given: dict[str, Any],
    problems: list[tuple[str, list[str]]],
) -> None:
    payload = await alice.do(documents.CREATE_ACCESS_TOKEN, input=form(gateway, **given))

    assert [(each["code"], each["path"]) for each in payload["userErrors"]] == problems
    assert (payload["accessToken"], payload["secret"]) == (None, None)
    assert await AccessToken.all().count() == 0


async def test_a_token_may_last_a_year_and_names_100_characters(
    gateway: Gateway, alice: Person
) -> None:
    ends = (gateway.clock() + timedelta(days=366)).isoformat()
    payload = await alice.do(
        documents.CREATE_ACCESS_TOKEN, input=form(gateway, name="n" * 100, expiresAt=ends)
    )

    assert payload["userErrors"] == []


async def test_an_account_has_50_tokens_at_most_of_which_expired_ones_do_not_count(
    gateway: Gateway, alice: Person
) -> None:
    await alice.program("READ", days=1)
    kept = await AccessToken.get()
    await AccessToken.bulk_create(
        AccessToken(
            id=new_id(),
            account_id=kept.account_id,
            name=str(number),
            prefix="csu_",
            token_hash=f"{number:064}",
            scopes="READ",
            created_at=kept.created_at,
            expires_at=kept.expires_at + timedelta(days=30),
        )
        for number in range(MOST_TOKENS - 2)
    )
    both = await asyncio.gather(
        *(alice.do(documents.CREATE_ACCESS_TOKEN, input=form(gateway)) for _ in range(2))
    )
    gateway.clock.pass_by(timedelta(hours=1))
    refused = await alice.do(documents.CREATE_ACCESS_TOKEN, input=form(gateway))
    await AccessToken.filter(id=kept.id).update(expires_at=gateway.clock())
    made = await alice.do(documents.CREATE_ACCESS_TOKEN, input=form(gateway))

    assert sorted(len(each["userErrors"]) for each in both) == [0, 1]
    assert [(each["code"], each["path"]) for each in refused["userErrors"]] == [("INVALID", [])]
    assert made["userErrors"] == []


async def test_who_holds_no_role_has_no_token(
    gateway: Gateway, alice: Person, contoso: str
) -> None:
    stranger = await gateway.person("stranger@live.example")
    dave = await associated(
        alice, contoso, "dave@live.example", role="commerce-services/viewer", name="Dave Dale"
    )
    seen = await alice.see(dave.user)
    assert seen
    await alice.edit(seen, roles={"set": []})
    payloads = [
        await person.do(documents.CREATE_ACCESS_TOKEN, input=form(gateway))
        for person in (stranger, dave)
    ]

    assert [payload["userErrors"][0]["code"] for payload in payloads] == ["FORBIDDEN"] * 2
    assert await AccessToken.all().count() == 0
    denied = await gateway.events(action="ACCESS_TOKEN_CREATED", outcome="DENIED")
    assert [event.actor_name for event in denied] == ["stranger@live.example", "dave@live.example"]


BAD_TOKENS = {
    "another scheme": ("Basic YTpi", "Send one Authorization header: Bearer, and an access token"),
    "nothing": ("", "Send one Authorization header: Bearer, and an access token"),
    "no token": ("Bearer", "An access token begins with csu_"),
    "another mark": ("Bearer ghp_16C7e42F292c6912E7710c83", "An access token begins with csu_"),
    "cut short": ("Bearer {token:.52}", "The access token is mistyped or incomplete"),
    "one letter off": ("Bearer {typo}", "The access token is mistyped or incomplete"),
    "too long": ("Bearer {token}0", "The access token is mistyped or incomplete"),
    "two": ("Bearer {token} {token}", "The access token is mistyped or incomplete"),
    "guessed": (
        "Bearer csu_0000000000000000000000000000000000000000000{sum}",
        "The access token has expired, was revoked, or never was one",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_TOKENS)
async def test_a_bad_token_gets_401_with_its_reason_and_a_typo_no_look_into_the_database(
    gateway: Gateway, alice: Person, statements: list[str], case: str
) -> None:
    header, reason = BAD_TOKENS[case]
    token = (await alice.program("READ")).token or ""
    typo = token[:20] + ("a" if token[20] != "a" else "b") + token[21:]
    statements.clear()
    response = await gateway.client.post(
        "/graphql",
        json={"query": "{ viewer { microsoftAccount } }"},
        headers={"authorization": header.format(token=token, typo=typo, sum=ZEROS)},
    )

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == (
        f'Bearer error="invalid_token", error_description="{reason}"'
    )
    assert response.json() == {
        "errors": [{"message": f"{reason}.", "extensions": {"code": "UNAUTHENTICATED"}}]
    }
    assert "set-cookie" not in response.headers
    assert len(statements) == (1 if case == "guessed" else 0)


ZEROS = "0nyr1a"
"""The checksum of the mark with 43 zeros, worked out apart."""


async def test_a_token_counts_before_a_cookie_and_a_good_cookie_mends_no_bad_token(
    gateway: Gateway, alice: Person, mallory: Person
) -> None:
    program = await alice.program("READ")
    query = {"query": "{ viewer { microsoftAccount session { id } } }"}
    answers = [
        await gateway.client.post(
            "/graphql",
            json=query,
            headers={**mallory.headers(), "authorization": f"Bearer {token}"},
        )
        for token in (program.token, f"{program.token}x")
    ]

    assert answers[0].json()["data"]["viewer"] == {
        "microsoftAccount": "alice@live.example",
        "session": None,
    }
    assert answers[1].status_code == 401
    assert await who(mallory) == 200


async def test_a_token_counts_from_any_origin_unlike_a_cookie(
    gateway: Gateway, alice: Person
) -> None:
    program = await alice.program("READ")
    names = []
    for credential in (program.headers(), alice.headers()):
        response = await gateway.client.post(
            "/graphql",
            json={"query": "{ viewer { microsoftAccount } }"},
            headers={
                **credential,
                "origin": "https://elsewhere.example",
                "sec-fetch-site": "cross-site",
            },
        )
        names.append(response.json()["data"]["viewer"])

    assert names == [{"microsoftAccount": "alice@live.example"}, None]


async def test_the_scheme_is_spelt_in_any_case_and_get_works(
    gateway: Gateway, alice: Person
) -> None:
    program = await alice.program("READ")
    response = await gateway.client.get(
        "/graphql",
        params={"query": "{ viewer { microsoftAccount } }"},
        headers={"authorization": f"bEARER  {program.token}"},
    )

    assert response.json() == {"data": {"viewer": {"microsoftAccount": "alice@live.example"}}}


async def test_a_token_takes_one_statement_as_a_session_does(
    alice: Person, statements: list[str]
) -> None:
    program = await alice.program("READ")
    counts = []
    for person in (alice, program, program):
        statements.clear()
        await person.post("{ viewer { profiles { id selectedRoles { id } } } }")
        counts.append(len(statements))

    assert counts == [1, 2, 1]  # the first use is written down


async def test_last_use_is_written_once_in_five_minutes_however_many_requests(
    gateway: Gateway, alice: Person, statements: list[str]
) -> None:
    program = await alice.program("READ")
    written, uses = [], []
    for _ in range(3):
        statements.clear()
        for each in await asyncio.gather(*(who(program) for _ in range(5))):
            assert each == 200
        await who(program)
        written.append(sum(text.startswith("UPDATE") for text in statements) > 0)
        uses.append((await AccessToken.get()).last_used_at)
        gateway.clock.pass_by(timedelta(minutes=3))

    first, second, third = uses
    assert written == [True, False, True]
    assert first == second
    assert first is not None
    assert third is not None
    assert third > first + timedelta(minutes=5)


async def test_a_revoked_token_is_dead_at_once_and_revoking_is_recorded(
    gateway: Gateway, alice: Person
) -> None:
    program = await alice.program("READ")
    before = await who(program)
    id_ = program.user["id"]
    payload = await alice.do(documents.REVOKE_ACCESS_TOKEN, id=id_)
    again = await alice.do(documents.REVOKE_ACCESS_TOKEN, id=id_)

    assert payload == {"revokedAccessTokenId": id_, "userErrors": []}
    assert [(each["code"], each["path"]) for each in again["userErrors"]] == [("NOT_FOUND", ["id"])]
    assert (before, await who(program)) == (200, 401)
    events = [
        event
        for event in await gateway.events()
        if event.action in {"ACCESS_TOKEN_CREATED", "ACCESS_TOKEN_REVOKED"}
    ]
    shown = f"nightly sync ({program.user['prefix']})"
    assert [(event.action, event.subject_name, event.actor_name) for event in events] == [
        ("ACCESS_TOKEN_CREATED", shown, "alice@live.example"),
        ("ACCESS_TOKEN_REVOKED", shown, "alice@live.example"),
    ]
    assert [change["field"] for change in events[0].changes] == ["name", "scopes", "expiresAt"]


async def test_nobody_sees_or_revokes_another_s_token(
    alice: Person, bob: Person, mallory: Person
) -> None:
    program = await bob.program("READ")
    id_ = program.user["id"]
    payloads = [
        await person.do(documents.REVOKE_ACCESS_TOKEN, id=id_) for person in (alice, mallory)
    ]
    node = "query ($id: ID!) { node(id: $id) { id } }"

    assert [payload["userErrors"][0]["code"] for payload in payloads] == ["NOT_FOUND"] * 2
    assert [(await person.ask(node, id=id_))["node"] for person in (alice, bob)] == [
        None,
        {"id": id_},
    ]
    assert await who(program) == 200


async def test_an_expired_token_is_dead_shown_for_a_while_and_then_purged(
    gateway: Gateway, alice: Person
) -> None:
    program = await alice.program("READ", days=1)
    gateway.clock.pass_by(timedelta(days=1))
    alice = await gateway.person("alice@live.example")
    shown = (await alice.ask(documents.ACCESS_TOKENS))["viewer"]["accessTokens"]
    purged = [await purge_expired_tokens(gateway.clock())]
    status = await who(program)
    gateway.clock.pass_by(timedelta(days=31))
    alice = await gateway.person("alice@live.example")
    later = (await alice.ask(documents.ACCESS_TOKENS))["viewer"]["accessTokens"]
    purged.append(await purge_expired_tokens(gateway.clock()))

    assert status == 401
    assert [token["id"] for token in shown] == [program.user["id"]]
    assert (later, purged) == ([], [0, 1])


async def test_a_token_does_what_its_user_may_at_the_moment(
    gateway: Gateway, alice: Person, bob: Person, contoso: str
) -> None:
    program = await bob.program("READ", "MANAGE_USERS")
    viewer = await gateway.role("commerce-services/viewer")
    administrator = await gateway.role("commerce-services/service-administrator")

    async def create(name: str) -> list[str]:
        account = f"{name}@live.example"
        payload = await program.create(contoso, microsoftAccount=account, roles={"set": [viewer]})
        return [error["code"] for error in payload["userErrors"]]

    async def now_holds(*roles: str) -> None:
        seen = await alice.see(bob.user)
        assert seen
        assert (await alice.edit(seen, roles={"set": list(roles)}))["userErrors"] == []

    outcomes = [await create("one")]
    await now_holds(viewer, administrator)
    outcomes.append(await create("two"))
    await now_holds(viewer)
    outcomes.append(await create("three"))

    assert outcomes == [["FORBIDDEN"], [], ["FORBIDDEN"]]


async def test_tokens_end_for_good_with_the_last_role(
    gateway: Gateway, alice: Person, bob: Person
) -> None:
    program = await bob.program("READ")
    role = await gateway.role("commerce-services/viewer")
    seen = await alice.see(bob.user)
    assert seen
    without = (await alice.edit(seen, roles={"set": []}))["user"]
    statuses = [await who(program)]
    await alice.edit(without, roles={"set": [role]})
    statuses.append(await who(program))

    assert statuses == [401, 401]
    assert await AccessToken.all().count() == 0
    (event,) = await gateway.events(action="ACCESS_TOKEN_REVOKED")
    assert (event.actor_name, event.subject_name) == (
        "alice@live.example",
        f"nightly sync ({program.user['prefix']})",
    )


async def test_tokens_end_with_a_profile_and_other_organizations_learn_it_and_not_by_whom(
    gateway: Gateway, alice: Person, bob: Person
) -> None:
    """Rule 40. Bob works for Fabrikam, too, and his token is good for both."""
    fabrikam = {**documents.CONTOSO, "name": "Fabrikam", "firstName": "Bob"}
    await bob.sign_up("sites-services", newOrganization=fabrikam)
    seen = await alice.see(bob.user)
    assert seen
    await alice.edit(seen, roles={"set": []})
    program = await bob.program("READ")
    before = await who(program)
    payload = await alice.remove(seen)

    assert payload["results"][0]["userErrors"] == []
    assert (before, await who(program)) == (200, 401)
    assert await AccessToken.all().count() == 0
    events = await gateway.events(action="ACCESS_TOKEN_REVOKED")
    assert sorted(event.actor_name for event in events) == [
        "alice@live.example",
        "an administrator of another organization",
    ]


async def test_a_token_made_while_the_last_role_goes_does_not_stay(
    gateway: Gateway, alice: Person, bob: Person
) -> None:
    seen = await alice.see(bob.user)
    assert seen
    making = [bob.do(documents.CREATE_ACCESS_TOKEN, input=form(gateway)) for _ in range(4)]
    await asyncio.gather(alice.edit(seen, roles={"set": []}), *making)

    assert await AccessToken.all().count() == 0


MUTATIONS: dict[str, str | None] = {
    "createUser": "MANAGE_USERS",
    "editUser": "MANAGE_USERS",
    "removeUsers": "MANAGE_USERS",
    "importUsers": "MANAGE_USERS",
    "inviteUsers": "INVITE_USERS",
    "revokeInvitations": "INVITE_USERS",
    "signUpForService": None,
    "activateSubscription": None,
    "deactivateSubscription": None,
    "acceptInvitation": None,
    "signOut": None,
    "endSession": None,
    "createAccessToken": None,
    "revokeAccessToken": None,
    "createWebhook": None,
    "editWebhook": None,
    "rotateWebhookSecret": None,
    "replayWebhook": None,
    "removeWebhook": None,
}
"""The scope that each needs, if any will do; `authorization.toml` has what each answers."""


def test_each_mutation_says_what_an_access_token_needs() -> None:
    told = {name: field.description or "" for name, field in fields_of("Mutation").items()}
    needed = {name: scope or "session" for name, scope in MUTATIONS.items()}

    assert set(needed) == set(told)
    assert [name for name in told if needed[name] not in told[name]] == []


async def test_a_refused_scope_is_told_and_recorded_like_any_lack_of_permission(
    gateway: Gateway, alice: Person, contoso: str
) -> None:
    program = await alice.program("READ", "INVITE_USERS")
    payload = await program.create(contoso)
    signing_out = await program.do(documents.SIGN_OUT)
    made = await program.do(documents.CREATE_ACCESS_TOKEN, input=form(gateway))

    assert [(each["code"], each["message"]) for each in payload["userErrors"]] == [
        ("FORBIDDEN", "The access token lacks the scope MANAGE_USERS.")
    ]
    assert [each["message"] for each in made["userErrors"]] == [
        "An access token can't do this: sign in."
    ]
    assert signing_out["signedOutSessions"] == 0
    assert await who(alice) == 200
    denied = await gateway.events(outcome="DENIED")
    name = f"alice@live.example (access token {program.user['prefix']})"
    assert [(event.action, event.actor_name) for event in denied] == [
        ("USER_CREATED", name),
        ("SIGNED_OUT", name),
        ("ACCESS_TOKEN_CREATED", name),
    ]


async def test_what_a_token_has_done_is_told_from_what_a_person_did(
    gateway: Gateway, alice: Person, contoso: str
) -> None:
    program = await alice.program("MANAGE_USERS")
    role = await gateway.role("commerce-services/viewer")
    await program.create(contoso, roles={"set": [role]})

    (event,) = await gateway.events(action="USER_CREATED")
    assert event.actor_name == f"alice@live.example (access token {program.user['prefix']})"


async def test_a_read_without_its_scope_is_forbidden_with_a_challenge(
    alice: Person, contoso: str
) -> None:
    program = await alice.program("MANAGE_USERS")
    response = await program.post(documents.USERS, organization=contoso)

    assert [error["extensions"]["code"] for error in response.json()["errors"]] == ["FORBIDDEN"]
    assert response.headers["www-authenticate"] == (
        'Bearer error="insufficient_scope", scope="READ"'
    )


INVITED = "invitation { status user { firstName selectedRoles { code } } sentBy { firstName } }"
MADE = "user { firstName roleAssignments { role { code } grantedBy { firstName } } }"


async def test_what_a_change_answers_needs_no_other_scope(
    gateway: Gateway, alice: Person, bob: Person, contoso: str
) -> None:
    """The users it is about, and who did it; anybody else needs READ."""
    role = await gateway.role("commerce-services/viewer")
    manager = await alice.program("MANAGE_USERS")
    inviter = await alice.program("INVITE_USERS")
    create = f"mutation ($input: CreateUserInput!) {{ createUser(input: $input) {{ {MADE} }} }}"
    form_ = {**documents.FORM, "organizationId": contoso, "roles": {"set": [role]}}
    made = await manager.do(create, input=form_)
    (dora,) = (await alice.ask(documents.USERS, organization=contoso, filter={"search": "dora"}))[
        "users"
    ]["nodes"]
    invite = (
        "mutation ($input: InviteUsersInput!) {"
        f" inviteUsers(input: $input) {{ results {{ {INVITED} }} }} }}"
    )
    invited = await inviter.do(invite, input={"userIds": [dora["id"]]})
    more = invite.replace("firstName selected", "organization { users { totalCount } } selected", 1)
    errors = await inviter.errors(more, input={"userIds": [dora["id"]]})
    others = await inviter.errors("query ($id: ID!) { user(id: $id) { id } }", id=bob.user["id"])

    viewer = {"code": "viewer"}
    alice_ = {"firstName": "Alice"}
    assert made["user"] == {
        "firstName": "Dora",
        "roleAssignments": [{"role": viewer, "grantedBy": alice_}],
    }
    assert invited["results"] == [
        {
            "invitation": {
                "status": "PENDING",
                "user": {"firstName": "Dora", "selectedRoles": [viewer]},
                "sentBy": alice_,
            }
        }
    ]
    assert errors == others == ["FORBIDDEN"]


async def test_what_a_viewer_can_do_is_told_within_the_scopes(alice: Person, bob: Person) -> None:
    query = "query ($id: ID!) { user(id: $id) { viewerCanEdit removalBlockers { code } } }"
    seen = [
        (await each.ask(query, id=bob.user["id"]))["user"]
        for each in (
            alice,
            await alice.program("READ"),
            await alice.program("READ", "MANAGE_USERS"),
        )
    ]

    may = {"viewerCanEdit": True, "removalBlockers": [{"code": "USER_HAS_ROLES"}]}
    may_not = {
        "viewerCanEdit": False,
        "removalBlockers": [{"code": "FORBIDDEN"}, {"code": "USER_HAS_ROLES"}],
    }
    assert seen == [may, may_not, may]


async def test_the_trail_needs_read_audit_and_no_more(alice: Person, contoso: str) -> None:
    query = "query ($id: ID!) { organization(id: $id) { name auditEvents { nodes { action } } } }"
    trail = await (await alice.program("READ_AUDIT")).ask(query, id=contoso)
    refused = await (await alice.program("READ")).post(query, id=contoso)

    assert trail["organization"]["name"] == "Contoso"
    assert trail["organization"]["auditEvents"]["nodes"] != []
    assert refused.headers["www-authenticate"] == (
        'Bearer error="insufficient_scope", scope="READ_AUDIT"'
    )


async def test_a_token_never_gets_at_the_answers_kept_for_its_owner_or_for_another_token(
    gateway: Gateway, alice: Person
) -> None:
    body = {"query": documents.CREATE_ACCESS_TOKEN, "variables": {"input": form(gateway)}}
    programs = [await alice.program("READ") for _ in range(2)]
    secrets = []
    for person in (alice, *programs):
        headers = {**person.headers(), "idempotency-key": "a key"}
        response = await gateway.client.post("/graphql", json=body, headers=headers)
        secrets.append(response.json()["data"]["createAccessToken"]["secret"] is not None)

    assert secrets == [True, False, False]


async def test_signing_out_leaves_tokens_alone(alice: Person) -> None:
    program = await alice.program("READ")
    await alice.do(documents.SIGN_OUT, scope="ALL_SESSIONS")

    assert [await who(alice), await who(program)] == [401, 200]
