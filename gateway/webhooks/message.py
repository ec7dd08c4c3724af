"""What a receiver is told: the event as JSON, signed as Standard Webhooks says.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import orjson

from models.audit import AuditAction, AuditEvent
from resolvers.webhooks import SECRET_PREFIX
from schema.nodes import encode_id

EVENT_TYPES = {
    AuditAction.SERVICE_SIGNED_UP: "service.signed_up",
    AuditAction.SERVICE_ACTIVATED: "service.activated",
    AuditAction.SERVICE_DEACTIVATED: "service.deactivated",
    AuditAction.USER_CREATED: "user.created",
    AuditAction.USER_EDITED: "user.edited",
    AuditAction.USER_REMOVED: "user.removed",
    AuditAction.USERS_IMPORTED: "users.imported",
    AuditAction.USERS_EXPORTED: "users.exported",
    AuditAction.INVITATION_SENT: "invitation.sent",
    AuditAction.INVITATION_REVOKED: "invitation.revoked",
    AuditAction.ACCOUNT_ASSOCIATED: "account.associated",
    AuditAction.ASSOCIATION_REFUSED: "association.refused",
    AuditAction.SIGNED_IN: "session.signed_in",
    AuditAction.SIGNED_OUT: "session.signed_out",
    AuditAction.ACCESS_TOKEN_CREATED: "access_token.created",
    AuditAction.ACCESS_TOKEN_REVOKED: "access_token.revoked",
    AuditAction.WEBHOOK_CREATED: "webhook.created",
    AuditAction.WEBHOOK_EDITED: "webhook.edited",
    AuditAction.WEBHOOK_REMOVED: "webhook.removed",
    AuditAction.WEBHOOK_DISABLED: "webhook.disabled",
}
"""The `type` of a message, by what its event tells of."""


def body_of(event: AuditEvent) -> bytes:
    """The message: its type, when it happened, and the event with ids as the graph has them."""
    subject = event.subject_type, event.subject_id
    return orjson.dumps(
        {
            "type": EVENT_TYPES[event.action],
            "timestamp": _instant(event.created_at),
            "data": {
                "id": encode_id("AuditEvent", event.id),
                "sequence": event.sequence,
                "action": event.action,
                "outcome": event.outcome,
                "organizationId": _id("Organization", event.organization_id),
                "actorId": _id("User", event.actor_id),
                "actorName": event.actor_name,
                "subjectType": event.subject_type,
                "subjectId": _id(*subject),
                "subjectName": event.subject_name,
                "serviceId": _id("Service", event.service_id),
                "changes": event.changes,
                "requestId": event.request_id,
                "createdAt": _instant(event.created_at),
            },
        }
    )


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _id(type_name: str | None, id_: UUID | None) -> str | None:
    return encode_id(type_name, id_) if type_name is not None and id_ is not None else None


def signed_headers(
    body: bytes, *, message_id: str, secrets: Sequence[str], now: datetime
) -> dict[str, str]:
    """The headers that tell the receiver who sent the body, and when: one signature per secret.

    `now` is the moment of sending, which a receiver compares with its clock against replays.
    """
    timestamp = str(int(now.timestamp()))
    content = b".".join([message_id.encode(), timestamp.encode(), body])
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(_signature(content, secret) for secret in secrets),
    }


def _signature(content: bytes, secret: str) -> str:
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    digest = hmac.digest(key, content, hashlib.sha256)
    return f"v1,{base64.b64encode(digest).decode()}"
