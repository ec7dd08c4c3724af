"""The gateway's clock is set back by an hour: nothing is lost, nobody is locked out."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from starlette.requests import HTTPConnection

from gateway.settings import Settings
from gateway.streams.exchange import Exchange
from gateway.streams.stream import End, StreamEnded
from models.accounts import Session
from models.invitations import DeliveryStatus, Invitation, InvitationStatus
from resolvers import outbox
from resolvers.audit_chains import verified_chains
from resolvers.sessions import caller_of_session
from tests import documents
from tests.people import Clock, Gateway, Person

HOUR = timedelta(hours=1)
LEASE = timedelta(minutes=5)


@pytest.fixture
async def dora(alice: Person, contoso: str) -> dict[str, Any]:
    """A user of Contoso with a role."""
    role = await alice.gateway.role("commerce-services/viewer")
    user: dict[str, Any] = (await alice.create(contoso, roles={"set": [role]}))["user"]
    return user


async def deliver(now: datetime) -> list[bool]:
    """Take what is due as the mail worker does; whether each mail was wanted, and sent."""
    return [
        await outbox.is_wanted(mail) and await outbox.record_sent(mail, now=now)
        for mail in await outbox.claim_due(now=now, lease=LEASE, limit=10)
    ]


async def test_a_link_sent_again_after_the_clock_was_set_back_is_the_one_that_counts(
    gateway: Gateway, clock: Clock, alice: Person, dora: dict[str, Any]
) -> None:
    await alice.invite(dora)
    first = await deliver(clock())
    clock.pass_by(-HOUR)
    await alice.invite(dora)
    (token,) = await gateway.tokens()
    second = await deliver(clock())
    invitation = await Invitation.get()
    accepted = await (await gateway.person("dora@live.example")).accept(token)

    assert (first, second) == ([True], [True])
    assert (invitation.delivery, invitation.send_count) == (DeliveryStatus.SENT, 2)
    assert accepted["userErrors"] == []


async def test_an_invitation_made_after_the_clock_was_set_back_is_the_newest(
    clock: Clock, alice: Person, dora: dict[str, Any]
) -> None:
    """Rule 29, and that inviting again goes on to work."""
    await alice.invite(dora)
    moved = await alice.edit(dora, primaryEmailAddress="elsewhere@contoso.example")
    clock.pass_by(-HOUR)
    payloads = [await alice.invite(moved["user"]) for _ in range(3)]
    seen = await alice.see(dora)
    kept = [each.status for each in await Invitation.all().order_by("created_at")]

    assert [payload["results"][0]["userErrors"] for payload in payloads] == [[], [], []]
    assert seen is not None
    assert (seen["invitation"]["status"], seen["invitation"]["sendCount"]) == ("PENDING", 3)
    assert kept == [InvitationStatus.SUPERSEDED, InvitationStatus.PENDING]


async def test_sessions_and_kept_answers_outlive_it(
    gateway: Gateway, clock: Clock, alice: Person, dora: dict[str, Any]
) -> None:
    headers = {"cookie": f"session={alice.cookie}", "idempotency-key": "a key"}
    body = {"query": documents.INVITE_USERS, "variables": {"input": {"userIds": [dora["id"]]}}}
    first = await gateway.client.post("/graphql", json=body, headers=headers)
    clock.pass_by(-HOUR)
    again = await gateway.client.post("/graphql", json=body, headers=headers)

    assert (again.status_code, again.content) == (200, first.content)
    assert (await alice.ask(documents.VIEWER))["viewer"]["microsoftAccount"] == alice.account


@pytest.mark.parametrize("direction", ["ASC", "DESC"])
async def test_every_user_is_on_exactly_one_page_whenever_he_was_made(
    clock: Clock, alice: Person, contoso: str, direction: str
) -> None:
    made = []
    for number in range(9):
        clock.pass_by(-HOUR if number % 3 == 0 else HOUR / 4)
        role = await alice.gateway.role("commerce-services/viewer")
        account = f"u{number}@live.example"
        user = (await alice.create(contoso, microsoftAccount=account, roles={"set": [role]}))[
            "user"
        ]
        made.append(user["id"])
    seen: list[str] = []
    after = None
    while True:
        order = {"field": "CREATED_AT", "direction": direction}
        data = await alice.ask(
            documents.USERS, organization=contoso, first=2, after=after, orderBy=order
        )
        seen += [node["id"] for node in data["users"]["nodes"]]
        after = data["users"]["pageInfo"]["endCursor"]
        if not data["users"]["pageInfo"]["hasNextPage"]:
            break

    assert sorted(seen) == sorted([*made, alice.user["id"]])


async def test_the_audit_trail_goes_on_whole(
    clock: Clock, alice: Person, dora: dict[str, Any]
) -> None:
    await alice.invite(dora)
    clock.pass_by(-HOUR)
    await alice.invite(dora)
    faults = [fault async for chain in verified_chains() for fault in chain.faults]

    assert faults == []


async def test_a_mail_that_waits_leaves_at_the_latest_when_the_clock_has_caught_up(
    clock: Clock, alice: Person, dora: dict[str, Any]
) -> None:
    await alice.invite(dora)
    clock.pass_by(-HOUR)
    at_once = await deliver(clock())
    clock.pass_by(HOUR)

    assert (at_once, await deliver(clock())) == ([], [True])


async def test_sessions_that_ended_unannounced_are_looked_for_all_the_same(
    gateway: Gateway, clock: Clock, alice: Person
) -> None:
    """A stream's credential is looked up each minute, which no clock measures that can be set."""
    settings = Settings.model_validate({"database_url": gateway.database_url})
    assert alice.cookie
    caller = await caller_of_session(alice.cookie, request_id="streams", now=clock())
    assert caller
    connection = HTTPConnection({"type": "websocket", "headers": []})
    exchange = Exchange(settings, now=clock, asks_again_after_s=0.1)
    async with exchange.running():
        exchange.listens()
        async with exchange.stream(caller, connection) as stream:
            clock.pass_by(-HOUR)
            await Session.filter(id=caller.session_id).delete()
            with pytest.raises(StreamEnded) as ended:
                async with asyncio.timeout(5):
                    await anext(stream)

    assert ended.value.why is End.SIGNED_OUT
