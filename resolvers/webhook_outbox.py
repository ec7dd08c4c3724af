"""The webhooks' outbox: which deliveries are due, who makes them, and what became of them.

What is claimed is a webhook, with what is due of its deliveries: a receiver is spoken to by one
process at a time, and one that hangs holds up nobody else's. A claim is a lease on `due_at`, and
the number of the claim tells whether it is still held. Whoever is killed loses nothing: the lease
ends, and the deliveries are made again, under the same ids.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from tortoise.connection import get_connection
from tortoise.expressions import F
from tortoise.queryset import QuerySet
from tortoise.transactions import in_transaction

from models.audit import AuditEvent
from models.invitations import DeliveryStatus
from models.rows import new_id
from models.webhooks import Webhook, WebhookDelivery, WebhookStatus

REASON_LENGTH = 500
"""What the columns for a reason hold, in characters."""

DISABLED = "The webhook was disabled before this could be delivered."


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """An event that the receiver is to be told."""

    id: UUID
    event: AuditEvent
    attempt: int
    """1 for the first since it was queued."""


@dataclass(frozen=True, slots=True)
class ClaimedWebhook:
    """A webhook whose due deliveries this process may make until its lease ends."""

    id: UUID
    organization_id: UUID
    url: str
    secrets: tuple[str, ...] = field(repr=False)
    """What to sign with: after a rotation the previous secret too, for a while."""
    claim: int
    failures: int
    """How often the receiver has failed in a row."""
    failing_since: datetime | None
    deliveries: tuple[ClaimedDelivery, ...]
    """The longest due first."""


async def enqueue(organization_id: UUID, events: Sequence[AuditEvent]) -> None:
    """Let the organization's webhooks be told of events, in the transaction that appends them.

    The webhooks' rows are written first, which lines up with whoever ends a claim: he would look
    for what is due before this commits, and miss it.
    """
    webhooks = Webhook.filter(organization_id=organization_id, status=WebhookStatus.ENABLED)
    await webhooks.update(claim=F("claim"))
    rows = await webhooks.order_by("id")
    at = events[0].created_at
    await webhooks.filter(due_at__isnull=True).update(due_at=at)
    await WebhookDelivery.bulk_create(
        [
            WebhookDelivery(
                id=new_id(),
                organization_id=organization_id,
                webhook_id=webhook.id,
                event_id=event.id,
                action=event.action,
                next_attempt_at=at,
                created_at=at,
            )
            for event in events
            for webhook in rows
            if not webhook.actions or event.action in webhook.actions
        ]
    )


async def claim_due(*, now: datetime, lease: timedelta, limit: int) -> ClaimedWebhook | None:
    """Take the webhook that is due longest, with up to `limit` of its due deliveries.

    Two callers never get the same webhook while its lease runs. None if none is due.
    """
    due = Webhook.filter(status=WebhookStatus.ENABLED, due_at__lte=now)
    if not await due.exists():
        return None
    webhook = await _claim(due.order_by("due_at", "id").limit(1), until=now + lease)
    if webhook is None:
        return None
    rows = (
        await WebhookDelivery.filter(
            webhook_id=webhook.id, status=DeliveryStatus.QUEUED, next_attempt_at__lte=now
        )
        .order_by("next_attempt_at", "id")
        .limit(limit)
    )
    events = {row.id: row for row in await AuditEvent.filter(id__in=[r.event_id for r in rows])}
    previous_is_valid = webhook.previous_secret_ends_at and webhook.previous_secret_ends_at > now
    return ClaimedWebhook(
        id=webhook.id,
        organization_id=webhook.organization_id,
        url=webhook.url,
        secrets=(
            webhook.secret,
            *([webhook.previous_secret] if webhook.previous_secret and previous_is_valid else []),
        ),
        claim=webhook.claim,
        failures=webhook.failures,
        failing_since=webhook.failing_since,
        deliveries=tuple(
            ClaimedDelivery(row.id, events[row.event_id], row.attempts + 1) for row in rows
        ),
    )


async def _claim(due: QuerySet[Webhook], *, until: datetime) -> Webhook | None:
    """Claim one: its row is locked, or where no row can be, whoever's update meets it has it."""
    locks_rows = get_connection("default").capabilities.support_for_update
    if not locks_rows:
        candidates = await due
    async with in_transaction():
        if locks_rows:
            candidates = await due.select_for_update(skip_locked=True, no_key=True)
        for row in candidates:
            held = Webhook.filter(id=row.id, claim=row.claim, status=WebhookStatus.ENABLED)
            if await held.update(claim=row.claim + 1, due_at=until):
                row.claim += 1
                return row
    return None


async def record_sent(
    webhook: ClaimedWebhook, delivery: ClaimedDelivery, *, status: int, now: datetime
) -> bool:
    """Note that the receiver took it; False if the claim was lost."""
    return await _finish(
        webhook,
        delivery,
        webhook_fields={"failures": 0, "failing_since": None, "detail": None},
        delivery_fields={
            "status": DeliveryStatus.SENT,
            "attempts": delivery.attempt,
            "last_attempt_at": now,
            "response_status": status,
            "detail": None,
        },
    )


async def record_failure(
    webhook: ClaimedWebhook,
    delivery: ClaimedDelivery,
    reason: str,
    *,
    status: int | None,
    again_at: datetime | None,
    now: datetime,
) -> bool:
    """Note that an attempt failed, and when the next is due, if any; False if the claim was lost.

    `status` is the HTTP status, None if there was no answer.
    """
    reason = reason[:REASON_LENGTH]
    queued = {"next_attempt_at": again_at} if again_at else {"status": DeliveryStatus.FAILED}
    return await _finish(
        webhook,
        delivery,
        webhook_fields={
            "failures": F("failures") + 1,
            "failing_since": webhook.failing_since or now,
            "detail": reason,
        },
        delivery_fields={
            **queued,
            "attempts": delivery.attempt,
            "last_attempt_at": now,
            "response_status": status,
            "detail": reason,
        },
    )


async def _finish(
    webhook: ClaimedWebhook,
    delivery: ClaimedDelivery,
    *,
    webhook_fields: dict[str, object],
    delivery_fields: dict[str, object],
) -> bool:
    async with in_transaction():
        held = Webhook.filter(id=webhook.id, claim=webhook.claim)
        if not await held.update(**webhook_fields):
            return False
        await WebhookDelivery.filter(id=delivery.id).update(**delivery_fields)
    return True


async def release(webhook: ClaimedWebhook, *, rest_until: datetime) -> None:
    """End a claim: the webhook is due again when its next delivery is, but not before its rest."""
    async with in_transaction():
        held = Webhook.filter(id=webhook.id, claim=webhook.claim)
        if not await held.update(claim=F("claim")):  # a lock: see `enqueue`
            return
        queued = WebhookDelivery.filter(webhook_id=webhook.id, status=DeliveryStatus.QUEUED)
        first = await queued.order_by("next_attempt_at").first()
        next_at = first.next_attempt_at if first else None
        await held.update(due_at=max(next_at, rest_until) if next_at else None)


async def withdraw_queued(webhook_id: UUID) -> None:
    """Give up what waits for a webhook that was just disabled."""
    await WebhookDelivery.filter(webhook_id=webhook_id, status=DeliveryStatus.QUEUED).update(
        status=DeliveryStatus.FAILED, detail=DISABLED
    )


async def forget_finished(*, before: datetime) -> int:
    """Delete deliveries created before an instant that are no longer queued; how many."""
    return (
        await WebhookDelivery.filter(created_at__lt=before)
        .exclude(status=DeliveryStatus.QUEUED)
        .delete()
    )
