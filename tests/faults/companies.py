"""Organizations with two administrators at work, and a pair who fight over a second service."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any, Self

from tests import documents
from tests.faults.clients import Links, Replicas, UnexpectedAnswer, cookie_of, problems_in
from tests.faults.people import CREATE, EDIT, INVITE, Administrator, User
from tests.people import Clock

NEWCOMERS = 20
"""Sessions that each administrator has in store for new users."""

VERSIONS = "query($a: ID!, $b: ID!) { a: user(id: $a) { version } b: user(id: $b) { version } }"


@dataclass
class Pair:
    """Two administrators of one service, who take the role from each other at the same moment."""

    replicas: Replicas
    role: str
    ids: dict[str, str]
    """Of `a` and `b`."""
    cookies: dict[str, str]
    survivor: str = "a"
    outcomes: Counter[str] = field(default_factory=Counter)

    async def fight(self) -> None:
        """One of them loses the role, and gets it back from the other."""
        versions = await self._versions()
        if versions is None:
            return
        fights = [
            self._edit(by, versions, whom=whom, roles={"remove": [self.role]})
            for by, whom in (("a", "b"), ("b", "a"))
        ]
        problems = dict(zip("ab", await asyncio.gather(*fights), strict=True))
        self.outcomes.update(",".join(each) or "demoted" for each in problems.values())
        self.survivor = "a" if not problems["a"] else "b"
        loser = "b" if self.survivor == "a" else "a"
        versions = await self._versions()
        if versions is not None:
            restored = await self._edit(
                self.survivor, versions, whom=loser, roles={"add": [self.role]}
            )
            self.outcomes.update(f"not restored: {each}" for each in restored)

    async def _versions(self) -> dict[str, int] | None:
        data = await self.replicas.mutate(
            self.cookies[self.survivor], VERSIONS, a=self.ids["a"], b=self.ids["b"]
        )
        if data is None or not all(data.values()):
            return None
        return {name: user["version"] for name, user in data.items()}

    async def _edit(
        self, by: str, versions: dict[str, int], *, whom: str, roles: dict[str, list[str]]
    ) -> list[str]:
        form = {"id": self.ids[whom], "version": versions[whom], "roles": roles}
        data = await self.replicas.mutate(self.cookies[by], EDIT, input=form)
        assert data is not None
        return [error["code"] for error in data["editUser"]["userErrors"]]


@dataclass
class Company:
    """An organization."""

    name: str
    administrators: list[Administrator]
    pair: Pair


@dataclass
class Founding:
    """What founding companies needs."""

    replicas: Replicas
    links: Links
    clock: Clock
    random: Random
    services: dict[str, dict[str, Any]]

    @classmethod
    async def begun(cls, replicas: Replicas, links: Links, random: Random) -> Self:
        """With the catalogue that the gateways have."""
        catalogue = await replicas.mutate("", documents.CATALOGUE)
        assert catalogue is not None
        services = {each["code"]: each for each in catalogue["services"]}
        return cls(replicas, links, Clock(datetime.now(UTC)), random, services)

    async def company(self, name: str) -> Company:
        """A new organization with its people."""
        founder = f"founder@{name}.example"
        cookie = await cookie_of(founder, self.clock)
        data = await self._done(
            cookie,
            documents.SIGN_UP,
            input={
                "serviceId": self.services["commerce-services"]["id"],
                "newOrganization": {**documents.CONTOSO, "name": name},
            },
        )
        organization = data["signUpForService"]["user"]["organization"]["id"]
        administrator = self.role("commerce-services", "service-administrator")
        viewer = self.role("commerce-services", "viewer")
        deputy = await self._enter(cookie, organization, f"deputy@{name}.example", administrator)
        a, b = [
            await self._enter(cookie, organization, f"{each}@{name}.example", viewer)
            for each in "ab"
        ]
        await self._done(
            a.cookie,
            documents.SIGN_UP,
            input={
                "serviceId": self.services["payment-services"]["id"],
                "organizationId": organization,
            },
        )
        fought_over = self.role("payment-services", "service-administrator")
        pair = Pair(
            self.replicas, fought_over, {"a": a.id, "b": b.id}, {"a": a.cookie, "b": b.cookie}
        )
        form = {"id": b.id, "version": 1, "roles": {"add": [fought_over]}}
        await self._done(a.cookie, EDIT, input=form)
        roles = [viewer, self.role("commerce-services", "order-processor")]
        administrators = [
            Administrator(
                replicas=self.replicas,
                links=self.links,
                random=Random(self.random.random()),  # noqa: S311 - load, not secrets
                cookie=each,
                organization=organization,
                roles=roles,
                newcomers=[],
            )
            for each in (cookie, deputy.cookie)
        ]
        return Company(name, administrators, pair)

    def role(self, service: str, code: str) -> str:
        """A role's id."""
        roles = self.services[service]["roles"]
        return next(str(role["id"]) for role in roles if role["code"] == code)

    async def _enter(self, cookie: str, organization: str, account: str, role: str) -> User:
        form = {
            **documents.FORM,
            "organizationId": organization,
            "microsoftAccount": account,
            "primaryEmailAddress": account,
            "roles": {"set": [role]},
        }
        data = await self._done(cookie, CREATE, input=form)
        user = User(account, await cookie_of(account, self.clock), form["firstName"])
        user.id = data["createUser"]["user"]["id"]
        await self._done(cookie, INVITE, input={"userIds": [user.id]})
        token = await self.links.token_for(account)
        await self._done(user.cookie, documents.ACCEPT_INVITATION, input={"token": token})
        return user

    async def _done(self, cookie: str, query: str, **variables: Any) -> dict[str, Any]:
        data = await self.replicas.mutate(cookie, query, **variables)
        assert data is not None
        if problems_in(data):
            raise UnexpectedAnswer(data)
        return data

    async def invite_newcomers(self, company: Company) -> None:
        """Fill up the accounts that new users are made of."""
        for number, each in enumerate(company.administrators):
            for _ in range(NEWCOMERS - len(each.newcomers)):
                account = f"u{self.random.getrandbits(60)}.{number}@{company.name}.example"
                each.newcomers.append((account, await cookie_of(account, self.clock)))
