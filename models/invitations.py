"""Invitations, and the mail that waits to carry them (a transactional outbox)."""

from enum import StrEnum
from typing import TypedDict
from uuid import UUID

from tortoise import fields

from models.organizations import Organization
from models.rows import Row
from models.users import User


class InvitationStatus(StrEnum):
    """What has become of an invitation. EXPIRED is never stored: it is PENDING past its end."""

    PENDING = "PENDING"
    ACCEPTED = "ACCEPTED"
    EXPIRED = "EXPIRED"
    REVOKED = "REVOKED"
    SUPERSEDED = "SUPERSEDED"


class DeliveryStatus(StrEnum):
    """Where a mail is on its way."""

    QUEUED = "QUEUED"
    SENT = "SENT"
    FAILED = "FAILED"


class Invitation(Row):
    """An e-mailed request to associate a Microsoft account. Its token is stored hashed only."""

    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", related_name="invitations", on_delete=fields.RESTRICT
    )
    organization_id: UUID
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="invitations", on_delete=fields.CASCADE
    )
    user_id: UUID
    status = fields.CharEnumField(InvitationStatus, max_length=16)
    token_hash = fields.CharField(max_length=64, description="SHA-256 of the token, hexadecimal")
    sent_to = fields.CharField(max_length=320)
    sent_by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="sent_invitations", on_delete=fields.SET_NULL, null=True
    )
    sent_by_id: UUID | None
    send_count = fields.IntField(default=1)
    created_at = fields.DatetimeField()
    last_sent_at = fields.DatetimeField(null=True, description="When a mail server last took it")
    expires_at = fields.DatetimeField()
    accepted_at = fields.DatetimeField(null=True)
    delivery = fields.CharEnumField(DeliveryStatus, max_length=8, default=DeliveryStatus.QUEUED)
    delivery_detail = fields.CharField(max_length=500, null=True)

    class Meta:
        """Table."""

        table = "invitations"


class InvitationContent(TypedDict):
    """What an invitation mail says, as it was when the invitation committed."""

    organization_name: str
    service_names: list[str]
    inviter_name: str
    microsoft_account: str
    expires_at: str
    """ISO 8601, UTC."""


class OutgoingMail(Row):
    """An invitation's mail, committed with it, that waits for delivery (an outbox).

    The raw token is here only while the mail waits: it is emptied once the mail is SENT or FAILED.
    """

    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", related_name="outgoing_mails", on_delete=fields.RESTRICT
    )
    organization_id: UUID
    invitation: fields.ForeignKeyRelation[Invitation] = fields.ForeignKeyField(
        "models.Invitation", related_name="mails", on_delete=fields.CASCADE
    )
    invitation_id: UUID
    status = fields.CharEnumField(DeliveryStatus, max_length=8, default=DeliveryStatus.QUEUED)
    recipient_name = fields.CharField(max_length=201)
    recipient_address = fields.CharField(max_length=320)
    content = fields.JSONField[InvitationContent]()
    token = fields.CharField(
        max_length=64, null=True, description="For the link, emptied at the end"
    )
    attempts = fields.IntField(default=0)
    next_attempt_at = fields.DatetimeField(description="While claimed: the end of the claim")
    give_up_at = fields.DatetimeField(description="The link's own end")
    failure = fields.CharField(max_length=500, null=True)
    created_at = fields.DatetimeField()
    sent_at = fields.DatetimeField(null=True)

    class Meta:
        """Table."""

        table = "outgoing_mails"
