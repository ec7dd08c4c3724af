"""Following what becomes of an organization's users while it happens."""

from uuid import UUID

from models.accounts import AccessScope
from resolvers.announcements import UserChanged
from resolvers.caller import Caller
from resolvers.memberships import memberships_of
from resolvers.permissions import may_see, member_of


async def follow(caller: Caller, organization_id: UUID) -> None:
    """Let the caller follow the users of an organization whom he may see.

    Raises:
        Unauthenticated: Nobody is signed in.
        Forbidden: The organization does not exist, the caller does not belong to it, or an access
            token lacks READ.
    """
    caller.demand(AccessScope.READ)
    await member_of(caller, organization_id)


async def is_told(caller: Caller, change: UserChanged) -> bool:
    """Whether the caller learns of a change: a service administrator of all, else of his own.

    He alone gets what `users_to_tell_of` finds.

    Raises:
        Unauthenticated: Nobody is signed in.
        Forbidden: The caller does not belong to the organization any more.
    """
    await member_of(caller, change.organization_id)
    return may_see(await memberships_of(caller), change.organization_id, change.user_id)
