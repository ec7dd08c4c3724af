"""What can be followed."""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Annotated

import strawberry

from schema.context import Context, Info, Told
from schema.enums import ChangeKind
from schema.nodes import decode_id, encode_id
from schema.users import User, to_user

OrganizationId = Annotated[
    strawberry.ID, strawberry.argument(description="The organization whose users to follow.")
]


@strawberry.type(description="That a user was changed.")
class UserChange:
    """An event."""

    kind: ChangeKind = strawberry.field(description="What became of the user.")
    user_id: strawberry.ID = strawberry.field(description="The user's id, also of a removed one.")
    user: User | None = strawberry.field(
        description="The user as it is now; null once the profile is removed."
    )


@strawberry.type(description="What can be followed: each event is an answer of its own.")
class Subscription:
    """The root of following."""

    @strawberry.subscription(
        description="Users created, edited, invited, associated or removed in an organization, "
        "from now on: of all users for a service administrator, else of the viewer alone. What "
        "was missed while nobody listened is not told again: read anew after connecting again. "
        "Needs: a sign-in."
    )
    async def user_changed(
        self, info: Info, organization_id: OrganizationId
    ) -> AsyncGenerator[UserChange, None]:
        """In the order of the changes."""
        context = info.context
        if context.changes is None:
            raise AssertionError  # a subscription is executed with a stream
        told = await context.changes.of_users(decode_id("Organization", organization_id))
        return _user_changes(told, context)


async def _user_changes(
    events: AsyncIterator[Told], context: Context
) -> AsyncGenerator[UserChange, None]:
    async for told in events:
        context.renew(told.caller, told.at)
        yield UserChange(
            kind=told.change.kind,
            user_id=encode_id("User", told.change.user_id),
            user=to_user(told.user, context) if told.user else None,
        )
