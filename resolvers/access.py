"""May a user do an action of a service? The rules that decide it, for services that enforce roles.

The gateway itself asks none of this: it is for the online services, and for people who wonder.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from models.services import SubscriptionStatus
from models.users import UserStatus
from resolvers.caller import Caller
from resolvers.catalogue import Role, Service, roles_named
from resolvers.memberships import Membership, catalogue_for, memberships_of
from resolvers.seen import SeenUser

MAX_QUOTED = 100
"""Of the action's name in an answer: it is the caller's, and may be long."""


@dataclass(frozen=True, slots=True)
class Step:
    """A rule, and whether it is kept."""

    rule: str
    passed: bool
    detail: str
    """For people."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer, with the rules that led to it, in order."""

    steps: tuple[Step, ...]

    @property
    def allowed(self) -> bool:
        """All rules must be kept."""
        return all(step.passed for step in self.steps)


async def decide(
    caller: Caller, *, user: SeenUser | None, service_id: UUID, action: str
) -> Decision:
    """Decide it by what the user holds, and where.

    `user` has passed the gate, with his roles; he is None if there is none, or none whom the caller
    may see: service administrators of his organization see him, and he himself. Both are answered
    alike, by a decision that allows nothing (rule 6). Of a user and a service that are known all
    rules are told, also those after one that is not kept.

    Raises:
        Unauthenticated: Nobody is signed in.
    """
    memberships = await memberships_of(caller)
    catalogue = await catalogue_for(caller)
    if user is None:
        unknown = "No user has this id, or you may not see him."
        return Decision((_step("user", kept=False, detail=unknown),))
    membership = memberships[user.organization_id]
    name = membership.organization.name
    known = _step("user", kept=True, detail=f"{user.full_name} is a user of {name}.")
    service = catalogue.services.get(service_id)
    if service is None:
        return Decision((known, _step("service", kept=False, detail="No service has this id.")))
    return Decision((known, *_rules(membership, user, service, action)))


def _step(rule: str, *, kept: bool, detail: str) -> Step:
    return Step(rule, kept, detail)


def _rules(membership: Membership, user: SeenUser, service: Service, action: str) -> Iterator[Step]:
    organization = membership.organization.name
    associated = user.status == UserStatus.ASSOCIATED
    yield _step(
        "association",
        kept=associated,
        detail=f"The Microsoft account of {user.full_name} is associated."
        if associated
        else f"{user.full_name} has not accepted an invitation: no account is associated.",
    )
    status = membership.subscriptions.get(service.id)
    signed_up = "signed up" if status else "not signed up"
    yield _step(
        "subscription",
        kept=status is not None,
        detail=f"{organization} has {signed_up} for {service.name}.",
    )
    active = status is SubscriptionStatus.ACTIVE
    state = "active" if active else "deactivated" if status else "not there"
    yield _step("active", kept=active, detail=f"The subscription of {service.name} is {state}.")
    reason = service.unavailability(membership.organization)
    yield _step(
        "availability",
        kept=reason is None,
        detail=reason or f"{service.name} is available to {organization}.",
    )
    roles = roles_named(membership.catalogue, user.role_ids or "")
    held = [role for role in roles if role.service_id == service.id]
    yield _step(
        "role",
        kept=bool(held),
        detail=f"{user.full_name} holds {_named(held) or 'no role'} of {service.name}.",
    )
    yield _authorization(user, service, held, action)


def _authorization(user: SeenUser, service: Service, held: Sequence[Role], action: str) -> Step:
    """The last rule, a role that authorizes the action; and the roles to choose from, if not."""
    quoted = action if len(action) <= MAX_QUOTED else f"{action[:MAX_QUOTED]}…"
    authorizing = [role for role in held if action in role.actions]
    if authorizing:
        detail = f"{quoted} is authorized by {_named(authorizing)}."
        return _step("action", kept=True, detail=detail)
    others = _named([role for role in service.roles if action in role.actions])
    detail = (
        f"{quoted} is authorized by {others}, of which {user.full_name} holds none."
        if others
        else f"{quoted} is no action of {service.name}: no role of it authorizes that."
    )
    return _step("action", kept=False, detail=detail)


def _named(roles: Sequence[Role]) -> str:
    return ", ".join(role.name for role in roles)
