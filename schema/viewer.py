"""The signed-in person, and the sessions that are open."""

from collections.abc import Awaitable, Mapping
from datetime import datetime
from uuid import UUID

import strawberry
from strawberry import Private

import models.accounts as tables
from resolvers.caller import Caller, SignedInAccount
from resolvers.memberships import Membership, memberships_of
from resolvers.sessions import sessions_of
from schema.access_tokens import AccessToken, load_access_tokens
from schema.context import Context, Info
from schema.nodes import Node, encode_id
from schema.scalars import EmailAddress
from schema.users import User, to_user


@strawberry.type(description="A browser's sign-in.")
class Session(Node):
    """A session."""

    is_current: bool = strawberry.field(description="Whether this request came with it.")
    client: str | None = strawberry.field(description="The browser, in plain words.")
    created_at: datetime = strawberry.field(description="When the person signed in.")
    last_seen_at: datetime = strawberry.field(
        description="When it was last used, to a few minutes."
    )


def to_session(row: tables.Session, caller: Caller) -> Session:
    """The graph's view of a session."""
    return Session(
        id=encode_id("Session", row.id),
        is_current=row.id == caller.session_id,
        client=row.client,
        created_at=row.created_at,
        last_seen_at=row.last_seen_at,
    )


async def load_session(info: Info, session_id: UUID) -> Session | None:
    """One of the caller's own sessions, else None."""
    caller = info.context.caller
    rows = await sessions_of(caller, now=info.context.now)
    return next((to_session(row, caller) for row in rows if row.id == session_id), None)


@strawberry.type(description="The signed-in Microsoft account.")
class Viewer:
    """The caller."""

    account: Private[SignedInAccount]
    context: Private[Context]
    microsoft_account: EmailAddress = strawberry.field(
        description="As the identity provider names it."
    )
    display_name: str | None = strawberry.field(
        description="As the identity provider names the person."
    )

    @strawberry.field(
        description="The account's profiles, one per organization.", graphql_type=list[User]
    )
    def profiles(self) -> list[User] | Awaitable[list[User]]:
        """In order of joining."""
        known = self.context.caller.memberships
        return self._profiles() if known is None else self._profiles_of(known)

    async def _profiles(self) -> list[User]:
        return self._profiles_of(await memberships_of(self.context.caller))

    def _profiles_of(self, memberships: Mapping[UUID, Membership]) -> list[User]:
        users = sorted((each.user for each in memberships.values()), key=lambda user: user.id)
        return [to_user(user, self.context) for user in users]

    @strawberry.field(description="The session that this request came with. Null with an access "
                      "token.")  # fmt: skip
    async def session(self, info: Info) -> Session | None:
        """The current one."""
        session_id = info.context.caller.session_id
        return await load_session(info, session_id) if session_id else None

    @strawberry.field(description="The account's open sessions, the newest first.")
    async def sessions(self, info: Info) -> list[Session]:
        """All of them."""
        caller = info.context.caller
        rows = await sessions_of(caller, now=info.context.now)
        return [to_session(row, caller) for row in rows]

    @strawberry.field(
        description="The account's access tokens, the newest first; one that has expired is shown "
        "for 30 days more."
    )
    async def access_tokens(self, info: Info) -> list[AccessToken]:
        """All of them."""
        return await load_access_tokens(info)


def to_viewer(account: SignedInAccount, context: Context) -> Viewer:
    """The graph's view of the caller."""
    return Viewer(
        account=account,
        context=context,
        microsoft_account=EmailAddress(account.microsoft_account),
        display_name=account.display_name,
    )
