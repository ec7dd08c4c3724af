"""Doing in one organization what its people would have done, at moments of the past."""

import random
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from gateway.demo.people import Person, names
from models.invitations import Invitation
from models.organizations import ProductRelease
from models.users import User
from resolvers import outbox
from resolvers.association import accept_invitation
from resolvers.caller import Caller
from resolvers.catalogue import current_catalogue
from resolvers.invitations import invite_users, revoke_invitations
from resolvers.new_users import NewUser
from resolvers.rates import Unlimited
from resolvers.refusals import Refused
from resolvers.selection import RoleSelection
from resolvers.sessions import Identity, caller_of_session, sign_in
from resolvers.sign_up import NewOrganization, sign_up
from resolvers.users import create_user

LINKS_LAST = timedelta(days=7)
SESSIONS_LAST = timedelta(hours=12)

INVITED = 0.95
"""The share of a crowd that is invited at all."""

ACCEPTED, REVOKED, BOUNCED = 0.82, 0.94, 0.97
"""Of those invited: below the first, they accept; above the others, that befalls their mail."""

BOUNCE = "550 5.1.1 The mailbox does not exist."

LETTERS_WITHOUT_MARKS = str.maketrans({"ø": "o", "ł": "l", "\u0131": "i", "\u2019": ""})
"""Letters that Unicode does not take for a plain one with a mark."""


class SampleRefused(Exception):  # noqa: N818 - a rule of ours said no
    """A sample breaks a rule of the gateway."""


@dataclass(slots=True)
class Crowd:
    """People who are not in the guide."""

    chance: random.Random
    seen: set[str] = field(default_factory=set)
    first_names: list[str] = field(default_factory=lambda: names("first-names.txt"))
    last_names: list[str] = field(default_factory=lambda: names("last-names.txt"))

    def people(self, count: int) -> list[Person]:
        """New people, no two with one account."""
        found: list[Person] = []
        while len(found) < count:
            person = Person(
                self.chance.choice(self.first_names), self.chance.choice(self.last_names), ""
            )
            if person.name not in self.seen:
                self.seen.add(person.name)
                found.append(person)
        return found

    def roles(self, offered: Sequence[str]) -> list[str]:
        """One to three of the roles."""
        return self.chance.sample(list(offered), k=self.chance.choice((1, 1, 1, 2, 2, 3)))


@dataclass(slots=True)
class Builder:
    """Does in one organization what its people would have done."""

    issuer: str
    domain: str
    organization_id: UUID | None = None

    async def caller(self, person: Person, *, at: datetime) -> Caller:
        """Somebody who signs in."""
        account = account_of(person)
        identity = Identity(
            issuer=self.issuer,
            subject=account,
            microsoft_account=account,
            display_name=person.name,
        )
        token, _ = await sign_in(
            identity,
            client="Firefox on Windows",
            request_id="sample",
            now=at,
            lifetime=SESSIONS_LAST,
        )
        caller = await caller_of_session(token, request_id="sample", now=at)
        if caller is None:
            raise SampleRefused(person.name)
        return caller

    async def found(
        self, person: Person, name: str, release: ProductRelease, service: str, *, at: datetime
    ) -> None:
        """Sign a new organization up for a service."""
        done = await sign_up(
            await self.caller(person, at=at),
            service_id=await _service_id(service),
            organization_id=None,
            new_organization=NewOrganization(
                name=name,
                country_or_region="US",
                product_release=release,
                first_name=person.first_name,
                last_name=person.last_name,
                primary_email_address=address_of(person, self.domain),
            ),
            now=at,
        )
        self.organization_id = done.user.organization_id

    async def subscribe(self, person: Person, service: str, *, at: datetime) -> None:
        """Sign the organization up for one more service."""
        await sign_up(
            await self.caller(person, at=at),
            service_id=await _service_id(service),
            organization_id=self.organization_id,
            new_organization=None,
            now=at,
        )

    async def create(
        self, administrator: Person, people: Sequence[Person], roles: Sequence[str], *, at: datetime
    ) -> list[User]:
        """New users, all with the same roles."""
        if self.organization_id is None:
            raise SampleRefused(self.domain)
        wanted = RoleSelection(add=await _role_ids(roles))
        caller = await self.caller(administrator, at=at)
        return [
            await create_user(
                caller,
                new=NewUser(
                    organization_id=self.organization_id,
                    first_name=person.first_name,
                    last_name=person.last_name,
                    microsoft_account=account_of(person),
                    primary_email_address=address_of(person, self.domain),
                    roles=wanted,
                ),
                now=at + timedelta(minutes=2 * number),
            )
            for number, person in enumerate(people)
        ]

    async def invite(
        self, administrator: Person, users: Sequence[User], *, at: datetime
    ) -> list[Invitation]:
        """Send invitations; the mails wait in the outbox."""
        results = await invite_users(
            await self.caller(administrator, at=at),
            user_ids=[user.id for user in users],
            lifetime=LINKS_LAST,
            rates=Unlimited(),
            now=at,
        )
        for result in results:
            if isinstance(result, Refused):
                raise SampleRefused from result
        return [result for result in results if isinstance(result, Invitation)]

    async def hire(
        self,
        administrator: Person,
        people: Sequence[Person],
        roles: Sequence[str],
        *,
        at: datetime,
        until: datetime,
        crowd: Crowd | None = None,
    ) -> None:
        """Create, invite, deliver and accept; with a crowd, some don't come that far."""
        users = await self.create(administrator, people, roles, at=at)
        invited_at = at + timedelta(hours=1)
        kept = [user for user in users if crowd is None or crowd.chance.random() < INVITED]
        invitations = await self.invite(administrator, kept, at=invited_at)
        mails = await outbox.claim_due(now=invited_at, lease=timedelta(minutes=5), limit=100)
        by_user = {user.id: person for user, person in zip(users, people, strict=True)}
        owners = {invitation.id: by_user[invitation.user_id] for invitation in invitations}
        for mail in mails:
            fate = crowd.chance.random() if crowd else 0.0
            if fate > BOUNCED:
                await outbox.record_failure(mail, BOUNCE)
                continue
            await outbox.record_sent(mail, now=invited_at + timedelta(seconds=2))
            accepted_at = invited_at + timedelta(hours=1 + 60 * fate)
            if fate < ACCEPTED and accepted_at < until:
                caller = await self.caller(owners[mail.invitation_id], at=accepted_at)
                await accept_invitation(
                    caller, token=mail.token, rates=Unlimited(), now=accepted_at
                )
            elif fate > REVOKED:
                await revoke_invitations(
                    await self.caller(administrator, at=invited_at + timedelta(days=1)),
                    invitation_ids=[mail.invitation_id],
                    now=invited_at + timedelta(days=1),
                )


async def _service_id(code: str) -> UUID:
    for service in (await current_catalogue()).services.values():
        if service.code == code:
            return service.id
    raise SampleRefused(code)


async def _role_ids(names: Sequence[str]) -> list[UUID]:
    catalogue = await current_catalogue()
    ids = {
        f"{catalogue.service_of(role).code}/{role.code}": role.id
        for role in catalogue.roles.values()
    }
    missing = set(names) - set(ids)
    if missing:
        raise SampleRefused(", ".join(sorted(missing)))
    return [ids[name] for name in names]


def account_of(person: Person) -> str:
    """The person's Microsoft account: by the first name for those of the guide."""
    return person.account if person.what else f"{_plain(person)}@live.example"


def address_of(person: Person, domain: str) -> str:
    """The primary e-mail address at an organization."""
    return f"{_plain(person)}@{domain}"


def _plain(person: Person) -> str:
    name = f"{person.first_name}.{person.last_name}".lower().translate(LETTERS_WITHOUT_MARKS)
    return unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
