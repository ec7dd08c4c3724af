"""Who may use webhooks: the fetch is the gate, as in `permissions`.

Whoever may read an organization's audit trail may have it told: its service administrators.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

from models.audit import AuditAction
from models.webhooks import Webhook, WebhookDelivery
from resolvers.administration import administration
from resolvers.audit import lock_chain
from resolvers.caller import Caller
from resolvers.denials import recording_denials
from resolvers.memberships import Membership, Permission, memberships_of
from resolvers.permissions import member_of
from resolvers.refusals import Code, Denial, Forbidden, refuse


async def webhook_for(
    caller: Caller, webhook_id: UUID, *, path: Sequence[str]
) -> tuple[Webhook, Membership]:
    """Fetch a webhook to change it or its deliveries.

    Raises:
        Unauthenticated: Nobody is signed in.
        Refused: NOT_FOUND if it does not exist or the caller does not belong to its organization;
            FORBIDDEN for a member who administers no service.
    """
    memberships = await memberships_of(caller)
    row = await Webhook.get_or_none(id=webhook_id)
    denial = Denial(row.organization_id, "Webhook", row.id, row.url) if row else Denial(None)
    membership = memberships.get(row.organization_id) if row else None
    if row is None or membership is None:
        raise refuse(Code.NOT_FOUND, "No webhook has this id.", path, denial=denial)
    for code, message in membership.problems_with(Permission.USE_WEBHOOKS):
        raise refuse(code, message, path, denial=denial)
    return row, membership


@asynccontextmanager
async def changing_webhook(
    caller: Caller, webhook_id: UUID, action: AuditAction, *, now: datetime
) -> AsyncIterator[tuple[Webhook, Membership]]:
    """The transaction in which a webhook or its deliveries are changed; a denial is recorded.

    Raises:
        Unauthenticated: Nobody is signed in.
        Refused: As `webhook_for`.
    """
    async with recording_denials(caller, action, now=now):
        seen, _ = await webhook_for(caller, webhook_id, path=("id",))
        async with administration(caller, seen.organization_id):
            await lock_chain(seen.organization_id)
            yield await webhook_for(caller, webhook_id, path=("id",))


async def webhooks_of(caller: Caller, organization_id: UUID) -> list[Webhook]:
    """An organization's webhooks, first registered first.

    Raises:
        Unauthenticated: Nobody is signed in.
        Forbidden: The caller administers no service of the organization.
    """
    membership = await member_of(caller, organization_id)
    for _, message in membership.problems_with(Permission.USE_WEBHOOKS):
        raise Forbidden(message)
    return await Webhook.filter(organization_id=organization_id).order_by("created_at", "id")


async def webhooks_by_id(caller: Caller, ids: Sequence[UUID]) -> list[Webhook | None]:
    """Webhooks for reading, in the order of the ids; None for one that can't be seen.

    Raises:
        Unauthenticated: Nobody is signed in.
    """
    rows = await Webhook.filter(id__in=list(ids), organization_id__in=await _readable(caller))
    found = {row.id: row for row in rows}
    return [found.get(id_) for id_ in ids]


async def deliveries_by_id(caller: Caller, ids: Sequence[UUID]) -> list[WebhookDelivery | None]:
    """Deliveries for reading, likewise.

    Raises:
        Unauthenticated: Nobody is signed in.
    """
    readable = await _readable(caller)
    rows = await WebhookDelivery.filter(id__in=list(ids), organization_id__in=readable)
    found = {row.id: row for row in rows}
    return [found.get(id_) for id_ in ids]


async def _readable(caller: Caller) -> list[UUID]:
    return [
        organization_id
        for organization_id, membership in (await memberships_of(caller)).items()
        if not membership.problems_with(Permission.USE_WEBHOOKS)
    ]
