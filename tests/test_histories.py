"""Whatever several people do in whatever order, the gateway does what a simple model does."""

import itertools
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from models.audit import AuditAction, AuditEvent, AuditOutcome
from models.invitations import Invitation
from models.users import RoleAssignment, User
from resolvers.audit_chains import verified_chains
from schema.nodes import decode_id, encode_id
from tests import documents
from tests.histories import ADMINISTRATOR, ROLES, SERVICES, Model, ModelUser
from tests.people import Gateway, Person

numbers = itertools.count()

ACTORS = st.sampled_from([0, 1, 2, 0, 1, 2, 3, 4])
ACCOUNTS = st.integers(0, 4)
ANY_ROLE = st.sampled_from(ROLES)

STEPS = st.one_of(
    st.tuples(st.just("sign_up"), ACTORS, st.sampled_from(SERVICES)),
    st.tuples(st.sampled_from(["activate", "deactivate"]), ACTORS, st.sampled_from(SERVICES)),
    st.tuples(st.just("create"), ACTORS, ACCOUNTS, st.sets(ANY_ROLE, max_size=2)),
    st.tuples(st.sampled_from(["add", "remove_role"]), ACTORS, ACCOUNTS, ANY_ROLE),
    st.tuples(st.just("invite"), ACTORS, ACCOUNTS),
    st.tuples(st.just("enter"), ACTORS, ACCOUNTS, ANY_ROLE),
    st.tuples(st.just("revoke"), ACTORS, ACCOUNTS),
    st.tuples(st.just("accept"), ACCOUNTS, st.integers(0, 9)),
    st.tuples(st.just("empty_and_remove"), ACTORS, ACCOUNTS),
    st.tuples(st.just("remove"), ACTORS, ACCOUNTS),
)


class History:
    """One organization, the people who act on it, and the model of it."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        number = next(numbers)
        self.accounts = [f"p{index}-{number}@live.example" for index in range(5)]
        self.people: dict[str, Person] = {}
        self.model = Model()
        self.organization = ""
        self.links: list[str] = []
        self.subscriptions: dict[str, str] = {}
        self.catalogue: dict[str, dict[str, Any]] = {}

    async def begin(self) -> None:
        """The first person founds it, two more come in, one of whom signs it up for more."""
        self.catalogue = await self.gateway.services()
        for account in self.accounts:
            self.people[account] = await self.gateway.person(account)
        founder = self.accounts[0]
        payload = await self.people[founder].sign_up(SERVICES[0], newOrganization=documents.CONTOSO)
        self.organization = payload["user"]["organization"]["id"]
        self.subscriptions[SERVICES[0]] = payload["subscription"]["id"]
        self.model.active[SERVICES[0]] = True
        roles = {(SERVICES[0], ADMINISTRATOR)}
        self.model.users[founder] = ModelUser(founder, roles, associated=True)
        self.model.changes = 1
        await self.take(("enter", 0, 1, (SERVICES[0], ADMINISTRATOR)))
        await self.take(("enter", 0, 2, (SERVICES[0], "viewer")))
        await self.take(("sign_up", 2, SERVICES[1]))

    @property
    def organization_id(self) -> UUID:
        """Its key."""
        return decode_id("Organization", self.organization)

    async def row(self, account: str) -> User | None:
        """The profile with this account."""
        return await User.get_or_none(
            organization_id=self.organization_id, microsoft_account_key=account
        )

    def role(self, role: tuple[str, str]) -> str:
        """The id of a role."""
        return str(self.catalogue[role[0]]["roles"][role[1]])

    async def take(self, step: tuple[Any, ...]) -> None:
        """Take a step in both; both must agree whether it succeeds."""
        name, actor_index, *rest = step
        actor = self.accounts[actor_index]
        if name in {"enter", "empty_and_remove"}:
            for each in self._parts(name, actor_index, rest):
                await self.take(each)
            return
        expected, done = await getattr(self, f"_{name}")(actor, self.people[actor], *rest)
        event(f"{name}: {'done' if done else 'refused'}")
        assert (name, done) == (name, expected)
        await self.compare()

    def _parts(self, name: str, actor: int, rest: list[Any]) -> list[tuple[Any, ...]]:
        """Longer ways that single steps would seldom find."""
        if name == "enter":
            account, role = rest
            return [
                ("create", actor, account, {role}),
                ("invite", actor, account),
                ("accept", account, len(self.links)),
            ]
        user = self.model.users.get(self.accounts[rest[0]])
        roles = sorted(user.roles) if user else []
        moves = [("remove_role", actor, rest[0], role) for role in roles]
        return [*moves, ("remove", actor, rest[0])]

    async def _sign_up(self, actor: str, person: Person, service: str) -> tuple[bool, bool]:
        payload = await person.sign_up(service, organizationId=self.organization)
        if payload["subscription"]:
            self.subscriptions[service] = payload["subscription"]["id"]
        return self.model.sign_up(actor, service), not payload["userErrors"]

    async def _activate(self, actor: str, person: Person, service: str) -> tuple[bool, bool]:
        return await self._switch(actor, person, service, active=True)

    async def _deactivate(self, actor: str, person: Person, service: str) -> tuple[bool, bool]:
        return await self._switch(actor, person, service, active=False)

    async def _switch(
        self, actor: str, person: Person, service: str, *, active: bool
    ) -> tuple[bool, bool]:
        if service not in self.subscriptions:
            return False, False
        document = documents.ACTIVATE if active else documents.DEACTIVATE
        payload = await person.do(document, id=self.subscriptions[service])
        return self.model.set_active(actor, service, active=active), not payload["userErrors"]

    async def _create(
        self, actor: str, person: Person, account_index: int, roles: set[tuple[str, str]]
    ) -> tuple[bool, bool]:
        account = self.accounts[account_index]
        payload = await person.create(
            self.organization,
            microsoftAccount=account,
            primaryEmailAddress=account,
            roles={"set": sorted(self.role(role) for role in roles)},
        )
        return self.model.create(actor, account, roles), not payload["userErrors"]

    async def _add(
        self, actor: str, person: Person, account: int, role: tuple[str, str]
    ) -> tuple[bool, bool]:
        return await self._move(actor, person, account, role, add=True)

    async def _remove_role(
        self, actor: str, person: Person, account: int, role: tuple[str, str]
    ) -> tuple[bool, bool]:
        return await self._move(actor, person, account, role, add=False)

    async def _move(
        self, actor: str, person: Person, index: int, role: tuple[str, str], *, add: bool
    ) -> tuple[bool, bool]:
        account = self.accounts[index]
        row = await self.row(account)
        if row is None:
            return False, False
        payload = await person.edit(
            {"id": encode_id("User", row.id), "version": row.version},
            roles={"add" if add else "remove": [self.role(role)]},
            confirmSelfDemotion=True,
        )
        return self.model.move(actor, account, role, add=add), not payload["userErrors"]

    async def _invite(self, actor: str, person: Person, index: int) -> tuple[bool, bool]:
        account = self.accounts[index]
        row = await self.row(account)
        if row is None:
            return False, False
        payload = await person.invite({"id": encode_id("User", row.id)})
        done = not payload["results"][0]["userErrors"]
        expected = self.model.invite(actor, account)
        if done and expected:
            self.links.append((await self.gateway.tokens())[-1])
            self.model.users[account].link = self.links[-1]
        return expected, done

    async def _revoke(self, actor: str, person: Person, index: int) -> tuple[bool, bool]:
        account = self.accounts[index]
        row = await self.row(account)
        invitation = await Invitation.filter(user_id=row.id).first() if row else None
        if invitation is None:
            return False, False
        payload = await person.do(
            documents.REVOKE_INVITATIONS,
            input={"invitationIds": [encode_id("Invitation", invitation.id)]},
        )
        done = not payload["results"][0]["userErrors"]
        return self.model.revoke(actor, account), done

    async def _accept(self, actor: str, person: Person, index: int) -> tuple[bool, bool]:
        if index >= len(self.links):
            return False, False
        payload = await person.accept(self.links[index])
        return self.model.accept(actor, self.links[index]), not payload["userErrors"]

    async def _remove(self, actor: str, person: Person, index: int) -> tuple[bool, bool]:
        account = self.accounts[index]
        row = await self.row(account)
        if row is None:
            return False, False
        payload = await person.remove({"id": encode_id("User", row.id)})
        done = not payload["results"][0]["userErrors"]
        if done and row.account_id is not None:
            self.people[account] = await self.gateway.person(account)
        return self.model.remove(actor, account), done

    async def compare(self) -> None:
        """What must hold after each step."""
        rows = await User.filter(organization_id=self.organization_id)
        held = await RoleAssignment.filter(organization_id=self.organization_id).prefetch_related(
            "role", "service"
        )
        there = {
            row.microsoft_account_key: (
                {(each.service.code, each.role.code) for each in held if each.user_id == row.id},
                row.account_id is not None,
            )
            for row in rows
        }
        recorded = await AuditEvent.filter(
            organization_id=self.organization_id, outcome=AuditOutcome.SUCCEEDED
        ).exclude(action__in=[AuditAction.SIGNED_IN, AuditAction.SIGNED_OUT])

        assert there == {
            account: (user.roles, user.associated) for account, user in self.model.users.items()
        }
        assert all(self.model.counting(service) for service in self.model.active)
        assert len(recorded) == self.model.changes
        await self._compare_lists()

    async def _compare_lists(self) -> None:
        """The lists of the form are disjoint, and offer what would be granted."""
        administrator = next(iter(self.model.counting(SERVICES[0])))
        query = (
            "query ($id: ID!) { users(organizationId: $id) { nodes { selectedRoles { ...R }"
            " availableRoles { ...R } } } } fragment R on Role { code service { code } }"
        )
        page = (await self.people[administrator].ask(query, id=self.organization))["users"]
        for node in page["nodes"]:
            selected, available = (
                {(role["service"]["code"], role["code"]) for role in node[name]}
                for name in ("selectedRoles", "availableRoles")
            )
            assert selected & available == set()
            assert {service for service, _ in available} <= self.model.manageable(administrator)

    async def end(self) -> None:
        """No link works twice, and nothing is missing in the trail."""
        for link in self.links:
            for account, person in self.people.items():
                user = self.model.users.get(account)
                if user is None or user.link != link:
                    assert (await person.accept(link))["user"] is None
        chains = [chain async for chain in verified_chains(self.organization_id)]
        assert [chain.faults for chain in chains] == [()]


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(STEPS, min_size=10, max_size=20))
async def test_whatever_people_do_the_gateway_does_what_the_model_does(
    gateway: Gateway, steps: list[tuple[Any, ...]]
) -> None:
    history = History(gateway)
    await history.begin()
    for step in steps:
        await history.take(step)
    await history.end()
