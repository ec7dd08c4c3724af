"""Delivery of the outbox: a failing mail server or a killed worker loses nothing (rule 31)."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import structlog
from tortoise.connection import get_connection
from tortoise.transactions import in_transaction

from gateway.database import connected, is_sqlite, migrate
from gateway.mail.delivery import Courier, Pace, pause_before
from gateway.mail.session import Patience
from gateway.mail.worker import deliver_forever
from models.invitations import (
    DeliveryStatus,
    Invitation,
    InvitationContent,
    InvitationStatus,
    OutgoingMail,
)
from models.organizations import Organization, ProductRelease
from models.users import User
from resolvers import outbox
from resolvers.secret_tokens import hash_of, new_token
from tests.mail_nursery import mail_settings, quick_pace
from tests.postgres import PostgresServer, postgres_server
from tests.smtp_server import MOMENTS, MailServerForTests, mail_server

IMPATIENT = replace(quick_pace(), batch=50, patience=Patience(command_s=0.3))
"""Waits for an answer as long as a test may."""

ENGINES = ("sqlite", "postgres")
TOKEN = "f7BqGJYtqv5y4C2yFZ1wG0m6sP8uQ3xR9kLnT2eHdVo"


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    """A server whose database `outbox` has all tables."""
    with postgres_server() as server:
        asyncio.run(_migrated(server.create_database("outbox")))
        yield server


@pytest.fixture(scope="module")
def sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that has all tables and no row."""
    file = tmp_path_factory.mktemp("sqlite") / "outbox.sqlite3"
    asyncio.run(_migrated(f"sqlite://{file}"))
    return file


async def _migrated(url: str) -> None:
    async with connected(url):
        await migrate(url)


@pytest.fixture(params=ENGINES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a fresh database with all tables, once on each engine."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_file"), tmp_path / "outbox.sqlite3")
        return f"sqlite://{tmp_path / 'outbox.sqlite3'}"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.url("outbox")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[str]:
    """It, connected."""
    async with emptied(database_url):
        yield database_url


@asynccontextmanager
async def emptied(url: str) -> AsyncIterator[None]:
    """Connect to a database, without the rows of the test before."""
    async with connected(url):
        if not is_sqlite(url):
            await get_connection("default").execute_script(
                "DELETE FROM users; DELETE FROM organizations"
            )
        yield


@pytest.fixture
async def server() -> AsyncIterator[MailServerForTests]:
    """The mail server."""
    async with mail_server() as running:
        yield running


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 24, 9, tzinfo=UTC)

    def now(self) -> datetime:
        """The time that it shows."""
        return self.at

    def forward(self, **by: float) -> None:
        """Move it."""
        self.at += timedelta(**by)


@pytest.fixture
def clock() -> Clock:
    """Shows nine o'clock in the morning."""
    return Clock()


def courier_to(server: MailServerForTests, clock: Clock, pace: Pace | None = None) -> Courier:
    """Delivers to this server; pauses are ten seconds times the number of the next attempt."""
    pace = pace or replace(quick_pace(), pause_before=lambda attempt: 10.0 * attempt, batch=50)
    return Courier.from_settings(mail_settings(server.url), now=clock.now, pace=pace)


async def deliver_once(courier: Courier) -> bool:
    """Claim what is due and try it; whether the mail server could be reached."""
    until = asyncio.get_running_loop().time() + 60
    return await courier.deliver(await courier.claim(), stop=asyncio.Event(), until=until)


async def queued(count: int = 1, *, at: datetime | None = None) -> list[OutgoingMail]:
    """Invitations with their mails, as `inviteUsers` commits them."""
    at = at or datetime.now(UTC)
    organization = await Organization.create(
        name="Contoso Retail",
        country_or_region="US",
        product_release=ProductRelease.AX_2012_R2,
        created_at=at,
    )
    return [await _queued(organization, number, at=at) for number in range(count)]


async def _queued(organization: Organization, number: int, *, at: datetime) -> OutgoingMail:
    address = f"user{number}@contoso.example"
    user = await User.create(
        organization_id=organization.id,
        first_name="User",
        last_name=str(number),
        sort_name=f"{number}, user",
        microsoft_account=address,
        microsoft_account_key=address,
        primary_email_address=address,
        primary_email_address_key=address,
        account_id=None,
        created_at=at,
        updated_at=at,
    )
    invitation = await Invitation.create(
        organization_id=organization.id,
        user_id=user.id,
        status=InvitationStatus.PENDING,
        token_hash=uuid4().hex,
        sent_to=address,
        sent_by_id=None,
        created_at=at,
        expires_at=at + timedelta(days=7),
    )
    return await mail_for(invitation, at=at)


async def mail_for(invitation: Invitation, *, at: datetime) -> OutgoingMail:
    """One more mail of an invitation, with a new link."""
    token = TOKEN if not await OutgoingMail.exists() else new_token()
    await Invitation.filter(id=invitation.id).update(token_hash=hash_of(token))
    return await OutgoingMail.create(
        organization_id=invitation.organization_id,
        invitation_id=invitation.id,
        recipient_name="User",
        recipient_address=invitation.sent_to,
        content=InvitationContent(
            organization_name="Contoso Retail",
            service_names=["Commerce Services"],
            inviter_name="Alice Archer",
            microsoft_account=invitation.sent_to,
            expires_at=invitation.expires_at.isoformat(),
        ),
        token=token,
        next_attempt_at=at,
        give_up_at=invitation.expires_at,
        created_at=at,
    )


async def fresh(mail: OutgoingMail) -> tuple[OutgoingMail, Invitation]:
    """A mail and its invitation as they are now."""
    return await OutgoingMail.get(id=mail.id), await Invitation.get(id=mail.invitation_id)


async def statuses() -> dict[DeliveryStatus, int]:
    """How many mails there are of each status."""
    rows = await OutgoingMail.all().values_list("status", flat=True)
    return Counter(DeliveryStatus(str(row)) for row in rows)


async def eventually(true: Callable[[], Awaitable[bool]], *, within_s: float = 15) -> None:
    """Wait for something to become true."""
    async with asyncio.timeout(within_s):
        while not await true():  # noqa: ASYNC110 - the database gives no event
            await asyncio.sleep(0.02)


@asynccontextmanager
async def worker(url: str, pace: Pace | None = None) -> AsyncIterator[asyncio.Event]:
    """A running worker, drained at the end; gives its `wake`."""
    stop, wake = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(
        deliver_forever(
            mail_settings(url),
            now=lambda: datetime.now(UTC),
            stop=stop,
            wake=wake,
            pace=pace or quick_pace(),
        )
    )
    try:
        yield wake
    finally:
        stop.set()
        await task


# ------------------------------------------------------------------------------------- outcomes


@pytest.mark.usefixtures("database")
async def test_a_mail_is_sent_once_and_marked_with_its_invitation(
    server: MailServerForTests, clock: Clock
) -> None:
    [mail] = await queued(at=clock.at)
    courier = courier_to(server, clock)
    clock.forward(seconds=1)

    assert [await deliver_once(courier), await deliver_once(courier)] == [True, True]
    [got] = server.accepted
    row, invitation = await fresh(mail)
    assert (got.sender, got.recipient) == ("users@gateway.example", "user0@contoso.example")
    assert f"https://users.gateway.example/invitations/{TOKEN}\n" in got.part("plain")
    assert (row.status, row.sent_at, row.token, row.attempts, row.failure) == (
        DeliveryStatus.SENT, clock.at, None, 1, None,
    )  # fmt: skip
    assert (invitation.delivery, invitation.delivery_detail, invitation.last_sent_at) == (
        DeliveryStatus.SENT, None, clock.at,
    )  # fmt: skip


@pytest.mark.usefixtures("database")
async def test_one_session_carries_a_whole_batch(server: MailServerForTests, clock: Clock) -> None:
    await queued(20, at=clock.at)

    await deliver_once(courier_to(server, clock))

    assert (len(server.accepted), server.sessions) == (20, 1)


@pytest.mark.usefixtures("database")
async def test_a_temporary_refusal_is_tried_again_after_growing_pauses_and_is_visible(
    server: MailServerForTests, clock: Clock
) -> None:
    [mail] = await queued(at=clock.at)
    server.at["RCPT"] = server.replies("451 greylisted", "452 4.2.2 mailbox full")
    courier = courier_to(server, clock)

    seen = []
    for _ in range(2):
        await deliver_once(courier)
        row, invitation = await fresh(mail)
        seen.append(
            (row.status, row.attempts, row.next_attempt_at - clock.at, row.failure,
             invitation.delivery, invitation.delivery_detail)
        )  # fmt: skip
        assert await courier.claim() == []
        clock.at = row.next_attempt_at
    await deliver_once(courier)

    first = "The mail server refused the recipient: 451 greylisted"
    second = "The mail server refused the recipient: 452 4.2.2 mailbox full"
    waiting = DeliveryStatus.QUEUED
    assert seen == [
        (waiting, 1, timedelta(seconds=20), first, waiting, first),
        (waiting, 2, timedelta(seconds=30), second, waiting, second),
    ]
    row, invitation = await fresh(mail)
    assert (row.status, row.attempts) == (DeliveryStatus.SENT, 3)
    assert (invitation.delivery, invitation.delivery_detail) == (DeliveryStatus.SENT, None)


@pytest.mark.parametrize(
    ("moment", "reply", "reason"),
    [
        ("RCPT", "550 5.1.1 no such user", "The mail server refused the recipient: "),
        ("DATA", "554 5.7.1 looks like spam", "The mail server refused the message: "),
    ],
)
@pytest.mark.usefixtures("database")
async def test_a_permanent_refusal_fails_the_mail_at_once_with_the_servers_reason(
    server: MailServerForTests,
    clock: Clock,
    *,
    moment: str,
    reply: str,
    reason: str,
) -> None:
    refused, other = await queued(2, at=clock.at)
    server.at[moment] = server.replies(reply)
    courier = courier_to(server, clock)

    await deliver_once(courier)
    clock.forward(days=1)
    await deliver_once(courier)

    row, invitation = await fresh(refused)
    assert (row.status, row.token, row.failure) == (DeliveryStatus.FAILED, None, reason + reply)
    assert (invitation.delivery, invitation.delivery_detail) == (
        DeliveryStatus.FAILED, reason + reply,
    )  # fmt: skip
    assert [got.recipient for got in server.accepted] == ["user1@contoso.example"]
    assert (await fresh(other))[0].status == DeliveryStatus.SENT
    assert server.sessions == 1


@pytest.mark.parametrize(
    ("moment", "reply", "reason"),
    [
        ("EHLO", "554 go away", "The mail server answered: 554 go away"),
        ("MAIL", "550 sender unknown", "The mail server refused the sender: 550 sender unknown"),
        ("RCPT", "530 sign in first", "The mail server refused the recipient: 530 sign in first"),
        ("DATA", "451 try later", "The mail server refused the message: 451 try later"),
        ("MAIL", "421 closing", "The mail server refused the sender: 421 closing"),
    ],
)
@pytest.mark.usefixtures("database")
async def test_any_other_refusal_lets_the_mail_wait(
    server: MailServerForTests,
    clock: Clock,
    *,
    moment: str,
    reply: str,
    reason: str,
) -> None:
    [mail] = await queued(at=clock.at)
    server.at[moment] = server.replies(reply, reply)
    courier = courier_to(server, clock)

    await deliver_once(courier)

    row, invitation = await fresh(mail)
    assert (row.status, row.token, row.failure) == (DeliveryStatus.QUEUED, TOKEN, reason)
    assert (invitation.delivery, invitation.delivery_detail) == (DeliveryStatus.QUEUED, reason)


@pytest.mark.usefixtures("database")
async def test_a_reason_shown_holds_no_secret_and_is_cut(
    server: MailServerForTests, clock: Clock
) -> None:
    [mail] = await queued(at=clock.at)
    server.at["DATA"] = server.replies(f"554 blocked /invitations/{TOKEN} " + "x " * 200)

    await deliver_once(courier_to(server, clock))

    _, invitation = await fresh(mail)
    assert invitation.delivery_detail is not None
    assert invitation.delivery_detail.startswith(
        "The mail server refused the message: 554 blocked (hidden) x"
    )
    assert len(invitation.delivery_detail) <= outbox.REASON_LENGTH


@pytest.mark.usefixtures("database")
async def test_a_mail_that_can_not_leave_before_its_link_ends_fails(
    server: MailServerForTests, clock: Clock
) -> None:
    [mail] = await queued(at=clock.at)
    await server.stop()
    courier = courier_to(server, clock, replace(quick_pace(), pause_before=lambda _: 1e9))

    await deliver_once(courier)
    waiting, _ = await fresh(mail)
    clock.at = waiting.next_attempt_at
    await deliver_once(courier)

    assert waiting.next_attempt_at == mail.give_up_at
    row, invitation = await fresh(mail)
    assert (row.status, row.token, invitation.delivery) == (
        DeliveryStatus.FAILED, None, DeliveryStatus.FAILED,
    )  # fmt: skip
    assert invitation.delivery_detail == (
        "The link ended before the mail could be delivered. The last attempt: "
        "The mail server can't be reached: connection refused."
    )
    await server.start()


@pytest.mark.usefixtures("database")
async def test_an_international_address_needs_a_server_that_takes_it(
    server: MailServerForTests, clock: Clock
) -> None:
    [mail] = await queued(at=clock.at)
    await OutgoingMail.filter(id=mail.id).update(recipient_address="b\u00f6b@b\u00fccher.example")
    server.knows_smtputf8 = False

    await deliver_once(courier_to(server, clock))

    _, invitation = await fresh(mail)
    assert (invitation.delivery, invitation.delivery_detail) == (
        DeliveryStatus.FAILED,
        "The mail server can't deliver to an address with international letters.",
    )


@pytest.mark.usefixtures("database")
async def test_an_international_address_is_reached_where_the_server_takes_it(
    server: MailServerForTests, clock: Clock
) -> None:
    [mail] = await queued(at=clock.at)
    await OutgoingMail.filter(id=mail.id).update(recipient_address="b\u00f6b@b\u00fccher.example")

    await deliver_once(courier_to(server, clock))

    [got] = server.accepted
    assert got.recipient == "b\u00f6b@xn--bcher-kva.example"
    assert "User <b\u00f6b@xn--bcher-kva.example>" in str(got.message["To"])


@pytest.mark.usefixtures("database")
async def test_a_mail_that_can_not_be_composed_does_not_block_the_others(
    server: MailServerForTests, clock: Clock
) -> None:
    broken, unaddressed, _ = await queued(3, at=clock.at)
    await OutgoingMail.filter(id=broken.id).update(content={})
    await OutgoingMail.filter(id=unaddressed.id).update(recipient_address="nobody")

    with structlog.testing.capture_logs() as logs:
        await deliver_once(courier_to(server, clock))

    assert [got.recipient for got in server.accepted] == ["user2@contoso.example"]
    assert (await fresh(broken))[0].status == DeliveryStatus.QUEUED
    assert (await fresh(unaddressed))[1].delivery_detail == "The e-mail address is not valid."
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["mail_not_composed"]


@pytest.mark.usefixtures("database")
async def test_the_log_tells_what_became_of_each_mail_without_addresses_or_links(
    server: MailServerForTests, clock: Clock
) -> None:
    sent, refused = await queued(2, at=clock.at)
    server.at["RCPT"] = server.replies(None, "550 user1@contoso.example is unknown")

    with structlog.testing.capture_logs() as logs:
        await deliver_once(courier_to(server, clock))

    assert logs == [
        {"event": "mail_sent", "log_level": "info", "mail_id": str(sent.id), "attempt": 1},
        {"event": "mail_failed", "log_level": "info", "mail_id": str(refused.id), "attempt": 1,
         "smtp_code": 550},
    ]  # fmt: skip


# ------------------------------------------------------------------------------- a failing server


@pytest.mark.usefixtures("database")
async def test_a_server_that_was_down_loses_nothing(server: MailServerForTests) -> None:
    await queued(30)
    await server.stop()

    async with worker(server.url):

        async def everything_was_tried() -> bool:
            return not await Invitation.filter(delivery_detail__isnull=True).exists()

        await eventually(everything_was_tried)
        details: list[Any] = (
            await Invitation.all().distinct().values_list("delivery_detail", flat=True)
        )
        await server.start()

        async def everything_is_sent() -> bool:
            return await statuses() == {DeliveryStatus.SENT: 30}

        await eventually(everything_is_sent)

    assert list(details) == ["The mail server can't be reached: connection refused."]
    assert len(server.accepted) == 30


@pytest.mark.usefixtures("database")
async def test_a_server_that_is_down_is_asked_once_for_a_batch(
    server: MailServerForTests, clock: Clock
) -> None:
    await queued(10, at=clock.at)
    server.at["EHLO"] = server.hang

    is_reachable = await deliver_once(courier_to(server, clock, IMPATIENT))

    assert not is_reachable
    assert server.sessions == 1
    failures: list[Any] = await OutgoingMail.all().distinct().values_list("failure", flat=True)
    assert list(failures) == ["The mail server did not answer in time."]


@pytest.mark.usefixtures("database")
async def test_a_server_that_ends_every_session_is_asked_twice_for_a_batch(
    server: MailServerForTests, clock: Clock
) -> None:
    await queued(10, at=clock.at)
    server.at["MAIL"] = server.drop(99)

    is_reachable = await deliver_once(courier_to(server, clock))

    assert (is_reachable, server.sessions) == (False, 2)
    assert not await OutgoingMail.filter(next_attempt_at__lte=clock.at).exists()


@pytest.mark.usefixtures("database")
async def test_mails_claimed_just_before_the_stop_are_given_back_untried(
    server: MailServerForTests, clock: Clock
) -> None:
    await queued(3, at=clock.at)
    courier = courier_to(server, clock)
    stop = asyncio.Event()
    stop.set()

    await courier.deliver(
        await courier.claim(), stop=stop, until=asyncio.get_running_loop().time() + 9
    )

    assert server.sessions == 0
    assert len(await courier.claim()) == 3


@pytest.mark.usefixtures("database")
async def test_a_letter_that_makes_the_server_hang_holds_up_no_other(
    server: MailServerForTests, clock: Clock
) -> None:
    first, *_ = await queued(3, at=clock.at)

    async def hang_once(recipient: str) -> str | None:
        return await server.hang(recipient) if recipient == "user0@contoso.example" else None

    server.at["DATA"] = hang_once

    await deliver_once(courier_to(server, clock, IMPATIENT))

    assert {got.recipient for got in server.accepted} == {
        "user1@contoso.example", "user2@contoso.example",
    }  # fmt: skip
    assert (await fresh(first))[1].delivery_detail == "The mail server did not answer in time."


@pytest.mark.usefixtures("database")
async def test_a_mail_taken_by_a_server_that_then_drops_keeps_its_message_id(
    server: MailServerForTests, clock: Clock
) -> None:
    [mail] = await queued(at=clock.at)
    server.at["ACCEPTED"] = server.drop(1)
    courier = courier_to(server, clock)

    await deliver_once(courier)
    dropped, _ = await fresh(mail)
    clock.forward(hours=1)
    await deliver_once(courier)

    assert (dropped.status, dropped.failure) == (
        DeliveryStatus.QUEUED, "The mail server ended the connection.",
    )  # fmt: skip
    assert [got.message_id for got in server.accepted] == [f"<{mail.id}@users.gateway.example>"] * 2
    assert (await fresh(mail))[0].status == DeliveryStatus.SENT


def test_pauses_double_from_two_seconds_to_ten_minutes_and_any_part_of_one_may_be_drawn() -> None:
    drawn = {attempt: [pause_before(attempt) for _ in range(300)] for attempt in (2, 3, 6, 11, 99)}

    bounds = {2: 2, 3: 4, 6: 32, 11: 600, 99: 600}
    for attempt, pauses in drawn.items():
        assert 0 <= min(pauses) < bounds[attempt] * 0.1
        assert bounds[attempt] * 0.9 < max(pauses) <= bounds[attempt]


def test_a_lease_shorter_than_the_waits_of_a_letter_is_refused() -> None:
    with pytest.raises(ValueError, match="the lease must be longer"):
        Pace(lease_s=60)


# -------------------------------------------------------------------------- meanwhile, elsewhere


@pytest.mark.usefixtures("database")
async def test_a_mail_whose_user_was_removed_in_flight_is_no_error(
    server: MailServerForTests, clock: Clock
) -> None:
    [mail] = await queued(at=clock.at)

    async def remove(_recipient: str) -> None:
        user_id = (await Invitation.get(id=mail.invitation_id)).user_id
        await User.filter(id=user_id).delete()

    server.at["DATA"] = remove

    with structlog.testing.capture_logs() as logs:
        await deliver_once(courier_to(server, clock))

    assert [line["event"] for line in logs] == ["mail_gone_or_claimed_anew"]
    assert not await OutgoingMail.exists()


@pytest.mark.usefixtures("database")
async def test_a_mail_whose_user_was_removed_after_the_claim_is_not_sent(
    server: MailServerForTests, clock: Clock
) -> None:
    await queued(at=clock.at)
    courier = courier_to(server, clock)
    mails = await courier.claim()
    await User.all().delete()

    await courier.deliver(mails, stop=asyncio.Event(), until=asyncio.get_running_loop().time() + 9)

    assert server.accepted == []


@pytest.mark.usefixtures("database")
async def test_a_mail_whose_link_was_revoked_is_not_sent(
    server: MailServerForTests, clock: Clock
) -> None:
    [mail] = await queued(at=clock.at)
    await Invitation.filter(id=mail.invitation_id).update(status=InvitationStatus.REVOKED)

    await deliver_once(courier_to(server, clock))

    row, invitation = await fresh(mail)
    assert (server.accepted, row.status, row.token) == ([], DeliveryStatus.FAILED, None)
    assert (invitation.delivery, invitation.delivery_detail) == (DeliveryStatus.QUEUED, None)


@pytest.mark.usefixtures("database")
async def test_a_mail_replaced_in_flight_does_not_speak_for_the_newer_one(
    server: MailServerForTests, clock: Clock
) -> None:
    [mail] = await queued(at=clock.at)

    async def send_again(_recipient: str) -> None:
        if not server.accepted:
            invitation = await Invitation.get(id=mail.invitation_id)
            await mail_for(invitation, at=clock.at + timedelta(seconds=1))

    server.at["DATA"] = send_again

    await deliver_once(courier_to(server, clock))

    row, invitation = await fresh(mail)
    assert row.status == DeliveryStatus.SENT
    assert (invitation.delivery, invitation.last_sent_at) == (DeliveryStatus.QUEUED, None)


@pytest.mark.usefixtures("database")
async def test_a_claim_that_was_lost_changes_nothing_any_more(
    server: MailServerForTests, clock: Clock
) -> None:
    [mail] = await queued(at=clock.at)
    courier = courier_to(server, clock)
    [late] = await courier.claim()
    clock.forward(seconds=courier.pace.lease_s)
    [current] = await courier.claim()

    assert not await outbox.record_failure(late, "too late")
    assert not await outbox.postpone(late, "too late", until=clock.at)
    await outbox.release([late], now=clock.at)
    assert await courier.claim() == []
    assert await outbox.record_sent(current, now=clock.at)
    assert (await fresh(mail))[1].delivery_detail is None


@pytest.mark.usefixtures("database")
async def test_no_mail_is_claimed_twice_at_a_time(clock: Clock) -> None:
    await queued(40, at=clock.at)

    claims = await asyncio.gather(
        *(outbox.claim_due(now=clock.at, lease=timedelta(minutes=5), limit=15) for _ in range(5))
    )

    ids = [mail.id for claim in claims for mail in claim]
    assert len(ids) == len(set(ids))
    assert max(len(claim) for claim in claims) == 15


@pytest.mark.usefixtures("database")
async def test_a_worker_told_to_stop_finishes_the_mail_in_hand_and_gives_the_others_back(
    server: MailServerForTests,
) -> None:
    await queued(3)
    in_hand, go_on = asyncio.Event(), asyncio.Event()

    async def wait(_recipient: str) -> None:
        in_hand.set()
        await go_on.wait()

    server.at["DATA"] = wait
    async with worker(server.url):
        await in_hand.wait()
        asyncio.get_running_loop().call_later(0.05, go_on.set)

    assert await statuses() == {DeliveryStatus.SENT: 1, DeliveryStatus.QUEUED: 2}
    assert not await OutgoingMail.filter(
        status=DeliveryStatus.QUEUED, next_attempt_at__gt=datetime.now(UTC)
    ).exists()


@pytest.mark.usefixtures("database")
async def test_a_worker_that_is_woken_delivers_at_once(server: MailServerForTests) -> None:
    async with worker(server.url, replace(quick_pace(), poll_s=60)) as wake:
        await asyncio.sleep(0.1)
        await queued()
        wake.set()

        async def it_is_sent() -> bool:
            return len(server.accepted) == 1

        await eventually(it_is_sent, within_s=3)


@pytest.mark.usefixtures("database")
async def test_finished_mails_are_forgotten_after_a_month(server: MailServerForTests) -> None:
    old = datetime.now(UTC) - timedelta(days=31)
    finished, waiting = await queued(2, at=old)
    [new] = await queued()
    await OutgoingMail.filter(id__in=[finished.id, new.id]).update(status=DeliveryStatus.SENT)
    await OutgoingMail.filter(id=waiting.id).update(
        next_attempt_at=datetime.now(UTC) + timedelta(days=1)
    )

    async with worker(server.url):

        async def it_is_forgotten() -> bool:
            return not await OutgoingMail.exists(id=finished.id)

        await eventually(it_is_forgotten)

    assert set(await OutgoingMail.all().values_list("id", flat=True)) == {waiting.id, new.id}


async def test_a_database_that_was_away_is_waited_for(
    postgres: PostgresServer, server: MailServerForTests
) -> None:
    async with emptied(postgres.url("outbox")):
        await queued(1)

        async def restart(_recipient: str) -> None:
            await asyncio.to_thread(postgres.kill)
            asyncio.get_running_loop().call_later(
                0.3, lambda: asyncio.ensure_future(asyncio.to_thread(postgres.start))
            )

        server.at["DATA"] = server.replies(None)
        server.at["ACCEPTED"] = restart
        with structlog.testing.capture_logs() as logs:
            async with worker(server.url):

                async def it_is_marked() -> bool:
                    return any(line["event"] == "mail_sent" for line in logs)

                await eventually(it_is_marked)

    assert len(server.accepted) == 1
    assert "delivery_waits_for_database" in {line["event"] for line in logs}


# --------------------------------------------------------------------------- workers to be killed


class Nursery:
    """Makes workers in processes of their own."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.mail_nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parent.parent,
        )

    def worker(self, database_url: str, smtp_url: str, **waits: float) -> int:
        """Start a worker; its process id."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        request = {"database_url": database_url, "smtp_url": smtp_url, **waits}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """End all workers."""
        self._process.communicate()


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    """One for the module, since importing takes its time."""
    running = Nursery()
    yield running
    running.close()


async def test_a_worker_killed_at_any_step_loses_nothing_and_doubles_keep_their_message_id(
    database: str, server: MailServerForTests, nursery: Nursery
) -> None:
    mails = await queued(20)
    waits = {"lease_s": 1.0, "patience_s": 0.25}
    plan = [(moment, nth) for nth in (1, 3) for moment in MOMENTS if (moment, nth) != ("EHLO", 3)]
    workers: list[int] = []

    def killing(moment: str) -> Callable[[str], Awaitable[None]]:
        async def behave(_recipient: str) -> None:
            if plan and plan[0][0] == moment:
                moment_now, nth = plan.pop(0)
                if nth > 1:
                    plan.insert(0, (moment_now, nth - 1))
                    return
                os.kill(workers.pop(), signal.SIGKILL)
                workers.append(nursery.worker(database, server.url, **waits))

        return behave

    for moment in MOMENTS:
        server.at[moment] = killing(moment)
    workers.append(nursery.worker(database, server.url, **waits))

    async def everything_is_sent() -> bool:
        return await statuses() == {DeliveryStatus.SENT: 20}

    await eventually(everything_is_sent, within_s=30)
    os.kill(workers.pop(), signal.SIGKILL)
    by_recipient: dict[str, set[str]] = {}
    for got in server.accepted:
        by_recipient.setdefault(got.recipient, set()).add(got.message_id)
    assert plan == []
    assert by_recipient == {
        mail.recipient_address: {f"<{mail.id}@users.gateway.example>"} for mail in mails
    }
    assert len(server.accepted) > len(mails)


async def test_two_workers_at_once_deliver_each_mail_exactly_once(
    database: str, server: MailServerForTests, nursery: Nursery
) -> None:
    async with in_transaction():
        await queued(200)
    workers = [nursery.worker(database, server.url) for _ in range(2)]

    async def everything_is_sent() -> bool:
        return await statuses() == {DeliveryStatus.SENT: 200}

    await eventually(everything_is_sent, within_s=30)

    for process in workers:
        os.kill(process, signal.SIGKILL)
    assert len({got.message_id for got in server.accepted}) == len(server.accepted) == 200
    assert server.sessions > 2
