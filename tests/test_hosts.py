"""By which names the gateway answers, and whom it believes about where requests come from."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from gateway.addresses import TrustedProxies, networks
from gateway.app import create_app
from gateway.check import check_everything
from gateway.hosts import Hosts
from gateway.settings import Settings
from tests.people import Gateway

HOSTS = Hosts(
    "https://users.example.com",
    "https://shop.example.org:8443",
    names=frozenset({"gateway.internal.example"}),
)
CALLBACK = "/auth/callback?code=x&state=y"


def told(*hosts: str, version: str = "1.1", path: str = "/graphql") -> int | None:
    """The status that a request with these `Host` headers is refused with."""
    return HOSTS.problem(
        {
            "headers": [(b"host", host.encode("latin-1")) for host in hosts],
            "http_version": version,
            "path": path,
        }
    )


@pytest.mark.parametrize(
    "host",
    [
        *("users.example.com", "USERS.example.com:443", "users.example.com.", "shop.example.org"),
        *("gateway.internal.example:8000", "127.0.0.1:8000", "[::1]:8000", "10.1.2.3"),
        *("localhost", "localhost:8000", "app.localhost", "gateway", "gateway_1:80"),
    ],
)
def test_our_names_addresses_and_names_without_a_dot_are_answered(host: str) -> None:
    assert [told(host), told(host)] == [None, None]


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "users.example.com.evil.example", "evil.example:8000"),
        *("127.0.0.1.evil.example", "example.com", "localhost.evil.example"),
    ],
)
def test_a_name_that_is_not_ours_is_misdirected(host: str) -> None:
    assert (told(host), told(host, path="/readyz")) == (421, None)


@pytest.mark.parametrize(
    "host",
    [
        *("", "a b", "users.example.com/path", "user@users.example.com", "users.example.com:x"),
        *("users.example.com:99999", "ex\xe4mple", "[::1", "users.example.com#", ".", "a..b"),
    ],
)
def test_a_host_that_makes_no_sense_is_a_bad_request(host: str) -> None:
    assert told(host) == 400


def test_there_is_one_host_in_a_request() -> None:
    statuses = [told(), told("users.example.com", "users.example.com"), told(version="1.0")]

    assert statuses == [400, 400, None]


@asynccontextmanager
async def reached_from(
    gateway: Gateway, oidc_settings: dict[str, str], peer: str, **more: Any
) -> AsyncIterator[httpx2.AsyncClient]:
    """A client whose connections seem to come from an address."""
    settings = Settings.model_validate(
        {"database_url": gateway.database_url, **oidc_settings, **more}
    )
    transport = httpx2.ASGITransport(
        create_app(settings, delivers_mail=False, now=gateway.clock), client=(peer, 1)
    )
    async with httpx2.AsyncClient(transport=transport, base_url=settings.public_url) as client:
        yield client


async def test_another_s_host_gets_an_error_and_no_data(
    gateway: Gateway, oidc_settings: dict[str, str]
) -> None:
    async with reached_from(gateway, oidc_settings, "192.0.2.1") as client:
        answers = [
            await client.get(path, headers={"host": "evil.example"})
            for path in ("/", "/graphql?query={services{name}}", "/assets/x", "/auth/sign-in")
        ]

    assert {answer.status_code for answer in answers} == {421}
    assert {answer.json()["errors"][0]["extensions"]["code"] for answer in answers} == {
        "BAD_REQUEST"
    }
    assert all("location" not in answer.headers for answer in answers)
    assert all("evil" not in answer.text for answer in answers)


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("192.0.2.1", ["203.0.113.9"], "192.0.2.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["1.1.1.1, 203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["1.1.1.1", "203.0.113.9, 10.9.9.9"], "203.0.113.9"),
        ("10.0.0.1", ["203.0.113.9:4711"], "203.0.113.9"),
        ("10.0.0.1", ["[2001:db8:1:2::3]:4711"], "2001:db8:1:2::3"),
        ("10.0.0.1", ["2001:db8:1:2::3"], "2001:db8:1:2::3"),
        ("::ffff:10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["10.0.0.2, 10.0.0.3"], "10.0.0.2"),
        ("10.0.0.1", ["203.0.113.9, unknown, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", ["203.0.113.9, "], "10.0.0.1"),
        ("fd00::1", ["203.0.113.9"], "203.0.113.9"),
    ],
)
def test_the_client_is_the_last_hop_that_no_trusted_proxy_is(
    peer: str, forwarded: list[str], client: str
) -> None:
    scope: dict[str, Any] = {
        "client": (peer, 1),
        "headers": [(b"x-forwarded-for", hops.encode()) for hops in forwarded],
    }
    TrustedProxies(networks("10.0.0.0/8, fd00::/8")).name_client(scope)

    assert scope["client"][0] == client


async def test_people_behind_a_trusted_proxy_are_told_apart(
    gateway: Gateway, oidc_settings: dict[str, str]
) -> None:
    rates = {"trusted_proxies": "10.0.0.0/8", "sign_in_rate": "2 per hour"}
    async with reached_from(gateway, oidc_settings, "10.0.0.1", **rates) as client:
        statuses = [
            (await client.get(CALLBACK, headers={"x-forwarded-for": each})).status_code
            for each in ["203.0.113.9"] * 3 + ["203.0.113.10", "203.0.113.9"]
        ]

    assert statuses == [400, 400, 429, 400, 429]


async def test_nobody_else_escapes_by_naming_other_addresses(
    gateway: Gateway, oidc_settings: dict[str, str]
) -> None:
    async with reached_from(
        gateway, oidc_settings, "192.0.2.1", sign_in_rate="2 per hour"
    ) as client:
        statuses = [
            (
                await client.get(
                    CALLBACK,
                    headers={
                        "x-forwarded-for": f"203.0.113.{number}",
                        "x-real-ip": f"203.0.113.{number}",
                        "forwarded": f"for=203.0.113.{number}",
                    },
                )
            ).status_code
            for number in range(4)
        ]

    assert statuses == [400, 400, 429, 429]


async def test_gateway_check_tells_whom_is_believed_and_where_is_counted(
    gateway: Gateway, oidc_settings: dict[str, str]
) -> None:
    settings = Settings.model_validate(
        {
            "database_url": gateway.database_url,
            **oidc_settings,
            "trusted_proxies": "10.0.0.0/8 192.0.2.1",
            "rate_storage_url": "valkey://127.0.0.1:9",
        }
    )
    found = [str(finding) for finding in await check_everything(settings, now=gateway.clock)]
    plain = Settings.model_validate({"database_url": gateway.database_url, **oidc_settings})
    alone = [str(finding) for finding in await check_everything(plain, now=gateway.clock)]

    assert "✓ proxies: 10.0.0.0/8, 192.0.2.1/32 name the client by X-Forwarded-For" in found
    assert (
        "✗ rates: GATEWAY_RATE_STORAGE_URL does not answer; each process counts for itself" in found
    )
    assert "✓ proxies: none; X-Forwarded-For is never believed" in alone
    assert "✓ rates: each process counts for itself" in alone
