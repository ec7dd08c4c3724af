"""The two lists of the form: moving roles between Available roles and Selected roles."""

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from resolvers.audit import changes_between
from resolvers.catalogue import Role, Service
from resolvers.memberships import Membership
from resolvers.profiles import SELECTED_ROLES, described_roles
from resolvers.refusals import Code, Denial, Problem, Problems, RoleProblem


@dataclass(frozen=True, kw_only=True, slots=True)
class RoleSelection:
    """What the caller wants: `set` alone, or any of the four arrows together."""

    set: Sequence[UUID] | None = None
    """The Selected roles as they shall be."""
    add: Sequence[UUID] = ()
    remove: Sequence[UUID] = ()
    add_all: Sequence[UUID] = ()
    """Services, all of whose available roles are added."""
    remove_all: Sequence[UUID] = ()
    """Services, all of whose selected roles are removed."""


def available_roles(membership: Membership, selected: Iterable[UUID]) -> list[Role]:
    """The Available roles list: what the caller could still grant, in the catalogue's order."""
    held = set(selected)
    services = membership.manageable()
    return [
        role
        for role in membership.catalogue.roles.values()
        if role.service_id in services and role.id not in held
    ]


def select_roles(
    membership: Membership,
    selected: frozenset[UUID],
    wanted: RoleSelection,
    problems: Problems,
    denial: Denial,
) -> frozenset[UUID]:
    """The Selected roles after the moves; notes every move that is refused.

    The double arrows move first, then the single ones, so that `removeAll` with `add` means only
    this one. A move that changes nothing is no problem (rule 23). Only what changes needs to be in
    the caller's scope (rule 4), so that `set` may name the roles of other services as they are.
    If something is not, `denial` becomes that of the problems, with what was asked for.
    """
    move = _Move(membership, selected, problems, denial)
    if wanted.set is not None:
        if wanted.add or wanted.remove or wanted.add_all or wanted.remove_all:
            message = "`set` names all Selected roles, so no other move goes with it."
            problems.add(Code.INVALID, message, "roles", "set")
        move.replace(wanted.set)
    else:
        _note_contradictions(wanted, problems)
        move.remove_all(wanted.remove_all)
        move.add_all(wanted.add_all)
        move.remove(wanted.remove)
        move.add(wanted.add)
    move.tell_of_denial(selected)
    return frozenset(move.selected)


def _note_contradictions(wanted: RoleSelection, problems: Problems) -> None:
    for add, remove, name in (
        (wanted.add, wanted.remove, "remove"),
        (wanted.add_all, wanted.remove_all, "removeAll"),
    ):
        for index, id_ in enumerate(remove):
            if id_ in add:
                message = "The same one is to be added and to be removed."
                problems.add(Code.INVALID, message, "roles", name, str(index))


class _Move:
    """The Selected roles while they are being moved."""

    def __init__(
        self,
        membership: Membership,
        selected: frozenset[UUID],
        problems: Problems,
        denial: Denial,
    ) -> None:
        self.membership = membership
        self.selected = set(selected)
        self.asked = set(selected)
        """As they would be if the caller might move all of them."""
        self.out_of_scope: UUID | None = None
        """The first service of which the caller is no administrator."""
        self.problems = problems
        self.denial = denial

    def tell_of_denial(self, before: frozenset[UUID]) -> None:
        if self.out_of_scope is None:
            return
        catalogue = self.membership.catalogue
        asked = changes_between(
            {SELECTED_ROLES: described_roles(before, catalogue)},
            {SELECTED_ROLES: described_roles(self.asked, catalogue)},
        )
        self.problems.denial = dataclasses.replace(
            self.denial, service_id=self.out_of_scope, asked=asked
        )

    def replace(self, role_ids: Sequence[UUID]) -> None:
        before = frozenset(self.selected)
        self.add(role_ids, "set")
        for role in self.membership.catalogue.sorted_roles(before - set(role_ids)):
            self._remove(role, ("roles", "set"))

    def add(self, role_ids: Sequence[UUID], form: str = "add") -> None:
        for role, path in self._known(role_ids, form):
            self.asked.add(role.id)
            if role.id not in self.selected and self._may_move(role, path):
                self.selected.add(role.id)

    def remove(self, role_ids: Sequence[UUID]) -> None:
        for role, path in self._known(role_ids, "remove"):
            self._remove(role, path)

    def _remove(self, role: Role, path: tuple[str, ...]) -> None:
        self.asked.discard(role.id)
        if role.id in self.selected and self._may_move(role, path):
            self.selected.discard(role.id)

    def add_all(self, service_ids: Sequence[UUID]) -> None:
        for service, may_move in self._known_services(service_ids, "addAll"):
            role_ids = {role.id for role in service.roles}
            self.asked |= role_ids
            if may_move:
                self.selected |= role_ids

    def remove_all(self, service_ids: Sequence[UUID]) -> None:
        for service, may_move in self._known_services(service_ids, "removeAll"):
            role_ids = {role.id for role in service.roles}
            self.asked -= role_ids
            if may_move:
                self.selected -= role_ids

    def _known(self, role_ids: Sequence[UUID], form: str) -> Iterable[tuple[Role, tuple[str, ...]]]:
        for index, role_id in enumerate(role_ids):
            path = ("roles", form, str(index))
            role = self.membership.catalogue.roles.get(role_id)
            if role is None:
                message = "No role has this id."
                self.problems.found.append(
                    RoleProblem(code=Code.NOT_FOUND, message=message, path=path, role=None)
                )
            else:
                yield role, path

    def _known_services(
        self, service_ids: Sequence[UUID], form: str
    ) -> Iterable[tuple[Service, bool]]:
        """Those that there are, and whether the caller may move their roles."""
        for index, service_id in enumerate(service_ids):
            path = ("roles", form, str(index))
            service = self.membership.catalogue.services.get(service_id)
            if service is None:
                self.problems.add(Code.NOT_FOUND, "No service has this id.", *path)
                continue
            refusal = self._obstacle(service, "The roles of")
            if refusal is not None:
                code, message = refusal
                self.problems.found.append(Problem(code=code, message=message, path=path))
            yield service, refusal is None

    def _may_move(self, role: Role, path: tuple[str, ...]) -> bool:
        service = self.membership.catalogue.service_of(role)
        refusal = self._obstacle(service, f"{role.name} of")
        if refusal is None:
            return True
        code, message = refusal
        self.problems.found.append(RoleProblem(code=code, message=message, path=path, role=role))
        return False

    def _obstacle(self, service: Service, subject: str) -> tuple[Code, str] | None:
        if service.id not in self.membership.subscriptions:
            name = self.membership.organization.name
            return Code.ROLE_NOT_AVAILABLE, f"{name} has not signed up for {service.name}."
        if service.id not in self.membership.administered:
            self.out_of_scope = self.out_of_scope or service.id
            return (
                Code.ROLE_OUT_OF_SCOPE,
                f"{subject} {service.name} can be moved only by a service administrator of it.",
            )
        return self.membership.obstacle(service)
