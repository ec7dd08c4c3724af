"""Applying a declared catalogue: everything in one transaction, or nothing at all."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tortoise.connection import get_connection
from tortoise.exceptions import IntegrityError
from tortoise.expressions import F
from tortoise.transactions import in_transaction

from models.organizations import Organization
from models.services import CatalogueVersion, Role, Service, ServiceSubscription
from models.users import RoleAssignment
from resolvers.statements import dialect

VERSION_ROW = UUID("7b1f0a52-0000-7000-8000-000000000001")
"""The key of the only row of `CatalogueVersion`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DeclaredRole:
    """A role, as the catalogue shall have it."""

    code: str
    name: str
    description: str
    is_service_administrator: bool
    actions: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class DeclaredService:
    """A service with its roles, just one of them the service administrator's, in order."""

    code: str
    name: str
    description: str
    releases: tuple[str, ...]
    countries_or_regions: tuple[str, ...] | None
    roles: tuple[DeclaredRole, ...]


class CatalogueInUse(Exception):  # noqa: N818 - sentences for the operator
    """The new catalogue would take away what is in use. Nothing was changed.

    `reasons` names each service and role, and how many use it.
    """

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__("\n".join(reasons))
        self.reasons = tuple(reasons)


async def apply_catalogue(declared: Sequence[DeclaredService], *, now: datetime) -> list[str]:
    """Make the catalogue equal to the declared one; a sentence for each change, none if equal.

    Services and roles are known by their codes and keep their ids. Whatever is not declared is
    removed, if nobody uses it. Two processes that do this at once do it one after the other.

    Raises:
        CatalogueInUse: An undeclared service has subscriptions, an undeclared role is held, or a
            subscription would be left without a service administrator (rule 37).
    """
    try:
        async with in_transaction():
            await _line_up(now)
            present = await _Present.read()
            changes = list(present.differences(declared))
            if not changes:
                return []
            await _refuse_what_is_in_use(present, declared)
            await _write(present, declared)
            await CatalogueVersion.filter(id=VERSION_ROW).update(
                version=F("version") + 1, applied_at=now
            )
            return changes
    except IntegrityError:
        # A role was granted, or a service signed up for, between the check and its removal: the
        # foreign keys have the last word.
        raise CatalogueInUse(["what was to be removed has come into use just now"]) from None


LINE_UP = "LOCK TABLE catalogue_versions IN SHARE ROW EXCLUSIVE MODE"
"""The second writer waits here for the first one's commit."""


async def _line_up(now: datetime) -> None:
    if not dialect().is_sqlite:
        # Readers go on. By the row alone, writers who all find it missing could block each other,
        # since it stands in two unique indexes, by its key and by its version.
        await get_connection("default").execute_query(LINE_UP)
    # A write before any read, as SQLite wants it; and the row, if it is missing.
    await CatalogueVersion.bulk_create(
        [CatalogueVersion(id=VERSION_ROW, version=0, applied_at=now)],
        on_conflict=["id"],
        update_fields=["id"],
    )


@dataclass(frozen=True, slots=True)
class _Present:
    """The rows as they are, by code."""

    services: Mapping[str, Service]
    roles: Mapping[tuple[str, str], Role]
    """By the codes of service and role."""

    @staticmethod
    async def read() -> "_Present":
        services = {row.id: row for row in await Service.all().order_by("position", "id")}
        roles = await Role.all().order_by("position", "id")
        return _Present(
            {row.code: row for row in services.values()},
            {(services[row.service_id].code, row.code): row for row in roles},
        )

    def differences(self, declared: Sequence[DeclaredService]) -> Iterator[str]:
        """A sentence for each service and role that is added, changed or removed."""
        wanted_roles = set()
        for position, service in enumerate(declared):
            yield from _difference(
                f"service {service.code}",
                self.services.get(service.code),
                _service_values(service, position),
            )
            for place, role in enumerate(service.roles):
                wanted_roles.add((service.code, role.code))
                yield from _difference(
                    f"role {service.code}/{role.code}",
                    self.roles.get((service.code, role.code)),
                    _role_values(role, place),
                )
        for service_code, role_code in sorted(self.roles.keys() - wanted_roles):
            yield f"removed role {service_code}/{role_code}"
        for code in sorted(self.services.keys() - {service.code for service in declared}):
            yield f"removed service {code}"


def _difference(
    what: str, row: Service | Role | None, values: Mapping[str, object]
) -> Iterator[str]:
    if row is None:
        yield f"added {what}"
        return
    changed = [name for name, value in values.items() if getattr(row, name) != value]
    if changed:
        yield f"changed {what}: {', '.join(changed)}"


def _service_values(service: DeclaredService, position: int) -> dict[str, object]:
    everywhere = service.countries_or_regions is None
    return {
        "name": service.name,
        "description": service.description,
        "position": position,
        "releases": list(service.releases),
        "countries_or_regions": None if everywhere else list(service.countries_or_regions or ()),
    }


def _role_values(role: DeclaredRole, position: int) -> dict[str, object]:
    return {
        "name": role.name,
        "description": role.description,
        "position": position,
        "is_service_administrator": role.is_service_administrator,
        "actions": list(role.actions),
    }


async def _refuse_what_is_in_use(present: _Present, declared: Sequence[DeclaredService]) -> None:
    subscribed = Counter(
        row["service_id"] for row in await ServiceSubscription.all().values("service_id")
    )
    wanted = {service.code: service for service in declared}
    gone_roles = {
        (service_code, role_code): row
        for (service_code, role_code), row in present.roles.items()
        if service_code not in wanted
        or role_code not in {role.code for role in wanted[service_code].roles}
    }
    reasons = [
        f"service {code} can't be removed: {_counted(subscribed[row.id], 'organization')} "
        "signed up for it"
        for code, row in present.services.items()
        if code not in wanted and subscribed[row.id]
    ]
    for (service_code, role_code), row in gone_roles.items():
        holders = await RoleAssignment.filter(role_id=row.id).count()
        if holders:
            what = f"role {service_code}/{role_code}"
            verb = "holds" if holders == 1 else "hold"
            reasons.append(f"{what} can't be removed: {_counted(holders, 'user')} {verb} it")
    for code in wanted.keys() & present.services.keys():
        orphaned = await _orphaned(present, wanted[code])
        if orphaned:
            reasons.append(
                f"service {code} can't change its service-administrator role: "
                f"{_counted(orphaned, 'subscription')} would be left without an administrator"
            )
    if reasons:
        raise CatalogueInUse(sorted(reasons))


async def _orphaned(present: _Present, service: DeclaredService) -> int:
    """How many subscriptions a new choice of the administrator role would leave without one."""
    code = next(role.code for role in service.roles if role.is_service_administrator)
    chosen = present.roles.get((service.code, code))
    if chosen is not None and chosen.is_service_administrator:
        return 0
    organizations = await ServiceSubscription.filter(
        service_id=present.services[service.code].id
    ).values_list("organization_id", flat=True)
    # Whoever changes roles lines up on these rows, so that the count below stays true.
    await Organization.filter(id__in=organizations).update(
        administration_epoch=F("administration_epoch") + 1
    )
    if chosen is None:
        return len(organizations)
    administered = await RoleAssignment.filter(
        role_id=chosen.id, user__account_id__isnull=False
    ).values_list("organization_id", flat=True)
    return len(set(organizations) - set(administered))


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


async def _write(present: _Present, declared: Sequence[DeclaredService]) -> None:
    wanted_roles = {(service.code, role.code) for service in declared for role in service.roles}
    wanted_services = {service.code for service in declared}
    await Role.filter(
        id__in=[row.id for code, row in present.roles.items() if code not in wanted_roles]
    ).delete()
    await Service.filter(
        id__in=[row.id for code, row in present.services.items() if code not in wanted_services]
    ).delete()
    await _step_aside(present, wanted_services, wanted_roles)
    for position, service in enumerate(declared):
        row = present.services.get(service.code) or Service(code=service.code)
        row.update_from_dict(_service_values(service, position))
        await row.save()
        for place, role in enumerate(service.roles):
            role_row = present.roles.get((service.code, role.code)) or Role(
                code=role.code, service_id=row.id
            )
            role_row.update_from_dict(_role_values(role, place))
            await role_row.save()


async def _step_aside(
    present: _Present, services: Collection[str], roles: Collection[tuple[str, str]]
) -> None:
    """Free every name and the administrator's place, so that two rows can exchange them."""
    for code in present.services.keys() & services:
        row = present.services[code]
        await Service.filter(id=row.id).update(name=str(row.id))
    for codes in present.roles.keys() & roles:
        role = present.roles[codes]
        await Role.filter(id=role.id).update(name=str(role.id), is_service_administrator=False)
