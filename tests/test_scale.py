"""Ten thousand users in one organization, on both databases; costs as the databases count them."""

import asyncio
import re
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import asyncpg
import pytest

from gateway.database import connected, is_sqlite
from models.users import User
from schema.nodes import encode_id, split_id
from tests.crowd import ALICE, SIZE, Crowd, gather_crowd
from tests.people import Gateway, Person
from tests.postgres import PostgresServer
from tests.query_costs import Statement, cost_of, plan_of, statements_sent
from tests.scim import Directory

COLUMNS = {
    "LAST_NAME": "sort_name",
    "PRIMARY_EMAIL_ADDRESS": "primary_email_address_key",
    "CREATED_AT": "created_at",
    "LAST_SIGN_IN_AT": "last_sign_in_at",
}
ORDERS = [
    pytest.param({"field": field, "direction": direction}, id=f"{field} {direction}")
    for field in COLUMNS
    for direction in ("ASC", "DESC")
]

USERS = """
query Users(
  $organization: ID! $filter: UserFilter $orderBy: UserOrder
  $first: Int $after: String $last: Int $before: String
) {
  users(
    organizationId: $organization filter: $filter orderBy: $orderBy
    first: $first after: $after last: $last before: $before
  ) {
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    nodes { id firstName lastName selectedRoles { name service { name } } }
  }
}
"""

PLAN_MODES = ("force_custom_plan", "force_generic_plan")
"""PostgreSQL uses the second for a statement that a connection has prepared often enough."""

SMALL = {"services", "roles", "catalogue_versions", "tortoise_migrations", "json_each"}
"""Tables that hold a few rows whatever the organizations do, and may be read through; and the list
that a statement was given."""

PAGE = re.compile(r"^SELECT .* FROM users WHERE organization_id = ")
"""Reading a page, and looking whether something is beyond it."""

ROLES_OF_ONE = r"CORRELATED SCALAR|SEARCH role_assignments USING .* \(user_id=\?\)"
"""How the roles of each user of a page are found, in the same statement."""

FIRST_PAGE = {"sqlite": 5_000, "postgres": 600}
"""What the first page may cost, the roles of its users included."""

ALLOWANCE = {"sqlite": 1_000, "postgres": 51}
"""What a page may cost more than three times the first: steps; or blocks, since the rows of one
page may lie side by side, as they were inserted, and those of another in a block each."""


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def crowd(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Crowd:
    """Filled once for each engine; the tests only read."""
    if request.param == "sqlite":
        file = tmp_path_factory.mktemp("crowd") / "gateway.sqlite3"
        return asyncio.run(gather_crowd(f"sqlite://{file}"))
    server: PostgresServer = request.getfixturevalue("engine_server")
    found = asyncio.run(gather_crowd(server.create_database("crowd")))
    asyncio.run(_analyze(found.database_url))
    return found


async def _analyze(database_url: str) -> None:
    """What PostgreSQL does by itself a minute after an import."""
    connection = await asyncpg.connect(database_url)
    await connection.execute("VACUUM ANALYZE")
    await connection.close()


@pytest.fixture
async def database(crowd: Crowd) -> AsyncIterator[str]:
    """The crowd's database, connected."""
    async with connected(crowd.database_url):
        yield crowd.database_url


@pytest.fixture
async def alice(gateway: Gateway) -> Person:
    """The administrator of the ten thousand."""
    return await gateway.person(ALICE)


@pytest.fixture
def contoso(crowd: Crowd) -> str:
    """The id of the organization of the ten thousand."""
    return encode_id("Organization", crowd.organization.id)


async def page(
    person: Person, organization_id: str, **variables: Any
) -> tuple[dict[str, Any], list[Statement]]:
    """A page of users, and the statements that it took."""
    with statements_sent() as sent:
        users = (await person.ask(USERS, organization=organization_id, **variables))["users"]
    return users, list(sent)


async def costs(gateway: Gateway, statements: list[Statement]) -> list[int]:
    """What it takes to find a page's users, under each plan that the database may take."""
    modes = ("auto",) if is_sqlite(gateway.database_url) else PLAN_MODES
    return [
        sum(
            [
                await cost_of(gateway.database_url, statement, plan_mode=mode)
                for statement in statements
                if PAGE.match(statement.text)
            ]
        )
        for mode in modes
    ]


async def test_a_page_of_fifty_takes_the_statements_of_a_page_of_one(
    alice: Person, contoso: str
) -> None:
    """Rule 43, with roles."""
    await page(alice, contoso, first=1)
    one, for_one = await page(alice, contoso, first=1)
    fifty, for_fifty = await page(alice, contoso, first=50)

    assert (len(one["nodes"]), len(fifty["nodes"])) == (1, 50)
    assert all(node["selectedRoles"] for node in fifty["nodes"])
    assert len(for_fifty) == len(for_one)
    assert len(for_fifty) == 3


@pytest.mark.parametrize("order_by", ORDERS)
async def test_every_page_costs_about_what_the_first_does(
    gateway: Gateway, alice: Person, contoso: str, order_by: dict[str, str]
) -> None:
    first, sent = await page(alice, contoso, orderBy=order_by, first=50)
    engine = "sqlite" if is_sqlite(gateway.database_url) else "postgres"
    cost_of_first = await costs(gateway, sent)
    allowed = [3 * cost + ALLOWANCE[engine] for cost in cost_of_first]
    last, sent_for_last = await page(alice, contoso, orderBy=order_by, last=50)
    begin, end = last["pageInfo"]["startCursor"], first["pageInfo"]["endCursor"]
    pages = {
        "last": (last, sent_for_last),
        "after a late cursor": await page(alice, contoso, orderBy=order_by, first=50, after=begin),
        "before a late cursor": await page(alice, contoso, orderBy=order_by, last=50, before=begin),
        "before an early cursor": await page(alice, contoso, orderBy=order_by, last=50, before=end),
    }
    found = {name: await costs(gateway, statements) for name, (_, statements) in pages.items()}

    assert max(cost_of_first) < FIRST_PAGE[engine]
    assert {
        name: cost
        for name, cost in found.items()
        if any(each > most for each, most in zip(cost, allowed, strict=True))
    } == {}, f"allowed {allowed}, found {found}"


@pytest.mark.parametrize("crowd", ["sqlite"], indirect=True)  # PostgreSQL's costs tell the same
@pytest.mark.parametrize("order_by", ORDERS)
async def test_sqlite_finds_every_page_by_an_index_and_sorts_nothing(
    gateway: Gateway, alice: Person, contoso: str, order_by: dict[str, str]
) -> None:
    first, sent = await page(alice, contoso, orderBy=order_by, first=50)
    for window in ({"last": 50}, {"first": 50, "after": first["pageInfo"]["endCursor"]}):
        sent += (await page(alice, contoso, orderBy=order_by, **window))[1]
    lists = [each for each in sent if PAGE.match(each.text) and "ORDER BY" in each.text]

    assert len(lists) == 3
    for statement in sent:
        _assert_searches(gateway, statement)
    for statement in lists:
        users, *roles = plan_of(gateway.database_url, statement)
        assert re.match(r"SEARCH users USING INDEX users_by_\w+ \(organization_id=\?", users)
        assert [re.match(ROLES_OF_ONE, step) is not None for step in roles] == [True] * 2, roles


def _assert_searches(gateway: Gateway, statement: Statement) -> None:
    if not statement.text.startswith("SELECT"):
        return
    plan = plan_of(gateway.database_url, statement)
    scanned = {found[1] for step in plan if (found := re.match(r"SCAN (\w+)", step))}
    assert scanned <= SMALL, (statement.text, plan)


@pytest.mark.parametrize("search", ["co", "cohofe", "u99", "emile ba", "nobody"])
async def test_a_search_finds_its_words_by_their_index(
    gateway: Gateway, alice: Person, contoso: str, search: str
) -> None:
    _, sent = await page(alice, contoso, filter={"search": search}, first=50)
    (searching,) = [each for each in sent if "user_words" in each.text and "ORDER BY" in each.text]
    words = search.split()

    if is_sqlite(gateway.database_url):
        plan = plan_of(gateway.database_url, searching)
        _assert_searches(gateway, searching)
        by_prefix = [step for step in plan if "words_of_users (organization_id=? AND word>" in step]
        assert len(by_prefix) == len(words), plan
    else:
        # A tenth of what reading the words and the users through would take, if few are found.
        whole = await _pages_of(gateway.database_url, "users", "user_words")
        cost = (await costs(gateway, [searching]))[0]
        assert cost < whole / 10 or search in {"co", "u99", "emile ba"}, (cost, whole)


async def _pages_of(database_url: str, *tables: str) -> int:
    connection = await asyncpg.connect(database_url)
    size: int = await connection.fetchval(
        "SELECT sum(relpages) FROM pg_class WHERE relname = ANY($1)", list(tables)
    )
    await connection.close()
    return size


@pytest.mark.parametrize("order_by", ORDERS)
@pytest.mark.parametrize("direction", ["forward", "backward"])
async def test_paging_visits_everyone_once_and_in_order(
    alice: Person, contoso: str, order_by: dict[str, str], direction: str
) -> None:
    visited: list[str] = []
    pages = 0
    cursor, more = None, True
    while more:
        window = (
            {"first": 100, "after": cursor}
            if direction == "forward"
            else {"last": 100, "before": cursor}
        )
        users = (await alice.ask(IDS, organization=contoso, orderBy=order_by, **window))["users"]
        ids = [node["id"] for node in users["nodes"]]
        visited = visited + ids if direction == "forward" else ids + visited
        info, pages = users["pageInfo"], pages + 1
        cursor, more = (
            (info["endCursor"], info["hasNextPage"])
            if direction == "forward"
            else (info["startCursor"], info["hasPreviousPage"])
        )
    expected = await _in_order(contoso, order_by)

    assert pages == SIZE // 100
    assert visited == expected


IDS = """
query Ids(
  $organization: ID! $orderBy: UserOrder
  $first: Int $after: String $last: Int $before: String
) {
  users(
    organizationId: $organization orderBy: $orderBy
    first: $first after: $after last: $last before: $before
  ) { pageInfo { hasNextPage hasPreviousPage startCursor endCursor } nodes { id } }
}
"""


async def _in_order(organization_id: str, order_by: dict[str, str]) -> list[str]:
    """What Python makes of it: by the value, by code point, then by the id."""
    column = COLUMNS[order_by["field"]]
    rows = await User.filter(organization_id=split_id(organization_id)[1]).values_list(column, "id")
    ordered = sorted(rows, reverse=order_by["direction"] == "DESC")

    assert len(ordered) == SIZE
    assert any(one[0] == other[0] for one, other in pairwise(ordered)) or column.startswith("prim")
    return [encode_id("User", id_) for _, id_ in ordered]


@pytest.mark.parametrize(
    "asked",
    [
        {"filter": f'userName eq "{ALICE}"'},
        {"filter": f'emails[type eq "work" and value eq "archer.{ALICE}"]'},
        {"sortBy": "userName", "startIndex": str(SIZE - 5), "count": "3"},
        {"sortBy": "name.familyName", "sortOrder": "descending", "count": "100"},
        {"startIndex": "200", "count": "100"},
    ],
)
@pytest.mark.parametrize("crowd", ["sqlite"], indirect=True)
async def test_what_directories_ask_is_found_by_an_index(
    gateway: Gateway, alice: Person, asked: dict[str, str]
) -> None:
    directory = Directory(await alice.program("READ"))
    with statements_sent() as sent:
        found = await directory.found("/Users", **asked)

    assert len(found) == int(asked.get("count", 1))
    assert len(sent) <= 5
    for statement in sent:
        _assert_searches(gateway, statement)


@pytest.mark.parametrize("crowd", ["sqlite"], indirect=True)
async def test_nobody_is_read_to_find_that_a_directory_calls_nobody_so(
    gateway: Gateway, alice: Person
) -> None:
    directory = Directory(await alice.program("READ"))
    with statements_sent() as sent:
        found = await directory.found("/Users", filter='externalId eq "g-1"')
    searching = [statement for statement in sent if "external_ids" in statement.text]

    assert (found, len(searching)) == ([], 1)
    for statement in searching:
        _assert_searches(gateway, statement)


async def test_what_no_index_answers_is_too_much_of_ten_thousand(alice: Person) -> None:
    """Unless an index narrows it."""
    directory = Directory(await alice.program("READ"))
    refused = [
        await directory.error("GET", '/Users?filter=userName co "a"'),
        await directory.error("GET", "/Users?sortBy=displayName"),
    ]
    (narrowed,) = await directory.found(
        "/Users", filter=f'userName eq "{ALICE}" and displayName co "alic"', sortBy="displayName"
    )
    bare = await directory.found("/Groups", excludedAttributes="members")

    assert [answer[:2] for answer in refused] == [[400, "tooMany"]] * 2
    assert narrowed["displayName"] == "Alice Archer"
    assert bare
    assert (await directory.error("GET", "/Groups"))[0] == 413
