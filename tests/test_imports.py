"""Imports of users from files, on both engines."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from gateway.imports import import_forever
from gateway.settings import Settings
from models.audit import AuditAction, AuditOutcome
from models.imports import UserImport, UserImportRow
from models.users import RoleAssignment, User, UserWord
from resolvers.audit_chains import verified_chains
from resolvers.import_work import INTERRUPTED, LEASE, MAX_ATTEMPTS, claim_import, work_on
from resolvers.imports import KEPT_FOR, purge_imports
from schema.nodes import decode_id, encode_id
from tests.imported import IMPORT, VIEWER, export, file_of, row_of, run, see, start, until, work
from tests.people import Gateway, Person

ADMINISTRATOR = "commerce-services:service-administrator"

PEOPLE = [row_of("Dora"), row_of("Erin", roles=f"{VIEWER} {ADMINISTRATOR}")]

MIXED = file_of(
    row_of("Dora"),
    row_of("Erin", account="no address"),
    row_of("Fred", account="DORA@live.example"),
    row_of("Gina", roles="sites-services:sites-users"),
    row_of("Hugo", roles="commerce-services:nonsense"),
    row_of("Ivan", account="alice@live.example"),
    row_of("Jane", roles=""),
    ("", "Doe", "kim@live.example", "kim@contoso.example", VIEWER),
    ("Lena", "Doe", "lena@live.example"),
    row_of("Mona"),
)

REFUSED = {
    3: [("INVALID", "microsoftAccount")],
    4: [("MICROSOFT_ACCOUNT_TAKEN", "microsoftAccount")],
    5: [("ROLE_NOT_AVAILABLE", "roles")],
    6: [("NOT_FOUND", "roles")],
    7: [("MICROSOFT_ACCOUNT_TAKEN", "microsoftAccount")],
    8: [("ROLE_REQUIRED", "roles")],
    9: [("REQUIRED", "firstName")],
    10: [
        ("INVALID", None),
        ("REQUIRED", "primaryEmailAddress"),
        ("ROLE_REQUIRED", "roles"),
    ],
}


def outcomes(seen: dict[str, Any]) -> dict[int, str]:
    return {row["line"]: row["outcome"] for row in seen["rows"]["nodes"]}


def numbers(seen: dict[str, Any]) -> tuple[str, int, int, int, int]:
    return (
        seen["status"],
        seen["rowsTotal"],
        seen["rowsChecked"],
        seen["rowsRefused"],
        seen["rowsCreated"],
    )


def problems(seen: dict[str, Any]) -> dict[int, list[tuple[str, str | None]]]:
    return {
        row["line"]: [
            (each["code"], each["path"][0] if each["path"] else None) for each in row["userErrors"]
        ]
        for row in seen["rows"]["nodes"]
        if row["userErrors"]
    }


async def test_a_dry_run_tells_of_each_row_what_would_come_of_it_and_changes_nothing(
    alice: Person, contoso: str
) -> None:
    seen = await run(alice, contoso, MIXED, "DRY_RUN")

    assert numbers(seen) == ("FINISHED", 10, 10, 8, 0)
    assert outcomes(seen) == {
        line: "REFUSED" if line in REFUSED else "READY" for line in range(2, 12)
    }
    assert problems(seen) == REFUSED
    assert await User.filter(organization_id=decode_id("Organization", contoso)).count() == 1


async def test_the_good_rows_are_created_and_the_others_refused(
    alice: Person, contoso: str
) -> None:
    seen = await run(alice, contoso, MIXED, "GOOD_ROWS")

    assert numbers(seen) == ("FINISHED", 10, 10, 8, 2)
    assert problems(seen) == REFUSED
    assert [row["user"] for row in seen["rows"]["nodes"] if row["outcome"] == "CREATED"] == [
        {"firstName": "Dora"},
        {"firstName": "Mona"},
    ]


async def test_all_or_nothing_creates_nothing_if_one_row_is_refused(
    alice: Person, contoso: str
) -> None:
    seen = await run(alice, contoso, MIXED, "ALL_OR_NOTHING")

    assert numbers(seen) == ("FINISHED", 10, 10, 8, 0)
    assert await User.all().count() == 1


@pytest.mark.parametrize("mode", ["ALL_OR_NOTHING", "GOOD_ROWS"])
async def test_an_import_leaves_what_creating_each_user_leaves(
    gateway: Gateway, alice: Person, contoso: str, mallory: Person, mode: str
) -> None:
    """The same users, roles, words to search by and audit events, but for their ids."""
    fabrikam = mallory.user["organization"]["id"]
    seen = await run(alice, contoso, file_of(*PEOPLE), mode)
    for name, _, account, address, codes in PEOPLE:
        roles = [await gateway.role(code.replace(":", "/")) for code in codes.split()]
        made = await mallory.create(
            fabrikam,
            firstName=name,
            lastName="Doe",
            microsoftAccount=account,
            primaryEmailAddress=address,
            roles={"set": roles},
        )
        assert made["userErrors"] == []

    async def left(organization: str) -> Any:
        id_ = decode_id("Organization", organization)
        events = await gateway.events(organization_id=id_, action=AuditAction.USER_CREATED)
        users = await User.filter(organization_id=id_, first_name__in=["Dora", "Erin"]).order_by(
            "first_name"
        )
        ids = [user.id for user in users]
        words = await UserWord.filter(user_id__in=ids).order_by("word", "user_id")
        held = await RoleAssignment.filter(user_id__in=ids)
        return (
            [(event.subject_name, event.outcome, event.changes) for event in events],
            [(user.sort_name, user.microsoft_account_key, user.status) for user in users],
            [word.word for word in words],
            sorted((ids.index(each.user_id), str(each.role_id)) for each in held),
        )

    assert numbers(seen) == ("FINISHED", 2, 2, 0, 2)
    assert await left(contoso) == await left(fabrikam)


async def test_an_import_is_recorded_and_the_chain_stays_whole(
    gateway: Gateway, alice: Person, contoso: str
) -> None:
    id_ = decode_id("Organization", contoso)
    await run(alice, contoso, MIXED, "GOOD_ROWS")
    (event,) = await gateway.events(action=AuditAction.USERS_IMPORTED)
    (chain,) = [chain async for chain in verified_chains(id_)]

    assert (event.organization_id, event.actor_name) == (id_, "alice@live.example")
    assert {each["field"]: each["after"] for each in event.changes} == {
        "mode": "GOOD_ROWS",
        "rowsTotal": "10",
        "rowsRefused": "8",
        "rowsCreated": "2",
    }
    assert chain.faults == ()


async def test_a_row_of_a_service_that_the_importer_does_not_administer_is_refused(
    gateway: Gateway, carol: Person, contoso: str
) -> None:
    """Rules 4 and 42."""
    text = file_of(row_of("Dora"), row_of("Erin", roles="sites-services:sites-users"))
    seen = await run(carol, contoso, text, "GOOD_ROWS")

    assert outcomes(seen) == {2: "REFUSED", 3: "CREATED"}
    assert problems(seen) == {2: [("ROLE_OUT_OF_SCOPE", "roles")]}
    (denied,) = await gateway.events(outcome=AuditOutcome.DENIED)
    assert (denied.action, denied.actor_name) == (AuditAction.USER_CREATED, "carol@live.example")


async def test_who_may_not_add_users_may_not_import_them(
    bob: Person, mallory: Person, contoso: str
) -> None:
    codes = []
    for person in (bob, mallory):
        payload = await start(person, contoso, MIXED, "DRY_RUN")
        codes.append([each["code"] for each in payload["userErrors"]])

    assert codes == [["FORBIDDEN"], ["NOT_FOUND"]]
    assert await UserImport.all().count() == 0


async def test_what_is_wrong_with_the_file_is_told_at_once(alice: Person, contoso: str) -> None:
    payload = await start(alice, contoso, file_of(("x",), header=["colour"]), "DRY_RUN")

    assert payload["userImport"] is None
    assert [(each["code"], each["path"]) for each in payload["userErrors"]] == [
        ("INVALID", ["csv", "1", "1"]),
        *[("REQUIRED", ["csv", "1"])] * 5,
    ]


async def test_an_import_can_be_seen_by_the_organizations_administrators_alone(
    alice: Person, bob: Person, carol: Person, mallory: Person, contoso: str
) -> None:
    begun = (await start(alice, contoso, MIXED, "DRY_RUN"))["userImport"]
    seen = []
    for person in (alice, bob, carol, mallory):
        data = await person.ask("query I($id: ID!) { userImport(id: $id) { status } }",
                                id=begun["id"])  # fmt: skip
        seen.append(data["userImport"])

    assert seen == [{"status": "QUEUED"}, None, {"status": "QUEUED"}, None]


async def test_rows_come_by_pages_and_by_outcome(alice: Person, contoso: str) -> None:
    text = file_of(*(row_of(f"User{number}") for number in range(120)), row_of("User5"))
    begun = (await start(alice, contoso, text, "DRY_RUN"))["userImport"]
    await work(alice.gateway.clock)
    everything = await see(alice, begun)
    refused = await see(alice, begun, "REFUSED")

    assert [row["line"] for row in everything["rows"]["nodes"]] == list(range(2, 102))
    assert everything["rows"]["totalCount"] == 121
    assert [row["line"] for row in refused["rows"]["nodes"]] == [122]


async def test_an_import_that_was_stopped_goes_on_elsewhere_exactly_there(
    alice: Person, contoso: str
) -> None:
    names = [f"User{number}" for number in range(1_000)]
    begun = (await start(alice, contoso, file_of(*map(row_of, names)), "GOOD_ROWS"))["userImport"]
    stop = asyncio.Event()
    working = asyncio.create_task(work(alice.gateway.clock, stop=stop))

    async def has_begun() -> bool:
        return bool((await see(alice, begun))["rowsCreated"])

    await until(has_begun)
    stop.set()
    await working
    stopped = await see(alice, begun)
    await work(alice.gateway.clock)
    ended = await see(alice, begun)

    assert 0 < stopped["rowsCreated"] < 1_000
    assert stopped["status"] == "RUNNING"
    assert numbers(ended) == ("FINISHED", 1_000, 1_000, 0, 1_000)
    assert await UserImportRow.all().count() == 1_000
    assert await User.filter(first_name__startswith="User").count() == 1_000


async def test_who_was_taken_for_dead_changes_nothing_any_more(alice: Person, contoso: str) -> None:
    clock = alice.gateway.clock
    begun = (await start(alice, contoso, file_of(*PEOPLE), "GOOD_ROWS"))["userImport"]
    id_ = decode_id("UserImport", begun["id"])
    first = await claim_import(lease_id=id_, now=clock())
    assert first
    while_leased = await claim_import(lease_id=id_, now=clock())
    clock.pass_by(LEASE + timedelta(seconds=1))
    await work(clock)
    await work_on(first, lease_id=id_, now=clock, stop=asyncio.Event())

    assert while_leased is None
    assert numbers(await see(alice, begun)) == ("FINISHED", 2, 2, 0, 2)
    assert await User.all().count() == 3


async def test_an_import_over_which_processes_die_is_given_up(alice: Person, contoso: str) -> None:
    clock = alice.gateway.clock
    begun = (await start(alice, contoso, file_of(*PEOPLE), "GOOD_ROWS"))["userImport"]
    for _ in range(MAX_ATTEMPTS):
        assert await claim_import(lease_id=decode_id("User", alice.user["id"]), now=clock())
        clock.pass_by(LEASE + timedelta(seconds=1))
    await work(clock)
    seen = await see(alice, begun)

    assert (seen["status"], seen["problem"]) == ("FAILED", INTERRUPTED)
    assert await UserImport.filter(csv__isnull=False).count() == 0


async def test_an_importer_who_loses_the_right_meanwhile_stops(
    gateway: Gateway, alice: Person, bob: Person, contoso: str
) -> None:
    administrator = await gateway.role("commerce-services/service-administrator")
    seen = await alice.see(bob.user)
    assert seen
    await alice.edit(seen, roles={"add": [administrator]})
    begun = (await start(bob, contoso, file_of(*PEOPLE), "GOOD_ROWS"))["userImport"]
    seen = await alice.see(bob.user)
    assert seen
    await alice.edit(seen, roles={"remove": [administrator]})
    await work(gateway.clock)
    ended = await see(alice, begun)

    assert numbers(ended) == ("FAILED", 2, 0, 0, 0)
    assert ended["problem"] == "Only a service administrator may add users."
    (denied,) = await gateway.events(outcome=AuditOutcome.DENIED)
    assert denied.action is AuditAction.USERS_IMPORTED


async def test_all_or_nothing_notices_who_was_created_after_the_check(
    alice: Person, contoso: str
) -> None:
    """Another process has checked all rows and died; then an account of theirs was taken."""
    begun = (await start(alice, contoso, file_of(*PEOPLE), "ALL_OR_NOTHING"))["userImport"]
    await UserImport.filter(id=decode_id("UserImport", begun["id"])).update(rows_checked=2)
    viewer = await alice.gateway.role("commerce-services/viewer")
    await alice.create(contoso, microsoftAccount="erin@live.example", roles={"set": [viewer]})
    await work(alice.gateway.clock)
    seen = await see(alice, begun)

    assert numbers(seen) == ("FINISHED", 2, 2, 1, 0)
    assert problems(seen) == {3: [("MICROSOFT_ACCOUNT_TAKEN", "microsoftAccount")]}
    assert await User.filter(last_name="Doe").count() == 0


async def test_an_export_gives_back_what_was_imported(
    alice: Person, contoso: str, mallory: Person
) -> None:
    fabrikam = mallory.user["organization"]["id"]
    odd = [
        ("=Dora", "+Doe", "dora@live.example", "dora@contoso.example", VIEWER),
        ("Jo,hn", 'O"Neill; Jr', "-j@live.example", "+j@contoso.example", VIEWER),
        ("'@Zoë", "Ünal 王", "zoe@live.example", "zoe@contoso.example", VIEWER),
    ]
    first = await run(alice, contoso, file_of(*[[*row] for row in odd]), "ALL_OR_NOTHING")
    exported = await export(alice, contoso)
    text = exported.content.decode()
    second = await run(mallory, fabrikam, text, "GOOD_ROWS")

    async def values(organization: str) -> list[dict[str, Any]]:
        id_ = decode_id("Organization", organization)
        fields = ("first_name", "last_name", "microsoft_account", "primary_email_address")
        return await User.filter(organization_id=id_).order_by("microsoft_account").values(*fields)

    assert numbers(first) == ("FINISHED", 3, 3, 0, 3)
    assert numbers(second) == ("FINISHED", 4, 4, 0, 4)
    assert [v for v in await values(fabrikam) if v["first_name"] != "Mallory"] == await values(
        contoso
    )


async def test_many_imports_at_once_are_no_more_than_may_wait(alice: Person, contoso: str) -> None:
    text = file_of(row_of("Dora"))
    begun = await asyncio.gather(*(start(alice, contoso, text, "DRY_RUN") for _ in range(8)))
    codes = sorted(each["code"] for payload in begun for each in payload["userErrors"])

    assert codes == ["RATE_LIMITED"] * 5
    assert await UserImport.all().count() == 3


@pytest.mark.parametrize(("scope", "status"), [("READ", 200), ("INVITE_USERS", 403)])
async def test_a_program_exports_by_a_token_that_may_read(
    alice: Person, contoso: str, scope: str, status: int
) -> None:
    program = await alice.program(scope)
    response = await export(program, contoso, **program.headers())

    assert response.status_code == status


async def test_unfinished_imports_of_an_organization_are_few(alice: Person, contoso: str) -> None:
    for _ in range(3):
        await start(alice, contoso, file_of(*PEOPLE), "DRY_RUN")
    refused = await start(alice, contoso, file_of(*PEOPLE), "DRY_RUN")
    await work(alice.gateway.clock)
    after = await start(alice, contoso, file_of(*PEOPLE), "DRY_RUN")

    assert [each["code"] for each in refused["userErrors"]] == ["RATE_LIMITED"]
    assert after["userErrors"] == []


async def test_ended_imports_are_forgotten_after_a_week(alice: Person, contoso: str) -> None:
    await run(alice, contoso, file_of(*PEOPLE), "DRY_RUN")
    early = await purge_imports(alice.gateway.clock())
    alice.gateway.clock.pass_by(KEPT_FOR)
    late = await purge_imports(alice.gateway.clock())

    assert (early, late) == (0, 1)
    assert await UserImportRow.all().count() == 0


async def test_the_gateway_works_on_imports_beside_the_requests(
    alice: Person, contoso: str
) -> None:
    stop, wake = asyncio.Event(), asyncio.Event()
    working = asyncio.create_task(
        import_forever(Settings(), now=alice.gateway.clock, stop=stop, wake=wake, poll_s=60)
    )
    begun = (await start(alice, contoso, file_of(*PEOPLE), "GOOD_ROWS"))["userImport"]
    wake.set()

    async def has_ended() -> bool:
        return bool((await see(alice, begun))["finishedAt"])

    await until(has_ended)
    stop.set()
    await working

    assert numbers(await see(alice, begun)) == ("FINISHED", 2, 2, 0, 2)


async def post(person: Person, body: dict[str, Any]) -> httpx2.Response:
    headers = {"cookie": f"session={person.cookie}"} if person.cookie else {}
    return await person.gateway.client.post("/graphql", json=body, headers=headers)


async def test_a_body_may_be_larger_for_a_file_of_someone_signed_in_alone(
    gateway: Gateway, alice: Person, contoso: str
) -> None:
    rows = [row_of(f"User{number}", account=f"{'u' * 60}{number}@live.example")
            for number in range(9_000)]  # fmt: skip
    given = {"organizationId": contoso, "csv": file_of(*rows), "mode": "DRY_RUN"}
    fits = {"query": IMPORT, "variables": {"input": given}}
    by_nobody = await post(gateway.anyone(), fits)
    elsewhere = await post(alice, {"query": IMPORT, "variables": {"other": given["csv"]}})
    too_large = await post(alice, {"query": IMPORT, "variables": {"csv": "x" * 9_000_000}})
    done = await post(alice, fits)

    assert [each.status_code for each in (by_nobody, elsewhere, too_large)] == [413] * 3
    assert done.json()["data"]["importUsers"]["userImport"]["rowsTotal"] == 9_000


async def test_an_import_sent_twice_with_one_key_is_one_import(alice: Person, contoso: str) -> None:
    given = {"organizationId": contoso, "csv": file_of(*PEOPLE), "mode": "DRY_RUN"}
    answers = [
        await alice.gateway.client.post(
            "/graphql",
            json={"query": IMPORT, "variables": {"input": given}},
            headers={"cookie": f"session={alice.cookie}", "idempotency-key": "one"},
        )
        for _ in range(2)
    ]

    assert answers[0].json() == answers[1].json()
    assert await UserImport.all().count() == 1


async def test_an_export_is_a_download_that_is_recorded(
    gateway: Gateway, alice: Person, bob: Person, contoso: str
) -> None:
    assert bob.user
    response = await export(alice, contoso)
    path = (await alice.ask("query O($id: ID!) { organization(id: $id) { usersExportHref } }",
                            id=contoso))["organization"]["usersExportHref"]  # fmt: skip
    (event,) = await gateway.events(action=AuditAction.USERS_EXPORTED)

    assert path == f"/organizations/{contoso}/users.csv"
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["content-disposition"] == (
        'attachment; filename="users-Contoso-2026-11-24.csv"; '
        "filename*=UTF-8''users%20Contoso%202026-11-24.csv"
    )
    lines = response.content.decode().split("\r\n")
    assert lines[0] == (
        "\ufefffirstName,lastName,microsoftAccount,primaryEmailAddress,roles,"
        "status,createdAt,lastSignInAt"
    )
    assert [line.rsplit(",", 2)[0] for line in lines[1:]] == [
        f"Alice,Archer,alice@live.example,alice@contoso.example,{ADMINISTRATOR},ASSOCIATED",
        "Bob,Baker,bob@live.example,bob@live.example,commerce-services:viewer,ASSOCIATED",
        "",
    ]
    assert (event.actor_name, event.subject_name) == ("alice@live.example", "Contoso")


async def test_an_export_gives_all_users_by_few_statements(
    alice: Person, contoso: str, statements: list[str]
) -> None:
    names = [f"User{number:04}" for number in range(1_200)]
    await run(alice, contoso, file_of(*map(row_of, names)), "ALL_OR_NOTHING")
    statements.clear()
    response = await export(alice, contoso)
    lines = response.content.decode().splitlines()

    assert [line.partition(",")[0] for line in lines[2:]] == names
    assert len([each for each in statements if "FROM users WHERE organization_id" in each]) == 4


async def test_only_a_service_administrator_may_export(
    gateway: Gateway, bob: Person, mallory: Person, contoso: str
) -> None:
    unknown = encode_id("Organization", decode_id("User", bob.user["id"]))
    answers = [
        await export(gateway.anyone(), contoso),
        await export(bob, contoso),
        await export(mallory, contoso),
        await export(mallory, unknown),
        await export(mallory, "nonsense"),
    ]
    from_elsewhere = await export(bob, contoso, **{"sec-fetch-site": "cross-site"})

    assert [(each.status_code, each.json()["errors"][0]["extensions"]["code"])
            for each in answers] == [
        (401, "UNAUTHENTICATED"),
        (403, "FORBIDDEN"),
        (404, "NOT_FOUND"),
        (404, "NOT_FOUND"),
        (404, "NOT_FOUND"),
    ]  # fmt: skip
    assert from_elsewhere.status_code == 401
    assert answers[2].json() == answers[3].json() == answers[4].json()
    denied = await gateway.events(action=AuditAction.USERS_EXPORTED)
    assert {event.outcome for event in denied} == {AuditOutcome.DENIED}


async def test_looking_whether_there_is_a_download_records_none(
    gateway: Gateway, alice: Person, contoso: str
) -> None:
    response = await gateway.client.head(
        f"/organizations/{contoso}/users.csv", headers={"cookie": f"session={alice.cookie}"}
    )

    assert response.status_code == 405
    assert await gateway.events(action=AuditAction.USERS_EXPORTED) == []


async def test_bob_is_told_of_no_download(bob: Person, contoso: str) -> None:
    data = await bob.ask("query O($id: ID!) { organization(id: $id) { usersExportHref } }",
                         id=contoso)  # fmt: skip

    assert data["organization"]["usersExportHref"] is None
