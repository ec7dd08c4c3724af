"""Provisioning: what directories ask for, each with the rules of the forms that people fill in.

A directory revises a user whom it has not looked at just before, and takes a user's roles and the
profile in one step. Each such step is one transaction of the steps that `resolvers.users` and
`resolvers.removal` have.
"""

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from models.accounts import AccessScope
from models.audit import AuditAction
from models.users import User
from resolvers.administration import administration
from resolvers.caller import Caller
from resolvers.denials import recording_denials
from resolvers.external_ids import external_ids_of
from resolvers.memberships import Membership, Permission, memberships_of
from resolvers.new_users import NewUser
from resolvers.permissions import roles_held, user_for, users_by_id, visible_users_of
from resolvers.profiles import refuse_stale
from resolvers.refusals import Code, Denial, Forbidden, Refused, refuse
from resolvers.removal import UserRef, remove_users
from resolvers.seen import SeenUser, UserList, seen
from resolvers.selection import RoleSelection
from resolvers.users import UserEdit, create_user, edit_user

NO_USER = "No user has this id."


class ProvisionedUser(NamedTuple):
    """A user with the roles held, as a directory knows him."""

    seen: SeenUser
    external_id: str | None
    """What the directory calls him."""


Revision = Callable[[ProvisionedUser, Membership], UserEdit]
"""Makes an edit of a user as he is now, with the roles held, by who has this membership."""


@dataclass(frozen=True, kw_only=True, slots=True)
class UserKeys:
    """By what an index finds users; each key given must be the user's."""

    id: UUID | None = None
    microsoft_account_key: str | None = None
    primary_email_address_key: str | None = None
    external_id: str | None = None


async def organizations_to_provision(caller: Caller) -> list[UUID]:
    """Those that the caller administers, or else those that he belongs to, where he is refused.

    Raises:
        Unauthenticated: Nobody is signed in.
    """
    memberships = (await memberships_of(caller)).values()
    administered = [each.organization.id for each in memberships if each.is_administrator]
    return administered or [each.organization.id for each in memberships]


async def membership_to_read(caller: Caller, organization_id: UUID) -> Membership:
    """The caller's membership, to read all users and roles of the organization.

    Raises:
        Unauthenticated: Nobody is signed in.
        Refused: NOT_FOUND; it does not exist, or the caller does not belong to it.
        Forbidden: The caller administers no service of it, or an access token lacks READ.
    """
    membership = (await memberships_of(caller)).get(organization_id)
    if membership is None:
        raise refuse(Code.NOT_FOUND, "You belong to no organization with this id.")
    caller.demand(AccessScope.READ)
    if not membership.is_administrator:
        message = "Only a service administrator may read the users and roles of an organization."
        raise Forbidden(message)
    return membership


async def users_to_provision(caller: Caller, organization_id: UUID, *, keys: UserKeys) -> UserList:
    """The users of an organization with these keys, with their roles.

    Raises:
        Unauthenticated: Nobody is signed in.
        Refused: As `membership_to_read`.
        Forbidden: As `membership_to_read`.
    """
    await membership_to_read(caller, organization_id)
    users = replace(await visible_users_of(caller, organization_id), with_roles=True)
    for column, value in (
        ("id", keys.id),
        ("microsoft_account_key", keys.microsoft_account_key),
        ("primary_email_address_key", keys.primary_email_address_key),
    ):
        if value is not None:
            users = users.where(f"{column} = ?", value)
    if keys.external_id is not None:
        found = "(SELECT user_id FROM external_ids WHERE organization_id = ? AND value = ?)"
        users = users.where(f"id = {found}", organization_id, keys.external_id)
    return users


async def provisioned_user(caller: Caller, organization_id: UUID, user_id: UUID) -> ProvisionedUser:
    """One user of an organization, with the roles held.

    Raises:
        Unauthenticated: Nobody is signed in.
        Refused: As `membership_to_read`; or NOT_FOUND for the user.
        Forbidden: As `membership_to_read`.
    """
    await membership_to_read(caller, organization_id)
    (user,) = await users_by_id(caller, [user_id], with_roles=True)
    if user is None or user.organization_id != organization_id:
        raise refuse(Code.NOT_FOUND, NO_USER, ("id",))
    (shown,) = await with_external_ids([user])
    return shown


async def with_external_ids(users: Sequence[SeenUser]) -> list[ProvisionedUser]:
    """Users that the caller was let read, with what a directory calls them."""
    external_ids = await external_ids_of([user.id for user in users]) if users else {}
    return [ProvisionedUser(user, external_ids.get(user.id)) for user in users]


async def add_user(caller: Caller, *, new: NewUser, now: datetime) -> ProvisionedUser:
    """As `create_user`; the user with the roles held."""
    return await _shown(await create_user(caller, new=new, now=now))


async def revise_user(
    caller: Caller,
    user_id: UUID,
    *,
    organization_id: UUID,
    versions: Collection[int] | None,
    revision: Revision,
    now: datetime,
) -> ProvisionedUser:
    """Edit a user by what is made of him as he is now, while nobody else can change him.

    `versions` are those that the caller may have read, if that matters to him.

    Raises:
        Unauthenticated: Nobody is signed in.
        Refused: As `edit_user`.
    """
    async with recording_denials(caller, AuditAction.USER_EDITED, now=now):
        changing = _changing(
            caller, user_id, organization_id, to=Permission.EDIT_USERS, versions=versions
        )
        async with changing as (user, membership):
            edit = revision(await _shown(user), membership)
            return await _shown(await edit_user(caller, edit=edit, now=now))


async def take_out_user(
    caller: Caller,
    user_id: UUID,
    *,
    organization_id: UUID,
    versions: Collection[int] | None,
    now: datetime,
) -> None:
    """Take the roles from a user that the caller administers, and remove the profile, or neither.

    Raises:
        Unauthenticated: Nobody is signed in.
        Refused: As `edit_user` for the roles, or as `remove_users`, which it does for one.
    """
    async with recording_denials(caller, AuditAction.USER_REMOVED, now=now):
        changing = _changing(
            caller, user_id, organization_id, to=Permission.REMOVE_USERS, versions=versions
        )
        async with changing as (user, membership):
            held = (await roles_held([user.id]))[user.id]
            mine = [
                role.id
                for role in membership.catalogue.sorted_roles(held)
                if role.service_id in membership.administered
            ]
            if mine:
                roles = RoleSelection(remove=mine)
                edit = UserEdit(id=user.id, version=user.version, roles=roles)
                await edit_user(caller, edit=edit, now=now)
            (result,) = await remove_users(caller, refs=[UserRef(id=user.id)], now=now)
            if isinstance(result, Refused):
                raise result


@asynccontextmanager
async def _changing(
    caller: Caller,
    user_id: UUID,
    organization_id: UUID,
    *,
    to: Permission,
    versions: Collection[int] | None,
) -> AsyncIterator[tuple[User, Membership]]:
    """The transaction that changes a user, with the user and the caller's membership in it.

    Raises:
        Unauthenticated: Nobody is signed in.
        Refused: As `user_for`; or VERSION_CONFLICT for a user of none of the versions.
    """
    await _user_of(caller, organization_id, user_id, to=to)
    async with administration(caller, organization_id):
        user = await _user_of(caller, organization_id, user_id, to=to)
        if versions is not None and user.version not in versions:
            refuse_stale(user, -1, "version")
        yield user, (await memberships_of(caller))[organization_id]


async def _user_of(caller: Caller, organization_id: UUID, user_id: UUID, *, to: Permission) -> User:
    """A user for one stated purpose, if he is in the organization that was named.

    Raises:
        Refused: As `user_for`.
    """
    user = await user_for(caller, user_id, to=to, path=("id",))
    if user.organization_id != organization_id:
        raise refuse(Code.NOT_FOUND, NO_USER, ("id",), denial=Denial(None))
    return user


async def _shown(user: User) -> ProvisionedUser:
    held = (await roles_held([user.id]))[user.id]
    (shown,) = await with_external_ids([seen(user)._replace(role_ids=",".join(map(str, held)))])
    return shown
