"""The database is gone, or frozen, for a while: clean answers meanwhile, and nothing to restart."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import asyncpg
import httpx2
import pytest
from tortoise.connection import get_connection
from tortoise.exceptions import OperationalError
from tortoise.transactions import in_transaction

from gateway.database import DATABASE_TROUBLE, connected, is_away, pool_state
from gateway.engines.asyncpg import AT_HAND_FOR_S, Client, PoolState
from tests import documents
from tests.plain_browser import PlainBrowser
from tests.postgres import PostgresServer, postgres_server
from tests.servers import gateway

VIEWER = {"query": "{ viewer { microsoftAccount } }"}
ALICE, DORA = "alice@live.example", "dora@live.example"

POOL = 10
"""Connections of a gateway's process."""


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """A PostgreSQL that this test may end."""
    with postgres_server() as running:
        yield running


def until(answers: Any, *, within_s: float = 30) -> None:
    deadline = time.monotonic() + within_s
    while not answers():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_while_postgresql_is_away_answers_are_clean_and_nothing_needs_a_restart(
    server: PostgresServer, tmp_path: Path
) -> None:
    url = server.create_database("away")
    with (
        gateway(tmp_path, database_url=url, delivers_apart=True) as running,
        PlainBrowser(running) as alice,
    ):
        running.provider.knows(ALICE, name="Alice Archer")
        alice.sign_in(ALICE)
        services = {each["code"]: each for each in alice.ask(documents.CATALOGUE)["services"]}
        service = services["commerce-services"]
        organization = alice.manage(
            documents.SIGN_UP, serviceId=service["id"], newOrganization=documents.CONTOSO
        )["user"]["organization"]["id"]
        (cookie,) = (str(each.value) for each in alice.client.cookies.jar if each.name == "session")
        plain = httpx2.Client(
            base_url=running.url, trust_env=False, cookies={"session": cookie}, timeout=20
        )
        back = _led_back_from_the_provider(plain, running.provider.issuer)
        server.crash()
        meanwhile = [
            plain.post("/graphql", json=VIEWER, headers={"accept": accept})
            for accept in ("application/json", "text/html,*/*")
        ]
        page = plain.get(back, headers={"accept": "text/html"})
        health = [plain.get(path).status_code for path in ("/healthz", "/readyz")]
        server.start()
        until(lambda: plain.get("/readyz").is_success)
        again = plain.post("/graphql", json=VIEWER)
        form = {**documents.FORM, "roles": {"add": [service["roles"][0]["id"]]}}
        user = alice.manage(documents.CREATE_USER, organizationId=organization, **form)["user"]
        alice.manage(documents.INVITE_USERS, userIds=[user["id"]])
        link = running.mailbox.link_for(documents.FORM["primaryEmailAddress"])
        plain.close()

    for answer in meanwhile:
        (error,) = answer.json()["errors"]
        assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["retry-after"] == "5"
        assert error["extensions"] == {
            "code": "INTERNAL",
            "requestId": answer.headers["x-request-id"],
        }
    assert (page.status_code, "Not available at the moment" in page.text) == (503, True)
    assert health == [200, 503]
    assert again.json() == {"data": {"viewer": {"microsoftAccount": ALICE}}}
    assert link.startswith(running.url)


def _led_back_from_the_provider(client: httpx2.Client, issuer: str) -> str:
    """The address at which a sign-in that has succeeded at the provider comes back to us."""
    away = client.get("/auth/sign-in").headers["location"]
    assert away.startswith(issuer)
    return urljoin(away, client.post(away, data={"sub": ALICE}).headers["location"])


@pytest.fixture
async def impatient(server: PostgresServer) -> AsyncIterator[PostgresServer]:
    """A database that is connected, and taken to be away after half a second."""
    async with connected(server.create_database("frozen"), answered_within_s=0.5):
        yield server


async def asked() -> int:
    (row,) = await get_connection("default").execute_query_dict("SELECT 1 AS one")
    one: int = row["one"]
    return one


async def asked_in_transaction() -> int:
    async with in_transaction():
        return await asked()


async def test_a_frozen_postgresql_is_given_up_and_no_connection_is_lost(
    impatient: PostgresServer,
) -> None:
    before = await asyncio.gather(*(asked() for _ in range(POOL)))
    impatient.freeze()
    began = time.monotonic()
    failures = await asyncio.gather(
        *(asked() for _ in range(POOL // 2)),
        *(asked_in_transaction() for _ in range(POOL // 2)),
        return_exceptions=True,
    )
    took_s = time.monotonic() - began
    impatient.thaw()
    async with asyncio.timeout(30):
        after = await asyncio.gather(*(asked_in_transaction() for _ in range(3 * POOL)))

    assert before == [1] * POOL
    assert {type(each) for each in failures if isinstance(each, BaseException)} == {TimeoutError}
    assert len([each for each in failures if is_away(each)]) == POOL  # type: ignore[arg-type]
    assert took_s < 15
    assert after == [1] * 3 * POOL


async def test_a_task_that_could_not_begin_a_transaction_goes_on_with_another_connection(
    impatient: PostgresServer,
) -> None:
    """As the mail worker's does."""
    failures = 0
    for _ in range(3):
        await asyncio.gather(*(asked_in_transaction() for _ in range(POOL)))
        impatient.crash()
        for _ in range(POOL):
            try:
                await asked_in_transaction()
            except DATABASE_TROUBLE as error:
                failures += is_away(error)
        await asyncio.to_thread(impatient.start)
    async with asyncio.timeout(30):
        answers = await asyncio.gather(*(asked_in_transaction() for _ in range(3 * POOL)))

    assert failures == 3 * POOL
    assert answers == [1] * 3 * POOL


def in_the_pool() -> int:
    """How many connections asyncpg's pool has to give."""
    client = get_connection("default")
    assert isinstance(client, Client)
    pool: asyncpg.Pool = client._pool  # noqa: SLF001 - nothing else tells
    return int(pool.get_idle_size())


@pytest.mark.usefixtures("impatient")
async def test_a_connection_stays_at_hand_for_a_moment_and_is_idle_meanwhile() -> None:
    await asked()
    at_hand = pool_state(), in_the_pool()
    await asked_in_transaction()
    handed_on = pool_state()
    with pytest.raises(OperationalError):
        await get_connection("default").execute_query("SELECT nothing")
    given_back = pool_state(), in_the_pool()
    await asked()
    await asyncio.sleep(2 * AT_HAND_FOR_S)

    alone = PoolState(in_use=0, idle=1, waiting=0)
    assert at_hand == (alone, 0)
    assert handed_on == alone
    assert given_back == (alone, 1)
    assert (pool_state(), in_the_pool()) == (alone, 1)


async def test_a_connection_that_is_lost_while_at_hand_is_not_handed_on(
    impatient: PostgresServer,
) -> None:
    before = await asyncio.gather(*(asked() for _ in range(POOL)))
    client = get_connection("default")
    assert isinstance(client, Client)
    at_hand = [each._con for each in client._at_hand]  # noqa: SLF001 - nothing else tells
    other = await asyncpg.connect(impatient.url("frozen"))
    ended = await other.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = 'frozen' AND pid <> pg_backend_pid()"
    )
    await other.close()
    async with asyncio.timeout(30):
        while not all(each.is_closed() for each in at_hand):  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.01)
    after = await asyncio.gather(*(asked_in_transaction() for _ in range(3 * POOL)))

    assert len(ended) == len(at_hand) == POOL
    assert before == [1] * POOL
    assert after == [1] * 3 * POOL
