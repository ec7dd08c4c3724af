"""What is asked of the contenders: one operation each, about many places in turn."""

from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from schema.nodes import encode_id
from tests.benchmarks.data import FIRST_NAMES, LAST_NAMES, Place, Sample

USER = """
    id version firstName lastName microsoftAccount primaryEmailAddress status lastSignInAt
    selectedRoles { name isServiceAdministrator service { code name } }
"""

PEER_USER = """
    id version firstName lastName microsoftAccount primaryEmailAddress status lastSignInAt
    roleAssignmentsByUserId { nodes {
        roleByRoleId { name isServiceAdministrator serviceByServiceId { code name } }
    } }
"""

INVITED_AT_ONCE = 40
TURNS = 100
"""How often each place is asked about, each time otherwise where that makes a difference."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request of the load."""

    path: str
    cookie: str
    body: bytes

    def line(self) -> bytes:
        """As `requests.lua` reads it."""
        return b"\t".join((self.path.encode(), self.cookie.encode(), self.body))


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """An operation: as our graph, PostGraphile's and stock's understand it, where they can."""

    title: str
    ours: str
    stock: str | None = None
    postgraphile: str | None = None
    floor: bool = True


WORK = {
    "page": Work(
        title="page of 50 users with 3 roles and their services",
        ours="query Page($organization: ID!) { users(organizationId: $organization, first: 50) {"
        f" nodes {{ {USER} }} pageInfo {{ hasNextPage }} }} }}",
        stock="query Page($organization: ID!) { users(organizationId: $organization, first: 50) {"
        f" nodes {{ {USER} }} }} }}",
        postgraphile="query Page($organizationRow: UUID!) { allUsers(condition: {organizationId:"
        " $organizationRow}, orderBy: [SORT_NAME_ASC, PRIMARY_KEY_ASC], first: 50) {"
        f" nodes {{ {PEER_USER} }} pageInfo {{ hasNextPage }} }} }}",
    ),
    "user": Work(
        title="one user by id, with roles",
        ours=f"query One($id: ID!) {{ user(id: $id) {{ {USER} }} }}",
        stock=f"query One($id: ID!) {{ user(id: $id) {{ {USER} }} }}",
        postgraphile=f"query One($row: UUID!) {{ userByRowId(rowId: $row) {{ {PEER_USER} }} }}",
    ),
    "viewer": Work(
        title="`viewer` with profiles",
        ours="{ viewer { microsoftAccount displayName profiles {"
        " id firstName lastName organization { id name } } } }",
        postgraphile="query Viewer($account: UUID!) { accountByRowId(rowId: $account) {"
        " microsoftAccount displayName usersByAccountId { nodes {"
        " id firstName lastName organizationByOrganizationId { id name } } } } }",
    ),
    "search": Work(
        title="search in an organization of 100,000",
        ours="query Search($organization: ID!, $search: String!) {"
        " users(organizationId: $organization, filter: {search: $search}, first: 50) {"
        f" nodes {{ {USER} }} pageInfo {{ hasNextPage }} }} }}",
    ),
    "createUser": Work(
        title="`createUser` with a role",
        ours="mutation Create($input: CreateUserInput!) { createUser(input: $input) {"
        " user { id version } userErrors { code } } }",
        floor=False,
    ),
    "inviteUsers": Work(
        title=f"`inviteUsers` of {INVITED_AT_ONCE}",
        ours="mutation Invite($input: InviteUsersInput!) { inviteUsers(input: $input) {"
        " results { invitation { id status } } userErrors { code } } }",
        floor=False,
    ),
}


def requests_for(kind: str, name: str, sample: Sample) -> list[Request]:
    """The requests of a piece of work to a contender's kind; empty if it can't do that."""
    work = WORK[name]
    query = {"ours": work.ours, "stock": work.stock, "postgraphile": work.postgraphile}.get(kind)
    if (kind == "floor" and not work.floor) or (kind != "floor" and query is None):
        return []
    path = f"/{name}" if kind == "floor" else "/graphql"
    return [
        Request(
            path,
            f"session={place.cookie}" if kind == "ours" else "",
            orjson.dumps({"query": query, "variables": variables}),
        )
        for place, variables in _variables(name, sample)
    ]


def _variables(name: str, sample: Sample) -> Iterator[tuple[Place, dict[str, object]]]:
    if name == "search":
        largest = sample.largest
        for first, last in zip(FIRST_NAMES, LAST_NAMES, strict=False):
            for text in (last.lower(), f"{first.lower()}1"):
                yield largest, {"organization": largest.organization, "search": text}
        return
    for number in range(TURNS):
        for place in sample.places:
            yield place, _variables_in(place, number, name, sample.role)


def _variables_in(place: Place, number: int, name: str, role: str) -> dict[str, object]:
    """Of the turn with this number."""
    match name:
        case "user":
            id_ = place.user_ids[number]
            return {"id": encode_id("User", id_), "row": str(id_)}
        case "createUser":
            return {"input": _form(place, role)}
        case "inviteUsers":
            start = number % (len(place.user_ids) // INVITED_AT_ONCE) * INVITED_AT_ONCE
            ids = place.user_ids[start : start + INVITED_AT_ONCE]
            return {"input": {"userIds": [encode_id("User", id_) for id_ in ids]}}
        case _:
            return {
                "organization": place.organization,
                "organizationRow": str(place.organization_id),
                "account": str(place.account_id),
            }


def _form(place: Place, role: str) -> dict[str, object]:
    return {
        "organizationId": place.organization,
        "firstName": "New",
        "lastName": "Person",
        "microsoftAccount": "new.@@@@@@@@@@@live.example",
        "primaryEmailAddress": "new.@@@@@@@@@@@example.com",
        "roles": {"add": [role]},
    }
