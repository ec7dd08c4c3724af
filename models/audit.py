"""The audit trail: every change and every refusal for lack of permission (rule 42)."""

import hashlib
import json
from datetime import UTC
from enum import StrEnum
from typing import TypedDict
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models.organizations import Organization
from models.rows import Row


class AuditAction(StrEnum):
    """What was done, or refused."""

    SERVICE_SIGNED_UP = "SERVICE_SIGNED_UP"
    SERVICE_ACTIVATED = "SERVICE_ACTIVATED"
    SERVICE_DEACTIVATED = "SERVICE_DEACTIVATED"
    USER_CREATED = "USER_CREATED"
    USER_EDITED = "USER_EDITED"
    USER_REMOVED = "USER_REMOVED"
    USERS_IMPORTED = "USERS_IMPORTED"
    USERS_EXPORTED = "USERS_EXPORTED"
    INVITATION_SENT = "INVITATION_SENT"
    INVITATION_REVOKED = "INVITATION_REVOKED"
    ACCOUNT_ASSOCIATED = "ACCOUNT_ASSOCIATED"
    ASSOCIATION_REFUSED = "ASSOCIATION_REFUSED"
    SIGNED_IN = "SIGNED_IN"
    SIGNED_OUT = "SIGNED_OUT"
    ACCESS_TOKEN_CREATED = "ACCESS_TOKEN_CREATED"  # noqa: S105 - the name of an action
    ACCESS_TOKEN_REVOKED = "ACCESS_TOKEN_REVOKED"  # noqa: S105 - the name of an action
    WEBHOOK_CREATED = "WEBHOOK_CREATED"
    WEBHOOK_EDITED = "WEBHOOK_EDITED"
    WEBHOOK_REMOVED = "WEBHOOK_REMOVED"
    WEBHOOK_DISABLED = "WEBHOOK_DISABLED"


class AuditOutcome(StrEnum):
    """Whether it was done or refused."""

    SUCCEEDED = "SUCCEEDED"
    DENIED = "DENIED"


class RecordedChange(TypedDict):
    """One field's value before and after, as text; null where there was or is none."""

    field: str
    before: str | None
    after: str | None


NO_ORGANIZATION = UUID(int=0)
"""The key of the chain of those events that belong to no organization."""


class AuditChain(Model):
    """The end of an organization's chain of events. Whoever appends to the chain locks this row."""

    id = fields.UUIDField(primary_key=True, description="The organization's id, or zeros")
    sequence = fields.BigIntField(description="The last event's, or 0 before the first")
    hash = fields.CharField(max_length=64, description="The last event's")

    class Meta:
        """Table."""

        table = "audit_chains"


class AuditEvent(Row):
    """One event. Actor and subject are copied, not referenced: an event outlives both.

    The events of an organization are a chain: each has the hash of the one before it, so that none
    can be changed, left out or put in unnoticed.
    """

    organization: fields.ForeignKeyNullableRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", related_name="audit_events", on_delete=fields.RESTRICT, null=True
    )
    organization_id: UUID | None
    sequence = fields.BigIntField(description="1, 2, 3 … within the organization")
    previous_hash = fields.CharField(
        max_length=64, description="The hash of the event before it, empty for the first"
    )
    hash = fields.CharField(max_length=64, description="Of all else in this row: `event_hash`")
    action = fields.CharEnumField(
        AuditAction,
        max_length=32,
        description="What was done, or refused",  # else Tortoise lists the values, and sees a drift
    )
    outcome = fields.CharEnumField(AuditOutcome, max_length=16)
    account_id = fields.UUIDField(null=True)
    actor_id = fields.UUIDField(null=True, description="The actor's profile in the organization")
    actor_name = fields.CharField(max_length=320)
    subject_type = fields.CharField(max_length=32, null=True)
    subject_id = fields.UUIDField(null=True)
    subject_name = fields.CharField(max_length=400)
    service_id = fields.UUIDField(null=True)
    changes = fields.JSONField[list[RecordedChange]]()
    request_id = fields.CharField(max_length=64)
    created_at = fields.DatetimeField()

    class Meta:
        """Table."""

        table = "audit_events"


def event_hash(event: AuditEvent) -> str:
    """The SHA-256 that an event must have, hexadecimal: of all its other columns.

    They are hashed as JSON in one fixed form: keys in order, no white space, UTF-8.
    """
    content = {
        "id": str(event.id),
        "organization_id": str(event.organization_id) if event.organization_id else None,
        "sequence": event.sequence,
        "previous_hash": event.previous_hash,
        "action": event.action,
        "outcome": event.outcome,
        "account_id": str(event.account_id) if event.account_id else None,
        "actor_id": str(event.actor_id) if event.actor_id else None,
        "actor_name": event.actor_name,
        "subject_type": event.subject_type,
        "subject_id": str(event.subject_id) if event.subject_id else None,
        "subject_name": event.subject_name,
        "service_id": str(event.service_id) if event.service_id else None,
        "changes": event.changes,
        "request_id": event.request_id,
        "created_at": event.created_at.astimezone(UTC).isoformat(timespec="microseconds"),
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
