"""What subscriptions have to pass before they begin, as all operations have."""

import hashlib
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from resolvers.trusted_documents import DeclaredDocument, apply_documents
from tests.people import Gateway, Person
from tests.postgres import free_port
from tests.servers import environment_for, serving
from tests.streaming import SHORT, Socket, events, opened

WRONG = "subscription { nothing }"
SHORT_HASH = hashlib.sha256(SHORT.encode()).hexdigest()


@pytest.fixture
def migrated_database(migrated_file: Path, tmp_path: Path) -> str:
    """What is let in is the same on every database."""
    return f"sqlite://{shutil.copy(migrated_file, tmp_path)}"


@asynccontextmanager
async def elsewhere(person: Person, folder: Path, **settings: str) -> AsyncIterator[Person]:
    """The same person at a further gateway on the database, in a process of its own."""
    person.gateway.clock.moment = datetime.now(UTC)  # that of the other process
    cookie = (await person.gateway.person(person.account)).cookie  # the session began long ago
    url = f"http://127.0.0.1:{free_port()}"
    environment = environment_for(url, person.gateway.database_url, **settings)
    with serving(environment, "--no-mail", log=folder / "gateway.log"):
        async with httpx2.AsyncClient(base_url=url, trust_env=False) as client:
            gateway = Gateway(client, person.gateway.clock, person.gateway.database_url)
            yield replace(person, gateway=gateway, cookie=cookie)


async def outcome(socket: Socket, id_: str, **payload: Any) -> str:
    """The code with which a subscription is refused, or that it has begun."""
    extensions = {"lastEventId": "none", **payload.pop("extensions", {})}
    await socket.send("subscribe", id=id_, payload={**payload, "extensions": extensions})
    message = await socket.message()
    assert message["id"] == id_, message
    if message["type"] == "error":
        return str(message["payload"][0]["extensions"]["code"])
    return "begun"


async def test_too_many_subscriptions_of_an_account_are_told_to_wait_however_they_are_asked_for(
    alice: Person, contoso: str, tmp_path: Path
) -> None:
    given = {"organizationId": contoso}
    async with elsewhere(alice, tmp_path, GATEWAY_ACCOUNT_COST_RATE="11 per hour") as follower:
        async with opened(follower) as socket:
            await socket.initialise()
            by_socket = [
                await outcome(socket, str(number), query=SHORT, variables=given)
                for number in range(3)
            ]
        async with events(follower, organizationId=contoso) as stream:
            event = await stream.event()

    (error,) = json.loads(event["data"])["errors"]
    assert by_socket == ["begun", "begun", "RATE_LIMITED"]
    assert stream.response.status_code == 429
    assert int(stream.response.headers["retry-after"]) == error["extensions"]["retryAfterSeconds"]


async def test_subscriptions_that_can_not_begin_count_as_other_refused_operations_do(
    alice: Person, tmp_path: Path
) -> None:
    async with elsewhere(alice, tmp_path, GATEWAY_ACCOUNT_COST_RATE="250 per hour") as follower:
        async with opened(follower) as socket:
            await socket.initialise()
            by_socket = [await outcome(socket, str(number), query=WRONG) for number in range(2)]
        async with events(follower, WRONG) as stream:
            event = await stream.event()

    (error,) = json.loads(event["data"])["errors"]
    assert by_socket == ["GRAPHQL_VALIDATION_FAILED"] * 2
    assert error["extensions"]["code"] == "RATE_LIMITED"


async def test_who_tries_credentials_by_websockets_is_told_to_wait(
    alice: Person, tmp_path: Path
) -> None:
    closed = []
    async with elsewhere(alice, tmp_path, GATEWAY_ADDRESS_COST_RATE="250 per hour") as follower:
        for _ in range(3):
            async with opened(follower.gateway.anyone()) as socket:
                await socket.send("connection_init", payload={"authorization": "Bearer made-up"})
                closed.append((await socket.closed())[0])

    assert closed == [4401, 4401, 1013]


async def test_a_websocket_follows_by_trusted_documents_alone_where_that_is_set(
    alice: Person, contoso: str, tmp_path: Path
) -> None:
    given = {"organizationId": contoso}
    named = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": SHORT_HASH}}}
    await apply_documents([DeclaredDocument(f"sha256:{SHORT_HASH}", SHORT)], now=datetime.now(UTC))
    async with (
        elsewhere(alice, tmp_path, GATEWAY_TRUSTED_DOCUMENTS_ONLY="true") as follower,
        opened(follower, origin=str(follower.gateway.client.base_url).rstrip("/")) as socket,
    ):
        await socket.initialise()
        outcomes = [
            await outcome(socket, "other", query=SHORT + " ", variables=given),
            await outcome(socket, "unknown", documentId="unknown", variables=given),
            await outcome(socket, "text", query=SHORT, variables=given),
            await outcome(socket, "id", documentId=f"sha256:{SHORT_HASH}", variables=given),
            await outcome(socket, "hash", variables=given, **named),
        ]

    assert outcomes == [
        "TRUSTED_DOCUMENTS_ONLY",
        "PERSISTED_DOCUMENT_NOT_FOUND",
        "begun",
        "begun",
        "begun",
    ]
