"""`/metrics`: who may read it, what it counts, and that workers count together."""

import asyncio
import hashlib
import os
import re
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from gateway.app import create_app
from gateway.observation import KNOWN_OPERATIONS
from gateway.settings import Settings
from resolvers.trusted_documents import DeclaredDocument, apply_documents
from tests import documents
from tests.people import Gateway, Person
from tests.postgres import PostgresServer, free_port
from tests.servers import environment_for, prepare_database, serving, workers_of

TOKEN = "a-token-for-prometheus"
READER = {"authorization": f"Bearer {TOKEN}"}
SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)


def samples(text: str) -> dict[tuple[str, str], float]:
    """The values, by name and labels as they are written."""
    return {(name, labels): float(value) for name, labels, value in SAMPLE.findall(text)}


def total(found: dict[tuple[str, str], float], name: str, *labels: str) -> float:
    """The sum over all with this name and these labels."""
    return sum(
        value
        for (each, written), value in found.items()
        if each == name and all(label in written for label in labels)
    )


@asynccontextmanager
async def measured(
    gateway: Gateway, settings: dict[str, str], **more: str
) -> AsyncIterator[httpx2.AsyncClient]:
    """A gateway on the same database that counts."""
    values: dict[str, Any] = {"database_url": gateway.database_url, **settings, **more}
    own = Settings.model_validate(values)
    transport = httpx2.ASGITransport(create_app(own, delivers_mail=False, now=gateway.clock))
    async with httpx2.AsyncClient(transport=transport, base_url=own.public_url) as client:
        yield client


async def test_there_are_no_metrics_until_they_are_asked_for(gateway: Gateway) -> None:
    response = await gateway.client.get("/metrics", headers=READER)

    assert response.status_code == 404


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer wrong"}, {"cookie": "a=b"}])
async def test_metrics_are_for_whoever_has_the_token(
    gateway: Gateway, oidc_settings: dict[str, str], headers: dict[str, str]
) -> None:
    async with measured(gateway, oidc_settings, metrics_token=TOKEN) as client:
        refused = await client.get("/metrics", headers=headers)
        read = await client.get("/metrics", headers=READER)

    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert "gateway_" not in refused.text
    assert read.status_code == 200
    assert read.headers["content-type"].startswith("text/plain; version=")


async def test_operations_are_counted_by_names_of_ours_alone(
    gateway: Gateway, alice: Person, oidc_settings: dict[str, str]
) -> None:
    texts = [
        "query Viewer { viewer { displayName } }",
        "query AliceArcher_alice_live_example { viewer { displayName } }",
        "query Broken { nothing }",
        "mutation SignOut { signOut { signedOutSessions } }",
    ]
    cookie = {"cookie": f"session={alice.cookie}"}
    async with measured(gateway, oidc_settings, metrics_token=TOKEN) as client:
        for text in texts:
            await client.post("/graphql", json={"query": text}, headers=cookie)
        await client.post("/graphql", content=b"no JSON", headers=cookie)
        follow = {"query": "subscription FollowUsers { userChanged { nothing } }"}
        await client.post("/graphql", json=follow, headers={"accept": "text/event-stream"})
        text = (await client.get("/metrics", headers=READER)).text
    name = "gateway_operation_seconds_count"
    counted = {key[1]: value for key, value in samples(text).items() if key[0] == name}

    assert "Alice" not in text
    assert counted == {
        'code="OK",field="viewer",operation="Viewer"': 1,
        'code="OK",field="viewer",operation="other"': 1,
        'code="GRAPHQL_VALIDATION_FAILED",field="other",operation="other"': 1,
        'code="OK",field="signOut",operation="SignOut"': 1,
        'code="BAD_REQUEST",field="none",operation="other"': 1,
        'code="GRAPHQL_VALIDATION_FAILED",field="userChanged",operation="FollowUsers"': 1,
    }


async def test_operations_of_trusted_documents_are_counted_by_their_names(
    gateway: Gateway, oidc_settings: dict[str, str]
) -> None:
    text = "query ServicesOfPartner { services { code } }"
    hash_ = hashlib.sha256(text.encode()).hexdigest()
    await apply_documents([DeclaredDocument(hash_, text)], now=gateway.clock())
    by_hash = {"persistedQuery": {"version": 1, "sha256Hash": hash_}}
    bodies = [{"query": text}, {"documentId": hash_}, {"extensions": by_hash}]
    async with measured(gateway, oidc_settings, metrics_token=TOKEN) as client:
        answers = [await client.post("/graphql", json=body) for body in bodies]
        found = samples((await client.get("/metrics", headers=READER)).text)
    only: dict[str, Any] = {"trusted_documents_only": True, "metrics_token": TOKEN}
    async with measured(gateway, {**oidc_settings, **only}) as client:
        answers.append(await client.post("/graphql", json={"query": text}))
        found_by_text = samples((await client.get("/metrics", headers=READER)).text)
    name, label = "gateway_operation_seconds_count", 'operation="ServicesOfPartner"'

    assert all(answer.json()["data"]["services"] for answer in answers)
    assert total(found, name, label) == 2
    assert total(found, name, 'operation="other"') == 1
    assert total(found_by_text, name, label) == 1


async def test_what_waits_to_be_delivered_is_told_with_its_age(
    gateway: Gateway, contoso: str, alice: Person, oidc_settings: dict[str, str]
) -> None:
    viewer = await gateway.role("commerce-services/viewer")
    dora = await alice.create(contoso, **{**documents.FORM, "roles": {"set": [viewer]}})
    await alice.invite(dora["user"])
    gateway.clock.pass_by(timedelta(minutes=2))
    async with measured(gateway, oidc_settings, metrics_token=TOKEN) as client:
        found = samples((await client.get("/metrics", headers=READER)).text)

    assert total(found, "gateway_database_up") == 1
    assert found["gateway_outbox_waiting", 'of="mail"'] == 1
    assert found["gateway_outbox_waiting", 'of="webhooks"'] == 0
    assert found["gateway_outbox_oldest_seconds", 'of="mail"'] == pytest.approx(120, abs=1)


def test_the_known_operations_are_those_of_our_pages() -> None:
    """Whoever adds a page's operation names it in `gateway/observation.py` too."""
    files = [*Path("gateway/portal/src").rglob("*"), *Path("gateway/graphiql/tabs").glob("*")]
    written = {
        name
        for file in files
        if file.suffix in {".graphql", ".ts", ".tsx"} and file.name != "generated.ts"
        for name in re.findall(
            r"^\s*(?:query|mutation|subscription) (\w+)", file.read_text(), re.MULTILINE
        )
    }

    assert written == KNOWN_OPERATIONS


@contextmanager
def two_workers(engine_server: PostgresServer, folder: Path, name: str) -> Iterator[Any]:
    """`gateway serve --workers 2` with metrics: its address and its process."""
    url = f"http://127.0.0.1:{free_port()}"
    environment = environment_for(
        url, engine_server.create_database(name), GATEWAY_METRICS_TOKEN=TOKEN
    )
    prepare_database(environment)
    log = folder / "gateway.log"
    with serving(environment, "--workers", "2", "--no-mail", log=log) as process:
        yield url, process


async def ask_afresh(url: str, *, times: int) -> None:
    """Ask so many times at once, each over a connection of its own."""

    async def ask() -> None:
        async with httpx2.AsyncClient(trust_env=False) as client:
            await client.post(f"{url}/graphql", json={"query": "{ services { roles { code } } }"})

    await asyncio.gather(*(ask() for _ in range(times)))


def read(url: str) -> dict[tuple[str, str], float]:
    response = httpx2.get(f"{url}/metrics", headers=READER, trust_env=False)
    assert response.status_code == 200
    return samples(response.text)


async def test_workers_count_together_whichever_is_asked(
    engine_server: PostgresServer, tmp_path: Path
) -> None:
    with two_workers(engine_server, tmp_path, "metrics_of_two") as (url, process):
        await ask_afresh(url, times=40)
        await asyncio.sleep(1.2)  # both have looked at their pools
        readings = [await asyncio.to_thread(read, url) for _ in range(6)]
        os.kill(workers_of(process)[0], signal.SIGKILL)
        await asyncio.sleep(1.5)  # its parent has noticed, and started another
        after = await asyncio.to_thread(read, url)

    counts = [total(each, "gateway_operation_seconds_count") for each in readings]
    statements = [total(each, "gateway_database_statement_seconds_count") for each in readings]
    connections = [total(each, "gateway_database_connections") for each in readings]
    assert counts == [40] * 6
    assert min(statements) > 0
    assert min(connections) >= 2
    assert total(after, "gateway_operation_seconds_count") == 40
    assert total(after, "gateway_database_connections") < max(connections)
