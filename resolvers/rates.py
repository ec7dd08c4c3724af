"""How often the rules let something be done; who counts it is decided above."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from resolvers.refusals import RateLimited, Refused


class Rates(Protocol):
    """Counts; each method says how many seconds to wait instead, or None if it may be done."""

    async def mail(self, *, recipient: str, administrator: UUID, organization: UUID) -> int | None:
        """An invitation's mail, against the misuse of mails to pester people."""

    async def acceptance(self, account: UUID) -> int | None:
        """An account's attempt to accept an invitation."""


class Unlimited:
    """No limit: for samples."""

    async def mail(self, *, recipient: str, administrator: UUID, organization: UUID) -> int | None:
        """Any mail may be sent."""
        del recipient, administrator, organization
        return None

    async def acceptance(self, account: UUID) -> int | None:
        """Any attempt may be made."""
        del account
        return None


def too_often(problem: str, wait_s: int, path: Sequence[str]) -> Refused:
    """The refusal of something that is done too often, to be raised."""
    message = f"{problem} Try again in {wait_s} seconds."
    return Refused([RateLimited(message=message, path=tuple(path), retry_after_s=wait_s)])
