"""Imports of many users at once: what was asked for, how far it is, and what came of each row."""

from enum import StrEnum
from typing import TypedDict
from uuid import UUID

from tortoise import fields

from models.accounts import Account
from models.organizations import Organization
from models.rows import Row

MAX_PROBLEM_LENGTH = 500


class ImportMode(StrEnum):
    """What becomes of the rows."""

    DRY_RUN = "DRY_RUN"
    ALL_OR_NOTHING = "ALL_OR_NOTHING"
    GOOD_ROWS = "GOOD_ROWS"


class ImportStatus(StrEnum):
    """How far an import is."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
    FAILED = "FAILED"


class ImportOutcome(StrEnum):
    """What came of a row."""

    READY = "READY"
    CREATED = "CREATED"
    REFUSED = "REFUSED"


class RowProblem(TypedDict):
    """A problem of a row, as the graph tells it."""

    code: str
    message: str
    column: str | None
    """None if it is the row's as a whole."""


class UserImport(Row):
    """An import. Its file is kept until it has ended, so that another process can take it over."""

    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", related_name="user_imports", on_delete=fields.RESTRICT
    )
    organization_id: UUID
    account: fields.ForeignKeyRelation[Account] = fields.ForeignKeyField(
        "models.Account", related_name="user_imports", on_delete=fields.CASCADE
    )
    account_id: UUID
    mode = fields.CharEnumField(ImportMode, max_length=16)
    status = fields.CharEnumField(ImportStatus, max_length=16, default=ImportStatus.QUEUED)
    csv = fields.TextField(null=True, description="Emptied when the import has ended")
    rows_total = fields.IntField()
    rows_checked = fields.IntField(default=0)
    rows_refused = fields.IntField(default=0)
    rows_created = fields.IntField(default=0)
    problem = fields.CharField(
        max_length=MAX_PROBLEM_LENGTH, null=True, description="Why it failed, for people"
    )
    request_id = fields.CharField(max_length=64)
    created_at = fields.DatetimeField()
    finished_at = fields.DatetimeField(null=True)
    lease_id = fields.UUIDField(null=True, description="Who works on it")
    leased_until = fields.DatetimeField(null=True)
    attempts = fields.IntField(default=0, description="How often someone began to work on it")

    class Meta:
        """Table."""

        table = "user_imports"


class UserImportRow(Row):
    """What came of a row of an import's file."""

    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", related_name="user_import_rows", on_delete=fields.RESTRICT
    )
    organization_id: UUID
    user_import: fields.ForeignKeyRelation[UserImport] = fields.ForeignKeyField(
        "models.UserImport", related_name="rows", on_delete=fields.CASCADE
    )
    user_import_id: UUID
    line = fields.IntField(description="Where the row begins in the file, whose first line is 1")
    microsoft_account = fields.CharField(max_length=320, description="As the file has it")
    outcome = fields.CharEnumField(ImportOutcome, max_length=16)
    user_id = fields.UUIDField(null=True, description="The profile that was created")
    problems = fields.JSONField[list[RowProblem]]()

    class Meta:
        """Table."""

        table = "user_import_rows"
