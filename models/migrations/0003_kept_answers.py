"""The answers that are kept for a day, by the key that the caller chose."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

from models.rows import new_id

UNIQUE = {"kept_answers_by_key": "kept_answers (key_hash)"}

INDEXES = {"kept_answers_by_age": "kept_answers (created_at)"}


class Migration(migrations.Migration):
    """A table, its unique rule and its index."""

    dependencies = [("models", "0002_constraints")]

    operations = [
        ops.CreateModel(
            name="KeptAnswer",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True),
                ),
                (
                    "key_hash",
                    fields.CharField(
                        max_length=64, description="SHA-256 of caller and key, hexadecimal"
                    ),
                ),
                (
                    "request_hash",
                    fields.CharField(max_length=64, description="SHA-256 of the request's body"),
                ),
                (
                    "answer",
                    fields.BinaryField(
                        description="Encrypted: it may hold names, or a new access token"
                    ),
                ),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "kept_answers",
                "app": "models",
                "pk_attr": "id",
                "table_description": "What was answered to a request that carried a key of the "
                "caller's choice.",
            },
            bases=["Row"],
        ),
        *(ops.RunSQL(f"CREATE UNIQUE INDEX {name} ON {on}") for name, on in UNIQUE.items()),
        *(ops.RunSQL(f"CREATE INDEX {name} ON {on}") for name, on in INDEXES.items()),
    ]
