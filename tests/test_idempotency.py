"""The contract's `Idempotency-Key`, on both engines."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import httpx2
import orjson
import pytest
from tortoise.connection import get_connection

from gateway.app import create_app
from gateway.settings import Settings
from models.answers import KeptAnswer
from resolvers.once import purge_kept_answers
from tests import documents
from tests.people import Clock, Gateway, Person

STARTS_WITHIN_S = 90

EDIT_AND_INVITE = """
mutation Both($edit: EditUserInput!, $invite: InviteUsersInput!) {
  editUser(input: $edit) { user { firstName } userErrors { code } }
  inviteUsers(input: $invite) { results { invitation { sendCount } userErrors { code } } }
}
"""


async def send(
    person: Person,
    key: str | None,
    query: str,
    *,
    client: httpx2.AsyncClient | None = None,
    **v: Any,
) -> httpx2.Response:
    headers = {"cookie": f"session={person.cookie}"} if person.cookie else {}
    if key is not None:
        headers["idempotency-key"] = key
    body = {"query": query, "variables": v}
    return await (client or person.gateway.client).post("/graphql", json=body, headers=headers)


async def create(
    person: Person, key: str | None, organization: str, **form: Any
) -> httpx2.Response:
    given = {"organizationId": organization, **documents.FORM, **form}
    return await send(person, key, documents.CREATE_USER, input=given)


@pytest.fixture
async def dora(alice: Person, contoso: str) -> dict[str, Any]:
    """A user of Contoso with a role, who can be invited."""
    role = await alice.gateway.role("commerce-services/viewer")
    user: dict[str, Any] = (await alice.create(contoso, roles={"set": [role]}))["user"]
    return user


async def invite(
    person: Person, key: str | None, user: dict[str, Any], **options: Any
) -> httpx2.Response:
    return await send(
        person, key, documents.INVITE_USERS, input={"userIds": [user["id"]]}, **options
    )


async def invitations(gateway: Gateway) -> int:
    return len(await gateway.events(action="INVITATION_SENT", outcome="SUCCEEDED"))


def codes(response: httpx2.Response) -> list[str]:
    return [error["extensions"]["code"] for error in response.json().get("errors", [])]


async def test_a_repeated_request_gets_the_first_answer_and_does_nothing(
    gateway: Gateway, alice: Person, dora: dict[str, Any]
) -> None:
    answers = [await invite(alice, "a key", dora) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200] * 3
    assert answers[0].json()["data"]["inviteUsers"]["results"][0]["userErrors"] == []
    assert {answer.content for answer in answers} == {answers[0].content}
    assert (await invitations(gateway), len(await gateway.tokens())) == (1, 1)


async def test_without_a_key_or_with_another_one_it_is_done_again(
    gateway: Gateway, alice: Person, dora: dict[str, Any]
) -> None:
    for key in (None, None, "one", "two"):
        await invite(alice, key, dora)

    assert await invitations(gateway) == 4


async def test_the_same_key_with_another_body_is_refused(
    gateway: Gateway, alice: Person, contoso: str, dora: dict[str, Any]
) -> None:
    await invite(alice, "a key", dora)
    other = await create(alice, "a key", contoso, microsoftAccount="other@live.example")

    assert (other.status_code, codes(other)) == (422, ["BAD_REQUEST"])
    assert len(await gateway.events(action="USER_CREATED")) == 1  # dora


async def test_the_keys_of_callers_are_their_own(gateway: Gateway) -> None:
    service = (await gateway.services())["commerce-services"]["id"]
    input_ = {"serviceId": service, "newOrganization": documents.CONTOSO}
    people = [await gateway.person(f"{name}@live.example") for name in ("ann", "ben")]
    answers = [await send(each, "a key", documents.SIGN_UP, input=input_) for each in people]

    ids = {
        answer.json()["data"]["signUpForService"]["user"]["organization"]["id"]
        for answer in answers
    }
    assert len(ids) == 2


async def test_the_caller_is_the_account_whichever_session_it_comes_with(
    gateway: Gateway, alice: Person, dora: dict[str, Any]
) -> None:
    first = await invite(alice, "a key", dora)
    again = await invite(await gateway.person("alice@live.example"), "a key", dora)

    assert (again.content, await invitations(gateway)) == (first.content, 1)


async def test_of_twenty_equal_requests_at_once_one_is_done_and_all_get_its_answer(
    gateway: Gateway, alice: Person, dora: dict[str, Any]
) -> None:
    answers = await asyncio.gather(*(invite(alice, "a key", dora) for _ in range(20)))

    assert {(each.status_code, each.content) for each in answers} == {(200, answers[0].content)}
    assert await invitations(gateway) == 1


async def test_equal_requests_through_several_replicas_are_done_once(
    gateway: Gateway, alice: Person, dora: dict[str, Any], oidc_settings: dict[str, str]
) -> None:
    settings = Settings.model_validate({"database_url": gateway.database_url, **oidc_settings})
    replicas = [create_app(settings, delivers_mail=False, now=gateway.clock) for _ in range(4)]
    clients = [
        httpx2.AsyncClient(transport=httpx2.ASGITransport(each), base_url=settings.public_url)
        for each in replicas
    ]
    answers = await asyncio.gather(
        *(invite(alice, "a key", dora, client=client) for client in clients for _ in range(5))
    )
    for client in clients:
        await client.aclose()

    assert {(each.status_code, each.content) for each in answers} == {(200, answers[0].content)}
    assert await invitations(gateway) == 1


async def test_different_keys_at_once_do_not_wait_for_ever(
    gateway: Gateway, alice: Person, dora: dict[str, Any]
) -> None:
    answers = await asyncio.gather(*(invite(alice, f"key {n}", dora) for n in range(20)))

    assert {each.status_code for each in answers} == {200}
    assert await invitations(gateway) == 20


async def test_an_answer_is_kept_for_a_day(
    gateway: Gateway, clock: Clock, alice: Person, dora: dict[str, Any]
) -> None:
    first = await invite(alice, "a key", dora)
    clock.pass_by(timedelta(hours=24, seconds=-1))
    later = await invite(await gateway.person("alice@live.example"), "a key", dora)
    clock.pass_by(timedelta(seconds=1))
    last = await invite(await gateway.person("alice@live.example"), "a key", dora)

    assert (later.content == first.content, last.content == first.content) == (True, False)
    assert await invitations(gateway) == 2


async def test_answers_are_purged_when_their_day_is_over(
    clock: Clock, alice: Person, dora: dict[str, Any]
) -> None:
    await invite(alice, "old", dora)
    clock.pass_by(timedelta(hours=1))
    await invite(alice, "new", dora)
    counts = [await purge_kept_answers(clock.moment + timedelta(hours=hours)) for hours in (0, 23)]

    assert (counts, await KeptAnswer.all().count()) == ([0, 1], 1)


@pytest.mark.parametrize(
    ("key", "status"), [("", 400), ("k", 200), ("k" * 255, 200), ("k" * 256, 400)]
)
async def test_a_key_has_1_to_255_characters(
    alice: Person, dora: dict[str, Any], key: str, status: int
) -> None:
    answer = await invite(alice, key, dora)

    assert (answer.status_code, codes(answer)) == (status, ["BAD_REQUEST"] * (status == 400))


async def test_two_keys_are_refused(gateway: Gateway, alice: Person, dora: dict[str, Any]) -> None:
    headers = [
        ("cookie", f"session={alice.cookie}"),
        ("idempotency-key", "one"),
        ("idempotency-key", "two"),
    ]
    body = {"query": documents.INVITE_USERS, "variables": {"input": {"userIds": [dora["id"]]}}}
    answer = await gateway.client.post("/graphql", json=body, headers=headers)

    assert (answer.status_code, await invitations(gateway)) == (400, 0)


async def test_queries_and_strangers_have_no_use_for_a_key(
    gateway: Gateway, alice: Person, dora: dict[str, Any]
) -> None:
    query = "{viewer{microsoftAccount}}"
    headers = {"idempotency-key": "k" * 256, "cookie": f"session={alice.cookie}"}
    by_get = await gateway.client.get("/graphql", params={"query": query}, headers=headers)
    by_post = await send(alice, "k" * 256, query)
    by_stranger = await invite(gateway.anyone(), "a key", dora)

    assert by_get.json() == by_post.json() != {"data": {"viewer": None}}
    assert codes(by_stranger) == ["UNAUTHENTICATED"]
    assert await KeptAnswer.all().count() == 0


async def test_a_refusal_is_an_answer_like_any_other_and_stays_in_the_trail(
    gateway: Gateway, bob: Person, dora: dict[str, Any]
) -> None:
    """Rule 42."""
    answers = [await invite(bob, "a key", dora) for _ in range(2)]

    assert answers[0].content == answers[1].content
    assert len(await gateway.events(action="INVITATION_SENT", outcome="DENIED")) == 1


async def test_a_refused_change_leaves_its_denial_and_nothing_else(
    gateway: Gateway, bob: Person, contoso: str
) -> None:
    """Rule 42."""
    answer = await create(bob, "a key", contoso)

    assert answer.json()["data"]["createUser"]["user"] is None
    assert len(await gateway.events(action="USER_CREATED", outcome="DENIED")) == 1


async def test_what_was_never_begun_leaves_the_key_free(
    gateway: Gateway, alice: Person, dora: dict[str, Any]
) -> None:
    unfit = await send(alice, "a key", documents.INVITE_USERS, input={"userIds": None})
    unknown = await send(alice, "a key", "mutation{unknown}")
    fit = await invite(alice, "a key", dora)

    assert (codes(unfit), codes(unknown)) == (["BAD_REQUEST"], ["GRAPHQL_VALIDATION_FAILED"])
    assert (fit.status_code, await invitations(gateway)) == (200, 1)


async def test_what_fails_half_way_is_undone_as_a_whole_and_can_be_tried_again(
    alice: Person, dora: dict[str, Any]
) -> None:
    edit = {"id": dora["id"], "version": dora["version"], "firstName": "Dorothy"}
    users = {"userIds": [dora["id"]]}
    database = get_connection("default")
    await database.execute_script("ALTER TABLE outgoing_mails RENAME TO away")
    failed = await send(alice, "a key", EDIT_AND_INVITE, edit=edit, invite=users)
    between = await alice.see(dora)
    await database.execute_script("ALTER TABLE away RENAME TO outgoing_mails")
    done = await send(alice, "a key", EDIT_AND_INVITE, edit=edit, invite=users)

    assert between == dora
    assert (failed.json()["data"], codes(failed)) == (None, ["INTERNAL"])
    assert done.json()["data"] == {
        "editUser": {"user": {"firstName": "Dorothy"}, "userErrors": []},
        "inviteUsers": {"results": [{"invitation": {"sendCount": 1}, "userErrors": []}]},
    }


TWO_USERS = """
mutation Two($first: CreateUserInput!, $second: CreateUserInput!) {
  first: createUser(input: $first) { user { id } userErrors { code } }
  second: createUser(input: $second) { user { id } userErrors { code } }
}
"""


async def test_requests_that_change_organizations_in_opposite_order_all_succeed(
    gateway: Gateway, alice: Person, contoso: str
) -> None:
    """On PostgreSQL they lock each other out, and one of them is tried again."""
    role = await gateway.role("commerce-services/viewer")
    organization = {**documents.CONTOSO, "name": "Fabrikam"}
    other = await alice.sign_up("commerce-services", newOrganization=organization)
    both = [contoso, other["user"]["organization"]["id"]]

    def forms(number: int) -> list[dict[str, Any]]:
        return [
            {
                **documents.FORM,
                "organizationId": id_,
                "microsoftAccount": f"u{number}@live.example",
                "roles": {"set": [role]},
            }
            for id_ in (both if number % 2 else reversed(both))
        ]

    answers = await asyncio.gather(
        *(
            send(alice, f"key {number}", TWO_USERS, first=first, second=second)
            for number in range(4)
            for first, second in [forms(number)]
        )
    )

    assert [codes(answer) for answer in answers] == [[]] * 4
    assert [
        payload["userErrors"] for answer in answers for payload in answer.json()["data"].values()
    ] == [[]] * 8
    assert len(await gateway.events(action="USER_CREATED")) == 8


async def test_signing_out_with_a_key_succeeds_each_time(gateway: Gateway, alice: Person) -> None:
    """Rule 41."""
    answers = [await send(alice, "a key", documents.SIGN_OUT) for _ in range(2)]
    others = await gateway.person("alice@live.example")
    again = [await send(others, "other", documents.SIGN_OUT, scope="OTHER_SESSIONS")] * 2

    assert [each.status_code for each in answers] == [200, 200]
    assert "session=" in answers[0].headers["set-cookie"]
    assert again[0].content == again[1].content


async def answer_with_key(
    gateway: Gateway,
    alice: Person,
    settings: dict[str, str],
    user: dict[str, Any],
) -> httpx2.Response:
    """The answer of a gateway with other settings to an invitation with the key "a key"."""
    other = Settings.model_validate({"database_url": gateway.database_url, **settings})
    transport = httpx2.ASGITransport(create_app(other, delivers_mail=False, now=gateway.clock))
    async with httpx2.AsyncClient(transport=transport, base_url=other.public_url) as client:
        return await invite(alice, "a key", user, client=client)


async def test_kept_answers_can_be_read_with_the_secret_key_alone(
    gateway: Gateway, alice: Person, dora: dict[str, Any], oidc_settings: dict[str, str]
) -> None:
    await invite(alice, "a key", dora)
    kept = await KeptAnswer.get()
    settings = {**oidc_settings, "secret_key": "another " * 8}
    answer = await answer_with_key(gateway, alice, settings, dora)

    assert b"Dora" not in kept.answer
    assert "a key" not in kept.key_hash
    assert (answer.status_code, await invitations(gateway)) == (409, 1)


async def test_kept_answers_outlive_a_change_of_the_secret_key(
    gateway: Gateway, alice: Person, dora: dict[str, Any], oidc_settings: dict[str, str]
) -> None:
    first = await invite(alice, "a key", dora)
    further = oidc_settings["secret_key"]
    settings = {**oidc_settings, "secret_key": "another " * 8, "further_secret_keys": further}
    answer = await answer_with_key(gateway, alice, settings, dora)

    assert (answer.status_code, answer.content) == (200, first.content)
    assert await invitations(gateway) == 1


@asynccontextmanager
async def dying_gateway(gateway: Gateway, settings: dict[str, str]) -> AsyncIterator[Person]:
    """A process with its gateway on the same database; its administrator's browser."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        *(sys.executable, "-m", "uvicorn", "--factory", "tests.dying_gateway:create"),
        *("--port", str(port), "--log-level", "critical"),
    ]
    environment = {
        **{name: value for name, value in os.environ.items() if "GATEWAY_" not in name},
        **{f"GATEWAY_{name.upper()}": value for name, value in settings.items()},
        "GATEWAY_DATABASE_URL": gateway.database_url,
    }
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        url = f"http://127.0.0.1:{port}"
        async with httpx2.AsyncClient(base_url=url, trust_env=False) as client:
            for _ in range(STARTS_WITHIN_S * 10):
                try:
                    await client.get("/healthz")
                    break
                except httpx2.TransportError:
                    await asyncio.sleep(0.1)
            yield Person(Gateway(client, gateway.clock, gateway.database_url))
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.mark.parametrize("moment", ["answering", "2", "10", "40"])
async def test_a_request_cut_off_by_a_crash_has_exactly_one_effect_when_it_is_sent_again(
    gateway: Gateway,
    clock: Clock,
    oidc_settings: dict[str, str],
    dora: dict[str, Any],
    moment: str,
) -> None:
    clock.moment = datetime.now(UTC)  # that of the other process
    cookie = (await gateway.person("alice@live.example")).cookie
    body = {"query": documents.INVITE_USERS, "variables": {"input": {"userIds": [dora["id"]]}}}
    headers = {"cookie": f"session={cookie}", "idempotency-key": "a key"}
    async with dying_gateway(gateway, oidc_settings) as person:
        try:
            dying = {**headers, "x-die": moment}
            await person.gateway.client.post("/graphql", json=body, headers=dying)
            is_cut = False
        except httpx2.TransportError:
            is_cut = True
    done_before = await invitations(gateway)
    async with dying_gateway(gateway, oidc_settings) as person:
        again = await person.gateway.client.post("/graphql", json=body, headers=headers)

    result = again.json()["data"]["inviteUsers"]["results"][0]
    assert (is_cut or moment != "answering", again.status_code) == (True, 200)
    assert (done_before in {0, 1}, await invitations(gateway)) == (True, 1)
    assert done_before == 1 or moment != "answering"
    assert (result["invitation"]["sendCount"], result["userErrors"]) == (1, [])


CUT_CONNECTIONS = 100


async def test_mutations_whose_answers_are_lost_have_one_effect_each_when_they_are_sent_again(
    gateway: Gateway, clock: Clock, oidc_settings: dict[str, str], dora: dict[str, Any]
) -> None:
    clock.moment = datetime.now(UTC)
    cookie = (await gateway.person("alice@live.example")).cookie
    body = orjson.dumps(
        {"query": documents.INVITE_USERS, "variables": {"input": {"userIds": [dora["id"]]}}}
    )
    settings = {**oidc_settings, "recipient_mail_rate": "1000 per hour"}
    random = Random(5)  # noqa: S311 - only the moments of the cuts
    async with dying_gateway(gateway, settings) as person:
        url = person.gateway.client.base_url
        for number in range(CUT_CONNECTIONS):
            headers = {
                "host": f"{url.host}:{url.port}",
                "content-type": "application/json",
                "content-length": str(len(body)),
                "cookie": f"session={cookie}",
                "idempotency-key": f"key {number}",
            }
            head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            _, writer = await asyncio.open_connection(url.host, url.port)
            writer.write(f"POST /graphql HTTP/1.1\r\n{head}\r\n".encode() + body)
            await writer.drain()
            await asyncio.sleep(random.random() * 0.02)
            writer.transport.abort()
            again = await person.gateway.client.post("/graphql", content=body, headers=headers)
            result = again.json()["data"]["inviteUsers"]["results"][0]
            assert (result["userErrors"], result["invitation"]["sendCount"]) == ([], number + 1)

    assert await invitations(gateway) == CUT_CONNECTIONS
