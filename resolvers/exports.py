"""Exports: the users of an organization as a file, read page by page."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from models.audit import AuditAction
from models.users import NEVER
from resolvers.administration import administration
from resolvers.audit import record
from resolvers.caller import Caller
from resolvers.catalogue import roles_named
from resolvers.denials import recording_denials
from resolvers.lists import UserOrderField, user_order
from resolvers.memberships import Membership, Permission
from resolvers.permissions import organization_for, visible_users_of
from resolvers.seen import SeenUser
from resolvers.user_files import COLUMNS, FURTHER_COLUMNS, written

PAGE = 500
"""Users in memory at a time."""


async def export_users(caller: Caller, *, organization_id: UUID, now: datetime) -> Membership:
    """Ask for an export, and record it; `exported_file` then reads it.

    Raises:
        Unauthenticated: Nobody is signed in.
        Refused: NOT_FOUND or FORBIDDEN for who administers no service there.
    """
    path = ("organizationId",)
    async with recording_denials(caller, AuditAction.USERS_EXPORTED, now=now):
        await organization_for(caller, organization_id, to=Permission.EXPORT_USERS, path=path)
        async with administration(caller, organization_id):
            membership = await organization_for(
                caller, organization_id, to=Permission.EXPORT_USERS, path=path
            )
            organization = membership.organization
            record(
                caller,
                AuditAction.USERS_EXPORTED,
                organization_id=organization.id,
                subject=("Organization", organization.id, organization.name),
                actor_id=membership.user_id,
                now=now,
            )
            return membership


async def exported_file(caller: Caller, membership: Membership) -> AsyncIterator[str]:
    """The file in parts: a header, then the users whom the caller may see, by their names.

    Roles are written as `service:role`, with a space between, as an import takes them.
    """
    yield written([(*COLUMNS, *FURTHER_COLUMNS)])
    order = user_order(UserOrderField.LAST_NAME, descending=False)
    users = replace(await visible_users_of(caller, membership.organization.id), with_roles=True)
    rest = users
    while page := await rest.read(order, descending=False, limit=PAGE):
        yield written(_row(user, membership) for user in page)
        last = page[-1]
        rest = users.beyond(order, (last.sort_name, last.id), descending=False)


def _row(user: SeenUser, membership: Membership) -> tuple[str, ...]:
    catalogue = membership.catalogue
    roles = [
        f"{catalogue.service_of(role).code}:{role.code}"
        for role in roles_named(catalogue, user.role_ids or "")
    ]
    return (
        user.first_name,
        user.last_name,
        user.microsoft_account,
        user.primary_email_address,
        " ".join(roles),
        str(user.status),
        _moment(user.created_at),
        "" if user.last_sign_in_at == NEVER else _moment(user.last_sign_in_at),
    )


def _moment(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
