"""Access tokens: credentials of programs."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops

from models.rows import new_id

UNIQUE = {"access_tokens_by_token": "access_tokens (token_hash)"}

INDEXES = {
    "access_tokens_of_account": "access_tokens (account_id)",
    "access_tokens_by_end": "access_tokens (expires_at)",
}


class Migration(migrations.Migration):
    """A table, its unique rule and its indexes."""

    dependencies = [("models", "0004_webhooks")]

    operations = [
        ops.CreateModel(
            name="AccessToken",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True),
                ),
                (
                    "account",
                    fields.ForeignKeyField(
                        "models.Account",
                        source_field="account_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="access_tokens",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("name", fields.CharField(max_length=100)),
                (
                    "prefix",
                    fields.CharField(
                        max_length=16, description="Its first characters, which tell little"
                    ),
                ),
                (
                    "token_hash",
                    fields.CharField(
                        max_length=64, description="SHA-256 of the token, hexadecimal"
                    ),
                ),
                ("scopes", fields.CharField(max_length=200, description="With spaces between")),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "last_used_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={
                "table": "access_tokens",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A credential of a program that acts as the account. Ending "
                "it deletes the row.",
            },
            bases=["Row"],
        ),
        *(ops.RunSQL(f"CREATE UNIQUE INDEX {name} ON {on}") for name, on in UNIQUE.items()),
        *(ops.RunSQL(f"CREATE INDEX {name} ON {on}") for name, on in INDEXES.items()),
    ]
