"""Users: a person's profile in one organization, with the roles granted."""

from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

from tortoise import fields

from models.accounts import Account
from models.organizations import Organization
from models.rows import Row
from models.services import Role, Service

NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""`last_sign_in_at` of a user who never signed in: not null, so that one index orders all."""


class UserStatus(StrEnum):
    """How far a profile's association has come."""

    NOT_INVITED = "NOT_INVITED"
    INVITED = "INVITED"
    ASSOCIATED = "ASSOCIATED"


class User(Row):
    """A profile. The Microsoft account never changes (rule 33), and its key is unique (rule 20)."""

    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", related_name="users", on_delete=fields.RESTRICT
    )
    organization_id: UUID
    version = fields.IntField(default=1)
    first_name = fields.CharField(max_length=100)
    last_name = fields.CharField(max_length=100)
    sort_name = fields.CharField(max_length=700, description="Last and first name, folded")
    microsoft_account = fields.CharField(max_length=320, description="As typed")
    microsoft_account_key = fields.CharField(max_length=320, description="Normalised, compared")
    primary_email_address = fields.CharField(max_length=320, description="As typed")
    primary_email_address_key = fields.CharField(max_length=320, description="Normalised")
    status = fields.CharEnumField(UserStatus, max_length=16, default=UserStatus.NOT_INVITED)
    account: fields.ForeignKeyNullableRelation[Account] = fields.ForeignKeyField(
        "models.Account", related_name="users", on_delete=fields.RESTRICT, null=True
    )
    account_id: UUID | None
    created_at = fields.DatetimeField()
    updated_at = fields.DatetimeField()
    last_sign_in_at = fields.DatetimeField(default=NEVER)

    role_assignments: fields.ReverseRelation["RoleAssignment"]

    class Meta:
        """Table."""

        table = "users"

    @property
    def full_name(self) -> str:
        """First and last name, as people read it."""
        return f"{self.first_name} {self.last_name}"


class UserWord(Row):
    """A word that a search for this user may begin with, and one prefix range finds it."""

    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", related_name="user_words", on_delete=fields.RESTRICT
    )
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="words", on_delete=fields.CASCADE
    )
    word = fields.CharField(max_length=400)

    class Meta:
        """Table."""

        table = "user_words"


class RoleAssignment(Row):
    """A role that a user holds: who granted it, and when."""

    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", related_name="role_assignments", on_delete=fields.RESTRICT
    )
    organization_id: UUID
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="role_assignments", on_delete=fields.CASCADE
    )
    user_id: UUID
    service: fields.ForeignKeyRelation[Service] = fields.ForeignKeyField(
        "models.Service", related_name="role_assignments", on_delete=fields.RESTRICT
    )
    service_id: UUID
    role: fields.ForeignKeyRelation[Role] = fields.ForeignKeyField(
        "models.Role", related_name="role_assignments", on_delete=fields.RESTRICT
    )
    role_id: UUID
    granted_by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="granted_assignments", on_delete=fields.SET_NULL, null=True
    )
    granted_by_id: UUID | None
    granted_at = fields.DatetimeField()

    class Meta:
        """Table."""

        table = "role_assignments"


class ExternalId(Row):
    """What a directory calls a user. A user has one at most.

    A table of its own, so that those who read users without directories read no more for it.
    """

    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", related_name="external_ids", on_delete=fields.RESTRICT
    )
    organization_id: UUID
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="external_ids", on_delete=fields.CASCADE
    )
    user_id: UUID
    value = fields.CharField(max_length=255, description="To the letter")

    class Meta:
        """Table."""

        table = "external_ids"
