"""Microsoft accounts, their sessions and access tokens. None of them belongs to an organization."""

from enum import StrEnum
from uuid import UUID

from tortoise import fields

from models.rows import Row


class Account(Row):
    """A person at the identity provider, known by issuer and subject alone (rule 32)."""

    issuer = fields.CharField(max_length=255)
    subject = fields.CharField(max_length=255)
    microsoft_account = fields.CharField(max_length=320)
    microsoft_account_key = fields.CharField(max_length=320)
    display_name = fields.CharField(max_length=200, null=True)
    created_at = fields.DatetimeField()
    last_sign_in_at = fields.DatetimeField()

    class Meta:
        """Table."""

        table = "accounts"


class Session(Row):
    """A browser's sign-in. Ending it deletes the row, and the cookie is stored hashed only."""

    account: fields.ForeignKeyRelation[Account] = fields.ForeignKeyField(
        "models.Account", related_name="sessions", on_delete=fields.CASCADE
    )
    account_id: UUID
    token_hash = fields.CharField(max_length=64, description="SHA-256 of the cookie, hexadecimal")
    client = fields.CharField(max_length=200, null=True, description="The browser, in plain words")
    created_at = fields.DatetimeField()
    last_seen_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()

    class Meta:
        """Table."""

        table = "sessions"


class AccessScope(StrEnum):
    """What an access token may be used for, at most."""

    READ = "READ"
    MANAGE_USERS = "MANAGE_USERS"
    INVITE_USERS = "INVITE_USERS"
    READ_AUDIT = "READ_AUDIT"


class AccessToken(Row):
    """A credential of a program that acts as the account. Ending it deletes the row."""

    account: fields.ForeignKeyRelation[Account] = fields.ForeignKeyField(
        "models.Account", related_name="access_tokens", on_delete=fields.CASCADE
    )
    account_id: UUID
    name = fields.CharField(max_length=100)
    prefix = fields.CharField(max_length=16, description="Its first characters, which tell little")
    token_hash = fields.CharField(max_length=64, description="SHA-256 of the token, hexadecimal")
    scopes = fields.CharField(max_length=200, description="With spaces between")
    created_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    last_used_at = fields.DatetimeField(null=True)

    class Meta:
        """Table."""

        table = "access_tokens"
