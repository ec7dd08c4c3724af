"""Clients as they should be: each mutation has a key, and is sent until its outcome is known."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from random import Random
from typing import Any
from uuid import uuid4

import httpx2

from models.invitations import Invitation
from resolvers.secret_tokens import hash_of
from resolvers.sessions import Identity, sign_in
from tests.people import ISSUER, Clock
from tests.servers import LINK, Mailbox

KNOWN_WITHIN_S = 120.0
"""How long a client goes on asking for the outcome of one mutation."""

PAUSE_S = 0.1

LIMITS = httpx2.Limits(keepalive_expiry=2.0)
"""Kept connections end here sooner than at the gateway, so that none ends under a request."""
SESSION_LASTS = timedelta(hours=12)

WORTH_ANOTHER_TRY = {
    HTTPStatus.CONFLICT,  # the first request with this key is under way still
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
}


class UnexpectedAnswer(AssertionError):  # noqa: N818 - as an assertion
    """The gateway answered what it never should."""


@dataclass
class Replicas:
    """All gateways, and what became of what was sent to them."""

    clients: list[httpx2.AsyncClient]
    random: Random
    outcomes: Counter[str] = field(default_factory=Counter)
    """`answered` and `given up` for each mutation, `refused` and `unknown` for each try."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Why tries brought no outcome."""

    async def mutate(
        self, cookie: str, query: str, *, gives_up: bool = False, **variables: Any
    ) -> dict[str, Any] | None:
        """The data of a mutation; None if its outcome is unknown and the client gives up.

        Raises:
            UnexpectedAnswer: As the class says.
        """
        headers = {"cookie": f"session={cookie}", "idempotency-key": str(uuid4())}
        body = {"query": query, "variables": variables}
        deadline = time.monotonic() + KNOWN_WITHIN_S
        while True:
            try:
                data = await self._try(body, headers)
            except httpx2.ConnectError:
                # Nothing was sent, so there is nothing to give up.
                self.outcomes["refused"] += 1
                await asyncio.sleep(PAUSE_S)
                continue
            if data is not None:
                self.outcomes["answered"] += 1
                return data
            self.outcomes["unknown"] += 1
            if gives_up:
                self.outcomes["given up"] += 1
                return None
            if time.monotonic() > deadline:
                message = "no answer for two minutes"
                raise UnexpectedAnswer(message)
            await asyncio.sleep(PAUSE_S)

    async def _try(self, body: dict[str, Any], headers: dict[str, str]) -> dict[str, Any] | None:
        """The data, if this try brought an answer.

        Raises:
            httpx2.ConnectError: The request was not sent.
            UnexpectedAnswer: As above.
        """
        client = self.random.choice(self.clients)
        try:
            response = await client.post("/graphql", json=body, headers=headers)
        except httpx2.ConnectError:
            raise
        except httpx2.TransportError as error:
            self.reasons[type(error).__name__] += 1
            return None
        if response.status_code in WORTH_ANOTHER_TRY:
            self.reasons[str(response.status_code)] += 1
            return None
        answer = response.json()
        codes = [error["extensions"]["code"] for error in answer.get("errors", [])]
        if {"INTERNAL", "RATE_LIMITED"} & set(codes):
            self.reasons.update(codes)
            return None
        if codes or not response.is_success:
            raise UnexpectedAnswer(response.status_code, codes, response.text[:500])
        data: dict[str, Any] = answer["data"]
        return data


def problems_in(data: dict[str, Any]) -> list[str]:
    """The codes of all problems that mutations had."""
    rows = [row for payload in data.values() for row in payload.get("results", [payload])]
    return [error["code"] for row in rows for error in row["userErrors"]]


async def cookie_of(account: str, clock: Clock) -> str:
    """Sign someone in; this is no matter of these tests, so it does not go through a provider."""
    identity = Identity(
        issuer=ISSUER, subject=account, microsoft_account=account, display_name=None
    )
    cookie, _ = await sign_in(
        identity, client=None, request_id="faults", now=clock.moment, lifetime=SESSION_LASTS
    )
    return cookie


@dataclass
class Links:
    """The mails that have arrived, by the link in them."""

    mailbox: Mailbox
    read: int = 0
    newest: dict[str, str] = field(default_factory=dict)
    """The token of the mail that came last, by its recipient."""
    message_ids: dict[str, list[str]] = field(default_factory=dict)
    """Those of the mails that had the same token, by its hash."""

    def look(self) -> None:
        """Read what is new."""
        accepted = self.mailbox.server.accepted
        while self.read < len(accepted):
            mail = accepted[self.read]
            found = LINK.search(mail.part("plain"))
            assert found is not None
            token = found.group().rpartition("/")[2]
            self.newest[mail.recipient.strip("<>")] = token
            self.message_ids.setdefault(hash_of(token), []).append(mail.message_id)
            self.read += 1

    async def token_for(self, address: str, *, within_s: float = 60) -> str:
        """The link of the newest mail to an address, once it has come."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            self.look()
            if address in self.newest:
                return self.newest[address]
            await asyncio.sleep(0.05)
        raise TimeoutError(address)

    def lead_to(self, invitation: Invitation) -> bool:
        """Whether a mail with the invitation's present link has come."""
        return invitation.token_hash in self.message_ids
