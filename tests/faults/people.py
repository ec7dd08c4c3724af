"""Administrators at work, each on users of his own, and what must have become of these users."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from models.audit import AuditAction as Did
from tests import documents
from tests.faults.clients import Links, Replicas, problems_in

CREATE = """mutation($input: CreateUserInput!) {
  createUser(input: $input) { user { id version } userErrors { code } } }"""
EDIT = """mutation($input: EditUserInput!) {
  editUser(input: $input) { user { version } userErrors { code } } }"""
INVITE = """mutation($input: InviteUsersInput!) {
  inviteUsers(input: $input) { results { invitation { id } userErrors { code } } } }"""
EDIT_AND_INVITE = """mutation($edit: EditUserInput!, $invite: InviteUsersInput!) {
  editUser(input: $edit) { user { version } userErrors { code } }
  inviteUsers(input: $invite) { results { invitation { id } userErrors { code } } } }"""
REVOKE = """mutation($input: RevokeInvitationsInput!) {
  revokeInvitations(input: $input) { results { userErrors { code } } } }"""
REMOVE = """mutation($input: RemoveUsersInput!) {
  removeUsers(input: $input) { results { userErrors { code } } } }"""
ACCEPT = """mutation($input: AcceptInvitationInput!) {
  acceptInvitation(input: $input) { userErrors { code } } }"""

MOST_USERS = 10
GIVES_UP = 0.3
"""The share of clients that do not ask for an outcome that they don't know."""


@dataclass(frozen=True)
class State:
    """What a user has become: in the database, and in an administrator's mind."""

    exists: bool = False
    first_name: str = ""
    version: int = 0
    roles: frozenset[str] = frozenset()
    """Their ids."""
    status: str = ""
    invitation: str | None = None
    """The newest one's status."""
    sends: int = 0
    events: frozenset[tuple[str, int]] = frozenset()
    """How often each was done, by the audit trail."""

    def then(self, *done: Did, **changes: Any) -> "State":
        """It after something was done."""
        counts = Counter(dict(self.events)) + Counter(str(each) for each in done)
        return replace(self, events=frozenset(counts.items()), **changes)

    def removed(self) -> "State":
        """It after the user was removed: nothing is left but the trail."""
        return State(events=self.then(Did.USER_REMOVED).events)


@dataclass
class User:
    """A user whom one administrator takes care of."""

    account: str
    cookie: str
    """The session in which the person accepts."""
    original_name: str
    id: str = ""
    invitation_id: str = ""
    state: State = field(default_factory=State)
    uncertain: State | None = None
    """What it has become if the last change was made, of which nobody knows."""


@dataclass
class Administrator:
    """Acts again and again; knows what each acknowledged act has made of the users."""

    replicas: Replicas
    links: Links
    random: Random
    cookie: str
    organization: str
    roles: list[str]
    newcomers: list[tuple[str, str]]
    """Accounts with sessions, of which one is taken for each new user."""
    users: list[User] = field(default_factory=list)
    left: list[User] = field(default_factory=list)
    """Those who were removed, or are uncertain."""
    acknowledged: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)

    async def act(self) -> None:
        """Do one thing."""
        settled = [user for user in self.users if user.state.exists]
        if not settled or (len(settled) < MOST_USERS and self.random.random() < 0.3):
            await self._create()
            return
        user = self.random.choice(settled)
        possible: list[Callable[[User], Any]] = [self._rename, self._move, self._move]
        if user.state.status != "ASSOCIATED" and user.state.roles:
            possible += [self._invite, self._invite, self._rename_and_invite]
            if user.state.invitation == "PENDING":
                possible += [self._accept, self._accept, self._revoke]
        if len(settled) > MOST_USERS // 2:
            possible += [self._remove]
        await self.random.choice(possible)(user)

    async def _create(self) -> None:
        if not self.newcomers:
            return
        account, cookie = self.newcomers.pop()
        user = User(account, cookie, f"N{account.partition('@')[0]}")
        role = self.random.choice(self.roles)
        form = {
            **documents.FORM,
            "organizationId": self.organization,
            "firstName": user.original_name,
            "microsoftAccount": account,
            "primaryEmailAddress": account,
            "roles": {"set": [role]},
        }
        self.users.append(user)
        after = user.state.then(
            Did.USER_CREATED, exists=True, first_name=user.original_name, version=1,
            roles=frozenset([role]), status="NOT_INVITED",
        )  # fmt: skip
        data = await self._do(user, after, CREATE, input=form)
        if data:
            user.id = data["createUser"]["user"]["id"]

    async def _rename(self, user: User) -> None:
        form, after = self._renaming(user)
        await self._do(user, after, EDIT, input=form)

    def _renaming(self, user: User) -> tuple[dict[str, Any], State]:
        name = f"{user.original_name}v{user.state.version}"
        version = user.state.version
        return {"id": user.id, "version": version, "firstName": name}, user.state.then(
            Did.USER_EDITED, first_name=name, version=version + 1
        )

    async def _move(self, user: User) -> None:
        role = self.random.choice(self.roles)
        has = role in user.state.roles
        form = {
            "id": user.id,
            "version": user.state.version,
            "roles": {"remove" if has else "add": [role]},
        }
        after = user.state.then(
            Did.USER_EDITED, version=user.state.version + 1, roles=user.state.roles ^ {role}
        )
        await self._do(user, after, EDIT, input=form)

    async def _invite(self, user: User) -> None:
        data = await self._do(user, self._invited(user.state), INVITE, input={"userIds": [user.id]})
        self._note_invitation(user, data)

    def _invited(self, state: State) -> State:
        return state.then(
            Did.INVITATION_SENT, status="INVITED", invitation="PENDING", sends=state.sends + 1
        )

    def _note_invitation(self, user: User, data: dict[str, Any] | None) -> None:
        if data:
            user.invitation_id = data["inviteUsers"]["results"][0]["invitation"]["id"]

    async def _rename_and_invite(self, user: User) -> None:
        """Both or neither."""
        edit, after = self._renaming(user)
        data = await self._do(
            user,
            self._invited(after),
            EDIT_AND_INVITE,
            edit=edit,
            invite={"userIds": [user.id]},
        )
        self._note_invitation(user, data)

    async def _revoke(self, user: User) -> None:
        after = user.state.then(Did.INVITATION_REVOKED, invitation="REVOKED")
        await self._do(user, after, REVOKE, input={"invitationIds": [user.invitation_id]})

    async def _accept(self, user: User) -> None:
        """By the newest mail that has come, which a newer one on its way may have outdated."""
        self.links.look()
        token = self.links.newest.get(user.account)
        if token is None:
            return
        after = user.state.then(Did.ACCOUNT_ASSOCIATED, status="ASSOCIATED", invitation="ACCEPTED")
        await self._do(user, after, ACCEPT, input={"token": token}, by=user.cookie)

    async def _remove(self, user: User) -> None:
        if user.state.roles:
            form = {"id": user.id, "version": user.state.version, "roles": {"set": []}}
            version = user.state.version + 1
            emptied = user.state.then(Did.USER_EDITED, version=version, roles=frozenset())
            if await self._do(user, emptied, EDIT, input=form) is None:
                return
        await self._do(user, user.state.removed(), REMOVE, input={"users": [{"id": user.id}]})
        if not user.state.exists and user in self.users:
            self._leave(user)

    def _leave(self, user: User) -> None:
        self.users.remove(user)
        self.left.append(user)

    async def _do(
        self, user: User, after: State, query: str, *, by: str | None = None, **variables: Any
    ) -> dict[str, Any] | None:
        """Send a mutation; its data once it is acknowledged, None if it is refused or unknown."""
        gives_up = self.random.random() < GIVES_UP
        data = await self.replicas.mutate(by or self.cookie, query, gives_up=gives_up, **variables)
        if data is None:
            user.uncertain = after
            self._leave(user)
            return None
        problems = problems_in(data)
        if problems:
            self.refused.update(problems)
            return None
        done = Counter(dict(after.events)) - Counter(dict(user.state.events))
        self.acknowledged += done
        user.state = after
        return data
