"""Removing profiles."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from models.accounts import Session
from models.audit import AuditAction
from models.users import User
from resolvers.access_tokens import end_access_tokens
from resolvers.administration import administration
from resolvers.announcements import CredentialsEnded, announce
from resolvers.audit import changes_between, record_of_user
from resolvers.caller import Caller
from resolvers.catalogue import Catalogue
from resolvers.denials import record_refusals
from resolvers.external_ids import external_ids_of
from resolvers.fields import check_batch
from resolvers.memberships import Permission, memberships_of
from resolvers.permissions import roles_held, users_for
from resolvers.profiles import described, refuse_stale
from resolvers.refusals import Code, Refused, UserHasRoles, refuse
from resolvers.seen import SeenUser


@dataclass(frozen=True, kw_only=True, slots=True)
class UserRef:
    """A user, and the version at which the caller read it, if that matters to him."""

    id: UUID
    version: int | None = None


async def remove_users(
    caller: Caller, *, refs: Sequence[UserRef], now: datetime
) -> list[UUID | Refused]:
    """Remove profiles that hold no role any more (rule 38), each for itself (rule 40).

    Returns:
        One entry per row, in order: the id of the removed user, or the refusal.

    Raises:
        Unauthenticated: Nobody is signed in.
        Refused: The batch is empty or too large.
    """
    caller.signed_in()
    ids = [ref.id for ref in refs]
    check_batch(ids, "user", "users")
    paths = [("users", str(index), "id") for index in range(len(refs))]
    seen = await users_for(caller, ids, to=Permission.REMOVE_USERS, paths=paths)
    organizations = {user.organization_id for user in seen if isinstance(user, User)}
    async with administration(caller, *organizations):
        users = await users_for(caller, ids, to=Permission.REMOVE_USERS, paths=paths)
        results = await _remove_each(caller, list(zip(refs, users, strict=True)), now=now)
        await record_refusals(caller, AuditAction.USER_REMOVED, results, now=now)
        return results


async def _remove_each(
    caller: Caller, rows: Sequence[tuple[UserRef, User | Refused]], *, now: datetime
) -> list[UUID | Refused]:
    held = await roles_held([user.id for _, user in rows if isinstance(user, User)])
    results: list[UUID | Refused] = []
    for index, (ref, user) in enumerate(rows):
        row = str(index)
        if isinstance(user, Refused):
            results.append(user)
        elif ref.id in results:
            results.append(refuse(Code.NOT_FOUND, "No user has this id.", ("users", row, "id")))
        else:
            try:
                results.append(await _remove(caller, user, ref, held[user.id], row, now=now))
            except Refused as refusal:
                results.append(refusal)
    return results


async def _remove(
    caller: Caller, user: User, ref: UserRef, held: frozenset[UUID], row: str, *, now: datetime
) -> UUID:
    """Delete the profile with its links; end its account's sessions and tokens (rule 40).

    Raises:
        Refused: VERSION_CONFLICT or USER_HAS_ROLES.
    """
    membership = (await memberships_of(caller))[user.organization_id]
    refuse_stale(user, ref.version, "users", row, "version")
    blocker = removal_blocker(user, held, membership.catalogue, "users", row, "id")
    if blocker is not None:
        raise Refused([blocker])
    if user.account_id is not None:
        await Session.filter(account_id=user.account_id).delete()
        announce(CredentialsEnded(user.account_id))
        await end_access_tokens(
            caller,
            user.account_id,
            organization_id=user.organization_id,
            actor_id=membership.user_id,
            now=now,
        )
    external_id = (await external_ids_of([user.id])).get(user.id)
    await User.filter(id=user.id).delete()
    record_of_user(
        caller,
        AuditAction.USER_REMOVED,
        user,
        actor_id=membership.user_id,
        changes=changes_between(
            described(user, frozenset(), membership.catalogue, external_id=external_id), {}
        ),
        now=now,
    )
    return user.id


def removal_blocker(
    user: User | SeenUser, held: frozenset[UUID], catalogue: Catalogue, *path: str
) -> UserHasRoles | None:
    """What stands in the way of removing a profile by someone who may: roles left (rule 38)."""
    if not held:
        return None
    roles = catalogue.sorted_roles(held)
    names = ", ".join(f"{role.name} of {catalogue.service_of(role).name}" for role in roles)
    return UserHasRoles(
        message=f"{user.full_name} still holds roles: {names}.",
        path=path,
        selected_roles=tuple(roles),
    )
