"""The lists of an organization: users, invitations, audit events, with filter and order."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from tortoise.expressions import Q

from models.accounts import AccessScope
from models.audit import AuditAction, AuditEvent, AuditOutcome
from models.invitations import DeliveryStatus, Invitation, InvitationStatus
from models.names import search_words
from models.users import UserStatus
from resolvers.caller import Caller
from resolvers.memberships import Permission, memberships_of
from resolvers.paging import Order, Page, Queried, Window, page_of, time_order
from resolvers.permissions import member_of, visible_invitations_of, visible_users_of
from resolvers.refusals import BadRequest, Forbidden
from resolvers.seen import SeenUser, UserList

MAX_SEARCH_WORDS = 8
AFTER_EVERY_LETTER = "\U0010ffff"
HOLDING = "id IN (SELECT user_id FROM role_assignments WHERE organization_id = ? AND"


@dataclass(frozen=True, kw_only=True, slots=True)
class UserFilter:
    """Which users of an organization; every condition given must hold."""

    search: str | None = None
    statuses: Sequence[UserStatus] | None = None
    service_id: UUID | None = None
    role_ids: Sequence[UUID] | None = None


class UserOrderField(StrEnum):
    """By what users can be ordered."""

    LAST_NAME = "LAST_NAME"
    PRIMARY_EMAIL_ADDRESS = "PRIMARY_EMAIL_ADDRESS"
    CREATED_AT = "CREATED_AT"
    LAST_SIGN_IN_AT = "LAST_SIGN_IN_AT"


def user_order(field: UserOrderField, *, descending: bool) -> Order:
    """The order of users by a field; who never signed in comes before who did."""
    name = f"{field}{'-' if descending else '+'}"
    match field:
        case UserOrderField.LAST_NAME:
            return Order(name, "sort_name", descending)
        case UserOrderField.PRIMARY_EMAIL_ADDRESS:
            return Order(name, "primary_email_address_key", descending)
        case UserOrderField.CREATED_AT:
            return time_order(name, "created_at", descending=descending)
        case UserOrderField.LAST_SIGN_IN_AT:
            return time_order(name, "last_sign_in_at", descending=descending)


async def users_page(
    caller: Caller,
    organization_id: UUID,
    *,
    filter_by: UserFilter,
    order: Order,
    window: Window,
    with_roles: bool = False,
) -> Page[SeenUser]:
    """A page of the users whom the caller may see; with the roles that each holds, if asked for.

    Raises:
        Unauthenticated: Nobody is signed in.
        Forbidden: The organization does not exist, or the caller does not belong to it.
        BadRequest: The window or the search can't be understood.
    """
    users = replace(await visible_users_of(caller, organization_id), with_roles=with_roles)
    return await page_of(_filtered(users, organization_id, filter_by), order, window)


def _filtered(users: UserList, organization_id: UUID, filter_by: UserFilter) -> UserList:
    for word in _words(filter_by.search or ""):
        users = users.where(
            "id IN (SELECT user_id FROM user_words"
            " WHERE organization_id = ? AND word >= ? AND word < ?)",
            *(organization_id, word, word + AFTER_EVERY_LETTER),
        )
    if filter_by.statuses is not None:
        users = users.where("status = ANY(?::text[])", [str(each) for each in filter_by.statuses])
    if filter_by.service_id is not None:
        users = users.where(f"{HOLDING} service_id = ?)", organization_id, filter_by.service_id)
    if filter_by.role_ids is not None:
        role_ids = list(filter_by.role_ids)
        users = users.where(f"{HOLDING} role_id = ANY(?::uuid[]))", organization_id, role_ids)
    return users


def _words(search: str) -> list[str]:
    words = search_words(search)
    if len(words) > MAX_SEARCH_WORDS:
        message = f"`search` has {len(words)} words; at most {MAX_SEARCH_WORDS} can be looked for."
        raise BadRequest(message)
    if any("\x00" in word or not word.isprintable() for word in words):
        message = "`search` contains characters that no name or address has."
        raise BadRequest(message)
    return words


@dataclass(frozen=True, kw_only=True, slots=True)
class InvitationFilter:
    """Which invitations of an organization; every condition given must hold."""

    statuses: Sequence[InvitationStatus] | None = None
    deliveries: Sequence[DeliveryStatus] | None = None


NEWEST_FIRST = time_order("newest", "created_at", descending=True)


async def invitations_page(
    caller: Caller,
    organization_id: UUID,
    *,
    filter_by: InvitationFilter,
    window: Window,
    now: datetime,
) -> Page[Invitation]:
    """A page of the invitations of users whom the caller may see, newest first.

    Raises:
        Unauthenticated: Nobody is signed in.
        Forbidden: The organization does not exist, or the caller does not belong to it.
        BadRequest: The window can't be understood.
    """
    query = await visible_invitations_of(caller, organization_id)
    if filter_by.statuses is not None:
        conditions = [_has_status(status, now) for status in filter_by.statuses]
        query = query.filter(Q(*conditions, join_type="OR") if conditions else Q(id__in=[]))
    if filter_by.deliveries is not None:
        query = query.filter(delivery__in=list(filter_by.deliveries))
    return await page_of(Queried(query), NEWEST_FIRST, window)


def _has_status(status: InvitationStatus, now: datetime) -> Q:
    if status is InvitationStatus.EXPIRED:
        return Q(status=InvitationStatus.PENDING, expires_at__lte=now)
    if status is InvitationStatus.PENDING:
        return Q(status=InvitationStatus.PENDING, expires_at__gt=now)
    return Q(status=status)


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditEventFilter:
    """Which events of an organization; every condition given must hold."""

    actions: Sequence[AuditAction] | None = None
    outcome: AuditOutcome | None = None
    since: datetime | None = None
    until: datetime | None = None


async def audit_events_page(
    caller: Caller, organization_id: UUID, *, filter_by: AuditEventFilter, window: Window
) -> Page[AuditEvent]:
    """A page of what happened in an organization, newest first, for its service administrators.

    Raises:
        Unauthenticated: Nobody is signed in.
        Forbidden: The caller administers no service of the organization, or an access token lacks
            READ_AUDIT.
        BadRequest: The window can't be understood.
    """
    caller.demand(AccessScope.READ_AUDIT)
    membership = await member_of(caller, organization_id)
    for _, message in membership.problems_with(Permission.READ_AUDIT):
        raise Forbidden(message)
    query = AuditEvent.filter(organization_id=organization_id)
    if filter_by.actions is not None:
        query = query.filter(action__in=list(filter_by.actions))
    if filter_by.outcome is not None:
        query = query.filter(outcome=filter_by.outcome)
    if filter_by.since is not None:
        query = query.filter(created_at__gte=filter_by.since)
    if filter_by.until is not None:
        query = query.filter(created_at__lt=filter_by.until)
    return await page_of(Queried(query), NEWEST_FIRST, window)


async def audit_events_by_id(caller: Caller, ids: Sequence[UUID]) -> list[AuditEvent | None]:
    """Events for reading, in the order of the ids; None for one that the caller may not read.

    Raises:
        Unauthenticated: Nobody is signed in.
        OutOfScope: By an access token without READ_AUDIT.
    """
    caller.demand(AccessScope.READ_AUDIT)
    readable = [
        organization_id
        for organization_id, membership in (await memberships_of(caller)).items()
        if not membership.problems_with(Permission.READ_AUDIT)
    ]
    rows = await AuditEvent.filter(id__in=list(ids), organization_id__in=readable)
    found = {row.id: row for row in rows}
    return [found.get(id_) for id_ in ids]
