"""Searches: filter, order and page (RFC 7644 section 3.4.2).

What directories ask again and again, a user by `userName`, by address or by either id, is answered
by an index, as are pages of all users in the orders that have one. Other filters and orders are
tried on one user after the other, of which there must not be too many.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, TypeVar
from uuid import UUID

from scim2_models import (
    ListResponse,
    Resource,
    SearchRequest,
    TooManyException,
)
from scim2_models.path import (
    CompareOperator,
    Comparison,
    FilterNode,
    LogicalExpr,
    LogicalOperator,
    ValuePath,
)

from gateway.scim.lengths import SHAPE, check_length
from gateway.scim.models import TOLERANT, WORK, User
from models.addresses import address_key
from resolvers.external_ids import is_external_id
from resolvers.paging import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, Order
from resolvers.provisioning import UserKeys, with_external_ids
from resolvers.seen import SeenUser, UserList
from schema.nodes import NOBODY, decode_id

WALK_AT_MOST = 2_000
"""Users who are tried by a filter, or put into an order, that no index answers."""

AT_A_TIME = 100
"""Before other requests have their turn."""

BY_CREATION = Order("created", "created_at", descending=False)

INDEXED_ORDERS = {
    "username": "microsoft_account_key",
    "emails": "primary_email_address_key",
    "emails.value": "primary_email_address_key",
    "name.familyname": "sort_name",
    "meta.created": "created_at",
}

Found = TypeVar("Found", bound=Resource)  # type: ignore[type-arg] # of any extension


class NothingFitsError(Exception):
    """The filter's keys are of nobody, so there is nothing to ask the database for."""


def page_size(search: SearchRequest[Any]) -> int:
    """How many resources the page has at most."""
    return min(DEFAULT_PAGE_SIZE if search.count is None else search.count, MAX_PAGE_SIZE)


def keys_of(search: SearchRequest[User]) -> tuple[UserKeys, bool]:
    """The keys that a filter demands, and whether it demands nothing else.

    Raises:
        NothingFitsError: It demands a key that nobody can have.
    """
    keys, is_whole = UserKeys(), True
    for term in _terms(search.filter.ast) if search.filter is not None else ():
        found = _key(term)
        if found is None:
            is_whole = False
            continue
        keys = _both(keys, found)
    return keys, is_whole


def _both(one: UserKeys, other: UserKeys) -> UserKeys:
    """What has the keys of both."""
    given: dict[str, Any] = {
        name: value for name, value in asdict(other).items() if value is not None
    }
    if any(getattr(one, name) not in {None, value} for name, value in given.items()):
        raise NothingFitsError
    return replace(one, **given)


def _terms(node: FilterNode) -> Iterator[FilterNode]:
    if isinstance(node, LogicalExpr) and node.op is LogicalOperator.and_:
        for term in node.terms:
            yield from _terms(term)
    else:
        yield node


def _key(node: FilterNode) -> UserKeys | None:
    """The key that a term of a filter demands, if it demands just one."""
    if isinstance(node, ValuePath):
        return _key_within(node)
    if isinstance(node, Comparison) and _is_equation(node):
        path = node.attr_path
        return _key_named(f"{path.attr}.{path.sub_attr}" if path.sub_attr else path.attr, node)
    return None


def _key_named(name: str, equation: Comparison) -> UserKeys | None:
    match name.lower():
        case "id":
            return UserKeys(id=_user_id(equation.value))
        case "username":
            return UserKeys(microsoft_account_key=_address_key(equation.value))
        case "externalid":
            return UserKeys(external_id=_external_id(equation.value))
        case "emails" | "emails.value":
            return UserKeys(primary_email_address_key=_address_key(equation.value))
        case _:
            return None


def _is_equation(node: Comparison) -> bool:
    # The path was found in the schema, so that its name says all of it.
    return node.op is CompareOperator.eq and isinstance(node.value, str)


def _key_within(node: ValuePath) -> UserKeys | None:
    """The address in `emails[type eq "work" and value eq "…"]`."""
    if node.attr_path.attr.lower() != "emails":
        return None
    terms = list(_terms(node.val_filter))
    if not all(isinstance(term, Comparison) and _is_equation(term) for term in terms):
        return None
    compared = [
        (term.attr_path.attr.lower(), term.value) for term in terms if isinstance(term, Comparison)
    ]
    values = [value for name, value in compared if name == "value"]
    others = [(name, value.lower()) for name, value in compared if name != "value"]
    if len(values) != 1 or any(other != ("type", WORK) for other in others):
        return None
    return UserKeys(primary_email_address_key=_address_key(values[0]))


def _user_id(text: str) -> UUID:
    id_ = decode_id("User", text)
    if id_ == NOBODY:
        raise NothingFitsError
    return id_


def _external_id(text: str) -> str:
    if not is_external_id(text):
        raise NothingFitsError
    return text


def _address_key(text: str) -> str:
    try:
        return address_key(text)
    except ValueError:
        raise NothingFitsError from None


def indexed_order(search: SearchRequest[User]) -> Order | None:
    """The order that is asked for, if an index has it."""
    descending = search.sort_order is SearchRequest.SortOrder.descending
    if search.sort_by is None:
        return BY_CREATION
    column = INDEXED_ORDERS.get(str(search.sort_by).lower())
    return Order(column, column, descending) if column else None


async def users_found(
    users: UserList, search: SearchRequest[User], *, is_whole: bool, shown: Callable[[Any], User]
) -> ListResponse[User]:
    """The page of those users that the search asks for; `is_whole` if all of them fit its filter.

    Raises:
        TooManyException: No index answers it, and there are too many to be tried.
    """
    order = indexed_order(search)
    start, size = search.start_index_0 or 0, page_size(search)
    if is_whole and order is not None:
        total = await users.count()
        rows: Sequence[SeenUser] = []
        if size and start < total:
            rows = await users.read(order, descending=order.descending, limit=size, offset=start)
        return page(User, list(map(shown, await with_external_ids(rows))), total, search)
    rows = await users.read(BY_CREATION, descending=False, limit=WALK_AT_MOST + 1)
    if len(rows) > WALK_AT_MOST:
        detail = (
            f"Only filters by userName, emails, id or externalId with eq, and orders by userName, "
            f"emails, name.familyName or meta.created, can be asked of more than {WALK_AT_MOST} "
            f"users."
        )
        raise TooManyException(detail=detail)
    resources: list[User] = []
    for index, row in enumerate(await with_external_ids(rows)):
        resources.append(shown(row))
        if index % AT_A_TIME == AT_A_TIME - 1:
            await asyncio.sleep(0)
    return await sorted_page(User, resources, search)


async def sorted_page(
    model: type[Found], resources: Sequence[Found], search: SearchRequest[Any]
) -> ListResponse[Found]:
    """The page of what is found among resources that are all at hand."""
    found = []
    for index, resource in enumerate(resources):
        if search.filter is None or search.filter.match(resource):
            found.append(resource)
        if index % AT_A_TIME == AT_A_TIME - 1:
            await asyncio.sleep(0)
    start = search.start_index_0 or 0
    in_order = search.sort(found)[start : start + page_size(search)]
    return page(model, in_order, len(found), search)


def page(
    model: type[Found], resources: Sequence[Found], total: int, search: SearchRequest[Any]
) -> ListResponse[Found]:
    """An answer with these of `total` resources."""
    return ListResponse[model](  # type: ignore[valid-type] # a model that is known at run time
        total_results=total,
        start_index=search.start_index or 1,
        items_per_page=len(resources),
        resources=list(resources),
    )


PARAMETERS = {
    name.lower(): name
    for name in (
        *("filter", "sortBy", "sortOrder", "startIndex", "count"),
        *SHAPE,
    )
}


def search_in(model: type[Found], given: Mapping[str, Any]) -> SearchRequest[Found]:
    """The search that parameters of an address, or a body, ask for.

    Raises:
        ValidationError: They can't be understood.
        InvalidFilterException: The filter is too long.
        InvalidValueException: Something else is.
    """
    known = {
        PARAMETERS[name.lower()]: value
        for name, value in given.items()
        if name.lower() in PARAMETERS
    }
    check_length(known)
    search: SearchRequest[Found] = SearchRequest[model].model_validate(  # type: ignore[valid-type] # likewise
        known, scim_policy=TOLERANT
    )
    return search
