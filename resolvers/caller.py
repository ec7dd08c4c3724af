"""Who is asking."""

from dataclasses import dataclass
from uuid import UUID

from resolvers.refusals import Unauthenticated


@dataclass(frozen=True, slots=True)
class SignedInAccount:
    """The Microsoft account behind a session."""

    id: UUID
    microsoft_account: str
    microsoft_account_key: str
    display_name: str | None


@dataclass(frozen=True, slots=True)
class Caller:
    """The person or program behind one request, and the request's id."""

    request_id: str
    account: SignedInAccount | None = None
    session_id: UUID | None = None

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
