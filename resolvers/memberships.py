"""A caller's memberships: the organizations he belongs to, and what he may do in each."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any
from uuid import UUID

from models.accounts import AccessScope
from models.organizations import Organization, ProductRelease
from models.services import SubscriptionStatus
from resolvers.caller import Caller
from resolvers.catalogue import Catalogue, Service, current_catalogue, roles_named
from resolvers.refusals import Code, Forbidden
from resolvers.seen import SeenUser, qualified_columns, seen_users
from resolvers.statements import Statement, as_moment, as_uuid


class Permission(StrEnum):
    """What a service administrator may do in an organization (rules 3 and 5)."""

    ADD_USERS = "add users"
    EDIT_USERS = "edit users"
    REMOVE_USERS = "remove users"
    INVITE_USERS = "send invitations"
    CHANGE_SUBSCRIPTION = "activate or deactivate the subscription"
    READ_AUDIT = "read the audit trail"
    EXPORT_USERS = "export users"
    USE_WEBHOOKS = "use webhooks"


MANAGES_USERS = {
    Permission.ADD_USERS,
    Permission.EDIT_USERS,
    Permission.REMOVE_USERS,
    Permission.INVITE_USERS,
}
"""These need a service that is available (rule 11) and active (rule 14); the others do not."""

SCOPES: Mapping[Permission, AccessScope | None] = {
    Permission.ADD_USERS: AccessScope.MANAGE_USERS,
    Permission.EDIT_USERS: AccessScope.MANAGE_USERS,
    Permission.REMOVE_USERS: AccessScope.MANAGE_USERS,
    Permission.INVITE_USERS: AccessScope.INVITE_USERS,
    Permission.CHANGE_SUBSCRIPTION: None,
    Permission.READ_AUDIT: AccessScope.READ_AUDIT,
    Permission.EXPORT_USERS: AccessScope.READ,
    Permission.USE_WEBHOOKS: None,
}
"""What an access token needs in addition; None for what only a person with a session does.

All other reading needs READ (`Caller.demand`), and all else that is done a session
(`resolvers.denials.person_for`).
"""

SESSION_NEEDED = "An access token can't do this: sign in."


@dataclass(frozen=True, slots=True)
class Membership:
    """A caller's profile in one organization, and what it lets the caller do."""

    organization: Organization
    user: SeenUser
    """The caller's own profile, with the roles held."""
    catalogue: Catalogue
    subscriptions: Mapping[UUID, SubscriptionStatus]
    """By service."""
    administered: frozenset[UUID]
    """The services of which the caller is a service administrator."""
    scopes: frozenset[AccessScope] | None = None
    """Those of the caller's access token; None for a session."""

    @property
    def user_id(self) -> UUID:
        """The id of the caller's own profile."""
        return self.user.id

    @property
    def is_administrator(self) -> bool:
        """Whether the caller administers any service of the organization."""
        return bool(self.administered)

    def obstacle(self, service: Service) -> tuple[Code, str] | None:
        """Why nobody can manage this service's users now (rules 11 and 14); None if one can."""
        reason = service.unavailability(self.organization)
        if reason is not None:
            return Code.FEATURE_NOT_AVAILABLE, reason
        if self.subscriptions.get(service.id) is not SubscriptionStatus.ACTIVE:
            return Code.SERVICE_NOT_ACTIVE, f"{service.name} is deactivated."
        return None

    def manageable(self) -> frozenset[UUID]:
        """The services whose roles the caller can grant and remove now."""
        return frozenset(
            service_id
            for service_id in self.administered
            if self.obstacle(self.catalogue.services[service_id]) is None
        )

    def problems_with(self, permission: Permission) -> list[tuple[Code, str]]:
        """Why the caller may not do this in the organization; empty if it is allowed."""
        if not self.administered:
            return [(Code.FORBIDDEN, f"Only a service administrator may {permission}.")]
        lack = self.lack_of_scope(permission)
        if lack is not None:
            return [(Code.FORBIDDEN, lack)]
        if permission in MANAGES_USERS and not self.manageable():
            obstacles = (
                self.obstacle(self.catalogue.services[service_id])
                for service_id in self.administered
            )
            return [obstacle for obstacle in obstacles if obstacle is not None]
        return []

    def lack_of_scope(self, permission: Permission) -> str | None:
        """Why the caller's access token is not for this, for people; None if nothing is amiss."""
        needed = SCOPES[permission]
        if self.scopes is None or needed in self.scopes:
            return None
        return f"The access token lacks the scope {needed}." if needed else SESSION_NEEDED


async def memberships_of(caller: Caller) -> Mapping[UUID, Membership]:
    """The caller's associated profiles by organization, as they were when this request first asked.

    Raises:
        Unauthenticated: Nobody is signed in.
    """
    caller.signed_in()
    if caller.memberships is not None:
        return caller.memberships
    if caller.reading_memberships is None:
        caller.reading_memberships = asyncio.create_task(_read_memberships(caller))
    return await asyncio.shield(caller.reading_memberships)


def membership_in(memberships: Mapping[UUID, Membership], organization_id: UUID) -> Membership:
    """The one in an organization.

    Raises:
        Forbidden: There is none: the organization does not exist, the caller does not belong to it
            (rule 6), or was removed from it while he was answered.
    """
    membership = memberships.get(organization_id)
    if membership is None:
        message = "You belong to no organization with this id."
        raise Forbidden(message)
    return membership


def forget_memberships(caller: Caller) -> None:
    """Read anew what the caller may do: after a lock was taken, or something was changed."""
    caller.memberships = None
    caller.reading_memberships = None


async def catalogue_for(caller: Caller) -> Catalogue:
    """The catalogue, the same throughout the request."""
    if caller.catalogue is not None:
        return caller.catalogue
    if caller.reading_catalogue is None:
        caller.reading_catalogue = asyncio.create_task(current_catalogue())
    return await asyncio.shield(caller.reading_catalogue)


COLUMNS = f"""
    organizations.id, organizations.name, organizations.country_or_region,
    organizations.product_release, organizations.created_at,
    (SELECT {{joined}}(CAST(service_id AS text) || '=' || status, ',') FROM service_subscriptions
        WHERE organization_id = users.organization_id),
    {qualified_columns()}
"""  # noqa: S608 - nothing but constants
"""What a membership is made from, in `_membership`'s order."""

OF_ACCOUNT = Statement(f"""
SELECT {COLUMNS} FROM users JOIN organizations ON organizations.id = organization_id
WHERE account_id = $1
ORDER BY users.id
""")  # noqa: S608 - nothing but constants


async def _read_memberships(caller: Caller) -> Mapping[UUID, Membership]:
    catalogue = await catalogue_for(caller)
    rows = await OF_ACCOUNT.rows(caller.signed_in().id)
    return memberships_in(rows, catalogue, caller.scopes)


def memberships_in(
    rows: Iterable[Sequence[Any]], catalogue: Catalogue, scopes: frozenset[AccessScope] | None
) -> dict[UUID, Membership]:
    """The memberships, by organization, that rows of `COLUMNS` tell of, within scopes."""
    found = [_membership(catalogue, scopes, *row) for row in rows]
    return {each.organization.id: each for each in found}


@lru_cache(maxsize=2_000)
def _membership(  # noqa: PLR0917 - a row's values, which are the key
    catalogue: Catalogue,
    scopes: frozenset[AccessScope] | None,
    organization_id: UUID | str,
    name: str,
    country_or_region: str,
    product_release: str,
    created_at: datetime | str,
    subscriptions: str | None,
    *profile: Any,
) -> Membership:
    """Made once for the same row, which is read anew each time. Nobody changes what it holds."""
    (user,) = seen_users([profile])
    roles = roles_named(catalogue, user.role_ids or "")
    pairs = (pair.split("=") for pair in (subscriptions or "").split(",") if pair)
    return Membership(
        organization=Organization(
            id=as_uuid(organization_id),
            name=name,
            country_or_region=country_or_region,
            product_release=ProductRelease(product_release),
            created_at=as_moment(created_at),
        ),
        user=user,
        catalogue=catalogue,
        subscriptions={
            UUID(service_id): SubscriptionStatus(status) for service_id, status in pairs
        },
        administered=frozenset(role.service_id for role in roles if role.is_service_administrator),
        scopes=scopes,
    )
