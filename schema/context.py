"""What every field may know of the request that it answers."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property, partial
from typing import NamedTuple, Protocol
from uuid import UUID
from weakref import ref

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    OperationDefinitionNode,
    get_nullable_type,
    is_list_type,
)
from strawberry.dataloader import DataLoader
from strawberry.types import Info as StrawberryInfo

from models.audit import AuditEvent
from models.imports import UserImport
from models.invitations import Invitation
from models.services import ServiceSubscription
from models.users import RoleAssignment
from models.webhooks import Webhook, WebhookDelivery
from resolvers import batches, lists, permissions, webhook_permissions
from resolvers.announcements import UserChanged
from resolvers.caller import Caller
from resolvers.catalogue import Catalogue
from resolvers.imports import imports_by_id
from resolvers.memberships import catalogue_for, forget_memberships
from resolvers.rates import Rates
from resolvers.seen import SeenUser


class Browser(Protocol):
    """What signing out does outside the graph."""

    async def end_session_url(self, account: str) -> str | None:
        """Where to send the browser to end the identity provider's session; None if nowhere."""

    def forget_session(self) -> None:
        """Drop the session cookie with this answer."""


class Told(NamedTuple):
    """A change of a user that the caller is told of."""

    id: UUID
    change: UserChanged
    user: SeenUser | None
    """As it is now; None if it is there no more."""
    caller: Caller
    """Who is told, with what he may do now."""
    at: datetime


class Changes(Protocol):
    """What a subscription follows."""

    async def of_users(self, organization_id: UUID) -> AsyncIterator[Told]:
        """The changes of an organization's users from now on, as far as the caller may see them.

        Raises:
            Unauthenticated: Nobody is signed in.
            Forbidden: The caller does not belong to the organization.
        """


class Loaders:
    """Batch loading: whatever many rows ask for in one tick is one statement."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    @cached_property
    def users(self) -> DataLoader[UUID, SeenUser | None]:
        """Users without their roles."""
        return DataLoader(load_fn=partial(permissions.users_by_id, self._caller))

    @cached_property
    def users_with_roles(self) -> DataLoader[UUID, SeenUser | None]:
        """Users with their roles."""
        load = partial(permissions.users_by_id, self._caller, with_roles=True)
        return DataLoader(load_fn=load)

    @cached_property
    def invitations(self) -> DataLoader[UUID, Invitation | None]:
        """Invitations."""
        return DataLoader(load_fn=partial(permissions.invitations_by_id, self._caller))

    @cached_property
    def subscriptions(self) -> DataLoader[UUID, ServiceSubscription | None]:
        """Subscriptions."""
        return DataLoader(load_fn=partial(permissions.subscriptions_by_id, self._caller))

    @cached_property
    def audit_events(self) -> DataLoader[UUID, AuditEvent | None]:
        """Audit events."""
        return DataLoader(load_fn=partial(lists.audit_events_by_id, self._caller))

    @cached_property
    def imports(self) -> DataLoader[UUID, UserImport | None]:
        """Imports."""
        return DataLoader(load_fn=partial(imports_by_id, self._caller))

    @cached_property
    def webhooks(self) -> DataLoader[UUID, Webhook | None]:
        """Webhooks."""
        return DataLoader(load_fn=partial(webhook_permissions.webhooks_by_id, self._caller))

    @cached_property
    def deliveries(self) -> DataLoader[UUID, WebhookDelivery | None]:
        """Webhooks' deliveries."""
        return DataLoader(load_fn=partial(webhook_permissions.deliveries_by_id, self._caller))

    @cached_property
    def administrators(self) -> DataLoader[tuple[UUID, UUID], list[UUID]]:
        """The service administrators' ids of each (organization, service)."""

        async def load(places: list[tuple[UUID, UUID]]) -> Sequence[list[UUID]]:
            return await batches.administrators_of(places, await catalogue_for(self._caller))

        return DataLoader(load_fn=load)

    @cached_property
    def assignments(self) -> DataLoader[UUID, list[RoleAssignment]]:
        """The role assignments of each user."""
        return DataLoader(load_fn=batches.assignments_of)

    @cached_property
    def newest_invitations(self) -> DataLoader[UUID, Invitation | None]:
        """The newest invitation of each user."""
        return DataLoader(load_fn=batches.newest_invitations_of)

    @cached_property
    def subscriptions_of(self) -> DataLoader[UUID, list[ServiceSubscription]]:
        """The subscriptions of each organization."""
        return DataLoader(load_fn=batches.subscriptions_of)


@dataclass(slots=True)
class Context:
    """One request: who asks, when, and what has been loaded for the answer."""

    caller: Caller
    now: datetime
    invitation_lifetime: timedelta
    rates: Rates
    browser: Browser
    loaders: Loaders
    changes: Changes | None = None
    """For a subscription."""

    async def catalogue(self) -> Catalogue:
        """The catalogue, the same throughout the request."""
        return await catalogue_for(self.caller)

    def forget_rows(self) -> None:
        """Load anew what comes after a change."""
        forget_memberships(self.caller)
        self.loaders = Loaders(self.caller)

    def renew(self, caller: Caller, now: datetime) -> None:
        """Answer the next event: for who the caller is by now, from rows read anew."""
        self.caller = caller
        self.now = now
        self.loaders = Loaders(caller)


Info = StrawberryInfo[Context, None]


def names_below(info: Info) -> frozenset[str]:
    """The names of all fields that are asked for below this one, under whatever condition.

    Worked out once for each place in a document.
    """
    raw = info._raw_info  # noqa: SLF001 - Strawberry's own view of it is made anew each time
    place = tuple(map(id, raw.field_nodes))
    known = _names.get(place)
    if known is None or known[0]() is not raw.operation:
        if len(_names) > PLACES_KEPT:
            _names.clear()
        names = frozenset(_names_in(raw.field_nodes, raw.fragments))
        known = _names[place] = (ref(raw.operation), names)
    return known[1]


def stands_alone(info: Info) -> bool:
    """Whether this is the only field that the operation begins with, and gives one thing alone.

    Then there is nothing to batch.
    """
    raw = info._raw_info  # noqa: SLF001 - as above
    selections = raw.operation.selection_set.selections
    return (
        raw.path.prev is None
        and len(selections) == 1
        and isinstance(selections[0], FieldNode)
        and not is_list_type(get_nullable_type(raw.return_type))
    )


PLACES_KEPT = 5_000

_names: dict[tuple[int, ...], tuple[ref[OperationDefinitionNode], frozenset[str]]] = {}


def _names_in(
    nodes: Iterable[FieldNode], fragments: Mapping[str, FragmentDefinitionNode]
) -> set[str]:
    names: set[str] = set()
    spread: set[str] = set()
    sets = [node.selection_set for node in nodes if node.selection_set]
    while sets:
        for selection in sets.pop().selections:
            if isinstance(selection, FragmentSpreadNode):
                name = selection.name.value
                if name not in spread and name in fragments:
                    spread.add(name)
                    sets.append(fragments[name].selection_set)
                continue
            if isinstance(selection, FieldNode):
                names.add(selection.name.value)
            inner = getattr(selection, "selection_set", None)
            if inner:
                sets.append(inner)
    return names
