"""The transaction in which an organization is administered."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from tortoise.expressions import F

from models.audit import NO_ORGANIZATION
from models.organizations import Organization
from resolvers.audit import recorded_transaction
from resolvers.caller import Caller
from resolvers.memberships import forget_memberships


@asynccontextmanager
async def administration(caller: Caller, *organization_ids: UUID) -> AsyncIterator[None]:
    """The transaction in which users, roles or subscriptions of organizations are changed.

    Its writers line up on the organization's row, so that what they check stays true until they
    commit (rule 37). What the caller may do is read anew inside: ask again there.
    """
    async with recorded_transaction():
        # Where there is none the statement changes nothing, but on SQLite it takes the lock that a
        # transaction must begin with.
        for organization_id in sorted(set(organization_ids)) or [NO_ORGANIZATION]:
            await Organization.filter(id=organization_id).update(
                administration_epoch=F("administration_epoch") + 1
            )
        forget_memberships(caller)
        yield
    forget_memberships(caller)
