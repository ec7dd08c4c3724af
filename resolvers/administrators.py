"""A service never loses its last service administrator (rule 37)."""

from collections.abc import Iterable
from uuid import UUID

from models.users import RoleAssignment
from resolvers.catalogue import Catalogue, Service


async def services_left_without(
    organization_id: UUID, user_id: UUID, *, losing: Iterable[UUID], catalogue: Catalogue
) -> list[Service]:
    """The services that would have no administrator once this user has lost these roles.

    Only associated administrators count; while a service has none, its first administrator does.
    To be asked inside `administration`, where no other writer can change the answer.
    """
    roles = [role for role in catalogue.sorted_roles(losing) if role.is_service_administrator]
    if not roles:
        return []
    rows = (
        await RoleAssignment.filter(
            organization_id=organization_id, role_id__in=[role.id for role in roles]
        )
        .order_by("granted_at", "id")
        .values("role_id", "user_id", "user__account_id")
    )
    left_without = []
    for role in roles:
        holders = [row for row in rows if row["role_id"] == role.id]
        counting = [row for row in holders if row["user__account_id"]] or holders[:1]
        if {row["user_id"] for row in counting} == {user_id}:
            left_without.append(catalogue.service_of(role))
    return left_without
