"""Who may do what: the fetch is the gate.

Organizations, users, subscriptions and invitations are fetched by id here only, each time for a
stated purpose, so that no use case can forget to ask.
"""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from tortoise.queryset import QuerySet

from models.accounts import AccessScope
from models.invitations import Invitation
from models.organizations import Organization
from models.services import ServiceSubscription
from models.users import RoleAssignment, User
from resolvers.announcements import UserChanged
from resolvers.caller import Caller
from resolvers.memberships import (
    Membership,
    Permission,
    catalogue_for,
    membership_in,
    memberships_of,
)
from resolvers.refusals import Code, Denial, Problem, Refused, refuse
from resolvers.seen import SeenUser, UserList, visible_users


async def visible_users_of(caller: Caller, organization_id: UUID) -> UserList:
    """The users of one organization whom the caller may see: all for a service administrator.

    Raises:
        Unauthenticated: Nobody is signed in.
        Forbidden: The organization does not exist, the caller does not belong to it, or an access
            token lacks READ.
    """
    caller.demand(AccessScope.READ)
    membership = await member_of(caller, organization_id)
    users = UserList("organization_id = ?", (organization_id,))
    return users if membership.is_administrator else users.where("id = ?", membership.user_id)


async def visible_invitations_of(caller: Caller, organization_id: UUID) -> QuerySet[Invitation]:
    """The invitations of those users of an organization whom the caller may see.

    Raises:
        Unauthenticated: Nobody is signed in.
        Forbidden: The organization does not exist, the caller does not belong to it, or an access
            token lacks READ.
    """
    caller.demand(AccessScope.READ)
    membership = await member_of(caller, organization_id)
    if membership.is_administrator:
        return Invitation.filter(organization_id=organization_id)
    return Invitation.filter(user_id=membership.user_id, organization_id=organization_id)


async def member_of(caller: Caller, organization_id: UUID) -> Membership:
    """The caller's membership, for reading.

    Raises:
        Unauthenticated: Nobody is signed in.
        Forbidden: The organization does not exist, or the caller does not belong to it (rule 6).
    """
    return membership_in(await memberships_of(caller), organization_id)


async def organization_by_id(caller: Caller, organization_id: UUID) -> Membership | None:
    """The caller's membership in an organization, for reading; None if he has none.

    READ_AUDIT alone is enough, since the audit trail is the organization's.

    Raises:
        Unauthenticated: Nobody is signed in.
        OutOfScope: By an access token without READ and READ_AUDIT.
    """
    caller.demand(AccessScope.READ, AccessScope.READ_AUDIT)
    return (await memberships_of(caller)).get(organization_id)


async def users_by_id(
    caller: Caller, ids: Sequence[UUID], *, with_roles: bool = False
) -> list[SeenUser | None]:
    """Users for reading, in the order of the ids; None for one that the caller may not see.

    He sees everyone where he is a service administrator, and himself.

    Raises:
        Unauthenticated: Nobody is signed in.
        OutOfScope: By an access token without READ, but for those whom the request changes.
    """
    if not caller.let_through.issuperset(ids):
        caller.demand(AccessScope.READ)
    memberships = (await memberships_of(caller)).values()
    found = await visible_users(
        ids,
        own=[each.user_id for each in memberships],
        administered=[each.organization.id for each in memberships if each.is_administrator],
        with_roles=with_roles,
    )
    return [found.get(id_) for id_ in ids]


async def users_to_tell_of(changes: Collection[UserChanged]) -> Mapping[UUID, SeenUser]:
    """The users of changes as they are now, with their roles, by one statement.

    For those callers alone of whom `resolvers.changes.is_told` says so.
    """
    return await visible_users(
        list({change.user_id for change in changes}),
        own=(),
        administered=list({change.organization_id for change in changes}),
        with_roles=True,
    )


async def invitations_by_id(caller: Caller, ids: Sequence[UUID]) -> list[Invitation | None]:
    """Invitations for reading, in the order of the ids; None for one that can't be seen.

    Raises:
        Unauthenticated: Nobody is signed in.
        OutOfScope: By an access token without READ.
    """
    caller.demand(AccessScope.READ)
    memberships = await memberships_of(caller)
    rows = await Invitation.filter(id__in=ids)
    found = {row.id: row for row in rows if may_see(memberships, row.organization_id, row.user_id)}
    return [found.get(id_) for id_ in ids]


async def subscriptions_by_id(
    caller: Caller, ids: Sequence[UUID]
) -> list[ServiceSubscription | None]:
    """Subscriptions for reading, in the order of the ids; None for one that can't be seen.

    Raises:
        Unauthenticated: Nobody is signed in.
        OutOfScope: By an access token without READ.
    """
    caller.demand(AccessScope.READ)
    memberships = await memberships_of(caller)
    rows = await ServiceSubscription.filter(id__in=ids, organization_id__in=list(memberships))
    found = {row.id: row for row in rows}
    return [found.get(id_) for id_ in ids]


def may_see(memberships: Mapping[UUID, Membership], organization_id: UUID, user_id: UUID) -> bool:
    """Whether the user of an organization is seen by whoever has these memberships."""
    membership = memberships.get(organization_id)
    return membership is not None and (membership.is_administrator or membership.user_id == user_id)


async def organization_for(
    caller: Caller, organization_id: UUID, *, to: Permission, path: Sequence[str]
) -> Membership:
    """Fetch an organization for one stated purpose.

    Raises:
        Unauthenticated: Nobody is signed in.
        Refused: NOT_FOUND if it does not exist or the caller does not belong to it, one answer for
            both; FORBIDDEN, FEATURE_NOT_AVAILABLE or SERVICE_NOT_ACTIVE if he does.
    """
    membership = (await memberships_of(caller)).get(organization_id)
    exists = membership is not None or await Organization.exists(id=organization_id)
    denial = Denial(organization_id if exists else None)
    if membership is None:
        raise refuse(
            Code.NOT_FOUND, "You belong to no organization with this id.", path, denial=denial
        )
    _require(caller, membership, to, path, denial)
    return membership


async def users_for(
    caller: Caller, ids: Sequence[UUID], *, to: Permission, paths: Sequence[Sequence[str]]
) -> list[User | Refused]:
    """Fetch users for one stated purpose; there is no other way to get one to change.

    Returns:
        One entry per id, in order: the user, or the refusal. NOT_FOUND for an id that does not
        exist or that the caller may not see (one answer for both, so that a refusal never tells
        who exists); FORBIDDEN for one he sees but may not touch; FEATURE_NOT_AVAILABLE or
        SERVICE_NOT_ACTIVE where that stands in the way.

    Raises:
        Unauthenticated: Nobody is signed in.
    """
    memberships = await memberships_of(caller)
    found = {user.id: user for user in await User.filter(id__in=list(ids))}
    return [
        _user_or_refusal(caller, found.get(id_), memberships, to, path)
        for id_, path in zip(ids, paths, strict=True)
    ]


async def user_for(caller: Caller, id_: UUID, *, to: Permission, path: Sequence[str]) -> User:
    """Fetch one user, as `users_for` does.

    Raises:
        Unauthenticated: Nobody is signed in.
        Refused: As `users_for` returns them.
    """
    (user,) = await users_for(caller, [id_], to=to, paths=[path])
    if isinstance(user, Refused):
        raise user
    return user


def _user_or_refusal(
    caller: Caller,
    user: User | None,
    memberships: Mapping[UUID, Membership],
    to: Permission,
    path: Sequence[str],
) -> User | Refused:
    denial = Denial(user.organization_id, "User", user.id, user.full_name) if user else Denial(None)
    if user is None or not may_see(memberships, user.organization_id, user.id):
        return refuse(Code.NOT_FOUND, "No user has this id.", path, denial=denial)
    try:
        _require(caller, memberships[user.organization_id], to, path, denial, about=user.id)
    except Refused as refusal:
        return refusal
    return user


async def subscription_for(
    caller: Caller, subscription_id: UUID, *, path: Sequence[str]
) -> tuple[ServiceSubscription, Membership]:
    """Fetch a subscription to activate or deactivate it.

    Raises:
        Unauthenticated: Nobody is signed in.
        Refused: NOT_FOUND as for users; FORBIDDEN for who does not administer this very service,
            and for an access token.
    """
    memberships = await memberships_of(caller)
    row = await ServiceSubscription.get_or_none(id=subscription_id)
    denial = Denial(None)
    if row is not None:
        service = (await catalogue_for(caller)).services[row.service_id]
        denial = Denial(
            row.organization_id, "ServiceSubscription", row.id, service.name, row.service_id
        )
    membership = memberships.get(row.organization_id) if row else None
    if row is None or membership is None:
        raise refuse(Code.NOT_FOUND, "No subscription has this id.", path, denial=denial)
    if row.service_id not in membership.administered:
        message = f"Only a service administrator of it may {Permission.CHANGE_SUBSCRIPTION}."
        raise refuse(Code.FORBIDDEN, message, path, denial=denial)
    lack = membership.lack_of_scope(Permission.CHANGE_SUBSCRIPTION)
    if lack is not None:
        raise refuse(Code.FORBIDDEN, lack, path, denial=denial)
    return row, membership


async def invitations_for(
    caller: Caller, ids: Sequence[UUID], *, paths: Sequence[Sequence[str]]
) -> list[Invitation | Refused]:
    """Fetch invitations to revoke them, as `users_for` fetches users.

    Raises:
        Unauthenticated: Nobody is signed in.
    """
    memberships = await memberships_of(caller)
    rows = await Invitation.filter(id__in=list(ids)).select_related("user")
    found = {row.id: row for row in rows}
    return [
        _invitation_or_refusal(caller, found.get(id_), memberships, path)
        for id_, path in zip(ids, paths, strict=True)
    ]


def _invitation_or_refusal(
    caller: Caller,
    row: Invitation | None,
    memberships: Mapping[UUID, Membership],
    path: Sequence[str],
) -> Invitation | Refused:
    denial = (
        Denial(row.organization_id, "Invitation", row.id, row.user.full_name)
        if row
        else Denial(None)
    )
    if row is None or not may_see(memberships, row.organization_id, row.user_id):
        return refuse(Code.NOT_FOUND, "No invitation has this id.", path, denial=denial)
    try:
        membership = memberships[row.organization_id]
        _require(caller, membership, Permission.INVITE_USERS, path, denial, about=row.user_id)
    except Refused as refusal:
        return refusal
    return row


def _require(
    caller: Caller,
    membership: Membership,
    permission: Permission,
    path: Sequence[str],
    denial: Denial,
    *,
    about: UUID | None = None,
) -> None:
    """Let the caller through, to the user that it is `about`, if to one.

    Raises:
        Refused: He lacks the permission, or something stands in the way.
    """
    problems = membership.problems_with(permission)
    if problems:
        raise Refused(
            [Problem(code=code, message=message, path=tuple(path)) for code, message in problems],
            denial=denial if problems[0][0] is Code.FORBIDDEN else None,
        )
    caller.let_through |= {membership.user_id} if about is None else {membership.user_id, about}


async def roles_held(user_ids: Sequence[UUID]) -> Mapping[UUID, frozenset[UUID]]:
    """The roles of users that a gate let through, as role ids by user id."""
    rows = await RoleAssignment.filter(user_id__in=list(user_ids)).values("user_id", "role_id")
    return {
        user_id: frozenset(row["role_id"] for row in rows if row["user_id"] == user_id)
        for user_id in user_ids
    }
