"""A mail server that misbehaves for an hour of its time: mails arrive, or fail with a reason."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.mail.delivery import Courier, Pace
from gateway.mail.session import Patience
from models.invitations import DeliveryStatus, Invitation, OutgoingMail
from tests.mail_nursery import mail_settings
from tests.people import Clock
from tests.smtp_server import MailServerForTests, mail_server
from tests.test_mail_delivery import deliver_once, queued

MAILS = 4
HOUR = timedelta(hours=1)

PACE = replace(Pace(), patience=Patience(0.2, 0.2, 0.2, 0.1))
"""As in production, but for how long an answer is waited for."""

Trouble = Callable[[MailServerForTests], Awaitable[None]]


async def refuses_for_now(server: MailServerForTests) -> None:
    server.at["RCPT"] = server.replies(*["451 4.7.1 try again later"] * 10_000)


async def hangs(server: MailServerForTests) -> None:
    server.at["DATA"] = server.hang


async def takes_and_drops(server: MailServerForTests) -> None:
    server.at["ACCEPTED"] = server.drop(10_000)


async def is_away(server: MailServerForTests) -> None:
    await server.stop()


async def refuses_for_good(server: MailServerForTests) -> None:
    server.at["RCPT"] = server.replies(*["550 5.1.1 no such user"] * 10_000)


async def pass_time(courier: Courier, clock: Clock, duration: timedelta) -> None:
    """Let the worker work for so long; its clock jumps to when the next mail is due."""
    end = clock.moment + duration
    while clock.moment < end:
        await deliver_once(courier)
        waiting = await OutgoingMail.filter(status=DeliveryStatus.QUEUED).order_by(
            "next_attempt_at"
        )
        due = waiting[0].next_attempt_at if waiting else end
        clock.moment = min(end, max(due, clock.moment + timedelta(seconds=1)))


async def outcomes() -> set[tuple[str, str | None, str, str | None]]:
    """What became of the mails, and what their invitations say."""
    return {
        (str(mail.status), mail.token, str(invitation.delivery), invitation.delivery_detail)
        for mail in await OutgoingMail.all()
        for invitation in [await Invitation.get(id=mail.invitation_id)]
    }


@pytest.mark.parametrize("trouble", [refuses_for_now, hangs, takes_and_drops, is_away])
@pytest.mark.usefixtures("database")
async def test_after_an_hour_of_trouble_every_mail_arrives(clock: Clock, trouble: Trouble) -> None:
    async with mail_server() as server:
        mails = await queued(MAILS, at=clock.moment)
        courier = Courier.from_settings(mail_settings(server.url), now=clock, pace=PACE)
        await trouble(server)
        await pass_time(courier, clock, HOUR)
        meanwhile = {str(mail.status) for mail in await OutgoingMail.all()}
        attempts = [mail.attempts for mail in await OutgoingMail.all()]
        server.at.clear()
        if trouble is is_away:
            await server.start()
        await pass_time(courier, clock, HOUR)
        by_recipient: dict[str, set[str]] = {}
        for got in server.accepted:
            by_recipient.setdefault(got.recipient, set()).add(got.message_id)
        if trouble is not is_away:
            assert len(server.attempts) < MAILS * 60

    assert meanwhile == {"QUEUED"}
    assert all(3 <= each <= 60 for each in attempts)
    assert await outcomes() == {("SENT", None, "SENT", None)}
    assert by_recipient == {
        mail.recipient_address: {f"<{mail.id}@users.gateway.example>"} for mail in mails
    }


@pytest.mark.usefixtures("database")
async def test_what_is_refused_for_good_fails_with_the_reason_at_once(clock: Clock) -> None:
    async with mail_server() as server:
        await queued(MAILS, at=clock.moment)
        courier = Courier.from_settings(mail_settings(server.url), now=clock, pace=PACE)
        await refuses_for_good(server)
        await asyncio.wait_for(pass_time(courier, clock, HOUR), 30)

    reason = "The mail server refused the recipient: 550 5.1.1 no such user"
    assert await outcomes() == {("FAILED", None, "FAILED", reason)}
    assert len(server.attempts) == MAILS
