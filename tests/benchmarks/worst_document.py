"""Looks for the document within the limits that costs the most to parse, validate and price.

A hill climber with a fixed seed: it starts from a few shapes that are known to be dear and changes
them at random, and keeps what is dearer. It counts function calls rather than time, so that a run
can be repeated; the time of what it found is measured at the end.

`python -m tests.benchmarks.worst_document [SEED [STEPS]]` prints what it found.
"""

import copy
import random
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLInputObjectType,
    GraphQLNonNull,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_enum_type,
    is_list_type,
)

from gateway.documents import TOO_COMPLEX, Documents
from schema.graph import build

NAMES = ("", "", "a:", "b:")
DIRECTIVES = ("", "", "", " @include(if:true)", " @skip(if:$v)")
STARTS = (
    "viewer",
    "users",
    "__schema",
    "node",
)


@dataclass
class Selection:
    """A field, an inline fragment (no name) or a fragment's spread."""

    head: str
    type_name: str | None = None
    """Of what is inside; None for a leaf or a spread."""
    inside: list["Selection"] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.head}{{{' '.join(map(str, self.inside))}}}" if self.inside else self.head


@dataclass
class Candidate:
    """A document to be changed."""

    root: Selection
    fragments: list[Selection] = field(default_factory=list)
    variables: int = 0

    def __str__(self) -> str:
        variables = "".join(f"$v{number}:Int " for number in range(self.variables))
        fragments = " ".join(
            f"fragment F{number} on {each.type_name}{each}"
            for number, each in enumerate(self.fragments)
        )
        return f"query Q($v:Boolean! {variables}){self.root}{fragments}"

    def sets(self) -> Iterator[Selection]:
        """Everything that has selections inside."""
        waiting = [self.root, *self.fragments]
        while waiting:
            each = waiting.pop()
            if each.type_name is not None:
                yield each
                waiting += each.inside


class Climber:
    """Changes candidates at random."""

    def __init__(self, schema: GraphQLSchema, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - a search, not a secret
        self.schema = schema

    def field(self, type_name: str, *, depth: int = 2, only: str | None = None) -> Selection:
        """A field of a type, with something inside."""
        type_: Any = self.schema.type_map[type_name]
        fields: dict[str, Any] = dict(getattr(type_, "fields", {}))
        if type_ is self.schema.query_type:
            fields["__schema"] = fields["__type"] = None
        names = [only] if only else [*fields, "__typename"]
        name = self.random.choice(names)
        definition = fields.get(name)
        inner = {"__schema": "__Schema", "__type": "__Type"}.get(name)
        arguments = '(name:"User")' if name == "__type" else ""
        if definition is not None:
            arguments = self._arguments(definition)
            named = get_named_type(definition.type)
            inner = named.name if is_composite_type(named) else None
        head = f"{self.random.choice(NAMES)}{name}{arguments}{self.random.choice(DIRECTIVES)}"
        if inner is None:
            return Selection(head)
        return Selection(
            head,
            inner,
            [self.field(inner, depth=depth - 1) if depth else Selection("__typename")],
        )

    def _arguments(self, definition: Any) -> str:
        chosen = [
            f"{name}:{self._literal(argument.type)}"
            for name, argument in definition.args.items()
            if isinstance(argument.type, GraphQLNonNull) or self.random.random() < 0.2
        ]
        return f"({' '.join(chosen)})" if chosen else ""

    def _literal(self, type_: Any) -> str:
        named: Any = get_named_type(type_)
        if is_list_type(get_nullable_type(type_)):
            return f"[{'1 ' * self.random.choice((1, 1, 5, 100))}]"
        if isinstance(named, GraphQLInputObjectType):
            inner = [
                f"{name}:{self._literal(each.type)}"
                for name, each in named.fields.items()
                if isinstance(each.type, GraphQLNonNull) or self.random.random() < 0.3
            ]
            return f"{{{' '.join(inner)}}}"
        if is_enum_type(named):
            return str(next(iter(named.values)))
        return {"Boolean": "true", "String": '""', "DateTime": '""'}.get(named.name, "1")

    def change(self, candidate: Candidate) -> Candidate:
        """A changed copy."""
        changed = copy.deepcopy(candidate)
        changes: list[Callable[[Candidate, Selection], None]] = [
            self._add, self._repeat, self._repeat, self._wrap, self._extract, self._spread,
            self._remove, self._declare, self._swap,
        ]  # fmt: skip
        for _ in range(self.random.choice((1, 1, 2, 4))):
            place = self.random.choice(list(changed.sets()))
            self.random.choice(changes)(changed, place)
        return changed

    def _add(self, _: Candidate, place: Selection) -> None:
        if place.type_name:
            place.inside.append(self.field(place.type_name))

    def _repeat(self, _: Candidate, place: Selection) -> None:
        chosen = self.random.choice(place.inside)
        times = self.random.choice((1, 2, 5, 10, 30, 100))
        place.inside += [copy.deepcopy(chosen) for _ in range(times)]

    def _wrap(self, _: Candidate, place: Selection) -> None:
        head = self.random.choice(("...", f"... on {place.type_name}"))
        cut = self.random.randrange(len(place.inside))
        place.inside[cut:] = [Selection(head, place.type_name, place.inside[cut:])]

    def _extract(self, candidate: Candidate, place: Selection) -> None:
        cut = self.random.randrange(len(place.inside))
        candidate.fragments.append(Selection("", place.type_name, place.inside[cut:]))
        place.inside[cut:] = [Selection(f"...F{len(candidate.fragments) - 1}")]

    def _spread(self, candidate: Candidate, place: Selection) -> None:
        fitting = [
            number
            for number, each in enumerate(candidate.fragments)
            if each.type_name == place.type_name and each is not place
        ]
        if fitting:
            number = self.random.choice(fitting)
            place.inside += [Selection(f"...F{number}")] * self.random.choice((1, 2, 10))

    def _remove(self, _: Candidate, place: Selection) -> None:
        if len(place.inside) > 1:
            del place.inside[self.random.randrange(len(place.inside))]

    def _declare(self, candidate: Candidate, _: Selection) -> None:
        candidate.variables += self.random.choice((1, 10, 100, -10))

    def _swap(self, candidate: Candidate, place: Selection) -> None:
        other = self.random.choice(list(candidate.sets()))
        if other.type_name == place.type_name:
            place.inside = copy.deepcopy(other.inside)


def work_on(documents: Documents, text: str) -> bool:
    """Do what a new document takes before it is executed; whether it is within the limits."""
    document = documents._work_out(text)  # noqa: SLF001 - past what is remembered
    operation = document.operation(None)
    if not isinstance(operation, str) and not document.errors:
        documents.price(document, operation, {"v": True})
    return document.code != TOO_COMPLEX


def calls(documents: Documents, text: str, *, of_refused: bool = False) -> int:
    """How many functions it calls: a measure of work that does not depend on the machine.

    Zero for a document beyond the limits, unless it is asked for.
    """
    number = 0

    def count(_: Any, event: str, __: Any) -> None:
        nonlocal number
        number += event in {"call", "c_call"}

    sys.setprofile(count)
    try:
        fits = work_on(documents, text)
    finally:
        sys.setprofile(None)
    return number if fits or of_refused else 0


def climb(seed: int, steps: int) -> tuple[int, str]:
    """The dearest document found from one seed, and how many calls it takes."""
    schema = build()._schema  # noqa: SLF001 - Strawberry's only way to graphql-core
    documents = Documents(schema, introspection=True)
    climber = Climber(schema, seed)
    start = climber.field("Query", only=STARTS[seed % len(STARTS)])
    best = Candidate(Selection("", "Query", [start]))
    highest = calls(documents, str(best))
    for _ in range(steps):
        candidate = climber.change(best)
        score = calls(documents, str(candidate))
        if score >= highest:
            best, highest = candidate, score
    return highest, str(best)


def milliseconds(text: str) -> float:
    """The least CPU time of a few runs."""
    documents = Documents(build()._schema, introspection=True)  # noqa: SLF001 - likewise
    times = []
    for _ in range(5):
        began = time.process_time()
        work_on(documents, text)
        times.append(time.process_time() - began)
    return min(times) * 1000


def main() -> None:
    """Print the dearest document of each seed."""
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    steps = int(sys.argv[2]) if len(sys.argv) > 2 else 400
    found = [climb(each, steps) for each in range(seed, seed + 4)]
    for number, text in found:
        time_taken = f"{milliseconds(text):6.1f} ms"
        print(f"{number:>9,} calls  {time_taken}  {len(text):>6,} chars  {text[:90]}")
    print(max(found)[1])


if __name__ == "__main__":
    main()
