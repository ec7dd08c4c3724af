"""Users and their roles."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry
from strawberry import UNSET, Private

import models.users as tables
from models.users import NEVER
from resolvers.memberships import Membership, Permission, membership_in, memberships_of
from resolvers.paging import Page
from resolvers.permissions import member_of, users_by_id
from resolvers.removal import removal_blocker
from resolvers.seen import SeenUser, seen
from resolvers.selection import available_roles
from schema.catalogue import Role, to_role, to_roles
from schema.connections import PageInfo, edges_of
from schema.context import Context, Info, names_below, stands_alone
from schema.costs import COUNT, RARE
from schema.enums import UserStatus
from schema.errors import InputError, UserError, to_user_error
from schema.nodes import Node, decode_id, encode_id
from schema.scalars import EmailAddress

if TYPE_CHECKING:
    from schema.invitations import Invitation
    from schema.organizations import Organization

ServiceId = Annotated[
    strawberry.ID | None, strawberry.argument(description="Only the roles of this service.")
]


@strawberry.type(description="A role that a user holds.")
class RoleAssignment:
    """Who granted it, and when."""

    row: Private[tables.RoleAssignment]
    role: Role = strawberry.field(description="The role.")
    granted_at: datetime = strawberry.field(description="When it was granted.")

    @strawberry.field(description="Who granted it; null once that profile is removed.")
    async def granted_by(
        self, info: Info
    ) -> Annotated["User", strawberry.lazy("schema.users")] | None:
        """Null, too, for who may not see that user."""
        return await load_user(info, self.row.granted_by_id)


@strawberry.type(description="A person's profile in one organization.")
class User(Node):
    """A user."""

    row: Private[SeenUser]
    context: Private[Context]
    version: int = strawberry.field(
        description="Send it back when editing; a stale one is refused with VERSION_CONFLICT."
    )
    first_name: str = strawberry.field(description="First name.")
    last_name: str = strawberry.field(description="Last name.")
    microsoft_account: EmailAddress = strawberry.field(
        description="Can't be edited: to change it, remove the profile and create a new one."
    )
    primary_email_address: EmailAddress = strawberry.field(
        description="Where invitations go; it may differ from the Microsoft account."
    )
    status: UserStatus = strawberry.field(description="How far the association has come.")
    created_at: datetime = strawberry.field(description="When the profile was saved first.")
    updated_at: datetime = strawberry.field(description="When the profile was edited last.")
    last_sign_in_at: datetime | None = strawberry.field(
        description="When the associated person signed in last."
    )

    @strawberry.field(
        description="The organization that the profile belongs to.",
        graphql_type=Annotated["Organization", strawberry.lazy("schema.organizations")],
    )
    def organization(self) -> "Organization | Awaitable[Organization]":
        """One of the caller's own, since he sees the user."""
        known = self.context.caller.memberships
        return self._organization() if known is None else self._organization_of(known)

    async def _organization(self) -> "Organization":
        return self._organization_of(await memberships_of(self.context.caller))

    def _organization_of(self, memberships: Mapping[UUID, Membership]) -> "Organization":
        from schema.organizations import to_organization  # noqa: PLC0415 - they know each other

        return to_organization(membership_in(memberships, self.row.organization_id))

    @strawberry.field(
        description="The Selected roles list, optionally of one service.", graphql_type=list[Role]
    )
    def selected_roles(
        self, service_id: ServiceId = UNSET
    ) -> Sequence[Role] | Awaitable[Sequence[Role]]:
        """In the catalogue's order; at once, if they were read with the user."""
        catalogue = self.context.caller.catalogue
        if self.row.role_ids is None or catalogue is None:
            return self._selected_roles(service_id)
        return _of_service(service_id, to_roles(catalogue, self.row.role_ids))

    async def _selected_roles(self, service_id: str | None) -> Sequence[Role]:
        held = await held_roles(self)
        roles = (await self.context.catalogue()).sorted_roles(held)
        return _of_service(service_id, [to_role(role) for role in roles])

    @strawberry.field(
        description="The Available roles list: what the viewer could still grant to this user. "
        "`addAll` adds exactly these."
    )
    async def available_roles(self, info: Info, service_id: ServiceId = UNSET) -> list[Role]:
        """In the catalogue's order."""
        membership = await member_of(info.context.caller, self.row.organization_id)
        roles = available_roles(membership, await held_roles(self))
        return list(_of_service(service_id, [to_role(role) for role in roles]))

    @strawberry.field(description="The selected roles with who granted each, and when.")
    async def role_assignments(self, info: Info) -> list[RoleAssignment]:
        """First granted first."""
        catalogue = await info.context.catalogue()
        return [
            RoleAssignment(
                row=row, role=to_role(catalogue.roles[row.role_id]), granted_at=row.granted_at
            )
            for row in await info.context.loaders.assignments.load(self.row.id)
        ]

    @strawberry.field(description="The newest invitation.")
    async def invitation(
        self, info: Info
    ) -> Annotated["Invitation", strawberry.lazy("schema.invitations")] | None:
        """Null for one who was never invited."""
        from schema.invitations import to_invitation  # noqa: PLC0415 - they know each other

        row = await info.context.loaders.newest_invitations.load(self.row.id)
        return to_invitation(row, info.context.now) if row else None

    @strawberry.field(description="Whether this is the viewer's own profile.")
    def is_viewer(self) -> bool:
        """By the association."""
        account = self.context.caller.account
        return account is not None and self.row.account_id == account.id

    @strawberry.field(description="Whether the viewer may edit this user now.")
    async def viewer_can_edit(self, info: Info) -> bool:
        """By the viewer's roles."""
        membership = await member_of(info.context.caller, self.row.organization_id)
        return not membership.problems_with(Permission.EDIT_USERS)

    @strawberry.field(description="Empty when removing the profile would succeed now.",
                      directives=[RARE])  # fmt: skip
    async def removal_blockers(self, info: Info) -> list[UserError]:
        """What `removeUsers` would answer."""
        membership = await member_of(info.context.caller, self.row.organization_id)
        blockers: list[UserError] = [
            InputError(code=code, message=message, path=[])
            for code, message in membership.problems_with(Permission.REMOVE_USERS)
        ]
        held = await held_roles(self)
        blocker = removal_blocker(self.row, held, membership.catalogue)
        return [*blockers, to_user_error(blocker, self.context)] if blocker else blockers


async def held_roles(user: User) -> frozenset[UUID]:
    """The ids of the roles that a user holds."""
    if user.row.role_ids is not None:
        return frozenset(UUID(id_) for id_ in user.row.role_ids.split(",") if id_)
    assignments = await user.context.loaders.assignments.load(user.row.id)
    return frozenset(row.role_id for row in assignments)


def _of_service(service_id: str | None, roles: Sequence[Role]) -> Sequence[Role]:
    if service_id is None or service_id is UNSET:
        return roles
    id_ = decode_id("Service", service_id)
    return [role for role in roles if role.row.service_id == id_]


NEED_ROLES = {"selectedRoles", "availableRoles", "removalBlockers"}


def needs_roles(info: Info) -> bool:
    """Whether the roles of the users below this field are asked for."""
    return not NEED_ROLES.isdisjoint(names_below(info))


async def load_user(info: Info, user_id: UUID | None) -> User | None:
    """A user whom the caller may see, else None."""
    if user_id is None:
        return None
    loaders = info.context.loaders
    with_roles = needs_roles(info)
    if stands_alone(info):
        (row,) = await users_by_id(info.context.caller, [user_id], with_roles=with_roles)
    else:
        row = await (loaders.users_with_roles if with_roles else loaders.users).load(user_id)
    return to_user(row, info.context) if row else None


async def load_users(info: Info, user_ids: Sequence[UUID]) -> list[User]:
    """Those of the users whom the caller may see."""
    found = await asyncio.gather(*(load_user(info, id_) for id_ in user_ids))
    return [user for user in found if user is not None]


STATUSES = {str(status): status for status in UserStatus}


def to_user(row: tables.User | SeenUser, context: Context) -> User:
    """The graph's view of a user."""
    shown = seen(row) if isinstance(row, tables.User) else row
    return User(
        id=encode_id("User", shown.id),
        row=shown,
        context=context,
        version=shown.version,
        first_name=shown.first_name,
        last_name=shown.last_name,
        microsoft_account=EmailAddress(shown.microsoft_account),
        primary_email_address=EmailAddress(shown.primary_email_address),
        status=STATUSES[shown.status],
        created_at=shown.created_at,
        updated_at=shown.updated_at,
        last_sign_in_at=None if shown.last_sign_in_at == NEVER else shown.last_sign_in_at,
    )


@strawberry.type(description="A user at its place in a list.")
class UserEdge:
    """An edge."""

    cursor: str = strawberry.field(description="The place, for `after` and `before`.")
    node: User = strawberry.field(description="The user.")


@strawberry.type(description="A page of users.")
class UserConnection:
    """A page."""

    page: Private[Page[SeenUser]]
    context: Private[Context]

    @strawberry.field(description="The users with their places.")
    def edges(self) -> list[UserEdge]:
        """In order."""
        return edges_of(self.page, UserEdge, lambda row: to_user(row, self.context))

    @strawberry.field(description="The users.")
    def nodes(self) -> list[User]:
        """In order."""
        return [to_user(row, self.context) for row in self.page.rows]

    @strawberry.field(description="Where the page lies.")
    def page_info(self) -> PageInfo:
        """For paging on."""
        return PageInfo(page=self.page)

    @strawberry.field(description="How many users the whole list has; counted when asked for.",
                      directives=[COUNT])  # fmt: skip
    async def total_count(self) -> int:
        """One statement."""
        return await self.page.total()
