"""Whatever the schema, the document and the data, both executors do the same in the same order."""

import asyncio
import dataclasses
import inspect
import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLField,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLString,
    GraphQLUnionType,
    parse,
)
from graphql.execution import Executor, default_field_resolver, execute
from graphql.execution.incremental import IncrementalExecutor
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from gateway.execution.executor import CompilingExecutor

OBJECTS = ("A", "B", "C")
FIELDS = ("f", "g", "h", "i")
ROWS = 3


class EagerExecutor(CompilingExecutor):
    """Compiles each document at first sight."""

    patience = 0


def odd(value: Any) -> Any:
    """Coerce for a scalar that raises for even numbers and gives null for 3."""
    if value % 2 == 0:
        message = f"{value} is even"
        raise ValueError(message)
    return None if value == 3 else f"odd {value}"


LEAVES: dict[str, tuple[Any, list[Any]]] = {
    "String": (GraphQLString, ["", "text", "more", "less", True, 1.5]),
    "Int": (GraphQLInt, [0, -7, 12, 2**31 - 1, 2**31, True, "12", 1.0]),
    "Float": (GraphQLFloat, [0.5, -2.0, 1e300, 3, float("inf"), "x"]),
    "Boolean": (GraphQLBoolean, [True, False, True, 1, "x"]),
    "ID": (GraphQLID, ["id", "di", 4, 2.5]),
    "Odd": (GraphQLScalarType("Odd", coerce_output_value=odd), [1, 2, 3]),
    "Color": (GraphQLEnumType("Color", {"RED": 1, "BLUE": "blue"}), [1, "blue", "green", []]),
}

# A value is described, since awaitables and iterators can be used once only, and made per run.
Spec = tuple[Any, ...]
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


@dataclass
class World:
    """A schema with its data, and notes of what is done to them."""

    shapes: dict[str, Any]
    rows: dict[tuple[str, int], dict[str, Spec]]
    resolved: set[str]
    typing: str
    log: list[Any] = dataclasses.field(default_factory=list)

    def make(self, spec: Spec, *where: object) -> Any:
        """Make a value that was described."""
        self.log.append(where)
        kind, *rest = spec
        if kind == "raise":
            raise ValueError(*rest)
        makers: dict[str, Callable[..., Any]] = {
            "leaf": lambda value: value,
            "exception": ValueError,
            "row": self.row,
            "call": lambda inner: lambda _info, **_: self.make(inner, *where, "called"),
            "later": lambda ticks, inner: self.make_later(ticks, inner, *where),
            "list": lambda inner: list(self.generate(inner, *where)),
            "tuple": lambda inner: tuple(self.generate(inner, *where)),
            "generator": lambda inner: self.generate(inner, *where),
            "stream": lambda inner: self.stream(inner, *where),
        }
        return makers[kind](*rest)

    async def make_later(self, ticks: int, spec: Spec, *where: object) -> Any:
        """Make it after some turns of the loop."""
        self.log.append((*where, "started"))
        for _ in range(ticks):
            await asyncio.sleep(0)
        return self.make(spec, *where, "awaited")

    def generate(self, inner: list[Spec], *where: object) -> Iterator[Any]:
        """Make items one by one."""
        for n, item in enumerate(inner):
            yield self.make(item, *where, n)

    async def stream(self, inner: list[Spec], *where: object) -> AsyncIterator[Any]:
        """Make items one by one, asynchronously."""
        for item in self.generate(inner, *where):
            await asyncio.sleep(0)
            yield item

    def row(self, name: str, n: int) -> Any:
        """Make an object whose attributes are made when read, or a mapping of functions."""
        made = {
            key: lambda *_, key=key, spec=spec, **__: self.make(spec, name, n, key)
            for key, spec in self.rows[name, n].items()
        }
        if n == 0:
            return {"__typename": name, "name": name, **made}
        attributes: dict[str, Any] = {key: property(function) for key, function in made.items()}
        attributes |= {"name": name, "_Row__typename": name, "__str__": lambda _: name}
        return type("Row", (), attributes)()

    def composite(self, key: str) -> bool:
        """Tell whether a field has a selection set."""
        shape = self.shapes[key]
        while shape[0] in {"required", "list"}:
            shape = shape[1]
        return bool(shape[0] != "leaf")

    def schema(self) -> GraphQLSchema:
        """Make the schema."""
        hooks = self.hooks()
        fields = lambda: {key: self.field(key, types) for key in FIELDS}  # noqa: E731
        some = GraphQLInterfaceType("Some", fields, resolve_type=hooks["resolve_type"])
        types: dict[str, Any] = {"Some": some} | {name: leaf for name, (leaf, _) in LEAVES.items()}
        for name in OBJECTS:
            is_type_of = hooks["is_type_of"] and partial(hooks["is_type_of"], name)
            interfaces = [some] if name != "C" else []
            types[name] = GraphQLObjectType(name, fields, interfaces, is_type_of=is_type_of)
        objects = [types[name] for name in OBJECTS]
        types["Any"] = GraphQLUnionType("Any", objects, resolve_type=hooks["resolve_type"])
        mutation = GraphQLObjectType("M", fields)
        return GraphQLSchema(query=types["A"], mutation=mutation, types=[*types.values()])

    def field(self, key: str, types: dict[str, Any]) -> GraphQLField:
        """Make a field; half of them have arguments and a resolver that notes what it is told."""

        def type_of(shape: Any) -> Any:
            wrap = {"required": GraphQLNonNull, "list": GraphQLList}.get(shape[0])
            return wrap(type_of(shape[1])) if wrap else types[shape[1]]

        def resolve(source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
            told = (info.path.as_list(), info.parent_type.name, len(info.field_nodes), arguments)
            self.log.append((*told, str(info.return_type), info.field_name, info.context))
            return default_field_resolver(source, info)

        if key not in self.resolved:
            return GraphQLField(type_of(self.shapes[key]))
        return GraphQLField(
            type_of(self.shapes[key]),
            {"n": GraphQLArgument(GraphQLNonNull(GraphQLInt), default_value=1)},
            resolve=resolve,
        )

    def hooks(self) -> dict[str, Any]:
        """Make the functions by which types are found out."""

        def name_of(value: Any, *_: object) -> Any:
            self.log.append(("typed", self.typing))
            return value["name"] if isinstance(value, dict) else getattr(value, "name", None)

        def is_type_of(name: str, value: Any, _info: object) -> Any:
            return name == name_of(value)

        async def later(function: Callable[..., Any], *arguments: Any) -> Any:
            await asyncio.sleep(0)
            return function(*arguments)

        resolve_type: Any = {
            "resolve_type": name_of,
            "resolve_type later": partial(later, name_of),
            "wrong": lambda *_: "Int",
            "unknown": lambda *_: "Nobody",
            "no name": lambda *_: 1,
        }
        return {
            "resolve_type": resolve_type.get(self.typing),
            "is_type_of": {
                "is_type_of": is_type_of,
                "is_type_of later": partial(later, is_type_of),
            }.get(self.typing),
        }


TYPINGS = [
    "__typename",
    "is_type_of",
    "is_type_of later",
    "resolve_type",
    "resolve_type later",
    "wrong",
    "unknown",
    "no name",
]


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


# Whoever gives up an object may have to cancel what was begun for it before it ever ran.
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
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
