"""Subscriptions: activating and deactivating them, and their configuration checklist."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from models.audit import AuditAction
from models.services import ServiceSubscription, SubscriptionStatus
from models.users import User, UserStatus
from resolvers.administration import administration
from resolvers.audit import changes_between, record
from resolvers.caller import Caller
from resolvers.denials import recording_denials
from resolvers.memberships import Membership
from resolvers.permissions import subscription_for


async def activate(caller: Caller, *, subscription_id: UUID, now: datetime) -> ServiceSubscription:
    """Use a deactivated subscription again; an active one stays as it is.

    Raises:
        Unauthenticated: Nobody is signed in.
        Refused: NOT_FOUND, or FORBIDDEN for who does not administer the service.
    """
    return await _set_status(
        caller, subscription_id, SubscriptionStatus.ACTIVE, AuditAction.SERVICE_ACTIVATED, now=now
    )


async def deactivate(
    caller: Caller, *, subscription_id: UUID, now: datetime
) -> ServiceSubscription:
    """Put a subscription out of use; while it is, nobody manages its roles (rule 14).

    Raises:
        Unauthenticated: Nobody is signed in.
        Refused: NOT_FOUND, or FORBIDDEN for who does not administer the service.
    """
    return await _set_status(
        caller,
        subscription_id,
        SubscriptionStatus.DEACTIVATED,
        AuditAction.SERVICE_DEACTIVATED,
        now=now,
    )


async def _set_status(
    caller: Caller,
    subscription_id: UUID,
    status: SubscriptionStatus,
    action: AuditAction,
    *,
    now: datetime,
) -> ServiceSubscription:
    async with recording_denials(caller, action, now=now):
        seen, _ = await subscription_for(caller, subscription_id, path=("id",))
        async with administration(caller, seen.organization_id):
            row, membership = await subscription_for(caller, subscription_id, path=("id",))
            if row.status is not status:
                changes = changes_between({"status": row.status}, {"status": status})
                row.status = status
                await ServiceSubscription.filter(id=row.id).update(status=status)
                record(
                    caller,
                    action,
                    organization_id=row.organization_id,
                    subject=(
                        "ServiceSubscription",
                        row.id,
                        membership.catalogue.services[row.service_id].name,
                    ),
                    service_id=row.service_id,
                    actor_id=membership.user_id,
                    changes=changes,
                    now=now,
                )
            return row


@dataclass(frozen=True, kw_only=True, slots=True)
class ChecklistItem:
    """A step of the configuration checklist."""

    code: str
    label: str
    complete: bool
    available: bool
    href: str | None = None


async def configuration_checklist(
    subscription: ServiceSubscription, membership: Membership
) -> list[ChecklistItem]:
    """The steps from signing up to people at work, in order (rule 15)."""
    service = membership.catalogue.services[subscription.service_id]
    active = subscription.status is SubscriptionStatus.ACTIVE
    manageable = service.id in membership.manageable()
    role_ids = [role.id for role in service.roles]
    statuses = dict(
        await User.filter(
            organization_id=subscription.organization_id, role_assignments__role_id__in=role_ids
        )
        .distinct()
        .values_list("id", "status")
    )
    invited = [status for status in statuses.values() if status is not UserStatus.NOT_INVITED]
    administers = service.id in membership.administered
    return [
        ChecklistItem(
            code="sign-up",
            label=f"Sign up for {service.name}",
            complete=True,
            available=True,
            href="/checklist",
        ),
        ChecklistItem(
            code="activate-subscription",
            label="Activate the subscription",
            complete=active,
            available=administers,
            href="/checklist",
        ),
        ChecklistItem(
            code="set-up-users",
            label="Set up users",
            complete=len(statuses) > 1,
            available=manageable,
            href="/users",
        ),
        ChecklistItem(
            code="send-invitations",
            label="Send invitations",
            complete=len(statuses) > 1 and len(invited) == len(statuses),
            available=manageable,
            href="/users",
        ),
    ]
