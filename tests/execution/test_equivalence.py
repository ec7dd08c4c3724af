"""Whatever the schema, the document and the data, both executors do the same in the same order."""

import asyncio
import gc
import inspect
import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from graphql import (
    parse,
)
from graphql.execution import Executor, execute
from graphql.execution.incremental import IncrementalExecutor
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from gateway.execution.executor import CompilingExecutor
from tests.execution.worlds import FIELDS, LEAVES, OBJECTS, TYPINGS, Spec, World

ROWS = 3


class EagerExecutor(CompilingExecutor):
    """Compiles each document at first sight."""

    patience = 0


FAULTY: list[Any] = [None, "text", 1, 1.5, True, (), {}]
anything = st.sampled_from(
    [("leaf", value) for value in FAULTY]
    + [("raise", "raised"), ("exception", "returned")]
    + [("row", name, n) for name in OBJECTS for n in range(ROWS)]
)


@st.composite
def specs(draw: st.DrawFn, shape: Any, *, direct: bool = False) -> Spec:  # noqa: PLR0911 - one a case
    """Describe a value for a field of this shape: mostly a fitting one."""
    kind, inner = shape
    what = draw(st.integers(0, 39))
    if what == 0:
        return draw(anything)
    if what == 1:
        return ("leaf", None)
    if what <= 6 and not direct:
        return ("later", draw(st.integers(0, 2)), draw(specs(shape, direct=True)))
    if what == 7 and not direct:
        return ("call", draw(specs(shape, direct=True)))
    if kind == "required":
        return draw(specs(inner, direct=direct))
    if kind == "list":
        container = draw(st.sampled_from(["list"] * 6 + ["tuple", "generator", "stream"]))
        return (container, draw(st.lists(specs(inner), max_size=3)))
    if kind == "leaf":
        return ("leaf", draw(st.sampled_from(LEAVES[inner][1])))
    name = draw(st.sampled_from(OBJECTS)) if kind == "abstract" else inner
    return ("row", name, draw(st.integers(0, ROWS - 1)))


def shapes() -> st.SearchStrategy[Any]:
    """Describe a field's type."""
    named = (
        st.tuples(st.just("leaf"), st.sampled_from(sorted(LEAVES)))
        | st.tuples(st.just("object"), st.sampled_from(OBJECTS))
        | st.tuples(st.just("abstract"), st.sampled_from(["Some", "Any"]))
    )
    return st.recursive(
        named | st.tuples(st.just("required"), named),
        lambda inner: (
            st.tuples(st.just("list"), inner)
            | st.tuples(st.just("required"), st.tuples(st.just("list"), inner))
        ),
        max_leaves=2,
    )


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Make up a schema and its data."""
    shape_of = {key: draw(shapes()) for key in FIELDS}
    rows = {
        (name, n): {key: draw(specs(shape_of[key])) for key in FIELDS}
        for name in OBJECTS
        for n in range(ROWS)
    }
    resolved = draw(st.sets(st.sampled_from(FIELDS)))
    return World(shape_of, rows, resolved, draw(st.sampled_from(TYPINGS)))


CONDITIONS = [
    "@skip(if: $no)",
    "@include(if: $yes)",
    "@include(if: $no)",
    "@skip(if: true)",
    "@include(if: $missing)",
]
conditions = st.integers(0, 40).map(lambda n: CONDITIONS[n] if n < len(CONDITIONS) else "")


@st.composite
def selections(draw: st.DrawFn, world: World, depth: int, fragments: str) -> str:
    """Write a selection set, which may spread some fragments; objects may go without their own."""
    parts = []
    for _ in range(draw(st.integers(1, 4))):
        condition = draw(conditions)
        kind = draw(st.integers(0, 9))
        if kind == 0:
            parts.append(f"__typename {condition}")
        elif kind == 1 and depth:
            on = draw(st.sampled_from(["", "on A", "on B", "on Some", "on Any"]))
            parts.append(f"... {on} {condition} {draw(selections(world, depth - 1, fragments))}")
        elif kind == 2 and fragments:
            parts.append(f"...{draw(st.sampled_from(fragments))} {condition}")
        else:
            key = draw(st.sampled_from(FIELDS))
            alias = draw(st.sampled_from(["", "", "", "x: ", "y: "]))
            arguments = draw(st.sampled_from(["", "", "", "", "(n: 2)", "(n: $n)", "(n: null)"]))
            nested = (
                draw(selections(world, depth - 1, fragments))
                if depth and world.composite(key)
                else ""
            )
            parts.append(f"{alias}{key}{arguments} {condition} {nested}")
    return f"{{ {' '.join(parts)} }}"


@st.composite
def documents(draw: st.DrawFn, world: World) -> str:
    """Write a document that may break any rule but those of syntax."""
    operation = draw(st.sampled_from(["query", "query", "mutation"]))
    variables = "($yes: Boolean!, $no: Boolean!, $missing: Boolean, $n: Int)"
    fragments = [
        f"fragment {name} on {on} {draw(selections(world, depth, others))}"
        for name, on, depth, others in [
            ("F", "A", 2, "GH"),
            ("G", "Some", 1, "H"),
            ("H", "B", 1, ""),
        ]
    ]
    directive = draw(st.sampled_from(["", "", "", "@experimental_disableErrorPropagation"]))
    root = draw(selections(world, 3, "FGH"))
    return "\n".join([f"{operation} Q{variables} {directive} {root}", *fragments])


def shout(resolve: Callable[..., Any], source: Any, info: Any, **arguments: Any) -> Any:
    """Be middleware."""
    value = resolve(source, info, **arguments)
    return value.upper() if isinstance(value, str) else value


async def outcome(world: World, run: Callable[[], Any]) -> Any:
    """Give all that can be seen of an execution, once all that it began has ended."""
    world.log = []
    try:
        result = run()
        result = await result if inspect.isawaitable(result) else result
    except Exception as error:  # noqa: BLE001 - what is raised is to be the same
        return repr(error), world.log
    while rest := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(rest)
    errors = [
        (error.formatted, type(error.original_error), str(error.original_error))
        for error in result.errors or ()
    ]
    return json.dumps(result.data), errors, world.log


@pytest.fixture
def swept() -> Iterator[None]:
    """Have the garbage of this test, and its warnings, collected before the next."""
    yield
    gc.collect()


# Whoever gives up an object may have to cancel what was begun for it before it ever ran.
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.usefixtures("swept")
@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_both_executors_do_the_same(data: st.DataObject) -> None:
    world = data.draw(worlds())
    source = data.draw(documents(world))
    note(source)
    schema, document = world.schema(), parse(source)
    middleware = data.draw(st.sampled_from([None, None, [shout]]))

    def run(executor_class: type[Executor[Any]], no: bool) -> Any:
        return execute(
            schema,
            document,
            world.row("A", 1),
            context_value="context",
            variable_values={"yes": True, "no": no, "n": 5},
            middleware=middleware,
            executor_class=executor_class,
        )

    async def both() -> None:
        for no in (False, True, False):
            stock = await outcome(world, partial(run, IncrementalExecutor, no))
            ours = await outcome(world, partial(run, EagerExecutor, no))

            assert ours == stock

    asyncio.run(both())
