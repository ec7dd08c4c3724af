"""Refusals for lack of permission: they are recorded, like what is done (rule 42)."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from models.audit import AuditAction
from resolvers.audit import record_denial, recorded_transaction
from resolvers.caller import Caller, SignedInAccount
from resolvers.memberships import SESSION_NEEDED, memberships_of
from resolvers.refusals import Code, Denial, Refused, refuse


@asynccontextmanager
async def recording_denials(
    caller: Caller, action: AuditAction, *, now: datetime
) -> AsyncIterator[None]:
    """Record a refusal for lack of permission that leaves the block, and let it go on (rule 42).

    It stands outside the transaction of the change, which the refusal rolls back.
    """
    try:
        yield
    except Refused as refusal:
        if refusal.denial is not None:
            await memberships_of(caller)  # read before the transaction, which begins by writing
            async with recorded_transaction():
                await record_refusals(caller, action, [refusal], now=now)
        raise


async def person_for(caller: Caller, action: AuditAction, *, now: datetime) -> SignedInAccount:
    """The account, for what a person does with a session and no program for him.

    Raises:
        Unauthenticated: Nobody is signed in.
        Refused: FORBIDDEN; an access token asks.
    """
    account = caller.signed_in()
    async with recording_denials(caller, action, now=now):
        if caller.token is not None:
            raise refuse(Code.FORBIDDEN, SESSION_NEEDED, denial=Denial(None))
    return account


async def record_refusals(
    caller: Caller, action: AuditAction, outcomes: Sequence[object], *, now: datetime
) -> None:
    """Record those among the outcomes that are refusals for lack of permission.

    For a `recorded_transaction`, such as `administration` is.
    """
    for outcome in outcomes:
        if isinstance(outcome, Refused) and outcome.denial is not None:
            organization_id = outcome.denial.organization_id
            membership = (
                (await memberships_of(caller)).get(organization_id) if organization_id else None
            )
            record_denial(
                caller,
                action,
                outcome.denial,
                actor_id=membership.user_id if membership else None,
                now=now,
            )
