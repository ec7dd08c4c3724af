"""Which operations are compiled, how often, and for how long they are remembered."""

import asyncio
import gc
import weakref
from typing import Any

import pytest
from graphql import DocumentNode, ExecutionResult, build_schema, parse
from graphql.execution import AbortedGraphQLExecutionError, MiddlewareManager, execute
from graphql.pyutils import AbortController

from gateway.execution import selections
from gateway.execution.executor import CompilingExecutor
from gateway.execution.plans import Registry

SCHEMA = build_schema("type Query { name(n: Int): String me: Query us: [Query] later: String }")
ROOT: dict[str, Any] = {"name": "root"}
ROOT |= {"me": ROOT, "us": [ROOT, ROOT]}


class Executor(CompilingExecutor):
    """An executor with a registry of its own."""

    registry = Registry(limit=3)


@pytest.fixture(autouse=True)
def registry() -> Registry:
    """Give the registry, empty."""
    Executor.registry.dossiers.clear()
    return Executor.registry


def run(document: DocumentNode, **options: Any) -> Any:
    """Execute a document."""
    result = execute(SCHEMA, document, ROOT, executor_class=Executor, **options)
    assert isinstance(result, ExecutionResult)
    return result


def plans(document: DocumentNode) -> int:
    """Count the plans of a document."""
    return len(Executor.registry.dossier(document).plans)


def test_a_document_is_compiled_when_it_comes_again() -> None:
    document = parse("{ name }")
    counts = []
    for _ in range(4):
        run(document)
        counts.append(plans(document))

    assert counts == [0, 1, 1, 1]


def test_there_is_a_plan_for_each_set_of_conditions_and_none_for_other_variables() -> None:
    document = parse("query ($c: Boolean!, $n: Int) { name(n: $n) me @skip(if: $c) { name } }")
    for n in range(5):
        for condition in (True, False):
            result = run(document, variable_values={"c": condition, "n": n})

            assert list(result.data) == (["name"] if condition else ["name", "me"])
    assert plans(document) == 2


def test_there_is_a_plan_for_each_operation_and_schema() -> None:
    document = parse("query A { name } query B { me { name } }")
    other = build_schema("type Query { name: Int }")
    for _ in range(3):
        assert run(document, operation_name="A").data == {"name": "root"}
        assert run(document, operation_name="B").data == {"me": {"name": "root"}}
        result = execute(other, document, {"name": 1}, operation_name="A", executor_class=Executor)

        assert result == ExecutionResult({"name": 1}, None)
    assert plans(document) == 3


def test_fields_that_are_composed_into_another_document_are_compiled_anew() -> None:
    query, short, long = (
        parse(text).definitions[0]
        for text in ("{ ...F }", "fragment F on Query { name }", "fragment F on Query { later }")
    )
    first, second = (DocumentNode(definitions=(query, f)) for f in (short, long))
    for _ in range(3):
        assert run(first).data == {"name": "root"}
        assert run(second).data == {"later": None}


def test_nothing_keeps_a_document_alive(registry: Registry) -> None:
    document = parse("{ name us { name } }")
    for _ in range(3):
        run(document)
    gone = weakref.ref(document)
    del document
    gc.collect()

    assert gone() is None
    assert registry.dossiers == {}


def test_only_so_many_documents_are_remembered(registry: Registry) -> None:
    documents = [parse(f"{{ a{n}: name }}") for n in range(5)]
    for document in documents:
        run(document)

    assert list(registry.dossiers) == [id(document) for document in documents[2:]]


def test_only_so_many_plans_of_a_document_are_made() -> None:
    names = [f"c{n}" for n in range(6)]
    variables = ", ".join(f"${name}: Boolean!" for name in names)
    fields = " ".join(f"{name}: name @skip(if: ${name})" for name in names)
    document = parse(f"query ({variables}) {{ {fields} }}")
    for n in range(64):
        values = {name: bool(n & 1 << bit) for bit, name in enumerate(names)}
        result = run(document, variable_values=values)

        assert list(result.data) == [name for name in names if not values[name]]
    assert plans(document) == 32


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("{ name ... @defer(if: false) { me { name } } }", {}),
        ("{ us @stream(if: false) { name } }", {}),
        ("{ name }", {"is_awaitable": lambda _: False}),
    ],
    ids=["defer", "stream", "a predicate of the caller's own"],
)
def test_what_is_left_to_graphql_core(text: str, options: Any) -> None:
    document = parse(text)
    results = [run(document, **options) for _ in range(3)]

    assert plans(document) == 0
    assert results == [results[0]] * 3
    assert results[0].data


def test_middleware_and_field_resolvers_have_their_say_each_time() -> None:
    document = parse("{ name }")
    assert [run(document).data for _ in range(3)] == [{"name": "root"}] * 3
    for word in ("one", "two"):
        loud = MiddlewareManager(lambda *_, **__: word)  # noqa: B023 - called at once

        assert run(document, middleware=loud).data == {"name": word}
        assert run(document, field_resolver=lambda *_, **__: word).data == {"name": word}  # noqa: B023
    assert run(document).data == {"name": "root"}


def test_what_is_beyond_the_budget_is_left_to_graphql_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selections, "BUDGET", 3)
    document = parse("{ me { a: name b: name c: name me { name } } name }")
    results = [run(document) for _ in range(3)]

    assert results == [results[0]] * 3
    assert results[0].data["me"] == dict.fromkeys("abc", "root") | {"me": {"name": "root"}}


def test_names_that_are_no_python_names_are_fine() -> None:
    schema = build_schema("type Query { class: Int import(n: Int): Int }")
    document = parse("{ class _: class None: class data_0: import run: import }")
    root = {"class": 1, "import": lambda _info: 2}
    results = [execute(schema, document, root, executor_class=Executor) for _ in range(3)]

    expected = {"class": 1, "_": 1, "None": 1, "data_0": 2, "run": 2}
    assert results == [ExecutionResult(expected, None)] * 3


async def test_aborting_ends_what_is_awaited() -> None:
    document = parse("{ name later }")
    cancelled = []

    async def later(_info: Any) -> None:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            cancelled.append(1)
            raise

    for n in range(3):
        controller = AbortController()
        execution: Any = execute(
            SCHEMA,
            document,
            {"name": "root", "later": later},
            executor_class=Executor,
            abort_signal=controller.signal,
        )
        asyncio.get_running_loop().call_later(0.01, controller.abort)
        with pytest.raises(AbortedGraphQLExecutionError):
            await execution
        await asyncio.sleep(0.01)

        assert len(cancelled) == n + 1


async def test_cancelling_the_request_cancels_its_resolvers() -> None:
    document = parse("{ a: later b: later }")
    cancelled = []

    async def later(_info: Any) -> None:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            cancelled.append(1)
            raise

    for n in range(3):
        execution: Any = execute(SCHEMA, document, {"later": later}, executor_class=Executor)
        task = asyncio.ensure_future(execution)
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert len(cancelled) == 2 * (n + 1)


def test_request_errors_are_graphql_cores() -> None:
    document = parse("query A($n: Int!) { name(n: $n) } query B { name }")
    for name in (None, "A", "C"):
        stock = execute(SCHEMA, document, ROOT, operation_name=name)

        assert [run(document, operation_name=name) for _ in range(3)] == [stock] * 3
