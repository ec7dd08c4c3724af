"""Announcing what a transaction changed, to whoever follows it live, once it has committed.

PostgreSQL tells every process that listens to `CHANNEL`, in the order of the commits. A SQLite
database has one process, which tells itself.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from tortoise.connection import get_connection
from tortoise.transactions import in_transaction

from resolvers.statements import dialect


class ChangeKind(StrEnum):
    """What became of a user."""

    CREATED = "CREATED"
    EDITED = "EDITED"
    INVITED = "INVITED"
    ASSOCIATED = "ASSOCIATED"
    REMOVED = "REMOVED"


@dataclass(frozen=True, slots=True)
class UserChanged:
    """A user was changed."""

    kind: ChangeKind
    organization_id: UUID
    user_id: UUID

    def __str__(self) -> str:
        """As it is announced."""
        return f"{self.kind}:{self.organization_id.hex}:{self.user_id.hex}"


@dataclass(frozen=True, slots=True)
class CredentialsEnded:
    """Sessions of an account, or other credentials of it, have ended: each is to be looked at."""

    account_id: UUID

    def __str__(self) -> str:
        """As it is announced."""
        return f"{ENDED}:{self.account_id.hex}"


Announcement = UserChanged | CredentialsEnded

ENDED = "ENDED"

CHANNEL = "gateway_changes"
"""PostgreSQL's name for where it is announced. Each database has its own."""

MAX_PAYLOAD_BYTES = 7_000
"""PostgreSQL takes less than 8000 (its manual, NOTIFY)."""

NOTIFY = f"SELECT pg_notify('{CHANNEL}', payload) FROM unnest($1::text[]) AS payload"  # noqa: S608 - a constant

Hearer = Callable[[Sequence[Announcement]], None]

hearers: set[Hearer] = set()
"""Who is told in this process, where the database is SQLite."""

_announced: ContextVar[list[Announcement] | None] = ContextVar("announced", default=None)
"""What the transaction under way has announced so far."""


@asynccontextmanager
async def announcing_transaction() -> AsyncIterator[None]:
    """A transaction with what is announced in it: told after its commit, or lost with it.

    Within another one it is a savepoint, and its announcements wait for the other's commit. So
    whatever encloses one has to be one too.
    """
    outer = _announced.get()
    announced: list[Announcement] = []
    token = _announced.set(announced)
    try:
        async with in_transaction():
            yield
            if outer is None and announced and not dialect().is_sqlite:
                await notify(list(payloads(announced)))
    finally:
        _announced.reset(token)
    if outer is not None:
        outer += announced
    elif announced and dialect().is_sqlite:
        for hear in list(hearers):
            hear(announced)


def announce(announcement: Announcement) -> None:
    """Announce something with the `announcing_transaction` under way."""
    announced = _announced.get()
    if announced is None:
        raise AssertionError  # nothing would tell it
    if announcement not in announced[-1:]:
        announced.append(announcement)


async def notify(texts: Sequence[str]) -> None:
    """Send payloads to all who listen on PostgreSQL, in their order, at the commit."""
    await get_connection("default").execute_query(NOTIFY, [list(texts)])


def payloads(announcements: Sequence[Announcement]) -> Iterator[str]:
    """The announcements as texts that PostgreSQL can carry, in order."""
    texts = [str(each) for each in announcements]
    fitting = MAX_PAYLOAD_BYTES // (max(map(len, texts)) + 1)
    for start in range(0, len(texts), fitting):
        yield " ".join(texts[start : start + fitting])


def announcements_in(payload: str) -> list[Announcement]:
    """What a payload announces. What a newer version of the gateway may add to it is left out.

    Raises:
        ValueError: It holds what none of ours does.
    """
    found: list[Announcement] = []
    for text in payload.split():
        kind, *ids = text.split(":")
        if kind == ENDED:
            (account_id,) = ids
            found.append(CredentialsEnded(UUID(account_id)))
        elif kind in ChangeKind.__members__:
            organization_id, user_id = ids
            found.append(UserChanged(ChangeKind(kind), UUID(organization_id), UUID(user_id)))
    return found
