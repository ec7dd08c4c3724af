"""Webhooks, and the deliveries that wait for their receivers (a transactional outbox)."""

from enum import StrEnum
from uuid import UUID

from tortoise import fields

from models.audit import AuditAction
from models.invitations import DeliveryStatus
from models.organizations import Organization
from models.rows import Row


class WebhookStatus(StrEnum):
    """Whether a webhook is told what happens."""

    ENABLED = "ENABLED"
    DISABLED = "DISABLED"


class Webhook(Row):
    """An address that is told what happens in an organization.

    Its secret can't be hashed: every delivery is signed with it.
    """

    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", related_name="webhooks", on_delete=fields.RESTRICT
    )
    organization_id: UUID
    url = fields.CharField(max_length=2000)
    actions = fields.JSONField[list[AuditAction]](description="Empty for every action")
    secret = fields.CharField(max_length=80)
    previous_secret = fields.CharField(max_length=80, null=True)
    previous_secret_ends_at = fields.DatetimeField(null=True)
    status = fields.CharEnumField(WebhookStatus, max_length=8, default=WebhookStatus.ENABLED)
    detail = fields.CharField(
        max_length=500, null=True, description="Why it is disabled, or failed last"
    )
    created_by_id = fields.UUIDField(description="The profile, which may be gone")
    created_at = fields.DatetimeField()
    due_at = fields.DatetimeField(
        null=True,
        description="When to look at its deliveries next (while claimed, the claim's end)",
    )
    claim = fields.IntField(default=0, description="Counts the claims: a newer one ends an older")
    failures = fields.IntField(default=0, description="How often the receiver failed in a row")
    failing_since = fields.DatetimeField(null=True)

    class Meta:
        """Table."""

        table = "webhooks"


class WebhookDelivery(Row):
    """An audit event that a webhook is told of, under one id at each attempt."""

    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", related_name="webhook_deliveries", on_delete=fields.RESTRICT
    )
    organization_id: UUID
    webhook: fields.ForeignKeyRelation[Webhook] = fields.ForeignKeyField(
        "models.Webhook", related_name="deliveries", on_delete=fields.CASCADE
    )
    webhook_id: UUID
    event_id = fields.UUIDField(description="The audit event, which outlives its delivery")
    action = fields.CharEnumField(AuditAction, max_length=32, description="The event's")
    status = fields.CharEnumField(DeliveryStatus, max_length=8, default=DeliveryStatus.QUEUED)
    attempts = fields.IntField(default=0)
    next_attempt_at = fields.DatetimeField()
    last_attempt_at = fields.DatetimeField(null=True)
    response_status = fields.IntField(null=True, description="The last attempt's HTTP status")
    detail = fields.CharField(max_length=500, null=True, description="Why the last attempt failed")
    created_at = fields.DatetimeField()

    class Meta:
        """Table."""

        table = "webhook_deliveries"
