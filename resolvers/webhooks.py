"""Webhooks: addresses that are told what happens in an organization, and their deliveries.

Whoever may read the audit trail may have it told: the service administrators.
"""

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

from models.audit import AuditAction, RecordedChange
from models.rows import new_id
from models.webhooks import Webhook, WebhookStatus
from resolvers import webhook_outbox
from resolvers.administration import administration
from resolvers.audit import changes_between, record
from resolvers.caller import Caller
from resolvers.denials import recording_denials
from resolvers.memberships import Membership, Permission
from resolvers.permissions import organization_for
from resolvers.refusals import Code, Problems
from resolvers.webhook_permissions import changing_webhook

MAX_WEBHOOKS = 20
"""How many an organization may have."""

MAX_URL_LENGTH = 2000

SECRET_PREFIX = "whsec_"  # noqa: S105 - what begins every secret
SECRET_BYTES = 32
"""Standard Webhooks, "Signature scheme": a secret of 24 to 64 random bytes, base64, prefixed."""

OVERLAP = timedelta(hours=24)
"""How long after a rotation deliveries are signed with the previous secret too."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NewWebhook:
    """The form of a new webhook."""

    organization_id: UUID
    url: str
    actions: Sequence[AuditAction]
    """Of which it is told; empty for all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WebhookEdit:
    """What to change of a webhook; None leaves it as it is."""

    id: UUID
    url: str | None = None
    actions: Sequence[AuditAction] | None = None
    status: WebhookStatus | None = None


async def create_webhook(caller: Caller, *, new: NewWebhook, now: datetime) -> tuple[Webhook, str]:
    """Register an address; the secret is told this once.

    Raises:
        Unauthenticated: Nobody is signed in.
        Refused: NOT_FOUND, FORBIDDEN; REQUIRED, TOO_LONG or INVALID for the address; INVALID for
            doubled actions, or for one webhook too many.
    """
    path = ("organizationId",)
    async with recording_denials(caller, AuditAction.WEBHOOK_CREATED, now=now):
        await organization_for(caller, new.organization_id, to=Permission.USE_WEBHOOKS, path=path)
        async with administration(caller, new.organization_id):
            membership = await organization_for(
                caller, new.organization_id, to=Permission.USE_WEBHOOKS, path=path
            )
            problems = Problems()
            url = _clean_url(problems, new.url)
            _check_actions(problems, new.actions)
            if await Webhook.filter(organization_id=new.organization_id).count() >= MAX_WEBHOOKS:
                message = f"An organization has at most {MAX_WEBHOOKS} webhooks; remove one first."
                problems.add(Code.INVALID, message, *path)
            problems.raise_if_any()
            webhook = await Webhook.create(
                id=new_id(),
                organization_id=new.organization_id,
                url=url,
                actions=list(new.actions),
                secret=_new_secret(),
                created_by_id=membership.user_id,
                created_at=now,
            )
            created = changes_between({}, _fields(webhook))
            _record(caller, AuditAction.WEBHOOK_CREATED, webhook, membership, created, now=now)
            return webhook, webhook.secret


async def edit_webhook(caller: Caller, *, edit: WebhookEdit, now: datetime) -> Webhook:
    """Change address or actions, disable, or enable again with a clean slate.

    Raises:
        Unauthenticated: Nobody is signed in.
        Refused: NOT_FOUND, FORBIDDEN; REQUIRED, TOO_LONG or INVALID for the address or the actions.
    """
    async with changing_webhook(caller, edit.id, AuditAction.WEBHOOK_EDITED, now=now) as (
        webhook,
        membership,
    ):
        problems = Problems()
        before = _fields(webhook)
        if edit.url is not None:
            webhook.url = _clean_url(problems, edit.url)
        if edit.actions is not None:
            _check_actions(problems, edit.actions)
            webhook.actions = list(edit.actions)
        problems.raise_if_any()
        if edit.status is not None and edit.status is not webhook.status:
            webhook.status = edit.status
            webhook.failures, webhook.failing_since, webhook.due_at = 0, None, None
            enabled = edit.status is WebhookStatus.ENABLED
            webhook.detail = None if enabled else "A service administrator disabled it."
            if not enabled:
                await webhook_outbox.withdraw_queued(webhook.id)
        changes = changes_between(before, _fields(webhook))
        if changes:
            webhook.claim += 1  # whoever is delivering to it stops
            if webhook.due_at is not None:
                webhook.due_at = now
            await webhook.save()
            _record(caller, AuditAction.WEBHOOK_EDITED, webhook, membership, changes, now=now)
        return webhook


async def rotate_secret(caller: Caller, *, webhook_id: UUID, now: datetime) -> tuple[Webhook, str]:
    """Give a webhook a new secret; the previous one signs too for `OVERLAP` longer.

    Raises:
        Unauthenticated: Nobody is signed in.
        Refused: NOT_FOUND or FORBIDDEN.
    """
    async with changing_webhook(caller, webhook_id, AuditAction.WEBHOOK_EDITED, now=now) as (
        webhook,
        membership,
    ):
        webhook.previous_secret = webhook.secret
        webhook.previous_secret_ends_at = now + OVERLAP
        webhook.secret = _new_secret()
        await webhook.save(update_fields=["secret", "previous_secret", "previous_secret_ends_at"])
        changes = changes_between({"secret": "previous"}, {"secret": "new"})
        _record(caller, AuditAction.WEBHOOK_EDITED, webhook, membership, changes, now=now)
        return webhook, webhook.secret


async def remove_webhook(caller: Caller, *, webhook_id: UUID, now: datetime) -> UUID:
    """Remove a webhook and what waits for it.

    Raises:
        Unauthenticated: Nobody is signed in.
        Refused: NOT_FOUND or FORBIDDEN.
    """
    async with changing_webhook(caller, webhook_id, AuditAction.WEBHOOK_REMOVED, now=now) as (
        webhook,
        membership,
    ):
        await webhook.delete()
        removed = changes_between(_fields(webhook), {})
        _record(caller, AuditAction.WEBHOOK_REMOVED, webhook, membership, removed, now=now)
        return webhook.id


def _new_secret() -> str:
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def _clean_url(problems: Problems, text: str) -> str:
    """An https address without credentials or fragment; notes what is wrong with it.

    An address that is written as a number is looked at here as a courtesy; what a name leads to is
    looked at when connecting.
    """
    url = text.strip()
    if not url:
        problems.add(Code.REQUIRED, "The address is required.", "url")
    elif len(url) > MAX_URL_LENGTH:
        problems.add(
            Code.TOO_LONG, f"The address has more than {MAX_URL_LENGTH} characters.", "url"
        )
    elif reason := _reason_against(url):
        problems.add(Code.INVALID, f"The address {reason}.", "url")
    return url


def _reason_against(url: str) -> str | None:
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return "contains characters that an address can't have; write them percent-encoded"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is malformed"
    if parts.scheme != "https" or not host:
        return "must begin with https://"
    if parts.username is not None or parts.password is not None:
        return "must not contain a user or a password"
    if parts.fragment:
        return "must not contain a fragment"
    return None


def _check_actions(problems: Problems, actions: Sequence[AuditAction]) -> None:
    for index, action in enumerate(actions):
        if action in actions[:index]:
            problems.add(Code.INVALID, f"{action} is named twice.", "actions", str(index))


def _fields(webhook: Webhook) -> dict[str, str | None]:
    return {
        "url": webhook.url,
        "actions": ", ".join(webhook.actions) or "all",
        "status": webhook.status,
    }


def _record(
    caller: Caller,
    action: AuditAction,
    webhook: Webhook,
    membership: Membership,
    changes: Sequence[RecordedChange],
    *,
    now: datetime,
) -> None:
    record(
        caller,
        action,
        organization_id=webhook.organization_id,
        subject=("Webhook", webhook.id, webhook.url),
        actor_id=membership.user_id,
        changes=changes,
        now=now,
    )
