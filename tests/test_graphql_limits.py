import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from graphql import GraphQLSchema, OperationDefinitionNode, get_introspection_query, parse

from gateway.app import create_app
from gateway.costs import Costs, Price, Priced
from gateway.documents import MAX_ERRORS, Document, Documents
from gateway.graphiql.page import tabs
from gateway.graphql_errors import MAX_LENGTH
from gateway.limits import Limit
from gateway.prices import PriceList
from gateway.settings import Settings
from schema.graph import build
from tests import documents as sent
from tests.benchmarks.worst_document import calls, climb
from tests.people import Clock, Gateway, Person

MOST_CALLS = 400_000
"""Of functions, by any document: about 30 ms of CPU here, where 50 ms are allowed."""

ROWS: dict[str, Any] = {name: ["x"] * 100 for name in ("userIds", "users", "invitationIds")}


def nested_fragments(number: int) -> str:
    """A document in which each fragment spreads the next one twice."""
    links = " ".join(
        f"fragment F{each} on Query{{...F{each + 1} ...F{each + 1}}}" for each in range(number)
    )
    return f"{{...F0}} {links} fragment F{number} on Query{{__typename}}"


TOO_MUCH = {
    Limit.CHARACTERS: "#" * Limit.CHARACTERS.maximum + "\n{__typename}",
    Limit.TOKENS: "{" + "__typename " * 1_000 + "}",
    Limit.OPERATIONS: " ".join(f"query Q{number} {{__typename}}" for number in range(21)),
    Limit.FRAGMENTS: "{__typename} "
    + " ".join(f"fragment F{number} on Query {{__typename}}" for number in range(51)),
    Limit.DEPTH: "{" + "viewer{" * 20 + "id" + "}" * 21,
    Limit.SELECTIONS: nested_fragments(22),
    Limit.ROOT_FIELDS: nested_fragments(6),
    Limit.ALIASES: "{viewer{" + " ".join(f"a{number}:displayName" for number in range(101)) + "}}",
    Limit.ALIAS_LENGTH: "{" + "a" * 101 + ":__typename}",
    Limit.DIRECTIVES: "{__typename" + " @skip(if:false)" * 51 + "}",
    Limit.REPEATS: "{viewer{" + "displayName " * 46 + "}}",
    Limit.NODES: "{viewer{profiles{organization{users(first:100){nodes{"
    "organization{users(first:100){nodes{id}}}}}}}}}",
    Limit.COST: "{viewer{profiles{organization{users(first:100){nodes{"
    + " ".join(f"a{number}:firstName" for number in range(60))
    + "}}}}}}",
}


@pytest.fixture(scope="module")
def core() -> GraphQLSchema:
    return build()._schema  # noqa: SLF001 - Strawberry's only way to graphql-core


@pytest.fixture(scope="module")
def ours(core: GraphQLSchema) -> Documents:
    return Documents(core, introspection=True)


def operation_of(document: Document) -> OperationDefinitionNode:
    operation = document.operation(None)
    assert isinstance(operation, OperationDefinitionNode)
    return operation


def price(ours: Documents, text: str, **variables: Any) -> Price:
    document = ours.read(text)
    assert document.errors == ()
    return ours.price(document, operation_of(document), variables)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_what_goes_beyond_a_limit_is_refused_by_its_name_and_numbers(
    gateway: Gateway, method: str
) -> None:
    where = "params" if method == "GET" else "json"
    for limit, query in TOO_MUCH.items():
        request: dict[str, Any] = {where: {"query": query}}
        response = await gateway.client.request(
            method, "/graphql", headers={"accept": "application/graphql-response+json"}, **request
        )

        (error,) = response.json()["errors"]
        extensions = error["extensions"]
        assert (response.status_code, "data" in response.json()) == (400, False)
        assert extensions["code"] == "QUERY_TOO_COMPLEX"
        assert (extensions["limit"], extensions["maximum"]) == (limit.label, limit.maximum)
        assert extensions["actual"] > limit.maximum
        assert limit.label in error["message"]
        assert str(limit.maximum) in error["message"]
    # An event's cost is a subscription's, which no POST begins: tests/test_stream_sockets.py.
    assert TOO_MUCH.keys() == set(Limit) - {Limit.EVENT_COST}


def test_nested_fragments_cost_no_more_than_their_text(core: GraphQLSchema) -> None:
    ours = Documents(core, introspection=True)
    few, many, most = (
        calls(ours, nested_fragments(number), of_refused=True) for number in (11, 22, 44)
    )

    assert many < 3 * few
    assert most < 3 * many


@pytest.mark.parametrize("introspection", [True, False])
def test_fragments_that_spread_themselves_are_refused_as_such(
    core: GraphQLSchema, introspection: bool
) -> None:
    text = "{...A} fragment A on Query {...B} fragment B on Query {...A}"
    document = Documents(core, introspection=introspection).read(text)

    assert [error.message for error in document.errors] == [
        "Cannot spread fragment 'A' within itself via 'B'."
    ]


def everyday() -> Iterator[tuple[str, str]]:
    """Every document that we ship, and those of the tests."""
    yield (
        "GraphiQL's introspection",
        get_introspection_query(
            specified_by_url=True,
            directive_is_repeatable=True,
            schema_description=True,
            input_value_deprecation=True,
        ),
    )
    for tab in tabs():
        yield tab.title, tab.query
    folder = Path("gateway/portal/src/graph/operations")
    texts = {file.name: file.read_text() for file in sorted(folder.glob("*.graphql"))}
    fragments = dict(each for text in texts.values() for each in _named(text))
    for text in texts.values():
        for operation in re.findall(r"(?ms)^(?:query|mutation) .*?^\}", text):
            yield operation.split("(")[0], _with_fragments(operation, fragments)
    for name, text in vars(sent).items():
        if isinstance(text, str) and re.match(r"\s*(query|mutation|fragment|\{)", text):
            yield name, text


def _named(text: str) -> list[tuple[str, str]]:
    found = re.findall(r"(?ms)^fragment \w+.*?^\}", text)
    return [(fragment.split()[1], fragment) for fragment in found]


def _with_fragments(operation: str, fragments: dict[str, str]) -> str:
    """An operation with the fragments that it needs, as the portal's generator puts them."""
    needed: dict[str, str] = {}
    waiting = [operation]
    while waiting:
        for name in re.findall(r"\.\.\.\s*(?!on\b)(\w+)", waiting.pop()):
            if name not in needed:
                needed[name] = fragments[name]
                waiting.append(fragments[name])
    return "\n".join([operation, *needed.values()])


def test_everyday_documents_take_less_than_half_of_any_limit(ours: Documents) -> None:
    found = dict(everyday())
    halves: dict[str, float] = {}
    for name, text in found.items():
        document = ours.read(text)
        if not any(isinstance(each, OperationDefinitionNode) for each in parse(text).definitions):
            continue
        assert document.errors == (), name
        cost = price(ours, text, input=ROWS)
        halves[name] = max(
            cost.cost / Limit.COST.maximum,
            cost.nodes / Limit.NODES.maximum,
            document.tokens / Limit.TOKENS.maximum,
            len(text) / Limit.CHARACTERS.maximum,
        )

    assert len(halves) >= 40
    assert {name: share for name, share in halves.items() if share > 0.5} == {}


@pytest.mark.parametrize("seed", range(4))
def test_no_document_within_the_limits_takes_long_to_read(seed: int) -> None:
    """`tests/benchmarks/worst_document.py` searches longer, and measures the time."""
    most, text = climb(seed, 60)

    assert 0 < most < MOST_CALLS, text


@pytest.mark.parametrize(
    "text",
    [
        "mutation{createUser(input:{" + " ".join(f"a{n}:1" for n in range(300)) + "}){user{id}}}",
        "query(" + " ".join(f"$a{n}:Servicee{n}" for n in range(190)) + "){__typename}",
        "{node(id:" + "{a:" * 190 + "1" + "}" * 190 + "){id}}",
        '{node(id:"""' + "\n  a" * 4_000 + '"""){id}}',
        '{node(id:"' + "\\u0041" * 2_600 + '"){id}}',
        "{viewer{profiles{" + "selectedRoles(serviceId:1){id}" * 31 + "}}}",
        "{viewer{profiles{" + "".join(f"...F{n} " for n in range(31)) + "}}}"
        + "".join(f"fragment F{n} on User{{organization{{id}}}}" for n in range(31)),
    ],
    ids=["input fields", "types", "values", "block text", "escapes", "arguments", "fragments"],
)  # fmt: skip
def test_documents_that_look_dear_are_not(ours: Documents, text: str) -> None:
    assert 0 < calls(ours, text) < MOST_CALLS


def test_the_cost_follows_the_page_size(ours: Documents) -> None:
    query = "query($n:Int=7){viewer{profiles{organization{users(first:$n){nodes{id lastName}}}}}}"
    text = query.replace("$n:Int=7", "").replace("()", "")
    sizes = {n: price(ours, text.replace("$n", str(n))) for n in (0, 7, 50, 100, 1_000)}

    assert sizes[0].cost < sizes[7].cost < sizes[50].cost < sizes[100].cost
    assert sizes[100] == sizes[1_000]
    assert [price(ours, query, n=n) for n in (0, 50, 100)] == [sizes[n] for n in (0, 50, 100)]
    assert price(ours, query) == sizes[7]
    assert price(ours, query, n=None) == sizes[50]
    assert price(ours, query.replace("first", "last"), n=50) == sizes[50]


def test_the_cost_is_the_same_by_way_of_fragments(ours: Documents) -> None:
    plain = "{viewer{profiles{organization{users{nodes{id lastName} totalCount}}}}}"
    spread = (
        "{...A} fragment A on Query{viewer{...{profiles{organization{users{...C}}}}}}"
        "fragment C on UserConnection{nodes{... on Node{id} ...N} totalCount}"
        "fragment N on User{lastName}"
    )

    assert price(ours, plain) == price(ours, spread)


def test_of_the_types_that_a_node_may_be_the_dearest_counts(ours: Documents) -> None:
    def cost(selection: str) -> float:
        return price(ours, f'{{nodes(ids:["1","2"]){{{selection}}}}}').cost

    user, role = "... on User{firstName lastName status}", "... on Role{name}"

    assert cost(f"{user} {role}") == cost(user) > cost(role)


def test_each_item_of_a_list_that_is_sent_costs(ours: Documents) -> None:
    query = "query($ids:[ID!]!){nodes(ids:$ids){id}}"
    invite = "mutation($input:InviteUsersInput!){inviteUsers(input:$input){results{__typename}}}"
    one, hundred = ({"userIds": ["x"] * number} for number in (1, 100))

    assert price(ours, query, ids=["1"] * 100).nodes == 100
    assert price(ours, query, ids="1") == price(ours, query, ids=["1"])
    assert price(ours, invite, input=hundred).cost - price(ours, invite, input=one).cost == 990


def test_prices_are_remembered_by_the_numbers_that_decide_them(core: GraphQLSchema) -> None:
    node = parse("query($n:Int $id:ID!){users(organizationId:$id first:$n){nodes{id}}}")
    operation = operation_of(Document(node))
    costs, remembered = Costs(core), Priced()
    for number in range(100):
        costs.price(node, operation, {"n": number, "id": str(number)}, remembered)

    assert remembered.deciding == ("n",)
    assert len(remembered.prices) == 16
    assert PriceList(core).of("Query", "__typename") is None


async def test_a_batch_that_is_hopelessly_large_is_refused_before_it_is_looked_at(
    alice: Person,
) -> None:
    few = await alice.do(sent.INVITE_USERS, input={"userIds": ["x"] * 101})
    many = await alice.errors(sent.INVITE_USERS, input={"userIds": ["x"] * 10_000})

    assert [error["code"] for error in few["userErrors"]] == ["BATCH_TOO_LARGE"]
    assert many == ["QUERY_TOO_COMPLEX"]


async def test_the_cost_is_in_the_answer_for_who_asks_for_it(gateway: Gateway) -> None:
    query = "{services{name roles{name}}}"
    asking = {"query": query, "extensions": {"cost": True}}
    by_post = await gateway.client.post("/graphql", json=asking)
    by_get = await gateway.client.get(
        "/graphql", params={"query": query, "extensions": '{"cost":true}'}
    )
    unasked = await gateway.client.post("/graphql", json={"query": query})

    cost = {"requested": 36, "maximum": 25_000, "nodes": 30, "maximumNodes": 10_000}
    assert by_post.json()["extensions"] == by_get.json()["extensions"] == {"cost": cost}
    assert unasked.json().keys() == {"data"}


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ("{" + "a" * 15_000 + "}", {}),
        ("{viewer{" + " ".join(f"x{number}" for number in range(99)) + "}}", {}),
        ("{" + "a:viewer{id} " * 19 + "a:services{id}}", {}),
        ("query($a:Int!){users(organizationId:1 first:$a){nodes{id}}}", {"a": "b" * 900_000}),
        ("query($a:[ID!]!){nodes(ids:$a){id}}", {"a": [[1]] * 9_000}),
        ('{users(organizationId:"' + "a" * 15_000 + '"){nodes{id}}}', {}),
        (
            "{" + " ".join(f"a{n}:users(organizationId:1){{totalCount}}" for n in range(50)) + "}",
            {},
        ),
    ],
    ids=["name", "names", "overlap", "variable", "variables", "id", "failing fields"],
)
async def test_errors_are_few_and_short_whatever_is_sent(
    alice: Person, query: str, variables: dict[str, Any]
) -> None:
    response = await alice.post(query, **variables)

    errors = response.json()["errors"]
    assert 1 <= len(errors) <= 2 * MAX_ERRORS
    assert max(len(error["message"]) for error in errors) <= MAX_LENGTH
    assert len(response.content) < 8_000


async def test_nothing_is_suggested_where_introspection_is_off(
    database: str, oidc_settings: dict[str, str], clock: Clock
) -> None:
    texts = []
    for introspection in (True, False):
        settings = Settings.model_validate(
            {"database_url": database, "introspection": introspection, **oidc_settings}
        )
        transport = httpx2.ASGITransport(create_app(settings, delivers_mail=False, now=clock))
        async with httpx2.AsyncClient(transport=transport, base_url="http://x") as client:
            for query, variables in (
                ("{servces{id}}", {}),
                ("{services{nmae}}", {}),
                ("{role(idd:1){id}}", {}),
                ("{...on Usr{id}}", {}),
                ("query($a:UserFiltr){__typename}", {}),
                ("{users(organizationId:1 filter:{serch:1}){nodes{id}}}", {}),
                ("{users(organizationId:1 orderBy:{field:LAST_NAM}){nodes{id}}}", {}),
                (sent.EDIT_USER, {"input": {"id": "1", "fistName": "x"}}),
                ("mutation($s:SignOutScope!){signOut(scope:$s){redirectUrl}}",
                 {"s": "ALL_SESSION"}),
            ):  # fmt: skip
                body = {"query": query, "variables": variables}
                response = await client.post("/graphql", json=body)
                texts.append((introspection, "Did you mean" in response.text))

    assert texts == [(True, True)] * 9 + [(False, False)] * 9


@pytest.mark.parametrize(
    ("comments", "remembered", "forgotten"),
    [
        pytest.param("#\n" * 950, 50, 55, id="many tokens"),
        pytest.param("#" + "x" * 16_000 + "\n", 700, 850, id="few tokens, much text"),
        pytest.param("#" + "\U0001f600" * 16_000 + "\n", 190, 220, id="wide letters"),
    ],
)
def test_the_memory_of_remembered_documents_is_bounded(
    core: GraphQLSchema, comments: str, remembered: int, forgotten: int
) -> None:
    ours = Documents(core, introspection=True)
    texts = [comments + f"{{a{number}:viewer{{displayName}}}}" for number in range(forgotten + 50)]
    documents = [ours.read(text) for text in texts]
    newest_first = zip(texts[::-1], documents[::-1], strict=True)
    kept = [ours.read(text) is document for text, document in newest_first]

    assert (all(kept[:remembered]), any(kept[forgotten:])) == (True, False)
