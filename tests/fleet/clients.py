"""Clients of the fleet: each adds, invites and edits people of its own organization, without end.

A client keeps its connection alive, sends each mutation with an `Idempotency-Key`, and repeats it
when, and only when, it was told to: by 503, or by `Retry-After`. Whatever else is not an answer is
a request that was lost.
"""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import httpx2

from tests import documents

EDITS = 3
MAX_PAUSE_S = 0.5
KNOWN_WITHIN_S = 300.0

PAGE = """
query UsersPage($id: ID!) {
  organization(id: $id) { users(first: 20) { nodes { id lastName selectedRoles { code } } } }
}
"""


@dataclass
class Profile:
    """A person that a client has added, and what it was told was done, in order."""

    address: str
    done: list[str] = field(default_factory=list)
    """What the audit trail must say of the person, word for word."""


@dataclass
class Tally:
    """What all clients together saw."""

    answered: int = 0
    told_to_retry: Counter[str] = field(default_factory=Counter)
    """By what went on meanwhile."""
    lost: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    """Of the answers."""
    phase: str = "nothing is restarted"
    """What goes on."""

    def percentile(self, share: float) -> float:
        """The time, in milliseconds, within which this share was answered."""
        return sorted(self.seconds)[int(share * (len(self.seconds) - 1))] * 1000


@dataclass
class Client:
    """One of them, with the session of an organization's administrator."""

    number: int
    url: str
    cookie: str
    tally: Tally
    organization: str = ""
    viewer: str = ""
    profiles: list[Profile] = field(default_factory=list)

    async def run(self, stop: asyncio.Event) -> None:
        """Sign up, and work until `stop`; what is under way then is finished."""
        async with httpx2.AsyncClient(
            base_url=self.url,
            cookies={"session": self.cookie},
            trust_env=False,
            verify=False,
            timeout=90,
            limits=httpx2.Limits(max_connections=1, keepalive_expiry=600),
        ) as http:
            await self._sign_up(http)
            while not stop.is_set():
                await self._add_someone(http, stop)

    async def _sign_up(self, http: httpx2.AsyncClient) -> None:
        services = (await self._send(http, documents.CATALOGUE))["services"]
        service = next(each for each in services if each["code"] == "commerce-services")
        self.viewer = next(each["id"] for each in service["roles"] if each["code"] == "viewer")
        given = {
            "serviceId": service["id"],
            "newOrganization": {**documents.CONTOSO, "name": f"Organization {self.number}"},
        }
        payload = (await self._send(http, documents.SIGN_UP, input=given))["signUpForService"]
        self.organization = payload["user"]["organization"]["id"]

    async def _add_someone(self, http: httpx2.AsyncClient, stop: asyncio.Event) -> None:
        address = f"user{len(self.profiles)}.of{self.number}@fleet.example"
        form = {
            **documents.FORM,
            "organizationId": self.organization,
            "microsoftAccount": address,
            "primaryEmailAddress": address,
            "roles": {"set": [self.viewer]},
        }
        user = await self._change(http, documents.CREATE_USER, form)
        profile = Profile(address, ["USER_CREATED"])
        self.profiles.append(profile)
        invited = {"userIds": [user["id"]]}
        answer = await self._send(http, documents.INVITE_USERS, input=invited)
        (result,) = answer["inviteUsers"]["results"]
        self._expect(result["userErrors"] == [], result)
        profile.done.append("INVITATION_SENT")
        for number in range(EDITS):
            if stop.is_set():
                return
            name = f"Edit {number}"
            form = {"id": user["id"], "version": user["version"], "lastName": name}
            user = await self._change(http, documents.EDIT_USER, form)
            profile.done.append(f"USER_EDITED {name}")
            await self._send(http, PAGE, id=self.organization)

    async def _change(
        self, http: httpx2.AsyncClient, document: str, form: dict[str, Any]
    ) -> dict[str, Any]:
        (payload,) = (await self._send(http, document, input=form)).values()
        self._expect(payload["userErrors"] == [], payload)
        user: dict[str, Any] = payload["user"]
        return user

    def _expect(self, is_so: bool, payload: object) -> None:
        if not is_so:
            self.tally.lost.append(f"refused: {payload}")

    async def _send(self, http: httpx2.AsyncClient, query: str, **variables: Any) -> dict[str, Any]:
        """The data of the answer, however often it takes."""
        headers = {"idempotency-key": str(uuid4())}
        body = {"query": query, "variables": variables}
        deadline = time.monotonic() + KNOWN_WITHIN_S
        while time.monotonic() < deadline:
            began = time.perf_counter()
            try:
                response = await http.post("/graphql", json=body, headers=headers)
            except httpx2.TransportError as error:
                self.tally.lost.append(f"no answer: {type(error).__name__}: {error}")
                await asyncio.sleep(MAX_PAUSE_S)
                continue
            pause_s = self._told_to_wait(response)
            if pause_s is None:
                answer = response.json()
                if response.status_code == HTTPStatus.OK and not answer.get("errors"):
                    self.tally.answered += 1
                    self.tally.seconds.append(time.perf_counter() - began)
                    data: dict[str, Any] = answer["data"]
                    return data
                self.tally.lost.append(f"{response.status_code}: {response.text[:200]}")
                pause_s = MAX_PAUSE_S
            await asyncio.sleep(pause_s)
        message = f"client {self.number}: no outcome within {KNOWN_WITHIN_S} s"
        self.tally.lost.append(message)
        raise TimeoutError(message)

    def _told_to_wait(self, response: httpx2.Response) -> float | None:
        """Seconds to wait before the next try; None if this is no invitation to try again."""
        after = response.headers.get("retry-after")
        if response.status_code != HTTPStatus.SERVICE_UNAVAILABLE and after is None:
            return None
        self.tally.told_to_retry[self.tally.phase] += 1
        return min(float(after or MAX_PAUSE_S), MAX_PAUSE_S)
