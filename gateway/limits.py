"""Limits on the shape of a document, measured on its text's tree before any costly rule sees it.

One pass over each definition, and each fragment's measure is taken once: a document of nested
fragments is measured in a time that grows with its length, whatever it spreads out to.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

UNCOUNTED = 1_000_000_000
"""Numbers stop growing here: what nested fragments spread out to may have thousands of digits."""


class Limit(Enum):
    """What is limited, by the name that clients are told, and how much is allowed.

    That leaves room: GraphiQL's introspection, the largest document in daily use, has 183 tokens
    and is 14 levels deep.
    """

    CHARACTERS = ("characters", 16_384)
    TOKENS = ("tokens", 1_000)
    OPERATIONS = ("operations", 20)
    FRAGMENTS = ("fragments", 50)
    DEPTH = ("depth", 20)
    SELECTIONS = ("selections", 500)
    ROOT_FIELDS = ("root fields", 50)
    ALIASES = ("aliases", 100)
    ALIAS_LENGTH = ("alias length", 100)
    DIRECTIVES = ("directives", 50)
    REPEATS = ("repeats", 1_000)
    NODES = ("nodes", 10_000)
    COST = ("cost", 25_000)
    EVENT_COST = ("cost of an event", 250)

    def __init__(self, label: str, maximum: int) -> None:
        self.label = label
        self.maximum = maximum

    def check(self, actual: float) -> None:
        """Let what keeps the limit pass.

        Raises:
            TooComplex: It does not.
        """
        if actual > self.maximum:
            raise TooComplex(self, min(round(actual), UNCOUNTED))


EXPLANATIONS: Mapping[Limit, str] = {
    Limit.CHARACTERS: "characters of the document",
    Limit.TOKENS: "tokens of the document, comments included",
    Limit.DEPTH: "levels of fields, fragments spread out",
    Limit.SELECTIONS: "selections of an operation, fragments spread out",
    Limit.ROOT_FIELDS: "fields of an operation's root, fragments spread out",
    Limit.ALIASES: "aliases of an operation, fragments spread out",
    Limit.ALIAS_LENGTH: "characters; the answer repeats it for each row",
    Limit.DIRECTIVES: "directives of an operation, fragments spread out",
    Limit.REPEATS: "pairs of selections of one name at one place of the answer",
    Limit.NODES: "objects that the answer may hold",
    Limit.EVENT_COST: "by the @cost and @listSize of the schema; each change is an event",
    Limit.COST: "by the @cost and @listSize of the schema",
}
"""What is counted, where the name alone doesn't say it."""


class TooComplex(Exception):  # noqa: N818 - an answer: QUERY_TOO_COMPLEX
    """A request that goes beyond a limit."""

    def __init__(self, limit: Limit, actual: int) -> None:
        super().__init__(limit.label)
        self.limit = limit
        self.actual = actual

    def told(self) -> GraphQLError:
        """The error for the client, which names the limit and both numbers."""
        limit = self.limit
        about = f" ({EXPLANATIONS[limit]})" if limit in EXPLANATIONS else ""
        count = f"{self.actual} or more" if self.actual == UNCOUNTED else str(self.actual)
        return GraphQLError(
            f"Too complex: {limit.label} {count}, more than the limit of {limit.maximum}{about}.",
            extensions={"limit": limit.label, "maximum": limit.maximum, "actual": self.actual},
        )


@dataclass(slots=True)
class _Measure:
    """What a selection set comes to, its fragments spread out."""

    selections: int = 0
    root_fields: int = 0
    aliases: int = 0
    directives: int = 0
    depth: int = 0

    def add(self, other: "_Measure", *, under: int) -> None:
        """Spread a fragment out at so many levels of fields below the root."""
        self.selections = min(self.selections + other.selections, UNCOUNTED)
        self.aliases = min(self.aliases + other.aliases, UNCOUNTED)
        self.directives = min(self.directives + other.directives, UNCOUNTED)
        self.depth = max(self.depth, under + other.depth)
        if under == 0:
            self.root_fields = min(self.root_fields + other.root_fields, UNCOUNTED)

    def check(self) -> None:
        """Let what keeps every limit pass.

        Raises:
            TooComplex: It does not.
        """
        Limit.DEPTH.check(self.depth)
        Limit.SELECTIONS.check(self.selections)
        Limit.ALIASES.check(self.aliases)
        Limit.DIRECTIVES.check(self.directives)


def check_shape(document: DocumentNode) -> None:
    """Let a parsed document pass that keeps the limits on shape; it need not be valid.

    Fragments that spread themselves are left to validation, which must refuse them first of all:
    `has_cycles`.

    Raises:
        TooComplex: It does not keep them.
    """
    operations = [each for each in document.definitions
                  if isinstance(each, OperationDefinitionNode)]  # fmt: skip
    Limit.OPERATIONS.check(len(operations))
    Limit.FRAGMENTS.check(len(document.definitions) - len(operations))
    measures = _Measures(document)
    for name in measures.fragments:
        measures.of_fragment(name).check()
    if measures.has_cycles:
        return
    for operation in operations:
        measure = measures.of(operation.selection_set)
        measure.directives += len(operation.directives or ()) + sum(
            len(variable.directives or ()) for variable in operation.variable_definitions or ()
        )
        measure.check()
        Limit.ROOT_FIELDS.check(measure.root_fields)
    for definition in [*operations, *measures.fragments.values()]:
        Limit.REPEATS.check(_repeats(definition.selection_set, measures.fragments))


def has_cycles(document: DocumentNode) -> bool:
    """Whether a fragment spreads itself, directly or through others."""
    measures = _Measures(document)
    for name in measures.fragments:
        measures.of_fragment(name)
    return measures.has_cycles


class _Measures:
    """The measures of a document's fragments, each taken once."""

    def __init__(self, document: DocumentNode) -> None:
        self.fragments = {
            each.name.value: each
            for each in document.definitions
            if isinstance(each, FragmentDefinitionNode)
        }
        self.has_cycles = False
        self._taken: dict[str, _Measure | None] = {}

    def of_fragment(self, name: str) -> _Measure:
        """One that is missing, or spreads itself, comes to nothing there: validation refuses it."""
        if name in self._taken:
            taken = self._taken[name]
            if taken is None:
                self.has_cycles = True
            return taken or _Measure()
        fragment = self.fragments.get(name)
        if fragment is None:
            return _Measure()
        self._taken[name] = None
        measure = self.of(fragment.selection_set)
        measure.directives += len(fragment.directives or ())
        self._taken[name] = measure
        return measure

    def of(self, root: SelectionSetNode) -> _Measure:
        """As deep as the parser's own limit on nesting lets a definition be, without recursion."""
        measure = _Measure()
        waiting = [(root, 0)]
        while waiting:
            selection_set, above = waiting.pop()
            for selection in selection_set.selections:
                measure.selections += 1
                measure.directives += len(selection.directives or ())
                if isinstance(selection, FragmentSpreadNode):
                    measure.add(self.of_fragment(selection.name.value), under=above)
                    continue
                level = above
                if isinstance(selection, FieldNode):
                    level += 1
                    measure.depth = max(measure.depth, level)
                    measure.root_fields += above == 0
                    if selection.alias is not None:
                        measure.aliases += 1
                        Limit.ALIAS_LENGTH.check(len(selection.alias.value))
                inner: SelectionSetNode | None = getattr(selection, "selection_set", None)
                if inner is not None:
                    waiting.append((inner, level))
        return measure


def _repeats(root: SelectionSetNode, fragments: Mapping[str, FragmentDefinitionNode]) -> int:
    """How many pairs of selections share a name at one place of the answer.

    Comparing such pairs is what makes the rule OverlappingFieldsCanBeMerged expensive. The limits
    on selections and depth bound this walk.
    """
    pairs = 0
    waiting = [[root]]
    while waiting:
        place: dict[str, list[FieldNode]] = {}
        for field in _fields(waiting.pop(), fragments):
            place.setdefault((field.alias or field.name).value, []).append(field)
        for fields in place.values():
            pairs += len(fields) * (len(fields) - 1) // 2
            inner = [field.selection_set for field in fields if field.selection_set]
            if inner:
                waiting.append(inner)
    return pairs


def _fields(
    selection_sets: list[SelectionSetNode], fragments: Mapping[str, FragmentDefinitionNode]
) -> Iterator[FieldNode]:
    waiting = list(selection_sets)
    while waiting:
        for selection in waiting.pop().selections:
            if isinstance(selection, FieldNode):
                yield selection
            elif isinstance(selection, FragmentSpreadNode):
                if selection.name.value in fragments:
                    waiting.append(fragments[selection.name.value].selection_set)
            elif isinstance(selection, InlineFragmentNode):
                waiting.append(selection.selection_set)
