"""How often the rules let something be done; who counts it is decided above."""

from typing import Protocol
from uuid import UUID


class MailRates(Protocol):
    """The rates of mails, against their misuse to pester people."""

    async def mail(self, *, recipient: str, administrator: UUID, organization: UUID) -> int | None:
        """Count a mail; how many seconds to wait instead, or None if it may be sent."""


class AnyNumberOfMails:
    """No limit: for samples."""

    async def mail(self, *, recipient: str, administrator: UUID, organization: UUID) -> int | None:
        """Any mail may be sent."""
        del recipient, administrator, organization
        return None
