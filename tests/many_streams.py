"""A thousand followers at once: clients so small that they measure the server, not themselves."""

import asyncio
import base64
import os
import struct
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import orjson

from models.users import RoleAssignment, UserStatus
from resolvers.catalogue import current_catalogue
from resolvers.profiles import new_profile
from resolvers.sessions import Identity, sign_in
from schema.nodes import decode_id, encode_id
from tests import documents
from tests.people import ISSUER, Gateway, Person

OF_EACH = 50
"""Streams of one account, as many as it may have."""

FOLLOW = (
    "subscription($id: ID!) { userChanged(organizationId: $id) { kind userId "
    "user { firstName lastName status selectedRoles { name } } } }"
)

CONTINUED, TEXT = 126, 0x81
PING, PONG = b"\x89\x04", b"\x8a\x84\0\0\0\0"
"""The server's pings have four bytes (RFC 6455 section 5.5); no text has the first byte."""


@dataclass
class Follower(asyncio.Protocol):
    """A WebSocket client that follows one organization, and notes when something comes."""

    host: str
    cookie: str
    organization_id: str
    begun: asyncio.Future[None]
    heard: list[float] = field(default_factory=list)
    _received: bytearray = field(default_factory=bytearray)
    _is_open: bool = False

    def connection_made(self, transport: Any) -> None:
        """Ask for the upgrade."""
        self.transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET /graphql HTTP/1.1\r\nHost: {self.host}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Protocol: graphql-transport-ws\r\n"
            f"Cookie: session={self.cookie}\r\n\r\n".encode()
        )

    def connection_lost(self, error: Exception | None) -> None:
        """Say so, if it comes too early."""
        if not self.begun.done():
            self.begun.set_exception(error or ConnectionError(bytes(self._received)))

    def data_received(self, data: bytes) -> None:
        """Count events, and note the time of each read."""
        now = time.perf_counter()
        at = data.find(PING)
        if at >= 0:
            self.transport.write(PONG + data[at + len(PING) : at + len(PING) + 4])
        if self.begun.done():
            self.heard += [now] * data.count(b'"type":"next"')
            return
        self._received += data
        if not self._is_open and b"\r\n\r\n" in self._received:
            self._is_open = True
            self._send({"type": "connection_init"})
        if b"connection_ack" in self._received:
            self._received.clear()
            variables = {"id": self.organization_id}
            extensions = {"lastEventId": "none"}
            payload = {"query": FOLLOW, "variables": variables, "extensions": extensions}
            self._send({"id": "1", "type": "subscribe", "payload": payload})
        if b"mayHaveMissedEvents" in self._received:
            self._received.clear()
            self.begun.set_result(None)

    def _send(self, message: dict[str, Any]) -> None:
        body = orjson.dumps(message)
        is_short = len(body) < CONTINUED
        length = (
            struct.pack("!B", 0x80 | len(body))
            if is_short
            else (struct.pack("!BH", 0x80 | CONTINUED, len(body)))
        )
        # A mask of zeros leaves the text as it is.
        self.transport.write(bytes([TEXT]) + length + b"\0\0\0\0" + body)


async def follow(url: str, cookies: list[str], organization_ids: list[str]) -> list[Follower]:
    """Followers of organizations, `OF_EACH` with each cookie."""
    loop = asyncio.get_running_loop()
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 80
    followers: list[Follower] = []
    for cookie, organization_id in zip(cookies, organization_ids, strict=True):
        batch = [
            Follower(parts.netloc, cookie, organization_id, loop.create_future())
            for _ in range(OF_EACH)
        ]
        for each in batch:
            await loop.create_connection(partial(_itself, each), host, port)
        await asyncio.gather(*(each.begun for each in batch))
        followers += batch
    return followers


def _itself(follower: Follower) -> Follower:
    return follower


async def leave(followers: list[Follower]) -> None:
    """Close all of them."""
    for each in followers:
        each.transport.close()
    await asyncio.sleep(0.5)


async def organization_of_administrators(gateway: Gateway, number: int) -> tuple[str, list[Person]]:
    """An organization with that many service administrators, signed in; its id, and they."""
    founder = await gateway.person(f"founder{time.time_ns()}@live.example")
    user = (await founder.sign_up("commerce-services", newOrganization=documents.CONTOSO))["user"]
    founder.user = user
    id_: str = user["organization"]["id"]
    organization_id = decode_id("Organization", id_)
    others = [await _administrator(gateway, organization_id, each) for each in range(1, number)]
    return id_, [founder, *others]


async def _administrator(gateway: Gateway, organization_id: UUID, index: int) -> Person:
    now = datetime.now(UTC)
    account = f"admin{index}-{time.time_ns()}@live.example"
    identity = Identity(
        issuer=ISSUER, subject=account, microsoft_account=account, display_name=None
    )
    lifetime = timedelta(hours=12)
    cookie, session = await sign_in(
        identity, client=None, request_id="load", now=now, lifetime=lifetime
    )
    user = new_profile(
        organization_id=organization_id,
        first_name=f"Admin{index}",
        last_name="Adams",
        microsoft_account=(account, account),
        primary_email_address=(account, account),
        now=now,
    )
    user.account_id = session.account_id
    user.status = UserStatus.ASSOCIATED
    await user.save(force_create=True)
    catalogue = await current_catalogue()
    service = next(each for each in catalogue.services.values() if each.code == "commerce-services")
    await RoleAssignment.create(
        organization_id=organization_id,
        user_id=user.id,
        service_id=service.id,
        role_id=service.administrator_role.id,
        granted_by_id=None,
        granted_at=now,
    )
    return Person(gateway, account, cookie, user={"id": encode_id("User", user.id)})


def resident_mb(pid: int) -> float:
    """The memory that a process holds now."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024
