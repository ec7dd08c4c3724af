"""The catalogue in memory: services, roles, and where and for whom each is available."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from uuid import UUID

import models.services as tables
from models.organizations import Organization, ProductRelease

RELEASE_NAMES = {
    ProductRelease.AX_2012: "Microsoft Dynamics AX 2012",
    ProductRelease.AX_2012_FEATURE_PACK: "Microsoft Dynamics AX 2012 Feature Pack",
    ProductRelease.AX_2012_R2: "Microsoft Dynamics AX 2012 R2",
    ProductRelease.AX_2012_R3: "Microsoft Dynamics AX 2012 R3",
}


@dataclass(frozen=True, slots=True, eq=False)
class Role:
    """A role of the catalogue."""

    id: UUID
    code: str
    name: str
    description: str
    service_id: UUID
    is_service_administrator: bool
    actions: tuple[str, ...]
    service: "Service" = field(init=False, repr=False)
    """Told by the service when it is made."""


@dataclass(frozen=True, slots=True, eq=False)
class Service:
    """A service of the catalogue, with its roles in the catalogue's order."""

    id: UUID
    code: str
    name: str
    description: str
    releases: frozenset[str]
    countries_or_regions: frozenset[str] | None
    roles: tuple[Role, ...]

    def __post_init__(self) -> None:
        for role in self.roles:
            object.__setattr__(role, "service", self)

    @property
    def administrator_role(self) -> Role:
        """The role that makes its holder a service administrator; each service has just one."""
        return next(role for role in self.roles if role.is_service_administrator)

    def unavailability(self, organization: Organization) -> str | None:
        """Why the organization can't use the service, for people; None if it can.

        Service by release and service by country or region (rules 11 and 12).
        """
        if organization.product_release not in self.releases:
            release = RELEASE_NAMES[organization.product_release]
            return f"{self.name} is not available if {release} is installed."
        if (
            self.countries_or_regions is not None
            and organization.country_or_region not in self.countries_or_regions
        ):
            return f"{self.name} is not available in {organization.country_or_region}."
        return None


@dataclass(frozen=True, slots=True, eq=False)
class Catalogue:
    """All services and roles at one version."""

    version: int
    services: Mapping[UUID, Service]
    roles: Mapping[UUID, Role]

    def service_of(self, role: Role) -> Service:
        """The service that a role belongs to."""
        return self.services[role.service_id]

    def sorted_roles(self, role_ids: Iterable[UUID]) -> list[Role]:
        """The roles named, in the catalogue's order."""
        wanted = set(role_ids)
        return [role for role in self.roles.values() if role.id in wanted]


@lru_cache(maxsize=10_000)
def roles_named(catalogue: Catalogue, role_ids: str) -> tuple[Role, ...]:
    """The roles whose ids are given with commas between, in the catalogue's order.

    Few combinations of roles are in use, so that most are found made.
    """
    return tuple(catalogue.sorted_roles(UUID(id_) for id_ in role_ids.split(",") if id_))


_held: Catalogue | None = None


def forget_catalogue() -> None:
    """Read it anew: for a process that connects to another database than before."""
    global _held  # noqa: PLW0603 - likewise
    _held = None


async def current_catalogue() -> Catalogue:
    """The catalogue as it is now: one small statement, and a full read only after a change."""
    newest = await tables.CatalogueVersion.all().order_by("-version").first().values("version")
    return await catalogue_of_version(int(newest["version"]) if newest else 0)


async def catalogue_of_version(version: int) -> Catalogue:
    """The catalogue that has just been seen to be of this version, held or read."""
    global _held  # noqa: PLW0603 - one catalogue per process, replaced whole
    if _held is None or _held.version != version:
        _held = await _read(version)
    return _held


async def _read(version: int) -> Catalogue:
    role_rows = await tables.Role.all().order_by("position", "id")
    service_rows = await tables.Service.all().order_by("position", "id")
    services = {row.id: _service(row, role_rows) for row in service_rows}
    roles = {role.id: role for service in services.values() for role in service.roles}
    return Catalogue(version, services, roles)


def _service(row: tables.Service, role_rows: list[tables.Role]) -> Service:
    return Service(
        id=row.id,
        code=row.code,
        name=row.name,
        description=row.description,
        releases=frozenset(row.releases),
        countries_or_regions=(
            None if row.countries_or_regions is None else frozenset(row.countries_or_regions)
        ),
        roles=tuple(_role(role) for role in role_rows if role.service_id == row.id),
    )


def _role(row: tables.Role) -> Role:
    return Role(
        id=row.id,
        code=row.code,
        name=row.name,
        description=row.description,
        service_id=row.service_id,
        is_service_administrator=row.is_service_administrator,
        actions=tuple(row.actions),
    )
