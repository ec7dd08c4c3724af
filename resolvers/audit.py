"""Recording what happened, in the transaction in which it happened (rule 42)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from models.audit import AuditAction, AuditEvent, AuditOutcome, RecordedChange
from resolvers.caller import Caller
from resolvers.refusals import Denial


def changes_between(
    before: Mapping[str, str | None], after: Mapping[str, str | None]
) -> list[RecordedChange]:
    """What differs, field by field, in the order of the fields."""
    fields = list(dict.fromkeys([*before, *after]))
    return [
        RecordedChange(field=field, before=before.get(field), after=after.get(field))
        for field in fields
        if before.get(field) != after.get(field)
    ]


async def record(
    caller: Caller,
    action: AuditAction,
    *,
    organization_id: UUID | None,
    subject: tuple[str, UUID, str] | None,
    now: datetime,
    actor_id: UUID | None = None,
    actor_name: str | None = None,
    service_id: UUID | None = None,
    changes: Sequence[RecordedChange] = (),
    outcome: AuditOutcome = AuditOutcome.SUCCEEDED,
) -> None:
    """Write an event. `subject` is its type's name in the graph, its id, and a name for people."""
    subject_type, subject_id, subject_name = subject or (None, None, "")
    await AuditEvent.create(
        organization_id=organization_id,
        action=action,
        outcome=outcome,
        account_id=caller.account.id if caller.account else None,
        actor_id=actor_id,
        actor_name=actor_name or caller.name,
        subject_type=subject_type,
        subject_id=subject_id,
        subject_name=subject_name,
        service_id=service_id,
        changes=list(changes),
        request_id=caller.request_id,
        created_at=now,
    )


async def record_denial(
    caller: Caller,
    action: AuditAction,
    denial: Denial,
    *,
    now: datetime,
    actor_id: UUID | None = None,
) -> None:
    """Write that an action was refused for lack of permission."""
    subject = (
        (denial.subject_type, denial.subject_id, denial.subject_name)
        if denial.subject_type and denial.subject_id
        else None
    )
    await record(
        caller,
        action,
        organization_id=denial.organization_id,
        subject=subject,
        service_id=denial.service_id,
        actor_id=actor_id,
        outcome=AuditOutcome.DENIED,
        now=now,
    )
