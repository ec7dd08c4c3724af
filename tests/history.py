"""A history of one organization: people act, one by one or at once, and a model explains it."""

import asyncio
import copy
import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from hypothesis import event

from models.audit import AuditAction, AuditEvent, AuditOutcome
from models.invitations import OutgoingMail
from models.users import RoleAssignment, User
from resolvers.audit_chains import verified_chains
from resolvers.batches import newest_invitations_of
from schema.nodes import decode_id, encode_id
from tests import documents
from tests.histories import ADMINISTRATOR, SERVICES, Act, Model, ModelUser, Outcome, Role, Step
from tests.people import Gateway, Person

numbers = itertools.count()

GONE_MEANWHILE = ["The user was removed meanwhile.", "You belong to no organization with this id."]
"""What is said in the place of who was removed between a change and its answer."""


@dataclass
class History:
    """One organization, the people who act on it, and the model of it."""

    gateway: Gateway
    people: dict[str, Person] = field(default_factory=dict)
    model: Model = field(default_factory=Model)
    organization: str = ""
    links: list[str] = field(default_factory=list)
    subscriptions: dict[str, str] = field(default_factory=dict)
    catalogue: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.number = next(numbers)
        self.accounts = [f"p{index}-{self.number}@live.example" for index in range(5)]

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

    async def take(self, step: Step) -> None:
        """Take one step, or the parts of a longer way that single steps would seldom find."""
        name, actor, *rest = step
        parts: list[Step] = [step]
        if name == "enter":
            parts = [
                ("create", actor, rest[0], {rest[1]}),
                ("invite", actor, rest[0]),
                ("accept", rest[0], len(self.links)),
            ]
        elif name == "invite_and_revoke":
            parts = [("invite", actor, rest[0]), ("revoke", actor, rest[0])]
        elif name == "empty_and_remove":
            user = self.model.users.get(self.accounts[rest[0]])
            roles = sorted(user.roles) if user else []
            moves = [("remove_role", actor, rest[0], role) for role in roles]
            parts = [*moves, ("remove", actor, rest[0])]
        for part in parts:
            await self.take_at_once([part])

    async def take_at_once(self, steps: Sequence[Step]) -> None:
        """Take steps at the same time; some order of them must explain what came of it."""
        prepared = [await self._prepared(self._own(step)) for step in steps]
        acts = [act for act in prepared if act is not None]
        told = [] if len(acts) == 1 else GONE_MEANWHILE
        outcomes = await asyncio.gather(*(self._done(act, told) for act in acts))
        for act, outcome in zip(acts, outcomes, strict=True):
            event(
                f"{act.name}: {'done' if outcome.done else 'lost' if outcome.lost else 'refused'}"
            )
            if outcome.done and act.name == "remove":
                self.people[act.account] = await self.gateway.person(act.account)
        seen = await self._state()
        explanations = [
            model
            for order in itertools.permutations(range(len(acts)))
            if (model := self._after(order, acts, outcomes)) and model.state() == seen
        ]
        assert explanations, (acts, outcomes, self.model, seen)
        self.model = explanations[0]
        await self._learn_links()
        assert all(self.model.counting(service) for service in self.model.active)
        await self._compare_lists()

    def _own(self, step: Step) -> Step:
        """The step, by an address of this history's: others would use up its rate of mails."""
        if step[0] != "readdress":
            return step
        *place, address = step
        return (*place, f"{self.number}.{address}")

    def _after(
        self, order: Sequence[int], acts: Sequence[Act], outcomes: Sequence[Outcome]
    ) -> Model | None:
        """The model after the acts in this order; None if one of them would come out otherwise."""
        model = copy.deepcopy(self.model)
        for index in order:
            act, outcome = acts[index], outcomes[index]
            if outcome.lost:
                rivals = [
                    other
                    for other, its in zip(acts, outcomes, strict=True)
                    if other is not act and its.done and self._meet(act, other)
                ]
                if not rivals:
                    return None
            elif self._expected(model, act) != outcome.done:
                return None
        return model

    def _meet(self, act: Act, other: Act) -> bool:
        """Whether one may be in the other's way by more than the rules."""
        return bool(
            {act.account, self.accounts[act.step[1]]}
            & {other.account, self.accounts[other.step[1]]}
        )

    async def _row(self, account: str) -> User | None:
        return await User.get_or_none(
            organization_id=self.organization_id, microsoft_account_key=account
        )

    def _role(self, role: Role) -> str:
        return str(self.catalogue[role[0]]["roles"][role[1]])

    async def _prepared(self, step: Step) -> Act | None:
        """The operation that the actor sends; None if there is nothing to send it about."""
        name, _, *rest = step
        if name == "sign_up":
            service = self.catalogue[rest[0]]["id"]
            given: dict[str, Any] = {"serviceId": service, "organizationId": self.organization}
            return Act(step, documents.SIGN_UP, {"input": given})
        if name in {"activate", "deactivate"}:
            document = documents.ACTIVATE if name == "activate" else documents.DEACTIVATE
            id_ = self.subscriptions.get(rest[0])
            return Act(step, document, {"id": id_}) if id_ else None
        if name == "accept":
            if rest[0] >= len(self.links):
                return None
            link = self.links[rest[0]]
            return Act(step, documents.ACCEPT_INVITATION, {"input": {"token": link}}, link=link)
        account = self.accounts[rest[0]]
        if name == "create":
            given = {
                **documents.FORM,
                "organizationId": self.organization,
                "microsoftAccount": account,
                "primaryEmailAddress": account,
                "roles": {"set": sorted(map(self._role, rest[1]))},
            }
            return Act(step, documents.CREATE_USER, {"input": given}, account)
        row = await self._row(account)
        return await self._prepared_for(step, row, account) if row else None

    async def _prepared_for(self, step: Step, row: User, account: str) -> Act | None:
        name, _, _, *rest = step
        id_ = encode_id("User", row.id)
        if name == "invite":
            return Act(step, documents.INVITE_USERS, {"input": {"userIds": [id_]}}, account)
        if name == "remove":
            return Act(step, documents.REMOVE_USERS, {"input": {"users": [{"id": id_}]}}, account)
        if name == "revoke":
            (invitation,) = await newest_invitations_of([row.id])
            if invitation is None:
                return None
            ids = [encode_id("Invitation", invitation.id)]
            return Act(
                step, documents.REVOKE_INVITATIONS, {"input": {"invitationIds": ids}}, account
            )
        given = {"id": id_, "version": row.version, "confirmSelfDemotion": True}
        if name in {"add", "remove_role"}:
            given["roles"] = {"add" if name == "add" else "remove": [self._role(rest[0])]}
        else:
            given["firstName" if name == "rename" else "primaryEmailAddress"] = rest[0]
        return Act(step, documents.EDIT_USER, {"input": given}, account)

    async def _done(self, act: Act, may_be_told: Collection[str]) -> Outcome:
        response = await self.people[self.accounts[act.step[1]]].post(act.document, **act.variables)
        if response.status_code == 401:
            return Outcome(done=False, lost=True)
        body = response.json()
        assert {error["message"] for error in body.get("errors", [])} <= set(may_be_told), body
        (payload,) = body["data"].values()
        if act.name == "sign_up" and payload["subscription"]:
            self.subscriptions[act.step[2]] = payload["subscription"]["id"]
        result = payload["results"][0] if payload.get("results") else payload
        codes = [error["code"] for error in result["userErrors"]]
        return Outcome(not codes, lost="VERSION_CONFLICT" in codes)

    def _expected(self, model: Model, act: Act) -> bool:
        """What the model says to an act, once it is done there too."""
        name, actor_index, *rest = act.step
        actor = self.accounts[actor_index]
        if name in {"activate", "deactivate"}:
            return model.set_active(actor, rest[0], active=name == "activate")
        if name in {"add", "remove_role"}:
            return model.move(actor, act.account, rest[1], add=name == "add")
        given = {"sign_up": rest[:1], "accept": [act.link]}.get(name, [act.account, *rest[1:]])
        expected: bool = getattr(model, name)(actor, *given)
        return expected

    async def _state(self) -> Any:
        """What there is, in the words of `Model.state`."""
        rows = await User.filter(organization_id=self.organization_id)
        held = await RoleAssignment.filter(organization_id=self.organization_id).prefetch_related(
            "role", "service"
        )
        ids = [row.id for row in rows]
        invitations = dict(zip(ids, await newest_invitations_of(ids), strict=True))
        recorded = await AuditEvent.filter(
            organization_id=self.organization_id, outcome=AuditOutcome.SUCCEEDED
        ).exclude(action__in=[AuditAction.SIGNED_IN, AuditAction.SIGNED_OUT])
        users = {}
        for row in rows:
            invitation = invitations[row.id]
            users[row.microsoft_account_key] = (
                {(each.service.code, each.role.code) for each in held if each.user_id == row.id},
                row.account_id is not None,
                invitation.status.name if invitation else None,
                row.first_name,
                row.primary_email_address,
            )
        return users, len(recorded)

    async def _learn_links(self) -> None:
        """The tokens of the links that were sent just now."""
        for account, user in self.model.users.items():
            if user.invitation != "PENDING" or user.link is not None:
                continue
            mail = (
                await OutgoingMail.filter(
                    invitation__user__organization_id=self.organization_id,
                    invitation__user__microsoft_account_key=account,
                    token__isnull=False,
                )
                .order_by("-created_at", "-id")
                .first()
            )
            assert mail is not None
            assert mail.token is not None
            user.link = mail.token
            self.links.append(mail.token)

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
