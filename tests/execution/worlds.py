"""Schemas with faulty data, which take notes of what is done to them and when."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

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
)
from graphql.execution import default_field_resolver

OBJECTS = ("A", "B", "C")
FIELDS = ("f", "g", "h", "i")


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
