"""Clients of subscriptions: a WebSocket's, by the library `websockets`, and an event stream's."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
import uvicorn
from starlette.types import ASGIApp
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from gateway.app import create_app
from gateway.catalog_file import read_catalogue
from gateway.server import UVICORN_OPTIONS
from gateway.settings import Settings
from resolvers.catalogue_changes import apply_catalogue
from tests.people import Clock, Gateway, Person
from tests.postgres import free_port

WITHIN_S = 10.0

FOLLOW = """
subscription Follow($organizationId: ID!) {
  userChanged(organizationId: $organizationId) {
    kind
    userId
    user { id firstName lastName status selectedRoles { code } }
  }
}
"""

SHORT = """
subscription Follow($organizationId: ID!) {
  userChanged(organizationId: $organizationId) { kind user { firstName } }
}
"""


class Server(uvicorn.Server):
    """A server within this process, so signals are not its own business."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


@asynccontextmanager
async def served(app: ASGIApp, *, port: int, **options: Any) -> AsyncIterator[Server]:
    """An application as `gateway serve` serves it, in this process."""
    given = {**UVICORN_OPTIONS, "loop": "none", "timeout_graceful_shutdown": 5, **options}
    server = Server(uvicorn.Config(app, host="127.0.0.1", port=port, **given))
    running = asyncio.create_task(server.serve())
    while not server.started:
        if running.done():
            await running
        await asyncio.sleep(0.01)
    try:
        yield server
    finally:
        server.should_exit = True
        await running


@pytest.fixture(name="gateway")
async def served_gateway(
    migrated_database: str, clock: Clock, oidc_settings: dict[str, str]
) -> AsyncIterator[Gateway]:
    """The gateway behind a real server, in place of the one without."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    settings = Settings.model_validate(
        {"database_url": migrated_database, "public_url": url, **oidc_settings}
    )
    async with (
        served(create_app(settings, delivers_mail=False, now=clock), port=port),
        httpx2.AsyncClient(base_url=url, trust_env=False) as client,
    ):
        await apply_catalogue(read_catalogue(None), now=clock())
        yield Gateway(client, clock, migrated_database)


async def create(administrator: Person, organization_id: str, name: str) -> dict[str, Any]:
    """A user with a plain role."""
    role = await administrator.gateway.role("commerce-services/viewer")
    payload = await administrator.create(
        organization_id,
        firstName=name,
        microsoftAccount=f"{name.lower()}@live.example",
        roles={"set": [role]},
    )
    user: dict[str, Any] = payload["user"]
    return user


@dataclass
class Socket:
    """One WebSocket."""

    connection: ClientConnection

    async def send(self, type_: str, **fields: Any) -> None:
        """Send a message."""
        await self.connection.send(json.dumps({"type": type_, **fields}))

    async def message(self) -> dict[str, Any]:
        """The next message."""
        async with asyncio.timeout(WITHIN_S):
            found: dict[str, Any] = json.loads(await self.connection.recv())
        return found

    async def initialise(self, **payload: Any) -> None:
        """Say who one is."""
        await self.send("connection_init", **({"payload": payload} if payload else {}))
        assert await self.message() == {"type": "connection_ack"}

    async def follow(
        self, organization_id: str, *, query: str = SHORT, id_: str = "1", **extensions: Any
    ) -> None:
        """Subscribe, and wait until that has begun."""
        payload = {
            "query": query,
            "variables": {"organizationId": organization_id},
            "extensions": {"lastEventId": "none", **extensions},
        }
        await self.send("subscribe", id=id_, payload=payload)
        message = await self.message()
        assert message["id"] == id_, message
        assert message["payload"]["extensions"] == {"mayHaveMissedEvents": True}, message

    async def ping(self) -> None:
        """A ping, and its pong."""
        await self.send("ping")
        assert await self.message() == {"type": "pong"}

    async def change(self) -> Any:
        """The next event."""
        message = await self.message()
        assert message["type"] == "next", message
        assert "errors" not in message["payload"], message
        return message["payload"]["data"]["userChanged"]

    async def closed(self, *, within_s: float = WITHIN_S) -> tuple[int, str]:
        """The code and reason with which the server closes, whatever it sends before."""
        with pytest.raises(ConnectionClosed) as closed:
            await self._read_on(within_s)
        assert closed.value.rcvd is not None, closed.value
        return closed.value.rcvd.code, closed.value.rcvd.reason

    async def _read_on(self, within_s: float) -> None:
        async with asyncio.timeout(within_s):
            while True:
                await self.connection.recv()


def address_of(person: Person) -> str:
    """Where WebSockets of a person's gateway are."""
    return str(person.gateway.client.base_url).replace("http", "ws").rstrip("/") + "/graphql"


@asynccontextmanager
async def opened(
    person: Person, *, headers: Mapping[str, str] | None = None, **options: Any
) -> AsyncIterator[Socket]:
    """A WebSocket of a person's browser, before it says anything."""
    given = {"subprotocols": [Subprotocol("graphql-transport-ws")], **options}
    async with connect(
        address_of(person),
        additional_headers={**person.headers(), **(headers or {})},
        proxy=None,
        **given,
    ) as connection:
        yield Socket(connection)


@asynccontextmanager
async def following(
    person: Person, organization_id: str, *, query: str = SHORT, **options: Any
) -> AsyncIterator[Socket]:
    """A WebSocket that follows an organization's users."""
    async with opened(person, **options) as socket:
        await socket.initialise()
        await socket.follow(organization_id, query=query)
        yield socket


@dataclass
class Events:
    """A stream of server-sent events."""

    response: httpx2.Response
    _lines: AsyncIterator[str] = field(init=False)

    def __post_init__(self) -> None:
        self._lines = self.response.aiter_lines()

    async def event(self) -> dict[str, str]:
        """The next event's fields; none if the stream ends instead."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(WITHIN_S):
            async for line in self._lines:
                if not line and fields:
                    return fields
                name, _, value = line.partition(": ")
                if name.strip(":"):
                    fields[name] = value
        return fields

    async def change(self) -> Any:
        """The next change."""
        event = await self.event()
        assert event["event"] == "next", event
        return json.loads(event["data"])["data"]["userChanged"]


@asynccontextmanager
async def events(
    person: Person,
    query: str = SHORT,
    *,
    method: str = "POST",
    headers: Mapping[str, str] | None = None,
    **variables: Any,
) -> AsyncIterator[Events]:
    """An event stream of a person's browser."""
    request: dict[str, Any] = {"query": query, "variables": variables}
    given: dict[str, Any] = {"json": request}
    if method == "GET":
        given = {"params": {**request, "variables": json.dumps(variables)}}
    async with person.gateway.client.stream(
        method,
        "/graphql",
        headers={"accept": "text/event-stream", **person.headers(), **(headers or {})},
        timeout=WITHIN_S,
        **given,
    ) as response:
        yield Events(response)
