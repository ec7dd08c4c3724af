"""Webhooks and their deliveries."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry
from strawberry import UNSET, Private

import models.webhooks as tables
from resolvers import webhook_deliveries
from resolvers.paging import Page
from resolvers.permissions import member_of
from schema.audit import AuditEvent, to_audit_event
from schema.connections import After, Before, First, Last, PageInfo, edges_of, given, window
from schema.context import Info
from schema.costs import COUNT, FETCH, PAGE
from schema.enums import AuditAction, DeliveryStatus, WebhookStatus
from schema.nodes import Node, encode_id
from schema.scalars import URL
from schema.users import User, load_user

if TYPE_CHECKING:
    from schema.organizations import Organization


@strawberry.type(description="An audit event that a webhook is told of.")
class WebhookDelivery(Node):
    """A delivery."""

    row: Private[tables.WebhookDelivery]
    message_id: str = strawberry.field(
        description="The header `webhook-id`: the same at each attempt, to drop doubles by."
    )
    action: AuditAction = strawberry.field(description="What the event tells of.")
    status: DeliveryStatus = strawberry.field(description="Whether the receiver has taken it.")
    attempts: int = strawberry.field(description="How often it was tried since it was queued.")
    response_status: int | None = strawberry.field(
        description="The last attempt's HTTP status; null if there was no answer."
    )
    detail: str | None = strawberry.field(description="Why the last attempt failed.")
    created_at: datetime = strawberry.field(description="When it was queued first.")
    last_attempt_at: datetime | None = strawberry.field(description="When it was tried last.")
    next_attempt_at: datetime | None = strawberry.field(
        description="When it is tried next; null once it is sent or given up."
    )

    @strawberry.field(description="The event.")
    async def event(self, info: Info) -> AuditEvent | None:
        """By its id."""
        row = await info.context.loaders.audit_events.load(self.row.event_id)
        return to_audit_event(row) if row else None


def to_delivery(row: tables.WebhookDelivery) -> WebhookDelivery:
    """The graph's view of a delivery."""
    is_queued = row.status is DeliveryStatus.QUEUED
    return WebhookDelivery(
        id=encode_id("WebhookDelivery", row.id),
        row=row,
        message_id=str(row.id),
        action=row.action,
        status=row.status,
        attempts=row.attempts,
        response_status=row.response_status,
        detail=row.detail,
        created_at=row.created_at,
        last_attempt_at=row.last_attempt_at,
        next_attempt_at=row.next_attempt_at if is_queued else None,
    )


@strawberry.type(description="A delivery at its place in a list.")
class WebhookDeliveryEdge:
    """An edge."""

    cursor: str = strawberry.field(description="The place, for `after` and `before`.")
    node: WebhookDelivery = strawberry.field(description="The delivery.")


@strawberry.type(description="A page of deliveries, newest first.")
class WebhookDeliveryConnection:
    """A page."""

    page: Private[Page[tables.WebhookDelivery]]

    @strawberry.field(description="The deliveries with their places.")
    def edges(self) -> list[WebhookDeliveryEdge]:
        """In order."""
        return edges_of(self.page, WebhookDeliveryEdge, to_delivery)

    @strawberry.field(description="The deliveries.")
    def nodes(self) -> list[WebhookDelivery]:
        """In order."""
        return [to_delivery(row) for row in self.page.rows]

    @strawberry.field(description="Where the page lies.")
    def page_info(self) -> PageInfo:
        """For paging on."""
        return PageInfo(page=self.page)

    @strawberry.field(description="How many the whole list has; counted when asked for.",
                      directives=[COUNT])  # fmt: skip
    async def total_count(self) -> int:
        """One statement."""
        return await self.page.total()


@strawberry.type(description="An address that is told what happens in an organization.")
class Webhook(Node):
    """A webhook, as a service administrator sees it."""

    row: Private[tables.Webhook]
    url: URL = strawberry.field(description="The address, https.")
    actions: list[AuditAction] = strawberry.field(
        description="Of which it is told; empty for all of them."
    )
    status: WebhookStatus = strawberry.field(description="Whether it is told what happens.")
    detail: str | None = strawberry.field(
        description="Why it is disabled, or why its last delivery failed."
    )
    failing_since: datetime | None = strawberry.field(
        description="Since when every delivery has failed; null if the last one did not."
    )
    created_at: datetime = strawberry.field(description="When it was registered.")

    @strawberry.field(description="The organization whose events it is told of.")
    async def organization(
        self, info: Info
    ) -> Annotated["Organization", strawberry.lazy("schema.organizations")]:
        """One of the caller's own."""
        from schema.organizations import to_organization  # noqa: PLC0415 - it lists webhooks

        return to_organization(await member_of(info.context.caller, self.row.organization_id))

    @strawberry.field(description="Who registered it; null once that profile is removed.")
    async def created_by(self, info: Info) -> User | None:
        """By the profile's id."""
        return await load_user(info, self.row.created_by_id)

    @strawberry.field(
        description="What it is told of, newest first; kept for 30 days.",
        directives=[FETCH, PAGE],
    )
    async def deliveries(
        self,
        status: Annotated[
            list[DeliveryStatus] | None,
            strawberry.argument(description="Only deliveries in one of these states."),
        ] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> WebhookDeliveryConnection:
        """A page."""
        page = await webhook_deliveries.deliveries_page(
            self.row, statuses=given(status), window=window(first, after, last, before)
        )
        return WebhookDeliveryConnection(page=page)


def to_webhook(row: tables.Webhook) -> Webhook:
    """The graph's view of a webhook; its secret is not part of it."""
    return Webhook(
        id=encode_id("Webhook", row.id),
        row=row,
        url=URL(row.url),
        actions=[AuditAction(action) for action in row.actions],
        status=row.status,
        detail=row.detail,
        failing_since=row.failing_since,
        created_at=row.created_at,
    )


async def load_webhook(info: Info, id_: UUID) -> Webhook | None:
    """The webhook, if the caller may see it."""
    row = await info.context.loaders.webhooks.load(id_)
    return to_webhook(row) if row else None


async def load_delivery(info: Info, id_: UUID) -> WebhookDelivery | None:
    """The delivery, if the caller may see it."""
    row = await info.context.loaders.deliveries.load(id_)
    return to_delivery(row) if row else None
