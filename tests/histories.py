"""A simple model of one organization, to compare the gateway with whatever people do to it."""

from dataclasses import dataclass, field
from typing import Any

SERVICES = ("commerce-services", "sites-services", "payment-services")
ADMINISTRATOR = "service-administrator"
ROLES = (
    ("commerce-services", ADMINISTRATOR),
    ("commerce-services", "viewer"),
    ("sites-services", ADMINISTRATOR),
    ("sites-services", "sites-users"),
    ("payment-services", ADMINISTRATOR),
    ("payment-services", "auditor"),
)

Role = tuple[str, str]

Step = tuple[Any, ...]
"""A name, the actor's number, and what the name needs."""


@dataclass(frozen=True)
class Act:
    """A step with what it was known to mean when it was taken."""

    step: Step
    document: str
    variables: dict[str, Any]
    account: str = ""
    """Whom it is done to."""
    link: str = ""

    @property
    def name(self) -> str:
        """What is done."""
        return str(self.step[0])


@dataclass(frozen=True)
class Outcome:
    """What came of an act."""

    done: bool
    lost: bool = False
    """Refused since somebody else was first: he changed the row, or ended the actor's session."""


@dataclass
class ModelUser:
    """A profile, as far as the rules depend on it."""

    account: str
    roles: set[Role] = field(default_factory=set)
    associated: bool = False
    invitation: str | None = None
    """The newest one's status; None for one who was never invited."""
    link: str | None = None
    """The token of the only link that works; None while nobody has looked at its mail."""
    first_name: str = "Alice"
    address: str = "alice@contoso.example"


@dataclass
class Model:
    """An organization: each method says whether the act must succeed, and then does it.

    `changes` counts what the audit trail must have an event of.
    """

    users: dict[str, ModelUser] = field(default_factory=dict)
    """By account."""
    active: dict[str, bool] = field(default_factory=dict)
    """The services that were signed up for."""
    changes: int = 0

    def state(self) -> Any:
        """All that the database must say too."""
        users = {
            account: (user.roles, user.associated, user.invitation, user.first_name, user.address)
            for account, user in self.users.items()
        }
        return users, self.changes

    def administered(self, actor: str) -> set[str]:
        """The services that someone administers."""
        user = self.users.get(actor)
        if user is None or not user.associated:
            return set()
        return {service for service, role in user.roles if role == ADMINISTRATOR}

    def manageable(self, actor: str) -> set[str]:
        """Those of them that are in use."""
        return {service for service in self.administered(actor) if self.active[service]}

    def counting(self, service: str) -> set[str]:
        """The administrators who count (rule 37)."""
        role = (service, ADMINISTRATOR)
        return {
            each.account for each in self.users.values() if each.associated and role in each.roles
        }

    def sign_up(self, actor: str, service: str) -> bool:
        """Rules 7 to 10."""
        user = self.users.get(actor)
        if user is None or not user.associated:
            return False
        if service in self.active:
            return service in self.administered(actor)
        self.active[service] = True
        user.roles.add((service, ADMINISTRATOR))
        self.changes += 1
        return True

    def set_active(self, actor: str, service: str, *, active: bool) -> bool:
        """Rule 14; only for an administrator of the service."""
        if service not in self.administered(actor):
            return False
        self.changes += self.active[service] is not active
        self.active[service] = active
        return True

    def create(self, actor: str, account: str, roles: set[Role]) -> bool:
        """Rules 3, 4, 20 and 22."""
        services = {service for service, _ in roles}
        if not roles or account in self.users or services - self.manageable(actor):
            return False
        self.users[account] = ModelUser(account, set(roles), first_name="Dora", address=account)
        self.changes += 1
        return True

    def move(self, actor: str, account: str, role: Role, *, add: bool) -> bool:
        """Rules 4, 14, 23 and 37: one role from one list to the other."""
        user = self.users.get(account)
        if user is None or not self.manageable(actor):
            return False
        if add == (role in user.roles):
            return True
        service = role[0]
        if service not in self.manageable(actor):
            return False
        if not add and role[1] == ADMINISTRATOR and self.counting(service) == {account}:
            return False
        (user.roles.add if add else user.roles.discard)(role)
        self.changes += 1
        return True

    def invite(self, actor: str, account: str) -> bool:
        """Rules 27, 28 and 31."""
        user = self.users.get(account)
        if user is None or user.associated or not self.manageable(actor):
            return False
        if not any(self.active[service] for service, _ in user.roles):
            return False
        user.invitation, user.link = "PENDING", None
        self.changes += 1
        return True

    def revoke(self, actor: str, account: str) -> bool:
        """Rule 29."""
        user = self.users.get(account)
        if user is None or user.invitation in {None, "ACCEPTED"} or not self.manageable(actor):
            return False
        if user.invitation == "PENDING":
            user.invitation, user.link = "REVOKED", None
            self.changes += 1
        return True

    def rename(self, actor: str, account: str, name: str) -> bool:
        """Rule 23: any service administrator edits names."""
        user = self.users.get(account)
        if user is None or not self.manageable(actor):
            return False
        self.changes += user.first_name != name
        user.first_name = name
        return True

    def readdress(self, actor: str, account: str, address: str) -> bool:
        """Rule 29: a pending link dies with the address that it went to."""
        user = self.users.get(account)
        if user is None or not self.manageable(actor):
            return False
        if user.address != address:
            user.address = address
            self.changes += 1
            if user.invitation == "PENDING":
                user.invitation, user.link = "SUPERSEDED", None
        return True

    def accept(self, actor: str, link: str) -> bool:
        """Rules 25 and 27."""
        user = self.users.get(actor)
        if user is None or user.link != link:
            return False
        user.associated, user.invitation, user.link = True, "ACCEPTED", None
        self.changes += 1
        return True

    def remove(self, actor: str, account: str) -> bool:
        """Rules 38 and 39."""
        user = self.users.get(account)
        if user is None or user.roles or not self.manageable(actor):
            return False
        del self.users[account]
        self.changes += 1
        return True
