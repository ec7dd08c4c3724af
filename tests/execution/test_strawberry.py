"""The compiling executor behind a real Strawberry schema, beside the stock one."""

from collections.abc import Callable
from typing import Any, cast

import pytest
import strawberry
from graphql import FieldNode, OperationDefinitionNode, parse
from strawberry.extensions import ParserCache
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from gateway.execution.strawberry import StrawberryCompilingExecutor
from tests.execution.graph import Batches, Cents, Loud, Query, Robot, Role, User, make_schema, user

Outcome = tuple[Any, list[Any], list[int]]


async def outcomes(schema: strawberry.Schema, query: str, **variables: Any) -> list[Outcome]:
    """Execute thrice: left to graphql-core, compiled and found again."""
    seen = []
    for _ in range(3):
        batches = Batches()
        result = await schema.execute(query, variables, context_value=batches.context())
        errors = [(error.formatted, type(error.original_error)) for error in result.errors or ()]
        seen.append((result.data, errors, batches.sizes))
    return seen


QUERIES = {
    "attributes": "{ users { id name status createdAt key balance nickname class __typename } }",
    "methods": '{ users { initial place(word: "in") b: place } }',
    "arguments": '{ users { labelled(someId: 7) b: labelled(someId: "x", howOften: null)'
    ' c: labelled(howOften: 3, someId: "y") d: labelled(someId: "z", statuses: [ACTIVE])'
    ' e: labelled(someId: "z", statuses: []) tagged(tag: null) f: tagged(tag: "t") } }',
    "loaders": "{ users { roles { name price } more: roles { id } } }",
    "unions": "{ accounts { __typename ... on User { name } ... on Robot { model } } }",
    "interfaces": "{ nodes { __typename id ... on Role { price } ...N } }"
    " fragment N on User { name }",
    "functions": '{ pair { both kind later more: later(word: "x") left { name } } }',
    "casts": "{ mistaken { name } }",
    "errors": "{ broken { name } again: broken { initial id } }",
    "permissions": "{ users { name secret } }",
    "extensions": "{ users { loud } }",
    "merged fields": "{ users { roles { id } } users { roles { name } name } }",
    "introspection": "{ __schema { types { name fields { name type { name kind } } } } }",
    "mutations": 'mutation { a: note(word: "a") b: note(word: "b") }',
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
@pytest.mark.parametrize("extensions", [(), (Loud,)], ids=["plain", "middleware"])
async def test_strawberry_gives_the_same(query: str, extensions: tuple[Any, ...]) -> None:
    stock = make_schema(StrawberryGraphQLCoreExecutionContext, *extensions)
    ours = make_schema(StrawberryCompilingExecutor, *extensions)

    assert await outcomes(ours, query) == await outcomes(stock, query)


QUERY_BY_CONDITION = """
query ($long: Boolean!) { users { id name @include(if: $long) ...Rest @skip(if: $long) } }
fragment Rest on User { status }
"""


async def test_conditions_are_decided_by_each_request() -> None:
    schema = make_schema(StrawberryCompilingExecutor)
    for _ in range(3):
        for long, keys in [(True, ["id", "name"]), (False, ["id", "status"])]:
            result = await schema.execute(QUERY_BY_CONDITION, {"long": long})

            assert result.data
            assert [list(user) for user in result.data["users"]] == [keys] * 3


async def test_a_loader_batches_once_for_all_rows() -> None:
    ours = make_schema(StrawberryCompilingExecutor)

    assert [sizes for _, _, sizes in await outcomes(ours, QUERIES["loaders"])] == [[3]] * 3


async def test_a_subscription_is_compiled_from_its_second_event_on() -> None:
    schema = make_schema(StrawberryCompilingExecutor)
    events = [
        result.data
        async for result in await schema.subscribe("subscription { arrivals { name initial } }")
    ]

    assert events == [{"arrivals": {"name": f"user {n}", "initial": "u"}} for n in range(3)]


def test_synchronous_execution_is_compiled_too() -> None:
    schema = make_schema(StrawberryCompilingExecutor)
    results = [schema.execute_sync(QUERIES["unions"]) for _ in range(3)]

    assert [result.errors for result in results] == [None] * 3
    assert [result.data for result in results] == [results[0].data] * 3


async def test_deferred_fields_come_as_graphql_core_sends_them() -> None:
    schema = strawberry.Schema(
        Query,
        types=[User, Role],
        execution_context_class=StrawberryCompilingExecutor,
        extensions=[ParserCache],
        config=StrawberryConfig(
            enable_experimental_incremental_execution=True,
            scalar_map={Cents: strawberry.scalar(name="Cents", serialize=str)},
        ),
    )
    for _ in range(3):
        result: Any = await schema.execute("{ users { id ... @defer { name } } }")
        later = [part.formatted async for part in result.subsequent_results]

        assert result.initial_result.data == {"users": [{"id": str(n)} for n in range(3)]}
        assert later[-1]["hasNext"] is False


def readers() -> dict[str, Any]:
    """Tell how each field of a user is read."""
    type_: Any = make_schema(StrawberryCompilingExecutor)._schema.type_map["User"]  # noqa: SLF001
    return {
        name: StrawberryCompilingExecutor.reader_of(field, node(name))
        for name, field in type_.fields.items()
    }


def node(text: str) -> FieldNode:
    """Parse one field of a selection set."""
    (operation,) = parse(f"{{ {text} }}").definitions
    (selection,) = cast("OperationDefinitionNode", operation).selection_set.selections
    return cast("FieldNode", selection)


def test_only_attributes_and_methods_of_self_are_read_without_their_resolvers() -> None:
    read = readers()

    assert read.pop("initial")(user(1)) == "u"
    assert read.pop("tagged")(user(1)) == "user 1"
    assert read == {
        "labelled": None,
        "id": "id",
        "name": "name",
        "status": "status",
        "createdAt": "created_at",
        "key": "key",
        "balance": "balance",
        "nickname": "nickname",
        "class": "class_",
        "secret": None,
        "loud": None,
        "roles": None,
        "place": None,
    }


def test_a_method_that_is_given_an_argument_is_called_by_its_resolver() -> None:
    type_: Any = make_schema(StrawberryCompilingExecutor)._schema.type_map["User"]  # noqa: SLF001
    given = node('tagged(tag: "x")')

    assert StrawberryCompilingExecutor.reader_of(type_.fields["tagged"], given) is None


class Sharing(StrawberryCompilingExecutor):
    """Knows that robots never change."""

    constants = frozenset({Robot})


async def test_what_is_selected_of_a_constant_is_worked_out_once_and_shared() -> None:
    schema = make_schema(Sharing)
    stock = make_schema(StrawberryGraphQLCoreExecutionContext)
    query = "{ workshop { model maker { model } } }"
    results = [await schema.execute(query) for _ in range(4)]
    expected = await stock.execute(query)
    shared = [result.data["workshop"][0] for result in results if result.data]

    assert [result.data for result in results] == [expected.data] * 4
    assert shared[2] is shared[3]


async def test_a_constant_with_a_field_that_takes_a_resolver_is_not_remembered() -> None:
    schema = make_schema(Sharing)
    results = [
        await schema.execute("{ workshop { model place } }", context_value={"place": place})
        for place in "abc"
    ]

    assert [result.data and result.data["workshop"][0]["place"] for result in results] == [*"abc"]


async def test_an_error_of_a_constant_is_reported_each_time() -> None:
    schema = make_schema(Sharing)
    results = [await schema.execute("{ workshop { model fault } }") for _ in range(4)]

    assert [len(result.errors or ()) for result in results] == [1] * 4


def test_objects_of_the_decorated_class_need_no_closer_look() -> None:
    types = make_schema(StrawberryCompilingExecutor)._schema.type_map  # noqa: SLF001
    class_of: Callable[[Any], Any] = StrawberryCompilingExecutor.class_of

    assert class_of(types["User"]) == (User, "__as_strawberry_type__")
    assert class_of(types["Robot"]) is None
