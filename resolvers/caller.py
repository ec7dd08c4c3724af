"""Who is asking."""

from asyncio import Task
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from resolvers.refusals import Unauthenticated

if TYPE_CHECKING:
    from resolvers.catalogue import Catalogue
    from resolvers.memberships import Membership


@dataclass(frozen=True, slots=True)
class SignedInAccount:
    """The Microsoft account behind a session."""

    id: UUID
    microsoft_account: str
    microsoft_account_key: str
    display_name: str | None


@dataclass(slots=True)
class Caller:
    """The person or program behind one request, and the request's id."""

    request_id: str
    account: SignedInAccount | None = None
    session_id: UUID | None = None
    ends_at: datetime | None = None
    """When the credential ends by itself; None if that is not known."""
    catalogue: "Catalogue | None" = field(default=None, repr=False)
    memberships: "Mapping[UUID, Membership] | None" = field(default=None, repr=False)
    """What `resolvers.memberships` knows for the request, mostly by the session's statement."""
    reading_catalogue: "Task[Catalogue] | None" = field(default=None, repr=False)
    reading_memberships: "Task[Mapping[UUID, Membership]] | None" = field(default=None, repr=False)
    """Reads them once, whoever asks for it at a time."""

    @property
    def name(self) -> str:
        """A name for the audit trail that outlives any profile."""
        return self.account.microsoft_account if self.account else "anonymous"

    def signed_in(self) -> SignedInAccount:
        """The account.

        Raises:
            Unauthenticated: Nobody is signed in.
        """
        if self.account is None:
            raise Unauthenticated
        return self.account
