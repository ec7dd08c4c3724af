"""Finding any node by its type and id, as far as the caller may see it."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from resolvers.permissions import organization_by_id
from schema.access_tokens import load_access_token
from schema.audit import to_audit_event
from schema.catalogue import to_role, to_service
from schema.context import Info
from schema.imports import load_import
from schema.invitations import to_invitation
from schema.nodes import Node
from schema.organizations import to_organization, to_subscription
from schema.users import load_user
from schema.viewer import load_session
from schema.webhooks import load_delivery, load_webhook


async def _organization(info: Info, id_: UUID) -> Node | None:
    membership = await organization_by_id(info.context.caller, id_)
    return to_organization(membership) if membership else None


async def _service(info: Info, id_: UUID) -> Node | None:
    service = (await info.context.catalogue()).services.get(id_)
    return to_service(service) if service else None


async def _role(info: Info, id_: UUID) -> Node | None:
    role = (await info.context.catalogue()).roles.get(id_)
    return to_role(role) if role else None


async def _subscription(info: Info, id_: UUID) -> Node | None:
    row = await info.context.loaders.subscriptions.load(id_)
    return to_subscription(row) if row else None


async def _invitation(info: Info, id_: UUID) -> Node | None:
    row = await info.context.loaders.invitations.load(id_)
    return to_invitation(row, info.context.now) if row else None


async def _audit_event(info: Info, id_: UUID) -> Node | None:
    row = await info.context.loaders.audit_events.load(id_)
    return to_audit_event(row) if row else None


LOOKUPS: dict[str, Callable[[Info, UUID], Awaitable[Node | None]]] = {
    "Organization": _organization,
    "Service": _service,
    "Role": _role,
    "ServiceSubscription": _subscription,
    "User": load_user,
    "Invitation": _invitation,
    "AuditEvent": _audit_event,
    "Session": load_session,
    "UserImport": load_import,
    "AccessToken": load_access_token,
    "Webhook": load_webhook,
    "WebhookDelivery": load_delivery,
}
"""How each type of node is found."""


async def load_node(info: Info, type_name: str, id_: UUID) -> Node | None:
    """The node, or None if there is none or the caller may not see it."""
    lookup = LOOKUPS.get(type_name)
    return await lookup(info, id_) if lookup else None
