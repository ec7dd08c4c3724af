"""Deliveries of webhooks: looking at them, making them again, and giving a receiver up."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tortoise.expressions import F

from models.audit import AuditAction
from models.invitations import DeliveryStatus
from models.webhooks import Webhook, WebhookDelivery, WebhookStatus
from resolvers import webhook_outbox
from resolvers.audit import changes_between, lock_chain, record, recorded_transaction
from resolvers.caller import Caller
from resolvers.lists import NEWEST_FIRST
from resolvers.paging import Page, Queried, Window, page_of
from resolvers.refusals import Code, refuse
from resolvers.webhook_permissions import changing_webhook

MAX_REPLAYED = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Replay:
    """Which deliveries to make again: the failed ones since an instant, or those with these ids."""

    webhook_id: UUID
    failed_since: datetime | None = None
    delivery_ids: Sequence[UUID] | None = None


async def deliveries_page(
    webhook: Webhook, *, statuses: Sequence[DeliveryStatus] | None, window: Window
) -> Page[WebhookDelivery]:
    """A page of the deliveries of a webhook that the caller may see, newest first.

    Raises:
        BadRequest: The window can't be understood.
    """
    query = WebhookDelivery.filter(webhook_id=webhook.id)
    if statuses is not None:
        query = query.filter(status__in=list(statuses))
    return await page_of(Queried(query), NEWEST_FIRST, window)


async def replay(caller: Caller, *, wanted: Replay, now: datetime) -> tuple[Webhook, int]:
    """Make deliveries again, under the same ids; how many were queued, at most `MAX_REPLAYED`.

    Raises:
        Unauthenticated: Nobody is signed in.
        Refused: NOT_FOUND or FORBIDDEN; INVALID if the webhook is disabled, or if not exactly one
            of `failedSince` and `deliveryIds` is given; BATCH_TOO_LARGE.
    """
    async with changing_webhook(caller, wanted.webhook_id, AuditAction.WEBHOOK_EDITED, now=now) as (
        webhook,
        _,
    ):
        _check_replay(wanted)
        if webhook.status is not WebhookStatus.ENABLED:
            raise refuse(Code.INVALID, "The webhook is disabled; enable it first.", ("id",))
        ended = WebhookDelivery.filter(webhook_id=webhook.id).exclude(status=DeliveryStatus.QUEUED)
        if wanted.delivery_ids is not None:
            ended = ended.filter(id__in=list(wanted.delivery_ids))
        else:
            ended = ended.filter(status=DeliveryStatus.FAILED, created_at__gte=wanted.failed_since)
        ids = (
            await ended.order_by("created_at", "id")
            .limit(MAX_REPLAYED)
            .values_list("id", flat=True)
        )
        count = await WebhookDelivery.filter(id__in=list(ids)).update(
            status=DeliveryStatus.QUEUED, attempts=0, next_attempt_at=now
        )
        if count:
            # A claim that runs would not see them before its end.
            await Webhook.filter(id=webhook.id).update(claim=F("claim") + 1, due_at=now)
        return webhook, count


def _check_replay(wanted: Replay) -> None:
    if (wanted.failed_since is None) == (wanted.delivery_ids is None):
        message = "Give either `failedSince` or `deliveryIds`."
        raise refuse(Code.INVALID, message, ("failedSince",))
    if wanted.delivery_ids is not None and len(wanted.delivery_ids) > MAX_REPLAYED:
        message = f"At most {MAX_REPLAYED} deliveries can be in one request."
        raise refuse(Code.BATCH_TOO_LARGE, message, ("deliveryIds",))


async def disable_failing(
    webhook: webhook_outbox.ClaimedWebhook, reason: str, *, now: datetime
) -> None:
    """Disable a webhook whose receiver is gone or has failed for days, and give up what waits."""
    async with recorded_transaction():
        await lock_chain(webhook.organization_id)
        held = Webhook.filter(id=webhook.id, claim=webhook.claim)
        if not await held.update(
            status=WebhookStatus.DISABLED, detail=reason, due_at=None, claim=F("claim") + 1
        ):
            return
        await webhook_outbox.withdraw_queued(webhook.id)
        record(
            Caller(request_id=f"webhook-{webhook.id}"),
            AuditAction.WEBHOOK_DISABLED,
            organization_id=webhook.organization_id,
            subject=("Webhook", webhook.id, webhook.url),
            actor_name="the gateway",
            changes=changes_between(
                {"status": WebhookStatus.ENABLED}, {"status": WebhookStatus.DISABLED}
            ),
            now=now,
        )
