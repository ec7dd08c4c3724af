"""Which addresses there are, and what each method does there."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from starlette.responses import Response

from gateway.scim import groups, users
from gateway.scim.asking import Asked, not_found
from gateway.scim.errors import Problematic

READ_COST = 200
SEARCH_COST = 2_000
CHANGE_COST = 5_000
"""What counts for the rates, in the measure of the graph's costs."""

SEARCH = ".search"

NOT_BUILT = {("Me", ""), (SEARCH, "")}
"""What the specification has and the gateway has not."""


@dataclass(frozen=True, slots=True)
class Operation:
    """What a method does at an address."""

    run: Callable[[Asked], Awaitable[Response]]
    cost: int
    changes_something: bool = False


def reads(run: Callable[[Asked], Awaitable[Response]], cost: int = READ_COST) -> Operation:
    """An operation that changes nothing."""
    return Operation(run, cost)


def changes(run: Callable[[Asked], Awaitable[Response]], cost: int = CHANGE_COST) -> Operation:
    """An operation that is finished once it has begun."""
    return Operation(run, cost, changes_something=True)


Operations = Mapping[tuple[str, str], Mapping[str, Operation]]
"""By the address's first part and the kind of its second, and by method."""

OF_RESOURCES: Operations = {
    ("Users", ""): {
        "GET": reads(users.list_users, SEARCH_COST),
        "POST": changes(users.create),
    },
    ("Users", "id"): {
        "GET": reads(users.show_user),
        "PUT": changes(users.replace_user),
        "PATCH": changes(users.patch_user),
        "DELETE": changes(users.delete_user),
    },
    ("Groups", ""): {
        "GET": reads(groups.list_groups, SEARCH_COST),
        "POST": reads(groups.refuse_change),
    },
    ("Groups", "id"): {
        "GET": reads(groups.show_group, SEARCH_COST),
        "PUT": changes(groups.replace_group),
        "PATCH": changes(groups.patch_group),
        "DELETE": reads(groups.refuse_change),
    },
}


def operation_at(operations: Operations, method: str, parts: Sequence[str]) -> Operation:
    """What a method does at the address with these parts.

    Raises:
        Problematic: 404 for an address that leads nowhere, 405 for a method that it does not take,
            501 for what is not built.
    """
    first, second = (*parts, "", "")[:2]
    kind = second if second in {"", SEARCH} else "id"
    if (first, kind) in NOT_BUILT:
        detail = f"/{first} is not supported; search /Users and /Groups one by one."
        raise Problematic(HTTPStatus.NOT_IMPLEMENTED, detail)
    methods = operations.get((first, kind))
    if methods is None or len(parts) > 2:  # noqa: PLR2004 - a collection and an id
        raise not_found()
    operation = methods.get("GET" if method == "HEAD" else method)
    if operation is None:
        allow = ", ".join(methods)
        detail = f"This address takes {allow}."
        raise Problematic(HTTPStatus.METHOD_NOT_ALLOWED, detail, headers={"allow": allow})
    return operation
