"""Doing something once, however often it is asked for: answers kept by a key that callers choose.

The key's row is written before the work begins and commits with what the work changes. So there
are two states only: nothing is done and the key is free, or all is done and the answer is kept.
Whoever asks for the same at the same time waits at the key's unique index for the first to end.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta

from tortoise.connection import get_connection

from models.answers import KeptAnswer
from models.rows import new_id
from resolvers.announcements import announcing_transaction

KEPT_FOR = timedelta(hours=24)
"""The contract's `Idempotency-Key`."""

WAIT_AT_MOST_S = 20.0
"""For the first of several equal requests to end."""

LINE = 7_274_202
"""The key of the advisory lock at which those line up who try again after a deadlock."""


class UsedForAnother(Exception):  # noqa: N818 - an answer
    """The key was used for another request within the time that answers are kept."""


class StillUnderWay(Exception):  # noqa: N818 - an answer
    """The first request with this key takes too long to be waited for."""


class _Undone(Exception):  # noqa: N818 - it only makes the transaction roll back
    """Nothing is to be kept."""


async def done_once(
    *,
    key_hash: str,
    request_hash: str,
    do: Callable[[], Awaitable[bytes | None]],
    now: datetime,
) -> bytes | None:
    """Do the work in one transaction, or find the answer that was kept when it was done.

    What the work opens in the way of transactions are savepoints of this one. It gives the answer
    to keep, or None: then all that it changed is undone, and the key stays free. A caller that
    can't tell whether a commit arrived asks again with the same key, and learns.

    Returns:
        The answer kept of an earlier request; None if this one did the work.

    Raises:
        UsedForAnother: As the class says.
        StillUnderWay: Likewise.
    """
    with suppress(_Undone):
        async with announcing_transaction():
            earlier = await _claim(key_hash, request_hash, now=now)
            if earlier is not None:
                return earlier
            answer = await do()
            if answer is None:
                raise _Undone
            await KeptAnswer.filter(key_hash=key_hash).update(answer=answer)
    return None


async def _claim(key_hash: str, request_hash: str, *, now: datetime) -> bytes | None:
    """Take the key; the answer of who took it before, if someone did.

    It begins with a write, as transactions on SQLite must.
    """
    mine = KeptAnswer(
        id=new_id(), key_hash=key_hash, request_hash=request_hash, answer=b"", created_at=now
    )
    try:
        async with asyncio.timeout(WAIT_AT_MOST_S):
            await KeptAnswer.filter(key_hash=key_hash, created_at__lte=now - KEPT_FOR).delete()
            await KeptAnswer.bulk_create([mine], ignore_conflicts=True)
            kept = await KeptAnswer.filter(key_hash=key_hash).first()
    except TimeoutError:
        raise StillUnderWay from None
    if kept is None:
        # Purged in between.
        raise StillUnderWay
    if kept.id == mine.id:
        return None
    if kept.request_hash != request_hash:
        raise UsedForAnother
    return kept.answer


async def line_up_after_deadlock() -> None:
    """Let one at a time try again, until its transaction ends: so they don't deadlock each other.

    Only PostgreSQL has deadlocks.
    """
    await get_connection("default").execute_query(f"SELECT pg_advisory_xact_lock({LINE})")


async def purge_kept_answers(now: datetime) -> int:
    """Delete the answers whose time is over; how many there were."""
    return await KeptAnswer.filter(created_at__lte=now - KEPT_FOR).delete()
