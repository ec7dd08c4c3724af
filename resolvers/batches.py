"""What belongs to many rows at once, each in one statement: what the graph's loaders load.

The rows whose ids are given have passed a gate already.
"""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from models.invitations import Invitation
from models.services import ServiceSubscription
from models.users import RoleAssignment
from resolvers.catalogue import Catalogue


async def assignments_of(user_ids: Sequence[UUID]) -> list[list[RoleAssignment]]:
    """The role assignments of each user, first granted first."""
    rows = await RoleAssignment.filter(user_id__in=list(user_ids)).order_by("granted_at", "id")
    by_user: dict[UUID, list[RoleAssignment]] = defaultdict(list)
    for row in rows:
        by_user[row.user_id].append(row)
    return [by_user[id_] for id_ in user_ids]


async def newest_invitations_of(user_ids: Sequence[UUID]) -> list[Invitation | None]:
    """The newest invitation of each user; None for one who never had any."""
    rows = await Invitation.filter(user_id__in=list(user_ids)).order_by("created_at", "id")
    by_user = {row.user_id: row for row in rows}
    return [by_user.get(id_) for id_ in user_ids]


async def subscriptions_of(organization_ids: Sequence[UUID]) -> list[list[ServiceSubscription]]:
    """The subscriptions of each organization, first signed up first."""
    rows = await ServiceSubscription.filter(organization_id__in=list(organization_ids)).order_by(
        "signed_up_at", "id"
    )
    by_organization: dict[UUID, list[ServiceSubscription]] = defaultdict(list)
    for row in rows:
        by_organization[row.organization_id].append(row)
    return [by_organization[id_] for id_ in organization_ids]


async def administrators_of(
    places: Sequence[tuple[UUID, UUID]], catalogue: Catalogue
) -> list[list[UUID]]:
    """The service administrators' ids of each (organization, service), first granted first."""
    roles = {catalogue.services[service_id].administrator_role.id for _, service_id in places}
    rows = (
        await RoleAssignment.filter(
            organization_id__in={organization_id for organization_id, _ in places},
            role_id__in=roles,
        )
        .order_by("granted_at", "id")
        .values("organization_id", "service_id", "user_id")
    )
    return [
        [row["user_id"] for row in rows if (row["organization_id"], row["service_id"]) == place]
        for place in places
    ]
