"""The compiled operations: what they are filed under, and how long they are kept."""

from functools import cached_property
from types import NoneType
from typing import Any
from weakref import ref

from graphql import (
    DirectiveNode,
    DocumentNode,
    FragmentDefinitionNode,
    SelectionSetNode,
    VariableNode,
)
from graphql.execution import Executor

from gateway.execution.selections import Selection

Key = tuple[object, ...]


class Dossier:
    """What is known of one document: how often it was seen, and its plans.

    A plan is the compiled root selection. It holds for one operation, schema and executor class,
    for plain fields or not, and for one set of values of the variables in `@skip` and `@include`.
    """

    MOST = 32
    """Plans kept. Those of further conditions are left to graphql-core, for if older ones made
    way, whoever goes through all conditions would have each request compile."""

    def __init__(self, document: "ref[DocumentNode]") -> None:
        self.document = document
        self.sightings = 0
        self.plans: dict[Key, Selection] = {}

    @cached_property
    def conditions(self) -> tuple[str, ...] | None:
        """The variables that decide what is selected, or None if graphql-core is to execute it.

        Incremental delivery and fragments with variables of their own are graphql-core's.
        """
        document = self.document()
        names: set[str] = set()
        nodes: list[Any] = list(document.definitions) if document else []
        while nodes:
            node = nodes.pop()
            if isinstance(node, FragmentDefinitionNode) and node.variable_definitions:
                return None
            for directive in node.directives or ():
                if directive.name.value in {"defer", "stream"}:
                    return None
                if directive.name.value in {"skip", "include"}:
                    names |= variables_of(directive)
            selection_set: SelectionSetNode | None = getattr(node, "selection_set", None)
            nodes += selection_set.selections if selection_set else ()
        return tuple(names)

    def key(self, run: Executor[Any], *, plain: bool) -> Key | None:
        """Give what the plan of this run is filed under, or None if it can't have a plan."""
        if self.conditions is None:
            return None
        values = [run.variable_values.coerced.get(name) for name in self.conditions]
        if any(type(value) not in {bool, NoneType} for value in values):
            return None
        return (id(run.operation), run.schema, type(run), plain, *values)

    def is_full(self) -> bool:
        """Tell whether no further plan is to be made."""
        return len(self.plans) >= self.MOST


def variables_of(directive: DirectiveNode) -> set[str]:
    """Name the variables among a directive's arguments."""
    return {
        argument.value.name.value
        for argument in directive.arguments or ()
        if isinstance(argument.value, VariableNode)
    }


class Registry:
    """The dossiers of the documents that are alive, the most recently used up to a limit.

    They go by the identity of the document, and none keeps its document alive: a document parsed
    anew for every request is worth no plan. To be found again it must come from a parser cache.
    """

    def __init__(self, limit: int = 1000) -> None:
        self.limit = limit
        self.dossiers: dict[int, Dossier] = {}

    def dossier(self, document: DocumentNode) -> Dossier:
        """Find the dossier of a document, or open one."""
        key = id(document)
        dossier = self.dossiers.pop(key, None)
        if dossier is None or dossier.document() is not document:
            forget = self.dossiers.pop
            dossier = Dossier(ref(document, lambda _: forget(key, None)))
            if len(self.dossiers) >= self.limit:
                del self.dossiers[next(iter(self.dossiers))]
        self.dossiers[key] = dossier
        return dossier
