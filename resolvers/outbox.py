"""The outbox: which mails are due, who delivers them, and what became of them (rule 31).

A claim is a lease: it moves `next_attempt_at` to its own end and counts the attempt, and the number
of the attempt then tells whether the claim is still held. Whoever is killed loses nothing: the
lease ends, and the mail is due again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from tortoise.connection import get_connection
from tortoise.expressions import F
from tortoise.queryset import QuerySet
from tortoise.transactions import in_transaction

from models.invitations import (
    DeliveryStatus,
    Invitation,
    InvitationContent,
    InvitationStatus,
    OutgoingMail,
)
from resolvers.secret_tokens import hash_of
from resolvers.statements import Statement, as_moment

REASON_LENGTH = 500
"""What the columns for a reason hold, in characters."""

WITHDRAWN = "The link was replaced or revoked before the mail could be delivered."
LINK_ENDED = "The link ended before the mail could be delivered."


@dataclass(frozen=True, slots=True)
class ClaimedMail:
    """A mail that this process may deliver until its lease ends."""

    id: UUID
    invitation_id: UUID
    recipient_name: str
    recipient_address: str
    content: InvitationContent
    token: str = field(repr=False)
    attempt: int
    """1 for the first."""
    give_up_at: datetime
    last_failure: str | None
    """Why the attempt before this one failed."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits to be delivered."""

    of: str
    """`mail` or `webhooks`."""
    waiting: int
    oldest: datetime | None
    """When what has waited longest was written; None if nothing waits."""


BACKLOG = Statement("""
SELECT 'mail', count(*), min(created_at) FROM outgoing_mails WHERE status = 'QUEUED'
UNION ALL
SELECT 'webhooks', count(*), min(webhook_deliveries.created_at)
FROM webhook_deliveries JOIN webhooks ON webhooks.id = webhook_id
WHERE webhook_deliveries.status = 'QUEUED' AND webhooks.status = 'ENABLED'
""")


async def backlogs() -> list[Backlog]:
    """How much waits, and since when, of each kind; what is for a disabled webhook does not."""
    return [
        Backlog(of, waiting, None if oldest is None else as_moment(oldest))
        for of, waiting, oldest in await BACKLOG.rows()
    ]


async def claim_due(*, now: datetime, lease: timedelta, limit: int) -> list[ClaimedMail]:
    """Take up to `limit` mails that are due, the longest due first.

    Two callers never get the same mail while its lease runs.
    """
    due = OutgoingMail.filter(status=DeliveryStatus.QUEUED, next_attempt_at__lte=now)
    if not await due.exists():
        return []
    due = due.order_by("next_attempt_at", "id").limit(limit)
    rows = await (_claim_locking if _locks_rows() else _claim_one_by_one)(due, until=now + lease)
    return [_claimed(row) for row in rows]


def _locks_rows() -> bool:
    return bool(get_connection("default").capabilities.support_for_update)


async def _claim_locking(due: QuerySet[OutgoingMail], *, until: datetime) -> list[OutgoingMail]:
    async with in_transaction():
        rows = await due.select_for_update(skip_locked=True, no_key=True)
        await OutgoingMail.filter(id__in=[row.id for row in rows]).update(
            attempts=F("attempts") + 1, next_attempt_at=until
        )
    return rows


async def _claim_one_by_one(due: QuerySet[OutgoingMail], *, until: datetime) -> list[OutgoingMail]:
    """Claim where no row can be locked: whoever's update meets the row as it was read has it.

    The transaction writes first, as SQLite needs where another process writes too.
    """
    candidates = await due
    async with in_transaction():
        return [
            row
            for row in candidates
            if await OutgoingMail.filter(
                id=row.id, status=DeliveryStatus.QUEUED, attempts=row.attempts
            ).update(attempts=row.attempts + 1, next_attempt_at=until)
        ]


def _claimed(row: OutgoingMail) -> ClaimedMail:
    return ClaimedMail(
        id=row.id,
        invitation_id=row.invitation_id,
        recipient_name=row.recipient_name,
        recipient_address=row.recipient_address,
        content=row.content,
        token=row.token or "",
        attempt=row.attempts + 1,
        give_up_at=row.give_up_at,
        last_failure=row.failure,
    )


async def is_wanted(mail: ClaimedMail) -> bool:
    """Whether the mail's link still works: pending, and not replaced by a newer mail's.

    False too if the mail is gone, its user having been removed.
    """
    return await _of_its_link(mail).filter(status=InvitationStatus.PENDING).exists()


def _of_its_link(mail: ClaimedMail) -> QuerySet[Invitation]:
    """The mail's invitation, if the mail has its present link.

    Which mail is the newest is told by this alone: the clock may have been set back since.
    """
    return Invitation.filter(id=mail.invitation_id, token_hash=hash_of(mail.token))


async def record_sent(mail: ClaimedMail, *, now: datetime) -> bool:
    """Note that a mail server took the mail; False if the claim was lost or the mail is gone."""
    return await _finish(
        mail,
        mail_fields={
            "status": DeliveryStatus.SENT,
            "sent_at": now,
            "token": None,
            "failure": None,
        },
        invitation_fields={
            "delivery": DeliveryStatus.SENT,
            "delivery_detail": None,
            "last_sent_at": now,
        },
    )


async def record_failure(mail: ClaimedMail, reason: str) -> bool:
    """Note that the mail can't be delivered, ever; False if the claim was lost."""
    reason = reason[:REASON_LENGTH]
    return await _finish(
        mail,
        mail_fields={"status": DeliveryStatus.FAILED, "token": None, "failure": reason},
        invitation_fields={"delivery": DeliveryStatus.FAILED, "delivery_detail": reason},
    )


async def record_withdrawal(mail: ClaimedMail) -> bool:
    """Note that the mail was not sent since its link is dead; False if the claim was lost."""
    return await _finish(
        mail,
        mail_fields={"status": DeliveryStatus.FAILED, "token": None, "failure": WITHDRAWN},
        invitation_fields={},
    )


async def postpone(mail: ClaimedMail, reason: str, *, until: datetime) -> bool:
    """Let the mail wait, and show why; False if the claim was lost."""
    reason = reason[:REASON_LENGTH]
    return await _finish(
        mail,
        mail_fields={"next_attempt_at": min(until, mail.give_up_at), "failure": reason},
        invitation_fields={"delivery_detail": reason},
    )


async def release(mails: Sequence[ClaimedMail], *, now: datetime) -> None:
    """Give back mails that were claimed and not tried, so that they are due at once."""
    for mail in mails:
        await OutgoingMail.filter(
            id=mail.id, status=DeliveryStatus.QUEUED, attempts=mail.attempt
        ).update(next_attempt_at=now)


async def _finish(
    mail: ClaimedMail, *, mail_fields: dict[str, object], invitation_fields: dict[str, object]
) -> bool:
    """Write an outcome to the mail, and to its invitation if that has no newer link.

    The invitation's row is written first, which lines up with whoever sends again, revokes or
    removes the user, and in the order in which a removal cascades.
    """
    async with in_transaction():
        invitation = Invitation.filter(id=mail.invitation_id)
        if not await invitation.update(send_count=F("send_count")):
            return False
        held = OutgoingMail.filter(id=mail.id, status=DeliveryStatus.QUEUED, attempts=mail.attempt)
        if not await held.update(**mail_fields):
            return False
        if invitation_fields:
            await _of_its_link(mail).update(**invitation_fields)
    return True


async def forget_finished(*, before: datetime) -> int:
    """Delete mails created before an instant that are no longer queued; how many there were.

    What became of them stays with their invitations.
    """
    return await OutgoingMail.filter(
        status__in=[DeliveryStatus.SENT, DeliveryStatus.FAILED], created_at__lt=before
    ).delete()
