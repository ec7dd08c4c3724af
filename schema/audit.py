"""The audit trail."""

from datetime import datetime

import strawberry
from strawberry import Private

import models.audit as tables
from resolvers.paging import Page
from schema.catalogue import Service, to_service
from schema.connections import PageInfo, edges_of
from schema.context import Info
from schema.costs import COUNT
from schema.enums import AuditAction, AuditOutcome
from schema.nodes import Node, encode_id
from schema.users import User, load_user


@strawberry.type(description="One field's value before and after.")
class AuditChange:
    """A change."""

    field: str = strawberry.field(description="The field's name in the graph, or in SCIM.")
    before: str | None = strawberry.field(description="Null where there was none.")
    after: str | None = strawberry.field(description="Null where there is none.")


@strawberry.type(description="What happened, or was refused for lack of permission.")
class AuditEvent(Node):
    """An event."""

    row: Private[tables.AuditEvent]
    action: AuditAction = strawberry.field(description="What was done, or refused.")
    outcome: AuditOutcome = strawberry.field(description="Whether it was done or refused.")
    actor_name: str = strawberry.field(
        description="A name for the actor that outlives the profile."
    )
    subject_name: str = strawberry.field(
        description="A name for the subject that outlives it; empty if there is none."
    )
    changes: list[AuditChange] = strawberry.field(
        description="What was changed; of a refusal, the roles that were asked for."
    )
    request_id: str = strawberry.field(description="The request's id, as in the logs.")
    created_at: datetime = strawberry.field(description="When it happened.")

    @strawberry.field(description="Who did it; null once that profile is removed.")
    async def actor(self, info: Info) -> User | None:
        """By the actor's profile in the organization."""
        return await load_user(info, self.row.actor_id)

    @strawberry.field(description="What it was done to; null once that is removed.")
    async def subject(self, info: Info) -> Node | None:
        """By its type and id."""
        from schema.lookup import load_node  # noqa: PLC0415 - any node may be a subject

        if self.row.subject_type is None or self.row.subject_id is None:
            return None
        return await load_node(info, self.row.subject_type, self.row.subject_id)

    @strawberry.field(description="The service that it concerned, if it was one.")
    async def service(self, info: Info) -> Service | None:
        """From the catalogue."""
        catalogue = await info.context.catalogue()
        service = catalogue.services.get(self.row.service_id) if self.row.service_id else None
        return to_service(service) if service else None


def to_audit_event(row: tables.AuditEvent) -> AuditEvent:
    """The graph's view of an event."""
    return AuditEvent(
        id=encode_id("AuditEvent", row.id),
        row=row,
        action=row.action,
        outcome=row.outcome,
        actor_name=row.actor_name,
        subject_name=row.subject_name,
        changes=[AuditChange(**change) for change in row.changes],
        request_id=row.request_id,
        created_at=row.created_at,
    )


@strawberry.type(description="An event at its place in a list.")
class AuditEventEdge:
    """An edge."""

    cursor: str = strawberry.field(description="The place, for `after` and `before`.")
    node: AuditEvent = strawberry.field(description="The event.")


@strawberry.type(description="A page of events, newest first.")
class AuditEventConnection:
    """A page."""

    page: Private[Page[tables.AuditEvent]]

    @strawberry.field(description="The events with their places.")
    def edges(self) -> list[AuditEventEdge]:
        """In order."""
        return edges_of(self.page, AuditEventEdge, to_audit_event)

    @strawberry.field(description="The events.")
    def nodes(self) -> list[AuditEvent]:
        """In order."""
        return [to_audit_event(row) for row in self.page.rows]

    @strawberry.field(description="Where the page lies.")
    def page_info(self) -> PageInfo:
        """For paging on."""
        return PageInfo(page=self.page)

    @strawberry.field(description="How many the whole list has; counted when asked for.",
                      directives=[COUNT])  # fmt: skip
    async def total_count(self) -> int:
        """One statement."""
        return await self.page.total()
