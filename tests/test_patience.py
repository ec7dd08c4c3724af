"""What is given up, and when: by the server in its time, or since nobody waits for it any more."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from structlog.testing import capture_logs

from gateway.app import create_app
from gateway.database import is_sqlite
from gateway.settings import Settings
from models.audit import AuditEvent
from models.users import User
from tests import documents
from tests.guarded_server import guarded
from tests.locks import audit_trail_locked, connection_to
from tests.people import Gateway, Person

EVENTS = """query($id: ID!) { organization(id: $id) { auditEvents(first: 1) { nodes { id } } } }"""


@asynccontextmanager
async def served(
    gateway: Gateway, oidc_settings: dict[str, str], **more: Any
) -> AsyncIterator[int]:
    """The same gateway behind a real connection; its port."""
    settings = Settings.model_validate(
        {"database_url": gateway.database_url, **oidc_settings, **more}
    )
    app = create_app(settings, delivers_mail=False, now=gateway.clock)
    async with guarded(app, settings) as port:
        yield port


async def waiting(database_url: str) -> int:
    """How many statements wait for a lock of PostgreSQL."""
    looking = await connection_to(database_url)
    try:
        count: int = await looking.fetchval(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
    finally:
        await looking.close()
    return count


async def until(fits: Callable[[int], bool], database_url: str) -> None:
    async with asyncio.timeout(10):
        while not fits(await waiting(database_url)):  # noqa: ASYNC110 - nor does PostgreSQL
            await asyncio.sleep(0.05)


async def send(port: int, person: Person, query: str, **variables: Any) -> asyncio.StreamWriter:
    """Send an operation, and don't wait for the answer."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    body = json.dumps({"query": query, "variables": variables})
    writer.write(
        f"POST /graphql HTTP/1.1\r\nhost: localhost\r\ncookie: session={person.cookie}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode()
    )
    await writer.drain()
    return writer


async def form_for(gateway: Gateway, contoso: str, first_name: str) -> dict[str, Any]:
    roles = {"set": [await gateway.role("commerce-services/viewer")]}
    return {"organizationId": contoso, **documents.FORM, "firstName": first_name, "roles": roles}


POSTGRES_ONLY = pytest.mark.parametrize("migrated_database", ["postgres"], indirect=True)
"""SQLite's readers wait for nobody, so there is nothing to give up."""


@POSTGRES_ONLY
async def test_a_client_that_leaves_cancels_his_query(
    database: str,
    gateway: Gateway,
    oidc_settings: dict[str, str],
    alice: Person,
    contoso: str,
) -> None:
    async with served(gateway, oidc_settings) as port, audit_trail_locked(database):
        with capture_logs() as logs:
            writer = await send(port, alice, EVENTS, id=contoso)
            await until(lambda count: count == 1, database)
            writer.close()
            await until(lambda count: count == 0, database)
            await asyncio.sleep(0.1)
        ended = [line["status"] for line in logs if line["event"] == "request"]
        failed = [line for line in logs if line["log_level"] == "error"]

    assert (ended, failed) == ([499], [])
    assert (await alice.ask(EVENTS, id=contoso))["organization"]["auditEvents"]["nodes"]


async def test_a_client_that_leaves_does_not_undo_his_mutation(
    database: str, gateway: Gateway, oidc_settings: dict[str, str], alice: Person, contoso: str
) -> None:
    form = await form_for(gateway, contoso, "Left")
    async with served(gateway, oidc_settings) as port:
        async with audit_trail_locked(database):
            writer = await send(port, alice, documents.CREATE_USER, input=form)
            if not is_sqlite(database):
                await until(lambda count: count == 1, database)
            await asyncio.sleep(0.3)
            writer.close()
            await asyncio.sleep(0.3)
        async with asyncio.timeout(10):
            while not await User.filter(first_name="Left").exists():  # noqa: ASYNC110 - likewise
                await asyncio.sleep(0.05)

    assert await AuditEvent.filter(action="USER_CREATED", subject_name__startswith="Left").exists()


@POSTGRES_ONLY
async def test_a_query_that_takes_too_long_is_given_up_and_says_so(
    database: str,
    gateway: Gateway,
    oidc_settings: dict[str, str],
    alice: Person,
    contoso: str,
) -> None:
    settings = {**oidc_settings, "query_timeout_s": "0.5"}
    async with (
        served(gateway, settings) as port,
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client,
    ):
        async with audit_trail_locked(database):
            with capture_logs() as logs:
                answer = await client.post(
                    "/graphql",
                    json={"query": EVENTS, "variables": {"id": contoso}},
                    headers={"cookie": f"session={alice.cookie}"},
                )
            await until(lambda count: count == 0, database)
        again = await client.post(
            "/graphql",
            json={"query": EVENTS, "variables": {"id": contoso}},
            headers={"cookie": f"session={alice.cookie}"},
        )

    (error,) = answer.json()["errors"]
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert error["extensions"] == {"code": "INTERNAL", "requestId": answer.headers["x-request-id"]}
    assert "query_given_up" in [line["event"] for line in logs]
    assert again.json()["data"]["organization"]["auditEvents"]["nodes"]


async def test_a_mutation_is_finished_however_long_it_takes(
    database: str, gateway: Gateway, oidc_settings: dict[str, str], alice: Person, contoso: str
) -> None:
    form = await form_for(gateway, contoso, "Late")
    settings = {**oidc_settings, "query_timeout_s": "0.3"}
    async with (
        served(gateway, settings) as port,
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client,
    ):
        async with audit_trail_locked(database):
            asked = asyncio.create_task(
                client.post(
                    "/graphql",
                    json={"query": documents.CREATE_USER, "variables": {"input": form}},
                    headers={"cookie": f"session={alice.cookie}"},
                )
            )
            await asyncio.sleep(1)
        answer = await asked

    assert answer.json()["data"]["createUser"]["userErrors"] == []
    assert await User.filter(first_name="Late").exists()
