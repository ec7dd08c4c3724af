"""What every field may know of the request that it answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from strawberry.dataloader import DataLoader
from strawberry.types import Info as StrawberryInfo

from models.audit import AuditEvent
from models.invitations import Invitation
from models.services import ServiceSubscription
from models.users import RoleAssignment, User
from resolvers import batches, lists, permissions
from resolvers.caller import Caller
from resolvers.catalogue import Catalogue
from resolvers.memberships import catalogue_for
from resolvers.rates import MailRates


class Browser(Protocol):
    """What signing out does outside the graph."""

    async def end_session_url(self, account: str) -> str | None:
        """Where to send the browser to end the identity provider's session; None if nowhere."""

    def forget_session(self) -> None:
        """Drop the session cookie with this answer."""


class Loaders:
    """Batch loading: whatever many rows ask for in one tick is one statement."""

    def __init__(self, caller: Caller) -> None:
        async def users(ids: list[UUID]) -> Sequence[User | None]:
            return await permissions.users_by_id(caller, ids)

        async def invitations(ids: list[UUID]) -> Sequence[Invitation | None]:
            return await permissions.invitations_by_id(caller, ids)

        async def subscriptions(ids: list[UUID]) -> Sequence[ServiceSubscription | None]:
            return await permissions.subscriptions_by_id(caller, ids)

        async def events(ids: list[UUID]) -> Sequence[AuditEvent | None]:
            return await lists.audit_events_by_id(caller, ids)

        async def administrators(places: list[tuple[UUID, UUID]]) -> Sequence[list[UUID]]:
            return await batches.administrators_of(places, await catalogue_for(caller))

        self.users = DataLoader[UUID, User | None](load_fn=users)
        self.invitations = DataLoader[UUID, Invitation | None](load_fn=invitations)
        self.subscriptions = DataLoader[UUID, ServiceSubscription | None](load_fn=subscriptions)
        self.audit_events = DataLoader[UUID, AuditEvent | None](load_fn=events)
        self.administrators = DataLoader[tuple[UUID, UUID], list[UUID]](load_fn=administrators)
        self.assignments = DataLoader[UUID, list[RoleAssignment]](load_fn=batches.assignments_of)
        self.newest_invitations = DataLoader[UUID, Invitation | None](
            load_fn=batches.newest_invitations_of
        )
        self.subscriptions_of = DataLoader[UUID, list[ServiceSubscription]](
            load_fn=batches.subscriptions_of
        )


@dataclass(slots=True)
class Context:
    """One request: who asks, when, and what has been loaded for the answer."""

    caller: Caller
    now: datetime
    invitation_lifetime: timedelta
    mail_rates: MailRates
    browser: Browser
    loaders: Loaders

    async def catalogue(self) -> Catalogue:
        """The catalogue, the same throughout the request."""
        return await catalogue_for(self.caller)

    def forget_rows(self) -> None:
        """Load anew what comes after a change."""
        self.loaders = Loaders(self.caller)


Info = StrawberryInfo[Context, None]
