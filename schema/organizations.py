"""Organizations and their subscriptions."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry
from strawberry import UNSET, Private

import models.services as tables
from resolvers import lists, subscriptions
from resolvers.memberships import Membership, Permission
from resolvers.paging import Window
from resolvers.permissions import member_of
from resolvers.webhook_permissions import webhooks_of
from resolvers.webhooks import MAX_WEBHOOKS
from schema.audit import AuditEventConnection
from schema.catalogue import Service, to_service
from schema.connections import After, Before, First, Last, given, window
from schema.context import Info
from schema.costs import FETCH, PAGE, ListSize
from schema.enums import (
    Direction,
    ProductRelease,
    SubscriptionStatus,
)
from schema.exports import export_path
from schema.filters import (
    AuditEventFilter,
    InvitationFilter,
    UserFilter,
    UserFilterArgument,
    UserOrder,
    UserOrderArgument,
)
from schema.invitations import InvitationConnection
from schema.nodes import Node, decode_id, decode_ids, encode_id
from schema.users import User, UserConnection, load_user, load_users, needs_roles
from schema.webhooks import Webhook, to_webhook


async def users_connection(
    info: Info,
    organization_id: UUID,
    filter_: UserFilter | None,
    order_by: UserOrder | None,
    window_: Window,
) -> UserConnection:
    """A page of an organization's users, wherever in the graph it is asked for."""
    wanted = given(filter_) or UserFilter()
    order = given(order_by) or UserOrder()
    service_id = given(wanted.service_id)
    role_ids = given(wanted.role_ids)
    page = await lists.users_page(
        info.context.caller,
        organization_id,
        filter_by=lists.UserFilter(
            search=given(wanted.search),
            statuses=given(wanted.status),
            service_id=decode_id("Service", service_id) if service_id is not None else None,
            role_ids=decode_ids("Role", role_ids) if role_ids is not None else None,
        ),
        order=lists.user_order(order.field, descending=order.direction is Direction.DESC),
        window=window_,
        with_roles=needs_roles(info),
    )
    return UserConnection(page=page, context=info.context)


@strawberry.type(description="Whether an organization can use a service.")
class Availability:
    """By the organization's release and its country or region."""

    available: bool = strawberry.field(description="Whether it can.")
    reason: str | None = strawberry.field(
        description="For people: for example that Microsoft Dynamics AX 2012 R3 is installed."
    )


@strawberry.type(description="A step of the configuration checklist, such as `Set up users`.")
class ChecklistItem:
    """A step."""

    code: str = strawberry.field(description="Stable key, for example `set-up-users`.")
    label: str = strawberry.field(description="For people.")
    complete: bool = strawberry.field(description="Whether it is done.")
    available: bool = strawberry.field(description="Whether the viewer can do it now.")
    href: str | None = strawberry.field(description="Path of the page where it is done.")


@strawberry.type(description="An organization's use of a service.")
class ServiceSubscription(Node):
    """A subscription."""

    row: Private[tables.ServiceSubscription]
    status: SubscriptionStatus = strawberry.field(description="Whether it is in use.")
    signed_up_at: datetime = strawberry.field(description="When the organization signed up.")

    @strawberry.field(description="The organization.")
    async def organization(
        self, info: Info
    ) -> Annotated["Organization", strawberry.lazy("schema.organizations")]:
        """One of the caller's own."""
        return to_organization(await self._membership(info))

    @strawberry.field(description="The service.")
    async def service(self, info: Info) -> Service:
        """From the catalogue."""
        catalogue = await info.context.catalogue()
        return to_service(catalogue.services[self.row.service_id])

    @strawberry.field(description="Whether the organization can use the service now.")
    async def availability(self, info: Info) -> Availability:
        """Service by release, and service by country or region."""
        membership = await self._membership(info)
        service = membership.catalogue.services[self.row.service_id]
        reason = service.unavailability(membership.organization)
        return Availability(available=reason is None, reason=reason)

    @strawberry.field(
        description="Its service administrators, as far as the viewer may see them; first granted "
        "first."
    )
    async def service_administrators(self, info: Info) -> list[User]:
        """All of them for a service administrator, else the viewer alone at most."""
        loaders = info.context.loaders
        ids = await loaders.administrators.load((self.row.organization_id, self.row.service_id))
        return await load_users(info, ids)

    @strawberry.field(description="Whether the viewer administers the service.")
    async def viewer_is_service_administrator(self, info: Info) -> bool:
        """By the viewer's roles."""
        return self.row.service_id in (await self._membership(info)).administered

    @strawberry.field(description="The steps from signing up to people at work, in order.")
    async def configuration_checklist(self, info: Info) -> list[ChecklistItem]:
        """What the Configuration checklist page shows."""
        items = await subscriptions.configuration_checklist(self.row, await self._membership(info))
        return [
            ChecklistItem(
                code=item.code,
                label=item.label,
                complete=item.complete,
                available=item.available,
                href=item.href,
            )
            for item in items
        ]

    async def _membership(self, info: Info) -> Membership:
        return await member_of(info.context.caller, self.row.organization_id)


def to_subscription(row: tables.ServiceSubscription) -> ServiceSubscription:
    """The graph's view of a subscription."""
    return ServiceSubscription(
        id=encode_id("ServiceSubscription", row.id),
        row=row,
        status=row.status,
        signed_up_at=row.signed_up_at,
    )


@strawberry.type(description="A customer that signs up for services.")
class Organization(Node):
    """An organization, as one of its members sees it."""

    membership: Private[Membership]
    name: str = strawberry.field(description="For people.")
    country_or_region: str = strawberry.field(description="ISO 3166-1 alpha-2; can't be changed.")
    product_release: ProductRelease = strawberry.field(description="The ERP release that it runs.")
    created_at: datetime = strawberry.field(description="When it signed up first.")

    @strawberry.field(description="The services that it has signed up for, first one first.")
    async def subscriptions(self, info: Info) -> list[ServiceSubscription]:
        """In order of signing up."""
        id_ = self.membership.organization.id
        return [
            to_subscription(row) for row in await info.context.loaders.subscriptions_of.load(id_)
        ]

    @strawberry.field(
        description="The users whom the viewer may see: all of them for a service administrator, "
        "else the viewer alone.",
        directives=[FETCH, PAGE],
    )
    async def users(
        self,
        info: Info,
        filter: UserFilterArgument = UNSET,  # noqa: A002 - the contract's name
        order_by: UserOrderArgument = UNSET,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> UserConnection:
        """A page."""
        id_ = self.membership.organization.id
        return await users_connection(
            info, id_, filter, order_by, window(first, after, last, before)
        )

    @strawberry.field(
        description="The invitations of the users whom the viewer may see, newest first.",
        directives=[FETCH, PAGE],
    )
    async def invitations(
        self,
        info: Info,
        filter: Annotated[  # noqa: A002 - the contract's name
            InvitationFilter | None,
            strawberry.argument(description="Which invitations; all if left out."),
        ] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> InvitationConnection:
        """A page."""
        wanted = given(filter) or InvitationFilter()
        page = await lists.invitations_page(
            info.context.caller,
            self.membership.organization.id,
            filter_by=lists.InvitationFilter(
                statuses=given(wanted.status), deliveries=given(wanted.delivery)
            ),
            window=window(first, after, last, before),
            now=info.context.now,
        )
        return InvitationConnection(page=page)

    @strawberry.field(
        description="What happened, newest first. Needs: a service administrator of the "
        "organization.",
        directives=[FETCH, PAGE],
    )
    async def audit_events(
        self,
        info: Info,
        filter: Annotated[  # noqa: A002 - the contract's name
            AuditEventFilter | None,
            strawberry.argument(description="Which events; all if left out."),
        ] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> AuditEventConnection:
        """A page."""
        wanted = given(filter) or AuditEventFilter()
        page = await lists.audit_events_page(
            info.context.caller,
            self.membership.organization.id,
            filter_by=lists.AuditEventFilter(
                actions=given(wanted.actions),
                outcome=given(wanted.outcome),
                since=given(wanted.since),
                until=given(wanted.until),
            ),
            window=window(first, after, last, before),
        )
        return AuditEventConnection(page=page)

    @strawberry.field(
        description="Path of the download of all its users as comma-separated values, which an "
        "import takes; null for who is no service administrator. Each download is recorded."
    )
    def users_export_href(self) -> str | None:
        """The same users as `users`."""
        may_not = self.membership.problems_with(Permission.EXPORT_USERS)
        return None if may_not else export_path(self.id)

    @strawberry.field(
        description="The addresses that are told what happens, first registered first; at most 20. "
        "Needs: a service administrator of the organization.",
        directives=[FETCH, ListSize(assumed_size=MAX_WEBHOOKS, require_one_slicing_argument=False)],
    )
    async def webhooks(self, info: Info) -> list[Webhook]:
        """One statement."""
        id_ = self.membership.organization.id
        return [to_webhook(row) for row in await webhooks_of(info.context.caller, id_)]

    @strawberry.field(description="The viewer's own profile in it.")
    async def viewer_profile(self, info: Info) -> User | None:
        """By the association."""
        return await load_user(info, self.membership.user_id)


def to_organization(membership: Membership) -> Organization:
    """The graph's view of an organization that the caller belongs to."""
    row = membership.organization
    return Organization(
        id=encode_id("Organization", row.id),
        membership=membership,
        name=row.name,
        country_or_region=row.country_or_region,
        product_release=row.product_release,
        created_at=row.created_at,
    )
