"""Which rows of a list, and in which order."""

from datetime import datetime
from typing import Annotated

import strawberry
from strawberry import UNSET

from schema.enums import (
    AuditAction,
    AuditOutcome,
    DeliveryStatus,
    Direction,
    InvitationStatus,
    UserOrderField,
    UserStatus,
)


@strawberry.input(description="Which users; every condition given must hold.")
class UserFilter:
    """Conditions on users."""

    search: str | None = strawberry.field(
        default=UNSET,
        description="Every word must begin a word of a name, or either address, ignoring case.",
    )
    status: list[UserStatus] | None = strawberry.field(
        default=UNSET, description="How far the association has come: any of these."
    )
    service_id: strawberry.ID | None = strawberry.field(
        default=UNSET, description="Holds a role of this service."
    )
    role_ids: list[strawberry.ID] | None = strawberry.field(
        default=UNSET, description="Holds any of these roles."
    )


@strawberry.input(description="How users are ordered.")
class UserOrder:
    """An order."""

    field: UserOrderField = strawberry.field(
        default=UserOrderField.LAST_NAME, description="By what."
    )
    direction: Direction = strawberry.field(
        default=Direction.ASC, description="Which end comes first."
    )


@strawberry.input(description="Which invitations; every condition given must hold.")
class InvitationFilter:
    """Conditions on invitations."""

    status: list[InvitationStatus] | None = strawberry.field(
        default=UNSET, description="What has become of it: any of these."
    )
    delivery: list[DeliveryStatus] | None = strawberry.field(
        default=UNSET, description="Where its mail is: any of these."
    )


@strawberry.input(description="Which events; every condition given must hold.")
class AuditEventFilter:
    """Conditions on audit events."""

    actions: list[AuditAction] | None = strawberry.field(
        default=UNSET, description="What was done: any of these."
    )
    outcome: AuditOutcome | None = strawberry.field(
        default=UNSET, description="Whether it was done or refused."
    )
    since: datetime | None = strawberry.field(
        default=UNSET, description="At this moment or after it."
    )
    until: datetime | None = strawberry.field(default=UNSET, description="Before this moment.")


UserFilterArgument = Annotated[
    UserFilter | None, strawberry.argument(description="Which users; all if left out.")
]
UserOrderArgument = Annotated[
    UserOrder | None, strawberry.argument(description="By last name if left out.")
]
