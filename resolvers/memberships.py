"""A caller's memberships: the organizations he belongs to, and what he may do in each."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from models.organizations import Organization, ProductRelease
from models.services import SubscriptionStatus
from models.users import User
from resolvers.caller import Caller
from resolvers.catalogue import Catalogue, Service, current_catalogue
from resolvers.refusals import Code


class Permission(StrEnum):
    """What a service administrator may do in an organization (rules 3 and 5)."""

    ADD_USERS = "add users"
    EDIT_USERS = "edit users"
    REMOVE_USERS = "remove users"
    INVITE_USERS = "send invitations"
    CHANGE_SUBSCRIPTION = "activate or deactivate the subscription"
    READ_AUDIT = "read the audit trail"


MANAGES_USERS = {
    Permission.ADD_USERS,
    Permission.EDIT_USERS,
    Permission.REMOVE_USERS,
    Permission.INVITE_USERS,
}
"""These need a service that is available (rule 11) and active (rule 14); the others do not."""


@dataclass(frozen=True, slots=True)
class Membership:
    """A caller's profile in one organization, and what it lets the caller do."""

    organization: Organization
    user_id: UUID
    catalogue: Catalogue
    subscriptions: Mapping[UUID, SubscriptionStatus]
    """By service."""
    administered: frozenset[UUID]
    """The services of which the caller is a service administrator."""

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
        if permission in MANAGES_USERS and not self.manageable():
            obstacles = (
                self.obstacle(self.catalogue.services[service_id])
                for service_id in self.administered
            )
            return [obstacle for obstacle in obstacles if obstacle is not None]
        return []


async def memberships_of(caller: Caller) -> Mapping[UUID, Membership]:
    """The caller's associated profiles by organization, as they were when this request first asked.

    Raises:
        Unauthenticated: Nobody is signed in.
    """
    caller.signed_in()
    if caller.reading_memberships is None:
        caller.reading_memberships = asyncio.create_task(_read_memberships(caller))
    return await asyncio.shield(caller.reading_memberships)


def forget_memberships(caller: Caller) -> None:
    """Read anew what the caller may do: after a lock was taken, or something was changed."""
    caller.reading_memberships = None


async def catalogue_for(caller: Caller) -> Catalogue:
    """The catalogue, the same throughout the request."""
    if caller.reading_catalogue is None:
        caller.reading_catalogue = asyncio.create_task(current_catalogue())
    return await asyncio.shield(caller.reading_catalogue)


async def _read_memberships(caller: Caller) -> Mapping[UUID, Membership]:
    catalogue = await catalogue_for(caller)
    rows = await User.filter(account_id=caller.signed_in().id).values(
        "id",
        "organization_id",
        "organization__name",
        "organization__country_or_region",
        "organization__product_release",
        "organization__created_at",
        "organization__subscriptions__service_id",
        "organization__subscriptions__status",
        "role_assignments__role_id",
    )
    return {
        organization_id: _membership(
            [row for row in rows if row["organization_id"] == organization_id], catalogue
        )
        for organization_id in dict.fromkeys(row["organization_id"] for row in rows)
    }


def _membership(rows: list[dict[str, Any]], catalogue: Catalogue) -> Membership:
    first = rows[0]
    roles = (catalogue.roles.get(row["role_assignments__role_id"]) for row in rows)
    return Membership(
        organization=Organization(
            id=first["organization_id"],
            name=first["organization__name"],
            country_or_region=first["organization__country_or_region"],
            product_release=ProductRelease(first["organization__product_release"]),
            created_at=first["organization__created_at"],
        ),
        user_id=first["id"],
        catalogue=catalogue,
        subscriptions={
            row["organization__subscriptions__service_id"]: SubscriptionStatus(
                row["organization__subscriptions__status"]
            )
            for row in rows
            if row["organization__subscriptions__service_id"] is not None
        },
        administered=frozenset(
            role.service_id for role in roles if role is not None and role.is_service_administrator
        ),
    )
