"""Pages of users as Relay has them, what filters and searches find, and nodes by their ids."""

import base64
import itertools
import json
from typing import Any
from uuid import UUID

import pytest

from models.invitations import Invitation
from schema.nodes import encode_id
from tests import documents
from tests.people import Gateway, Person

NAMES = [
    ("Ann", "Li"),
    ("Ann", "Li"),
    ("Ann", "Li"),
    ("Ann", "Lind"),
    ("Jean-Luc", "Müller"),
    ("Zoë", "O'Brien"),
    ("Maeve", "O\N{RIGHT SINGLE QUOTATION MARK}Neill"),
    ("Anna Maria", "von der Straße"),
]
"""In no order; three have the same name."""

NAMED = """
query Named(
  $organization: ID! $filter: UserFilter $orderBy: UserOrder
  $first: Int $after: String $last: Int $before: String
) {
  users(
    organizationId: $organization filter: $filter orderBy: $orderBy
    first: $first after: $after last: $last before: $before
  ) {
    totalCount
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    edges { cursor node { id } }
    nodes { id firstName lastName }
  }
}
"""


@pytest.fixture
async def crew(gateway: Gateway, alice: Person, contoso: str) -> list[dict[str, Any]]:
    """Contoso's users but for Alice herself, in no order."""
    viewer = await gateway.role("commerce-services/viewer")
    manager = await gateway.role("commerce-services/catalog-manager")
    users = []
    for number, (first_name, last_name) in reversed(list(enumerate(NAMES))):
        payload = await alice.create(
            contoso,
            firstName=first_name,
            lastName=last_name,
            microsoftAccount=f"account{number}@live.example",
            primaryEmailAddress=f"Mail{number}@contoso.example",
            roles={"set": [manager if number % 2 else viewer]},
        )
        users.append(payload["user"])
    return users


def cursor_of(*parts: Any) -> str:
    """A forged cursor."""
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()


async def listed(person: Person, organization_id: str, **variables: Any) -> dict[str, Any]:
    """A page of users."""
    data = await person.ask(NAMED, organization=organization_id, **variables)
    users: dict[str, Any] = data["users"]
    return users


# -------------------------------------------------------------------------------------- pages


@pytest.mark.parametrize("direction", ["ASC", "DESC"])
async def test_every_window_shows_its_slice_and_says_exactly_what_lies_outside(
    alice: Person, contoso: str, crew: list[dict[str, Any]], direction: str
) -> None:
    order = {"field": "LAST_NAME", "direction": direction}
    whole = await listed(alice, contoso, orderBy=order)
    ids = [edge["node"]["id"] for edge in whole["edges"]]
    cursors = [edge["cursor"] for edge in whole["edges"]]
    size = len(ids)
    wrong = []
    places = [None, 0, 1, size // 2, size - 1]
    for name, count, after, before in itertools.product(
        ("first", "last"), (0, 1, 3, size), places, places
    ):
        low = 0 if after is None else after + 1
        high = max(low, size if before is None else before)
        if after is not None and before is not None and before <= after:
            continue
        begin, end = (
            (low, min(high, low + count)) if name == "first" else (max(low, high - count), high)
        )
        window = {
            name: count,
            "after": None if after is None else cursors[after],
            "before": None if before is None else cursors[before],
            "orderBy": order,
        }
        page = await listed(alice, contoso, **window)
        found = (
            [node["id"] for node in page["nodes"]],
            page["pageInfo"]["hasPreviousPage"],
            page["pageInfo"]["hasNextPage"],
            page["pageInfo"]["startCursor"],
            page["pageInfo"]["endCursor"],
            page["totalCount"],
        )
        expected = (
            ids[begin:end],
            begin > 0,
            end < size,
            cursors[begin] if begin < end else None,
            cursors[end - 1] if begin < end else None,
            size,
        )
        if found != expected:
            wrong.append((name, count, after, before, found[:3], expected[:3]))

    assert size == len(crew) + 1
    assert wrong == []


async def test_equal_names_keep_one_order_in_both_directions(
    alice: Person, contoso: str, crew: list[dict[str, Any]]
) -> None:
    orders = [{"field": "LAST_NAME", "direction": direction} for direction in ("ASC", "DESC")]
    up, down = [
        [node["id"] for node in (await listed(alice, contoso, orderBy=order))["nodes"]]
        for order in orders
    ]
    namesakes = [user["id"] for user in crew if user["lastName"] == "Li"]

    assert up == down[::-1]
    assert [id_ for id_ in up if id_ in namesakes] == sorted(namesakes, key=up.index)
    # Ids are given in the order of making, which settles who comes first among equals.
    assert [id_ for id_ in up if id_ in namesakes] == namesakes


async def test_names_are_ordered_as_people_read_them(
    alice: Person, contoso: str, crew: list[dict[str, Any]]
) -> None:
    nodes = (await listed(alice, contoso))["nodes"]

    assert len(crew) == len(NAMES)
    assert [node["lastName"] for node in nodes] == [
        "Archer",
        *["Li"] * 3,
        "Lind",
        "Müller",
        "O'Brien",
        "O\N{RIGHT SINGLE QUOTATION MARK}Neill",
        "von der Straße",
    ]


@pytest.mark.parametrize(
    "window",
    [
        {"first": 1, "last": 1},
        {"first": -1},
        {"last": -1},
        {"first": -(2**31)},
        {"after": ""},
        {"after": "nonsense"},
        {"before": "\N{SNOWMAN}"},
        {"after": "bnVsbA"},
        {"after": "WzEsMiwzXQ"},
        {"before": "eyJhIjoxfQ=="},
        {"after": "A" * 10_000},
        {"after": cursor_of("LAST_NAME+", "li, ann", 7)},
        {"after": cursor_of("LAST_NAME+", 7, str(UUID(int=7)))},
        {"after": cursor_of("LAST_NAME+", "\x00", str(UUID(int=7)))},
        {"before": cursor_of("LAST_NAME+", "li, ann", "7")},
        {"before": cursor_of("LAST_NAME+", "li, ann", str(UUID(int=7)), "more")},
    ],
)
async def test_a_window_that_cannot_be_is_refused(
    alice: Person, contoso: str, window: dict[str, Any]
) -> None:
    assert await alice.errors(NAMED, organization=contoso, **window) == ["BAD_REQUEST"]


async def test_a_cursor_of_another_list_or_order_is_refused(
    alice: Person, contoso: str, crew: list[dict[str, Any]]
) -> None:
    whole = await listed(alice, contoso)
    await alice.invite(crew[0])
    query = (
        "query($i: ID! $after: String) { organization(id: $i) {"
        " auditEvents(after: $after) { pageInfo { endCursor } } } }"
    )
    data = await alice.ask(query, i=contoso)
    of_events = data["organization"]["auditEvents"]["pageInfo"]["endCursor"]
    of_users = whole["pageInfo"]["endCursor"]
    by_address = {"field": "PRIMARY_EMAIL_ADDRESS", "direction": "ASC"}
    backwards = {"field": "LAST_NAME", "direction": "DESC"}

    assert [
        await alice.errors(NAMED, organization=contoso, after=of_events),
        await alice.errors(NAMED, organization=contoso, after=of_users, orderBy=by_address),
        await alice.errors(NAMED, organization=contoso, before=of_users, orderBy=backwards),
        await alice.errors(query, i=contoso, after=of_users),
    ] == [["BAD_REQUEST"]] * 4


@pytest.mark.parametrize(
    "moment",
    [
        "2026-11-24",
        "2026-11-24T09:00:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "today",
        "",
    ],
)
async def test_a_forged_moment_breaks_nothing(alice: Person, contoso: str, moment: str) -> None:
    cursor = cursor_of("CREATED_AT+", moment, str(UUID(int=7)))
    order = {"field": "CREATED_AT", "direction": "ASC"}
    for name in ("after", "before"):
        codes = await alice.errors(NAMED, organization=contoso, orderBy=order, **{name: cursor})

        assert codes == ["BAD_REQUEST"]


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
async def test_the_trail_can_be_asked_for_from_any_moment(
    alice: Person, contoso: str, moment: str
) -> None:
    codes = [
        await alice.errors(documents.AUDIT, id=contoso, filter={name: moment})
        for name in ("since", "until")
    ]

    assert codes in ([[], []], [["BAD_REQUEST"], ["BAD_REQUEST"]])


async def test_a_cursor_outlives_its_row(
    alice: Person, contoso: str, crew: list[dict[str, Any]]
) -> None:
    whole = await listed(alice, contoso)
    gone = whole["edges"][4]
    user = next(user for user in crew if user["id"] == gone["node"]["id"])
    edited = (await alice.edit(user, roles={"set": []}))["user"]
    await alice.remove(edited)
    page = await listed(alice, contoso, first=1, after=gone["cursor"])
    empty = await listed(alice, contoso, first=0, after=gone["cursor"])

    assert page["edges"] == [whole["edges"][5]]
    assert page["pageInfo"]["hasPreviousPage"]
    assert (empty["pageInfo"]["hasPreviousPage"], empty["pageInfo"]["hasNextPage"]) == (True, True)


async def test_no_page_has_more_than_a_hundred(alice: Person, contoso: str) -> None:
    for number in range(102):
        form = {"microsoftAccount": f"u{number}@live.example"}
        await alice.create(contoso, roles={"set": [await role_of(alice)]}, **form)
    many = [
        await listed(alice, contoso, first=101),
        await listed(alice, contoso, last=2**31 - 1),
        await listed(alice, contoso),
    ]

    assert [len(page["nodes"]) for page in many] == [100, 100, 50]
    assert [page["pageInfo"]["hasNextPage"] for page in many] == [True, False, True]
    assert [page["pageInfo"]["hasPreviousPage"] for page in many] == [False, True, False]
    assert {page["totalCount"] for page in many} == {103}


async def role_of(person: Person) -> str:
    """A plain role."""
    return await person.gateway.role("commerce-services/viewer")


# --------------------------------------------------------------------------- filters, searches


SEARCHES: dict[str, list[Any]] = {
    "": [*range(8), "alice"],
    "  \t ": [*range(8), "alice"],
    "ann": [0, 1, 2, 3, 7],
    "ANN li": [0, 1, 2, 3],
    "li  ann": [0, 1, 2, 3],
    "lind": [3],
    "anna": [7],
    "ann ann": [0, 1, 2, 3, 7],
    "nn": [],
    "ann von": [7],
    "der str": [7],
    "STRASSE": [7],
    "straße": [7],
    "jean": [4],
    "luc": [4],
    "jean-l": [4],
    "Jean Luc": [4],
    "jean\N{NON-BREAKING HYPHEN}luc": [4],
    "jeanluc": [],
    "mull": [4],
    "MÜLL": [4],
    "mu\N{COMBINING DIAERESIS}ller": [4],
    "zoe": [5],
    "o'b": [5],
    "brien": [5],
    "obrien": [],
    "o\N{RIGHT SINGLE QUOTATION MARK}brien": [5],
    "o'neill": [6],
    "neill": [6],
    "account3": [3],
    "ACCOUNT3@LIVE.EXAMPLE": [3],
    "mail3@contoso": [3],
    "live.example": [],
    "ann account1 mail1": [1],
    "%": [],
    "_nn": [],
    "a%": [],
    "*": [],
    "'; DROP TABLE users; --": [],
    "\N{GRINNING FACE}": [],
}
"""The numbers of the names that each finds."""


async def test_every_word_must_begin_a_word_of_a_name_or_an_address(
    alice: Person, contoso: str, crew: list[dict[str, Any]]
) -> None:
    numbers = {user["id"]: len(crew) - 1 - place for place, user in enumerate(crew)}
    found = {}
    for search in SEARCHES:
        page = await listed(alice, contoso, filter={"search": search})
        found[search] = sorted(
            (numbers.get(node["id"], "alice") for node in page["nodes"]), key=str
        )
        assert page["totalCount"] == len(page["nodes"]), search

    assert found == SEARCHES


@pytest.mark.parametrize("search", ["a\x00", "\x07", "a b c d e f g h i"])
async def test_a_search_that_nobody_means_is_refused(
    alice: Person, contoso: str, search: str
) -> None:
    assert await alice.errors(NAMED, organization=contoso, filter={"search": search}) == [
        "BAD_REQUEST"
    ]


async def test_filters_hold_together_and_count(
    gateway: Gateway, alice: Person, contoso: str, crew: list[dict[str, Any]]
) -> None:
    services = await gateway.services()
    commerce = services["commerce-services"]
    viewer, manager = (commerce["roles"][code] for code in ("viewer", "catalog-manager"))
    await alice.invite(crew[-1], crew[-2])  # numbers 0 and 1
    everyone = len(crew) + 1
    counts = {
        "NOT_INVITED": {"status": ["NOT_INVITED"]},
        "INVITED": {"status": ["INVITED"]},
        "either": {"status": ["INVITED", "ASSOCIATED", "INVITED"]},
        "no status": {"status": []},
        "viewers": {"roleIds": [viewer]},
        "two roles": {"roleIds": [viewer, manager]},
        "no role": {"roleIds": []},
        "unknown role": {"roleIds": ["nonsense"]},
        "a service for a role": {"roleIds": [commerce["id"]]},
        "the service": {"serviceId": commerce["id"]},
        "another service": {"serviceId": services["sites-services"]["id"]},
        "unknown service": {"serviceId": "nonsense"},
        "invited viewers": {"status": ["INVITED"], "roleIds": [viewer]},
        "everything": {
            "status": ["INVITED"],
            "roleIds": [viewer],
            "serviceId": commerce["id"],
            "search": "ann",
        },
        "nothing left out": {"status": None, "roleIds": None, "serviceId": None, "search": None},
    }
    found = {}
    for name, condition in counts.items():
        page = await listed(alice, contoso, filter=condition, first=1)
        assert page["pageInfo"]["hasNextPage"] == (page["totalCount"] > 1), name
        found[name] = page["totalCount"]

    assert found == {
        "NOT_INVITED": len(crew) - 2,
        "INVITED": 2,
        "either": 3,
        "no status": 0,
        "viewers": 4,
        "two roles": 8,
        "no role": 0,
        "unknown role": 0,
        "a service for a role": 0,
        "the service": everyone,
        "another service": 0,
        "unknown service": 0,
        "invited viewers": 1,
        "everything": 1,
        "nothing left out": everyone,
    }


async def test_who_administers_nothing_finds_himself_alone(
    bob: Person, contoso: str, crew: list[dict[str, Any]]
) -> None:
    whole = await listed(bob, contoso)
    others = await listed(bob, contoso, filter={"search": "ann"})

    assert crew
    assert [node["id"] for node in whole["nodes"]] == [bob.user["id"]]
    assert (whole["totalCount"], others["totalCount"]) == (1, 0)


# -------------------------------------------------------------------------------------- nodes

NODES = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"
NODE = "query($id: ID!) { node(id: $id) { __typename id } }"
PUBLIC = ("Service", "Role")


async def ids_of_every_type(alice: Person, bob: Person, contoso: str) -> dict[str, str]:
    """One id of each type: Bob's where it is a person's own."""
    query = """
    query($id: ID!) {
      organization(id: $id) {
        id
        subscriptions { id service { id roles { id } } }
        auditEvents(first: 1) { nodes { id } }
      }
    }
    """
    organization = (await alice.ask(query, id=contoso))["organization"]
    subscription = organization["subscriptions"][0]
    invitation = await Invitation.all().first()
    assert invitation
    return {
        "Organization": organization["id"],
        "Service": subscription["service"]["id"],
        "Role": subscription["service"]["roles"][0]["id"],
        "ServiceSubscription": subscription["id"],
        "User": bob.user["id"],
        "Invitation": encode_id("Invitation", invitation.id),
        "AuditEvent": organization["auditEvents"]["nodes"][0]["id"],
        "Session": (await bob.ask(documents.VIEWER))["viewer"]["session"]["id"],
    }


async def test_nodes_of_every_type_are_there_for_who_may_see_them(
    alice: Person, bob: Person, carol: Person, mallory: Person, contoso: str
) -> None:
    ids = await ids_of_every_type(alice, bob, contoso)
    people = {"alice": alice, "bob": bob, "carol": carol, "mallory": mallory}
    seen = {}
    for name, person in people.items():
        nodes = (await person.ask(NODES, ids=list(ids.values())))["nodes"]
        one_by_one = [(await person.ask(NODE, id=id_))["node"] for id_ in ids.values()]
        assert nodes == one_by_one
        assert all(
            node is None or node == {"__typename": kind, "id": ids[kind]}
            for kind, node in zip(ids, nodes, strict=True)
        )
        seen[name] = [kind for kind, node in zip(ids, nodes, strict=True) if node]

    everything = list(ids)
    assert seen == {
        "alice": [kind for kind in everything if kind != "Session"],
        "bob": [kind for kind in everything if kind != "AuditEvent"],
        "carol": [kind for kind in everything if kind != "Session"],
        "mallory": list(PUBLIC),
    }


async def test_a_member_sees_no_node_of_another_member(
    alice: Person, bob: Person, carol: Person, contoso: str
) -> None:
    ids = await ids_of_every_type(alice, carol, contoso)
    newest = await Invitation.filter(sent_to="carol@live.example").first()
    assert newest
    ids["Invitation"] = encode_id("Invitation", newest.id)
    nodes = await bob.ask(NODES, ids=[ids[kind] for kind in ("User", "Invitation", "Session")])

    assert nodes == {"nodes": [None, None, None]}


async def test_without_a_sign_in_there_is_the_catalogue_alone(
    gateway: Gateway, alice: Person, bob: Person, contoso: str
) -> None:
    ids = await ids_of_every_type(alice, bob, contoso)
    anyone = gateway.anyone()
    answers = {kind: await anyone.errors(NODE, id=id_) for kind, id_ in ids.items()}

    assert answers == {kind: [] if kind in PUBLIC else ["UNAUTHENTICATED"] for kind in ids}


@pytest.mark.parametrize(
    "forge",
    [
        lambda _id: "",
        lambda _id: "nonsense",
        lambda _id: "\N{SNOWMAN}",
        lambda _id: "A" * 10_000,
        lambda id_: id_[:-4],
        lambda _id: encode_id("User", UUID(int=7)),
        lambda _id: encode_id("Nothing", UUID(int=7)),
        lambda _id: encode_id("Query", UUID(int=7)),
    ],
)
async def test_an_id_of_nothing_is_null(alice: Person, forge: Any) -> None:
    id_ = forge(alice.user["id"])

    assert await alice.ask(NODE, id=id_) == {"node": None}
    assert await alice.ask(NODES, ids=[id_, alice.user["id"]]) == {
        "nodes": [None, {"__typename": "User", "id": alice.user["id"]}]
    }
    assert await alice.ask("query($id: ID!) { user(id: $id) { id } }", id=id_) == {"user": None}


async def test_an_id_of_another_type_is_null(alice: Person, contoso: str) -> None:
    query = """
    query($u: ID!, $o: ID!) {
      user(id: $o) { id } organization(id: $u) { id } role(id: $u) { id }
      service(id: $o) { id } invitation(id: $u) { id }
    }
    """

    assert await alice.ask(query, u=alice.user["id"], o=contoso) == {
        "user": None,
        "organization": None,
        "role": None,
        "service": None,
        "invitation": None,
    }


async def test_nodes_keep_the_order_of_the_ids_and_their_doubles(
    alice: Person, crew: list[dict[str, Any]], statements: list[str]
) -> None:
    ids = [user["id"] for user in crew] * 3
    await alice.ask(NODES, ids=ids[:1])
    statements.clear()
    nodes = (await alice.ask(NODES, ids=ids))["nodes"]

    assert [node["id"] for node in nodes] == ids
    assert len(statements) <= 4


async def test_too_many_nodes_at_once_are_refused(alice: Person) -> None:
    assert await alice.errors(NODES, ids=[alice.user["id"]] * 1_001) == ["BAD_REQUEST"]
