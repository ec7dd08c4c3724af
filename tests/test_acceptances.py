"""Fifty acceptances of one link at once, by HTTP: exactly one succeeds (rule 27)."""

import asyncio
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2

from models.invitations import Invitation, InvitationStatus
from models.users import User, UserStatus
from tests import documents
from tests.people import Gateway, Person
from tests.postgres import free_port
from tests.servers import environment_for, serving

RIGHT, WRONG = 30, 20
"""Sessions of the account that the profile names, and of as many others."""


async def test_of_fifty_acceptances_of_one_link_at_once_exactly_one_succeeds(
    gateway: Gateway, tmp_path: Path
) -> None:
    gateway.clock.moment = datetime.now(UTC)  # that of the other process
    alice = await gateway.person("alice@live.example")
    signed_up = await alice.sign_up("commerce-services", newOrganization=documents.CONTOSO)
    organization = signed_up["user"]["organization"]["id"]
    role = await gateway.role("commerce-services/viewer")
    made = await alice.create(organization, roles={"set": [role]})
    await alice.invite(made["user"])
    (token,) = await gateway.tokens()
    accounts = ["dora@live.example"] * RIGHT + [f"w{n}@live.example" for n in range(WRONG)]
    people = [await gateway.person(account) for account in accounts]
    url = f"http://127.0.0.1:{free_port()}"
    environment = environment_for(url, gateway.database_url)
    with serving(environment, "--no-mail", log=tmp_path / "gateway.log"):
        async with httpx2.AsyncClient(base_url=url, trust_env=False, timeout=60) as client:
            outcomes = await asyncio.gather(*(_accept(client, each, token) for each in people))

    right, wrong = Counter(outcomes[:RIGHT]), Counter(outcomes[RIGHT:])
    user = await User.get(first_name=documents.FORM["firstName"])
    invitation = await Invitation.get()
    associations = await gateway.events(action="ACCOUNT_ASSOCIATED")
    assert right == {"accepted": 1, "INVITATION_ACCEPTED": RIGHT - 1}
    assert set(wrong) <= {"MICROSOFT_ACCOUNT_MISMATCH", "INVITATION_ACCEPTED"}
    assert (user.status, invitation.status) == (UserStatus.ASSOCIATED, InvitationStatus.ACCEPTED)
    assert len(associations) == 1


async def _accept(client: httpx2.AsyncClient, person: Person, token: str) -> str:
    response = await client.post(
        "/graphql",
        json={"query": documents.ACCEPT_INVITATION, "variables": {"input": {"token": token}}},
        headers={"cookie": f"session={person.cookie}"},
    )
    payload: dict[str, Any] = response.json()["data"]["acceptInvitation"]
    return ", ".join(error["code"] for error in payload["userErrors"]) or "accepted"
