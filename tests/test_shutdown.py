"""SIGTERM: every request that was taken is answered."""

import asyncio
import signal
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import httpx2

from gateway.database import ANSWERED_WITHIN_S
from gateway.server import graceful_shutdown_s
from gateway.settings import Settings
from tests import documents
from tests.locks import audit_trail_locked
from tests.people import Gateway
from tests.postgres import free_port
from tests.servers import environment_for, serving

CLIENTS = 20
ANSWERS_BEFORE = 200
ENDS_WITHIN_S = 25.0


async def ask_until_refused(url: str, cookie: str, outcomes: Counter[str]) -> None:
    """Ask again and again by one connection, until a new one is needed and refused."""
    headers = {"cookie": f"session={cookie}"}
    async with httpx2.AsyncClient(base_url=url, trust_env=False, timeout=30) as client:
        while True:
            try:
                answer = await client.post(
                    "/graphql", json={"query": documents.VIEWER}, headers=headers
                )
            except httpx2.ConnectError:
                outcomes["refused"] += 1
                return
            except httpx2.TransportError as error:
                outcomes[f"lost: {error!r}"] += 1
                return
            outcomes[f"{answer.status_code} {'data' in answer.json()}"] += 1


async def test_every_request_in_flight_is_answered(gateway: Gateway, tmp_path: Path) -> None:
    gateway.clock.moment = datetime.now(UTC)  # that of the other process
    cookie = (await gateway.person("alice@live.example")).cookie
    url = f"http://127.0.0.1:{free_port()}"
    environment = environment_for(url, gateway.database_url)
    outcomes: Counter[str] = Counter()
    assert cookie is not None
    with serving(environment, "--no-mail", log=tmp_path / "gateway.log") as process:
        clients = [
            asyncio.create_task(ask_until_refused(url, cookie, outcomes)) for _ in range(CLIENTS)
        ]
        async with asyncio.timeout(ENDS_WITHIN_S):
            while outcomes["200 True"] < ANSWERS_BEFORE:  # noqa: ASYNC110 - a count has no event
                await asyncio.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(asyncio.gather(*clients), ENDS_WITHIN_S)
        code = await asyncio.to_thread(process.wait, ENDS_WITHIN_S)

    assert set(outcomes) == {"200 True", "refused"}, outcomes
    assert outcomes["refused"] == CLIENTS
    assert code in {0, -signal.SIGTERM}  # uvicorn hands the signal on at the end


async def test_a_change_that_waits_for_the_database_is_answered(
    gateway: Gateway, contoso: str, tmp_path: Path
) -> None:
    gateway.clock.moment = datetime.now(UTC)  # that of the other process
    cookie = (await gateway.person("alice@live.example")).cookie
    roles = {"set": [await gateway.role("commerce-services/viewer")]}
    form = {"organizationId": contoso, **documents.FORM, "roles": roles}
    url = f"http://127.0.0.1:{free_port()}"
    environment = environment_for(url, gateway.database_url)
    client = httpx2.AsyncClient(base_url=url, trust_env=False, timeout=30)
    body = {"query": documents.CREATE_USER, "variables": {"input": form}}
    headers = {"cookie": f"session={cookie}"}
    with serving(environment, "--no-mail", log=tmp_path / "gateway.log") as process:
        async with client:
            async with audit_trail_locked(gateway.database_url):
                asked = asyncio.create_task(client.post("/graphql", json=body, headers=headers))
                await asyncio.sleep(1)
                process.send_signal(signal.SIGTERM)
                await asyncio.sleep(2)
                waited = not asked.done()
            answer = await asyncio.wait_for(asked, ENDS_WITHIN_S)
        code = await asyncio.to_thread(process.wait, ENDS_WITHIN_S)

    assert (waited, answer.status_code) == (True, 200)
    assert answer.json()["data"]["createUser"]["userErrors"] == []
    assert code in {0, -signal.SIGTERM}


def test_whatever_may_take_long_may_end_after_sigterm() -> None:
    patient = Settings(query_timeout_s=100)

    assert graceful_shutdown_s(Settings()) > max(ANSWERED_WITHIN_S, Settings().query_timeout_s)
    assert graceful_shutdown_s(patient) > 100
