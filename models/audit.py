"""The audit trail: every change and every refusal for lack of permission (rule 42)."""

from enum import StrEnum
from typing import TypedDict
from uuid import UUID

from tortoise import fields

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
    INVITATION_SENT = "INVITATION_SENT"
    INVITATION_REVOKED = "INVITATION_REVOKED"
    ACCOUNT_ASSOCIATED = "ACCOUNT_ASSOCIATED"
    ASSOCIATION_REFUSED = "ASSOCIATION_REFUSED"
    SIGNED_IN = "SIGNED_IN"
    SIGNED_OUT = "SIGNED_OUT"
    ACCESS_TOKEN_CREATED = "ACCESS_TOKEN_CREATED"  # noqa: S105 - the name of an action
    ACCESS_TOKEN_REVOKED = "ACCESS_TOKEN_REVOKED"  # noqa: S105 - the name of an action


class AuditOutcome(StrEnum):
    """Whether it was done or refused."""

    SUCCEEDED = "SUCCEEDED"
    DENIED = "DENIED"


class RecordedChange(TypedDict):
    """One field's value before and after, as text; null where there was or is none."""

    field: str
    before: str | None
    after: str | None


class AuditEvent(Row):
    """One event. Actor and subject are copied, not referenced: an event outlives both."""

    organization: fields.ForeignKeyNullableRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", related_name="audit_events", on_delete=fields.RESTRICT, null=True
    )
    organization_id: UUID | None
    action = fields.CharEnumField(AuditAction, max_length=32)
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
