"""Trusted documents, and imports of users from files."""

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.migrations import operations as ops

from models.imports import ImportMode, ImportOutcome, ImportStatus
from models.rows import new_id

UNIQUE = {
    "trusted_documents_by_id": "trusted_documents (document_id)",
    "documents_versions_by_version": "documents_versions (version)",
    "import_rows_by_line": "user_import_rows (user_import_id, line)",
}

INDEXES = {
    "imports_by_creation": "user_imports (organization_id, created_at, id)",
    "imports_unfinished": "user_imports (created_at) WHERE finished_at IS NULL",
    "imports_by_end": "user_imports (finished_at)",
    "imports_of_account": "user_imports (account_id)",
    "import_rows_of_organization": "user_import_rows (organization_id)",
}


class Migration(migrations.Migration):
    """Tables, their unique rules and their indexes."""

    dependencies = [("models", "0005_access_tokens")]

    operations = [
        ops.CreateModel(
            name="DocumentsVersion",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True),
                ),
                ("version", fields.BigIntField()),
                ("applied_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "documents_versions",
                "app": "models",
                "pk_attr": "id",
                "table_description": "One row, counted up by each change of the documents, so "
                "that processes read theirs anew.",
            },
            bases=["Row"],
        ),
        ops.CreateModel(
            name="TrustedDocument",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True),
                ),
                ("document_id", fields.CharField(max_length=255)),
                (
                    "text",
                    fields.TextField(
                        description="As its client sends or hashes it, to the letter", unique=False
                    ),
                ),
                ("applied_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "trusted_documents",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A GraphQL document under the id that its client's tools "
                "gave it. An id's text never changes.",
            },
            bases=["Row"],
        ),
        ops.CreateModel(
            name="UserImport",
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
                        related_name="user_imports",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "account",
                    fields.ForeignKeyField(
                        "models.Account",
                        source_field="account_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="user_imports",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "mode",
                    fields.CharEnumField(
                        description="DRY_RUN: DRY_RUN\nALL_OR_NOTHING: ALL_OR_NOTHING\n"
                        "GOOD_ROWS: GOOD_ROWS",
                        enum_type=ImportMode,
                        max_length=16,
                    ),
                ),
                (
                    "status",
                    fields.CharEnumField(
                        default=ImportStatus.QUEUED,
                        description="QUEUED: QUEUED\nRUNNING: RUNNING\nFINISHED: FINISHED\n"
                        "FAILED: FAILED",
                        enum_type=ImportStatus,
                        max_length=16,
                    ),
                ),
                (
                    "csv",
                    fields.TextField(
                        null=True, description="Emptied when the import has ended", unique=False
                    ),
                ),
                ("rows_total", fields.IntField()),
                ("rows_checked", fields.IntField(default=0)),
                ("rows_refused", fields.IntField(default=0)),
                ("rows_created", fields.IntField(default=0)),
                (
                    "problem",
                    fields.CharField(
                        null=True, description="Why it failed, for people", max_length=500
                    ),
                ),
                ("request_id", fields.CharField(max_length=64)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "finished_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("lease_id", fields.UUIDField(null=True, description="Who works on it")),
                (
                    "leased_until",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                (
                    "attempts",
                    fields.IntField(default=0, description="How often someone began to work on it"),
                ),
            ],
            options={
                "table": "user_imports",
                "app": "models",
                "pk_attr": "id",
                "table_description": "An import. Its file is kept until it has ended, so that "
                "another process can take it over.",
            },
            bases=["Row"],
        ),
        ops.CreateModel(
            name="UserImportRow",
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
                        related_name="user_import_rows",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "user_import",
                    fields.ForeignKeyField(
                        "models.UserImport",
                        source_field="user_import_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="rows",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "line",
                    fields.IntField(
                        description="Where the row begins in the file, whose first line is 1"
                    ),
                ),
                (
                    "microsoft_account",
                    fields.CharField(description="As the file has it", max_length=320),
                ),
                (
                    "outcome",
                    fields.CharEnumField(
                        description="READY: READY\nCREATED: CREATED\nREFUSED: REFUSED",
                        enum_type=ImportOutcome,
                        max_length=16,
                    ),
                ),
                (
                    "user_id",
                    fields.UUIDField(null=True, description="The profile that was created"),
                ),
                ("problems", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
            ],
            options={
                "table": "user_import_rows",
                "app": "models",
                "pk_attr": "id",
                "table_description": "What came of a row of an import's file.",
            },
            bases=["Row"],
        ),
        *(ops.RunSQL(f"CREATE UNIQUE INDEX {name} ON {on}") for name, on in UNIQUE.items()),
        *(ops.RunSQL(f"CREATE INDEX {name} ON {on}") for name, on in INDEXES.items()),
    ]
