"""Invitations."""

from datetime import datetime

import strawberry
from strawberry import Private

import models.invitations as tables
from resolvers.invitations import status_at
from resolvers.paging import Page
from resolvers.refusals import Forbidden
from schema.connections import PageInfo, edges_of
from schema.context import Info
from schema.costs import COUNT
from schema.enums import DeliveryStatus, InvitationStatus
from schema.nodes import Node, encode_id
from schema.scalars import EmailAddress
from schema.users import User, load_user


@strawberry.type(
    description="An e-mailed request to complete the association. Neither its token nor its link "
    "is ever returned."
)
class Invitation(Node):
    """An invitation."""

    row: Private[tables.Invitation]
    status: InvitationStatus = strawberry.field(description="What has become of it.")
    sent_to: EmailAddress = strawberry.field(description="The address that its mail goes to.")
    send_count: int = strawberry.field(description="How often it was sent.")
    created_at: datetime = strawberry.field(description="When it was sent first.")
    last_sent_at: datetime | None = strawberry.field(
        description="When a mail server last took its mail."
    )
    expires_at: datetime = strawberry.field(description="When its link ends.")
    accepted_at: datetime | None = strawberry.field(
        description="When the association was completed."
    )
    delivery: DeliveryStatus = strawberry.field(description="Where its mail is on its way.")
    delivery_detail: str | None = strawberry.field(
        description="Why the last delivery attempt failed."
    )

    @strawberry.field(description="Who is invited.")
    async def user(self, info: Info) -> User:
        """Seen by whoever sees the invitation."""
        user = await load_user(info, self.row.user_id)
        if user is None:
            message = "The user was removed meanwhile."
            raise Forbidden(message)
        return user

    @strawberry.field(description="Who sent it last; null once that profile is removed.")
    async def sent_by(self, info: Info) -> User | None:
        """Null, too, for who may not see that user."""
        return await load_user(info, self.row.sent_by_id)


def to_invitation(row: tables.Invitation, now: datetime) -> Invitation:
    """The graph's view of an invitation."""
    return Invitation(
        id=encode_id("Invitation", row.id),
        row=row,
        status=status_at(row, now),
        sent_to=EmailAddress(row.sent_to),
        send_count=row.send_count,
        created_at=row.created_at,
        last_sent_at=row.last_sent_at,
        expires_at=row.expires_at,
        accepted_at=row.accepted_at,
        delivery=row.delivery,
        delivery_detail=row.delivery_detail,
    )


@strawberry.type(
    description="What anyone who holds the link may see; the same shape for every token, real or "
    "not."
)
class InvitationPreview:
    """A look at a link."""

    usable: bool = strawberry.field(description="Whether the link works.")
    organization_name: str | None = strawberry.field(description="Who invites.")
    service_names: list[str] = strawberry.field(description="The services that it is for.")
    masked_microsoft_account: str | None = strawberry.field(
        description="For example `m•••@live.example`."
    )


@strawberry.type(description="An invitation at its place in a list.")
class InvitationEdge:
    """An edge."""

    cursor: str = strawberry.field(description="The place, for `after` and `before`.")
    node: Invitation = strawberry.field(description="The invitation.")


@strawberry.type(description="A page of invitations, newest first.")
class InvitationConnection:
    """A page."""

    page: Private[Page[tables.Invitation]]

    @strawberry.field(description="The invitations with their places.")
    def edges(self, info: Info) -> list[InvitationEdge]:
        """In order."""
        return edges_of(self.page, InvitationEdge, lambda row: to_invitation(row, info.context.now))

    @strawberry.field(description="The invitations.")
    def nodes(self, info: Info) -> list[Invitation]:
        """In order."""
        return [to_invitation(row, info.context.now) for row in self.page.rows]

    @strawberry.field(description="Where the page lies.")
    def page_info(self) -> PageInfo:
        """For paging on."""
        return PageInfo(page=self.page)

    @strawberry.field(description="How many the whole list has; counted when asked for.",
                      directives=[COUNT])  # fmt: skip
    async def total_count(self) -> int:
        """One statement."""
        return await self.page.total()
