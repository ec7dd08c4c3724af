"""What concerns an account as a whole, in the trails of all its organizations."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from models.audit import AuditAction, RecordedChange
from models.users import User
from resolvers.audit import record
from resolvers.caller import Caller


async def record_for_each_profile(
    caller: Caller,
    account_id: UUID,
    action: AuditAction,
    *,
    now: datetime,
    subject: tuple[str, UUID, str] | None = None,
    changes: Sequence[RecordedChange] = (),
) -> None:
    """Record it in every organization's own trail; for an account without, in the common one.

    The subject is the profile, if no other is given.
    """
    profiles = await User.filter(account_id=account_id).order_by("id")
    for profile in profiles:
        record(
            caller,
            action,
            organization_id=profile.organization_id,
            subject=subject or ("User", profile.id, profile.full_name),
            actor_id=profile.id,
            changes=changes,
            now=now,
        )
    if not profiles:
        record(caller, action, organization_id=None, subject=subject, changes=changes, now=now)
