"""The ids that directories have for users."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops

from models.rows import new_id

UNIQUE = {
    "external_ids_by_value": "external_ids (organization_id, value)",
    "external_ids_of_users": "external_ids (user_id)",
}

INDEXES: dict[str, str] = {}


class Migration(migrations.Migration):
    """A table and its unique rules."""

    dependencies = [("models", "0006_documents_and_imports")]

    operations = [
        ops.CreateModel(
            name="ExternalId",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True),
                ),
                (
                    "organization",
                    fields.ForeignKeyField(
                        "models.Organization",
                        source_field="organization_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="external_ids",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "user",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="user_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="external_ids",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("value", fields.CharField(max_length=255, description="To the letter")),
            ],
            options={
                "table": "external_ids",
                "app": "models",
                "pk_attr": "id",
                "table_description": "What a directory calls a user. A user has one at most.",
            },
            bases=["Row"],
        ),
        *(ops.RunSQL(f"CREATE UNIQUE INDEX {name} ON {on}") for name, on in UNIQUE.items()),
    ]
