"""Access tokens: what programs present in place of a session."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

import models.accounts as tables
from resolvers import access_tokens
from schema.answers import answer, form
from schema.context import Info
from schema.costs import CHANGE, RARE
from schema.enums import AccessScope
from schema.errors import UserError
from schema.nodes import Node, decode_id, encode_id

TokenId = Annotated[strawberry.ID, strawberry.argument(description="The access token.")]
PROBLEMS = "What stood in the way; empty if it was done."


@strawberry.type(
    description="A bearer credential for partner tooling; acts as the user who made it, within its "
    "scopes."
)
class AccessToken(Node):
    """A token."""

    name: str = strawberry.field(description="What its owner calls it.")
    prefix: str = strawberry.field(description="The first characters, to recognise it by.")
    scopes: list[AccessScope] = strawberry.field(description="What it may be used for, at most.")
    created_at: datetime = strawberry.field(description="When it was made.")
    expires_at: datetime = strawberry.field(description="When it stops working.")
    last_used_at: datetime | None = strawberry.field(
        description="When it was last used, to a few minutes; null if never."
    )


def to_access_token(row: tables.AccessToken) -> AccessToken:
    """The graph's view of a token."""
    return AccessToken(
        id=encode_id("AccessToken", row.id),
        name=row.name,
        prefix=row.prefix,
        scopes=[AccessScope(scope) for scope in row.scopes.split()],
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
    )


async def load_access_tokens(info: Info) -> list[AccessToken]:
    """The caller's own tokens."""
    rows = await access_tokens.access_tokens_of(info.context.caller, now=info.context.now)
    return [to_access_token(row) for row in rows]


async def load_access_token(info: Info, token_id: UUID) -> AccessToken | None:
    """One of the caller's own tokens, else None."""
    wanted = encode_id("AccessToken", token_id)
    return next((each for each in await load_access_tokens(info) if each.id == wanted), None)


@strawberry.input(description="The form of a new access token.")
class CreateAccessTokenInput:
    """What its owner decides."""

    name: str = strawberry.field(
        description="To recognise it by: what uses it. At most 100 characters."
    )
    scopes: list[AccessScope] = strawberry.field(
        description="What it may be used for, at most; one or more, each once."
    )
    expires_at: datetime = strawberry.field(
        description="When it stops working; within 366 days from now."
    )

    def form(self) -> access_tokens.NewAccessToken:
        """What the rules are told."""
        return access_tokens.NewAccessToken(
            name=self.name, scopes=self.scopes, expires_at=self.expires_at
        )


@strawberry.type(description="The new token, and its secret.")
class CreateAccessTokenPayload:
    """Answer of `createAccessToken`."""

    access_token: AccessToken | None = strawberry.field(
        default=None, description="The token; null if refused."
    )
    secret: str | None = strawberry.field(
        default=None,
        description="Shown this once: what goes after `Authorization: Bearer`. Null if refused.",
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description=PROBLEMS, directives=[RARE]
    )


@strawberry.type(description="The token that has ended.")
class RevokeAccessTokenPayload:
    """Answer of `revokeAccessToken`."""

    revoked_access_token_id: strawberry.ID | None = strawberry.field(
        default=None, description="The token's id; null if refused."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description=PROBLEMS, directives=[RARE]
    )


@strawberry.type
class AccessTokenMutations:
    """What can be done with access tokens; part of the root of writing."""

    @strawberry.mutation(
        description="Makes an access token for a program, which acts as the caller's account "
        "within the scopes. Needs: a session, and a role in any organization.",
        directives=[CHANGE],
    )
    async def create_access_token(
        self,
        info: Info,
        input: Annotated[CreateAccessTokenInput, form("The form.")],  # noqa: A002 - the contract's name
    ) -> CreateAccessTokenPayload:
        """The secret is nowhere but in the answer."""
        return await answer(
            info,
            CreateAccessTokenPayload,
            access_tokens.create_access_token(
                info.context.caller, new=input.form(), now=info.context.now
            ),
            lambda made: {"access_token": to_access_token(made[0]), "secret": made[1]},
        )

    @strawberry.mutation(
        description="Ends one of the caller's own access tokens, at once and for good. Needs: a "
        "session.",
        directives=[CHANGE],
    )
    async def revoke_access_token(
        self,
        info: Info,
        id: TokenId,  # noqa: A002 - the contract's name
    ) -> RevokeAccessTokenPayload:
        """It is deleted; the audit trail remembers it."""
        return await answer(
            info,
            RevokeAccessTokenPayload,
            access_tokens.revoke_access_token(
                info.context.caller,
                token_id=decode_id("AccessToken", id),
                now=info.context.now,
            ),
            lambda ended: {"revoked_access_token_id": encode_id("AccessToken", ended)},
        )
