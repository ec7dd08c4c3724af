"""Webhooks, and the deliveries that wait for their receivers."""

from typing import Any

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.migrations import operations as ops

from models.audit import AuditAction
from models.invitations import DeliveryStatus
from models.operations import StateOfField
from models.rows import new_id
from models.webhooks import WebhookStatus

INDEXES = {
    "webhooks_of_organization": "webhooks (organization_id, created_at, id)",
    "webhooks_due": "webhooks (due_at) WHERE status = 'ENABLED' AND due_at IS NOT NULL",
    "deliveries_of_webhook": "webhook_deliveries (webhook_id, created_at, id)",
    "deliveries_due": "webhook_deliveries (webhook_id, next_attempt_at) WHERE status = 'QUEUED'",
    "deliveries_of_organization": "webhook_deliveries (organization_id)",
    "deliveries_by_age": "webhook_deliveries (created_at)",
}


def _instant(**options: Any) -> Any:
    return fields.DatetimeField(auto_now=False, auto_now_add=False, **options)


def _key() -> Any:
    return fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)


class Migration(migrations.Migration):
    """Two tables and their indexes; further audit actions, which need no change of a column."""

    dependencies = [("models", "0003_kept_answers")]

    operations = [
        StateOfField(
            model_name="AuditEvent",
            name="action",
            field=fields.CharEnumField(
                enum_type=AuditAction, max_length=32, description="What was done, or refused"
            ),
        ),
        ops.CreateModel(
            name="Webhook",
            fields=[
                ("id", _key()),
                (
                    "organization",
                    fields.ForeignKeyField(
                        "models.Organization",
                        source_field="organization_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="webhooks",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("url", fields.CharField(max_length=2000)),
                (
                    "actions",
                    fields.JSONField(
                        description="Empty for every action", encoder=JSON_DUMPS, decoder=loads
                    ),
                ),
                ("secret", fields.CharField(max_length=80)),
                ("previous_secret", fields.CharField(null=True, max_length=80)),
                ("previous_secret_ends_at", _instant(null=True)),
                (
                    "status",
                    fields.CharEnumField(
                        default=WebhookStatus.ENABLED,
                        description="ENABLED: ENABLED\nDISABLED: DISABLED",
                        enum_type=WebhookStatus,
                        max_length=8,
                    ),
                ),
                (
                    "detail",
                    fields.CharField(
                        null=True, description="Why it is disabled, or failed last", max_length=500
                    ),
                ),
                ("created_by_id", fields.UUIDField(description="The profile, which may be gone")),
                ("created_at", _instant()),
                (
                    "due_at",
                    _instant(
                        null=True,
                        description="When to look at its deliveries next (while claimed, the "
                        "claim's end)",
                    ),
                ),
                (
                    "claim",
                    fields.IntField(
                        default=0, description="Counts the claims: a newer one ends an older"
                    ),
                ),
                (
                    "failures",
                    fields.IntField(
                        default=0, description="How often the receiver failed in a row"
                    ),
                ),
                ("failing_since", _instant(null=True)),
            ],
            options={
                "table": "webhooks",
                "app": "models",
                "pk_attr": "id",
                "table_description": "An address that is told what happens in an organization.",
            },
            bases=["Row"],
        ),
        ops.CreateModel(
            name="WebhookDelivery",
            fields=[
                ("id", _key()),
                (
                    "organization",
                    fields.ForeignKeyField(
                        "models.Organization",
                        source_field="organization_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="webhook_deliveries",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "webhook",
                    fields.ForeignKeyField(
                        "models.Webhook",
                        source_field="webhook_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="deliveries",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "event_id",
                    fields.UUIDField(description="The audit event, which outlives its delivery"),
                ),
                (
                    "action",
                    fields.CharEnumField(
                        description="The event's", enum_type=AuditAction, max_length=32
                    ),
                ),
                (
                    "status",
                    fields.CharEnumField(
                        default=DeliveryStatus.QUEUED,
                        description="QUEUED: QUEUED\nSENT: SENT\nFAILED: FAILED",
                        enum_type=DeliveryStatus,
                        max_length=8,
                    ),
                ),
                ("attempts", fields.IntField(default=0)),
                ("next_attempt_at", _instant()),
                ("last_attempt_at", _instant(null=True)),
                (
                    "response_status",
                    fields.IntField(null=True, description="The last attempt's HTTP status"),
                ),
                (
                    "detail",
                    fields.CharField(
                        null=True, description="Why the last attempt failed", max_length=500
                    ),
                ),
                ("created_at", _instant()),
            ],
            options={
                "table": "webhook_deliveries",
                "app": "models",
                "pk_attr": "id",
                "table_description": "An audit event that a webhook is told of, under one id at "
                "each attempt.",
            },
            bases=["Row"],
        ),
        *(ops.RunSQL(f"CREATE INDEX {name} ON {on}") for name, on in INDEXES.items()),
    ]
