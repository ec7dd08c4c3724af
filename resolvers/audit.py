"""Recording what happened, in the transaction in which it happened (rule 42).

What is recorded is written at the transaction's end, one organization's chain after the other, in
the order of their keys: the rows of the chains' ends are the last that any transaction locks, and
locked for the shortest time.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from datetime import datetime
from itertools import groupby
from uuid import UUID

from tortoise.connection import get_connection

from models.audit import (
    NO_ORGANIZATION,
    AuditAction,
    AuditEvent,
    AuditOutcome,
    RecordedChange,
    event_hash,
)
from models.rows import new_id
from models.users import User
from resolvers import webhook_outbox
from resolvers.announcements import (
    ChangeKind,
    CredentialsEnded,
    UserChanged,
    announce,
    announcing_transaction,
)
from resolvers.caller import Caller
from resolvers.refusals import Denial

_recorded: ContextVar[list[AuditEvent] | None] = ContextVar("recorded", default=None)
"""What the transaction under way has recorded so far."""

EVENTS_AT_ONCE = 500

LOCK_END = """
INSERT INTO audit_chains (id, sequence, hash) VALUES ({id}, 0, '')
ON CONFLICT (id) DO UPDATE SET sequence = audit_chains.sequence
RETURNING sequence, hash, EXISTS (
    SELECT 1 FROM webhooks WHERE organization_id = audit_chains.id AND status = 'ENABLED'
) AS has_webhooks
"""
"""Locks the end of a chain, which begins here if need be, and tells it; the insertion of the next
event moves it on (`models.audit_triggers`). Tells too whether there is anybody to tell of it."""


@asynccontextmanager
async def recorded_transaction() -> AsyncIterator[None]:
    """A transaction with what is recorded in it, which is written last, or lost with it.

    Within another one it is a savepoint, and what it records waits for the other's end. On SQLite
    its first statement must be a write, as of any transaction that writes.
    """
    outer = _recorded.get()
    recorded: list[AuditEvent] = []
    token = _recorded.set(recorded)
    try:
        async with announcing_transaction():
            yield
            if outer is None:
                await _append(recorded)
    finally:
        _recorded.reset(token)
    if outer is not None:
        outer += recorded


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


def record(
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
    """Record an event of the `recorded_transaction` under way.

    `subject` is its type's name in the graph, its id, and a name for people. A change of a user is
    announced to those who follow the organization's users.
    """
    recorded = _recorded.get()
    if recorded is None:
        raise AssertionError  # nothing would write the event
    subject_type, subject_id, subject_name = subject or (None, None, "")
    event = AuditEvent(
        id=new_id(),
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
    recorded.append(event)
    _announce(event)


def record_of_user(
    caller: Caller,
    action: AuditAction,
    user: User,
    *,
    actor_id: UUID | None,
    changes: Sequence[RecordedChange],
    now: datetime,
    outcome: AuditOutcome = AuditOutcome.SUCCEEDED,
) -> None:
    """Record what happened to a profile."""
    record(
        caller,
        action,
        organization_id=user.organization_id,
        subject=("User", user.id, user.full_name),
        actor_id=actor_id,
        changes=changes,
        outcome=outcome,
        now=now,
    )


CHANGES_OF_SUBJECT = {
    AuditAction.USER_CREATED: ChangeKind.CREATED,
    AuditAction.USER_EDITED: ChangeKind.EDITED,
    AuditAction.USER_REMOVED: ChangeKind.REMOVED,
    AuditAction.INVITATION_SENT: ChangeKind.INVITED,
    AuditAction.INVITATION_REVOKED: ChangeKind.INVITED,
    AuditAction.ACCOUNT_ASSOCIATED: ChangeKind.ASSOCIATED,
}
"""What those who follow an organization's users are told of."""


def _announce(event: AuditEvent) -> None:
    if event.outcome is not AuditOutcome.SUCCEEDED:
        return
    kind = CHANGES_OF_SUBJECT.get(event.action)
    if event.action is AuditAction.SIGNED_OUT and event.account_id:
        announce(CredentialsEnded(event.account_id))
    elif event.organization_id is None:
        return
    elif kind and event.subject_id:
        announce(UserChanged(kind, event.organization_id, event.subject_id))
    elif event.action is AuditAction.SERVICE_SIGNED_UP and event.actor_id:
        # Whoever signs up holds a further role.
        announce(UserChanged(ChangeKind.EDITED, event.organization_id, event.actor_id))


def record_denial(
    caller: Caller,
    action: AuditAction,
    denial: Denial,
    *,
    now: datetime,
    actor_id: UUID | None = None,
) -> None:
    """Record that an action was refused for lack of permission."""
    subject = (
        (denial.subject_type, denial.subject_id, denial.subject_name)
        if denial.subject_type and denial.subject_id
        else None
    )
    record(
        caller,
        action,
        organization_id=denial.organization_id,
        subject=subject,
        service_id=denial.service_id,
        changes=denial.asked,
        actor_id=actor_id,
        outcome=AuditOutcome.DENIED,
        now=now,
    )


async def _append(events: Sequence[AuditEvent]) -> None:
    in_order = sorted(events, key=_chain_of)  # keeps the order within a chain
    for chain_id, following in groupby(in_order, _chain_of):
        sequence, last_hash, has_webhooks = await _lock_end(chain_id)
        appended = list(following)
        for event in appended:
            sequence += 1
            event.sequence = sequence
            event.previous_hash = last_hash
            event.hash = last_hash = event_hash(event)
        # In their order, which the database insists on.
        await AuditEvent.bulk_create(appended, batch_size=EVENTS_AT_ONCE)
        # Not of refusals: a stranger's request would take longer where there is something to find.
        done = [event for event in appended if event.outcome is AuditOutcome.SUCCEEDED]
        if has_webhooks and done:
            await webhook_outbox.enqueue(chain_id, done)


async def lock_chain(organization_id: UUID) -> None:
    """Lock the end of an organization's chain before the transaction's end.

    For who changes a webhook: whoever appends an event holds the chain when he turns to webhooks.
    """
    await _lock_end(organization_id)


def _chain_of(event: AuditEvent) -> UUID:
    return event.organization_id or NO_ORGANIZATION


async def _lock_end(chain_id: UUID) -> tuple[int, str, bool]:
    connection = get_connection("default")
    sqlite = connection.capabilities.dialect == "sqlite"
    statement = LOCK_END.format(id="?" if sqlite else "$1")
    (end,) = await connection.execute_query_dict(statement, [str(chain_id) if sqlite else chain_id])
    return end["sequence"], end["hash"], bool(end["has_webhooks"])
