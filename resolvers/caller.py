"""Who is asking."""

from asyncio import Task
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from models.accounts import AccessScope
from resolvers.refusals import OutOfScope, Unauthenticated

if TYPE_CHECKING:
    from resolvers.catalogue import Catalogue
    from resolvers.memberships import Membership


class SignedInAccount(NamedTuple):
    """The Microsoft account behind a session or an access token."""

    id: UUID
    microsoft_account: str
    microsoft_account_key: str
    display_name: str | None


@dataclass(frozen=True, slots=True)
class PresentedToken:
    """The access token that a request came with."""

    id: UUID
    prefix: str
    scopes: frozenset[AccessScope]


@dataclass(slots=True)
class Caller:
    """The person or program behind one request, and the request's id."""

    request_id: str
    account: SignedInAccount | None = None
    session_id: UUID | None = None
    ends_at: datetime | None = None
    """When the credential ends by itself; None if that is not known."""
    token: PresentedToken | None = None
    last_writers: tuple[int | None, ...] = ()
    """The transactions that last changed the organizations of the caller, as they were told with
    him: PostgreSQL's numbers modulo 2**32. None where there is none, and for who has no profile."""
    catalogue: "Catalogue | None" = field(default=None, repr=False)
    memberships: "Mapping[UUID, Membership] | None" = field(default=None, repr=False)
    """What `resolvers.memberships` knows for the request, mostly by the session's statement."""
    reading_catalogue: "Task[Catalogue] | None" = field(default=None, repr=False)
    reading_memberships: "Task[Mapping[UUID, Membership]] | None" = field(default=None, repr=False)
    """Reads them once, whoever asks for it at a time."""
    let_through: set[UUID] = field(default_factory=set, init=False, repr=False)
    """The users whom the request was allowed to change, and the caller's own profile there.

    They may be in the answer whatever the access token's scopes."""

    @property
    def name(self) -> str:
        """A name for the audit trail that outlives any profile, and tells a program apart."""
        name = self.account.microsoft_account if self.account else "anonymous"
        return f"{name} (access token {self.token.prefix})" if self.token else name

    @property
    def credential(self) -> str:
        """Whose keys for repeats these are: the account's, or the access token's alone.

        A token must not get at the answers that its owner, or another token, has got.

        Raises:
            Unauthenticated: Nobody is signed in.
        """
        account = self.signed_in()
        return f"{account.id}/{self.token.id}" if self.token else str(account.id)

    @property
    def scopes(self) -> frozenset[AccessScope] | None:
        """What the caller may use, at most; None for a session, which is not limited."""
        return self.token.scopes if self.token else None

    def signed_in(self) -> SignedInAccount:
        """The account.

        Raises:
            Unauthenticated: Nobody is signed in.
        """
        if self.account is None:
            raise Unauthenticated
        return self.account

    def demand(self, *scopes: AccessScope) -> None:
        """Let a session go on, and an access token that has one of these scopes.

        Raises:
            OutOfScope: An access token without.
        """
        if self.token is not None and self.token.scopes.isdisjoint(scopes):
            raise OutOfScope(*scopes)
