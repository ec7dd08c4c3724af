"""The members of roles, which directories see as groups: reading and changing them.

They are the users' roles, moved by the rules of the form in which a person moves them.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from models.audit import AuditAction
from resolvers.administration import administration
from resolvers.caller import Caller
from resolvers.catalogue import Role
from resolvers.denials import recording_denials
from resolvers.fields import MAX_BATCH, check_batch
from resolvers.memberships import Membership, Permission
from resolvers.permissions import organization_for, users_for
from resolvers.provisioning import NO_USER, membership_to_read
from resolvers.refusals import Code, Denial, Refused, refuse
from resolvers.selection import RoleSelection
from resolvers.statements import as_uuid, numbered
from resolvers.users import UserEdit, edit_user

MAX_MEMBERS = 10_000
"""Of roles that are told at a time; there is no telling them by pages."""


class Member(NamedTuple):
    """A user who holds a role."""

    role_id: UUID
    user_id: UUID
    first_name: str
    last_name: str


def provisioned_roles(membership: Membership) -> list[Role]:
    """The roles of the services that an organization uses, in the catalogue's order."""
    return [
        role
        for role in membership.catalogue.roles.values()
        if role.service_id in membership.subscriptions
    ]


def provisioned_role(membership: Membership, role_id: UUID) -> Role:
    """One of them.

    Raises:
        Refused: NOT_FOUND.
    """
    role = membership.catalogue.roles.get(role_id)
    if role is None or role.service_id not in membership.subscriptions:
        raise refuse(Code.NOT_FOUND, "No role has this id.", ("id",))
    return role


async def members_of(
    caller: Caller,
    organization_id: UUID,
    role_ids: Sequence[UUID],
    *,
    among: Collection[UUID] | None = None,
) -> Mapping[UUID, list[Member]]:
    """Who holds these roles, by role, first granted first; of `among` alone, if given.

    Raises:
        Unauthenticated: Nobody is signed in.
        Refused: As `membership_to_read`; or BATCH_TOO_LARGE for more than `MAX_MEMBERS`.
        Forbidden: As `membership_to_read`.
    """
    await membership_to_read(caller, organization_id)
    return await _members(organization_id, role_ids, among)


async def _members(
    organization_id: UUID, role_ids: Sequence[UUID], among: Collection[UUID] | None
) -> Mapping[UUID, list[Member]]:
    text = (
        "SELECT role_id, users.id, first_name, last_name FROM role_assignments"
        " JOIN users ON users.id = user_id"
        " WHERE role_assignments.organization_id = ? AND role_id = ANY(?::uuid[])"
    )
    values: list[object] = [organization_id, list(role_ids)]
    if among is not None:
        text += " AND user_id = ANY(?::uuid[])"
        values.append(list(among))
    text += " ORDER BY granted_at, role_assignments.id LIMIT ?"
    rows = await numbered(text).rows(*values, MAX_MEMBERS + 1)
    if len(rows) > MAX_MEMBERS:
        message = f"There are more than {MAX_MEMBERS} members; ask without them."
        raise refuse(Code.BATCH_TOO_LARGE, message, ("members",))
    found: dict[UUID, list[Member]] = {role_id: [] for role_id in role_ids}
    for role_id, user_id, first_name, last_name in rows:
        member = Member(as_uuid(role_id), as_uuid(user_id), first_name, last_name)
        found[member.role_id].append(member)
    return found


async def change_members(
    caller: Caller,
    role_id: UUID,
    *,
    organization_id: UUID,
    among: Collection[UUID] | None,
    revision: Callable[[Sequence[UUID]], Sequence[UUID]],
    now: datetime,
) -> None:
    """Grant and take a role, so that its members are what is made of them as they are now.

    All or none, in one transaction. `among` are the only users whom the revision may change,
    so that the others need not be read; None for all. At most `MAX_BATCH` users are changed.

    Raises:
        Unauthenticated: Nobody is signed in.
        Refused: NOT_FOUND, at `members` for a user; BATCH_TOO_LARGE; or as `edit_user`.
    """
    to = Permission.EDIT_USERS
    async with recording_denials(caller, AuditAction.USER_EDITED, now=now):
        await organization_for(caller, organization_id, to=to, path=("organizationId",))
        async with administration(caller, organization_id):
            membership = await organization_for(
                caller, organization_id, to=to, path=("organizationId",)
            )
            provisioned_role(membership, role_id)
            members = (await _members(organization_id, [role_id], among))[role_id]
            before = [member.user_id for member in members]
            after = revision(before)
            # Granted first, so that a service's administrators can be replaced in one step.
            granting = sorted(set(after) - set(before))
            taking = sorted(set(before) - set(after))
            if len(granting) + len(taking) > MAX_BATCH:
                check_batch([*granting, *taking], "member", "members")
            for ids, roles in (
                (granting, RoleSelection(add=[role_id])),
                (taking, RoleSelection(remove=[role_id])),
            ):
                await _move_role(caller, organization_id, ids, roles, now=now)


async def _move_role(
    caller: Caller,
    organization_id: UUID,
    ids: Sequence[UUID],
    roles: RoleSelection,
    *,
    now: datetime,
) -> None:
    paths = [("members", str(index)) for index in range(len(ids))]
    users = await users_for(caller, ids, to=Permission.EDIT_USERS, paths=paths)
    for user, path in zip(users, paths, strict=True):
        if isinstance(user, Refused):
            raise user
        if user.organization_id != organization_id:
            raise refuse(Code.NOT_FOUND, NO_USER, path, denial=Denial(None))
        edit = UserEdit(id=user.id, version=user.version, roles=roles)
        await edit_user(caller, edit=edit, now=now)
