"""A connection that is cut after the commit: each mutation is sent again with its key."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import httpx2

from models.audit import AuditAction, AuditEvent, AuditOutcome
from tests import documents
from tests.faults.clients import Links, Replicas
from tests.faults.companies import Founding
from tests.faults.people import CREATE
from tests.faults.stage import stage

LANES = 8
"""So many users are invited side by side, each again and again."""

INVITE = """mutation($input: InviteUsersInput!) {
  inviteUsers(input: $input) { results { invitation { sendCount } userErrors { code } } } }"""


@dataclass
class Cutter:
    """A proxy that lets a request through, takes the whole answer, and cuts the client off."""

    host: str
    port: int
    cut: int = 0

    async def pass_by(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        request = await reader.readuntil(b"\r\n\r\n")
        lengths = [
            int(line.partition(b":")[2])
            for line in request.lower().split(b"\r\n")
            if line.startswith(b"content-length:")
        ]
        request += await reader.readexactly(sum(lengths))
        there, onward = await asyncio.open_connection(self.host, self.port)
        onward.write(request.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
        answer = await there.read()
        onward.close()
        assert answer.startswith(b"HTTP/1.1 200"), answer
        self.cut += 1
        writer.transport.abort()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        """Its address."""
        server = await asyncio.start_server(self.pass_by, "127.0.0.1", 0)
        async with server:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@dataclass
class Cuts:
    """What came of it."""

    sent: int = 0
    cut: int = 0
    effects: int = 0
    wrong: Counter[str] = field(default_factory=Counter)

    def told(self) -> str:
        """The counts, for people."""
        return (
            f"cut after the commit: {self.sent} mutations, {self.cut} answers lost, each sent "
            f"again with its key: {self.effects} effects, {sum(self.wrong.values())} wrong answers"
        )

    @property
    def is_whole(self) -> bool:
        """Whether each had exactly one effect, which the second answer told."""
        return self.sent == self.cut == self.effects and not self.wrong


async def run_cuts(folder: Path, *, mutations: int, tell: Callable[[str], object]) -> Cuts:
    """Lose the answers of so many mutations."""
    cuts = Cuts()
    async with stage(folder, replicas=1) as built:
        (url,) = built.urls
        address = httpx2.URL(url)
        async with httpx2.AsyncClient(base_url=url, trust_env=False, timeout=60) as client:
            replicas = Replicas([client], Random(0))  # noqa: S311 - there is one to choose from
            founding = await Founding.begun(replicas, Links(built.mailbox), replicas.random)
            company = await founding.company("cuts")
            administrator = company.administrators[0]
            users = []
            for number in range(LANES):
                form = {
                    **documents.FORM,
                    "organizationId": administrator.organization,
                    "microsoftAccount": f"lane{number}@live.example",
                    "roles": {"set": administrator.roles},
                }
                data = await replicas.mutate(administrator.cookie, CREATE, input=form)
                assert data is not None
                users.append(data["createUser"]["user"]["id"])
            before = await _effects()
            cutter = Cutter(str(address.host), int(address.port or 0))
            async with cutter.listening() as proxy:
                lanes = [
                    _lane(cuts, client, proxy, administrator.cookie, user, mutations // LANES)
                    for user in users
                ]
                await asyncio.gather(*lanes)
            cuts.cut = cutter.cut
            cuts.effects = await _effects() - before
    tell(cuts.told())
    return cuts


async def _effects() -> int:
    return await AuditEvent.filter(
        action=AuditAction.INVITATION_SENT, outcome=AuditOutcome.SUCCEEDED
    ).count()


async def _lane(
    cuts: Cuts, client: httpx2.AsyncClient, proxy: str, cookie: str, user: str, times: int
) -> None:
    body: dict[str, Any] = {"query": INVITE, "variables": {"input": {"userIds": [user]}}}
    for number in range(1, times + 1):
        headers = {"cookie": f"session={cookie}", "idempotency-key": str(uuid4())}
        cuts.sent += 1
        async with httpx2.AsyncClient(trust_env=False, timeout=60) as cut_off:
            try:
                await cut_off.post(f"{proxy}/graphql", json=body, headers=headers)
                cuts.wrong["was not cut"] += 1
            except httpx2.TransportError:
                pass
        again = (await client.post("/graphql", json=body, headers=headers)).json()
        expected = {"invitation": {"sendCount": number}, "userErrors": []}
        if again.get("data", {}).get("inviteUsers") != {"results": [expected]}:
            cuts.wrong[str(again)[:200]] += 1
