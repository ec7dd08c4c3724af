"""Operations that Schemathesis makes from the running gateway's schema, and what answers must be.

Schemathesis finds the fields of the roots and generates operations on them. Its own checks take
every refusal for a defect of the server, since a refused field has a path; ours tell them apart.
It generates ids as any text; here they are names of ids of everybody's, to be filled in, so that
operations lead somewhere.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import graphql
import schemathesis
from graphql import (
    FieldNode,
    GraphQLSchema,
    NameNode,
    SelectionSetNode,
    StringValueNode,
    Visitor,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.core.result import Ok
from schemathesis.generation.case import Case
from schemathesis.schemas import APIOperation

from tests.answers import misfits
from tests.hostile.judge import CODES
from tests.hostile.settlement import Besieged

ID = re.compile(r"\{(\w+) (\d+)\}")
MOST_IDS = 40

LEAVING = ("Mutation.signOut", "Mutation.endSession")
"""After these a caller has no session any more."""

TYPENAME = FieldNode(name=NameNode(value="__typename"))


def _texts(*strategies: st.SearchStrategy[str]) -> st.SearchStrategy[StringValueNode]:
    return st.one_of(*strategies).map(lambda text: StringValueNode(value=text))


SCALARS = {
    "ID": _texts(
        st.builds(
            "{{{} {}}}".format,
            st.sampled_from(["Contoso", "Fabrikam", "everybody"]),
            st.integers(0, MOST_IDS),
        ),
        st.sampled_from(["", "x", "VXNlcjo=", "\x00"]),
    ),
    "EmailAddress": _texts(st.emails(), st.text(max_size=20)),
    "DateTime": _texts(
        st.datetimes().map(lambda moment: moment.isoformat()),
        st.sampled_from(["0001-01-01T00:00:00+23:59", "2026-11-24", ""]),
    ),
    "URL": _texts(
        st.sampled_from(["https://hooks.example/a", "https://127.0.0.1/", "https://[", "http:"]),
        st.text(max_size=20),
    ),
}
"""Texts that are values of each of our scalars, or nearly."""


@dataclass
class Exploration:
    """What one caller's operations came to."""

    besieged: Besieged
    caller: str
    examples: int
    """Of each field of the roots."""
    statuses: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    """Of errors, those in `userErrors` too; `data` for answers without any."""

    def told(self) -> str:
        """For people."""
        counts = (f"{name} {number}" for name, number in sorted(self.codes.items()))
        return (
            f"{sum(self.statuses.values())} generated operations as {self.caller}:"
            f" {', '.join(counts)}"
        )

    def run(self) -> None:
        """Send operations on every field of the roots.

        Raises:
            AssertionError: An answer is not what it must be; with the shortest such operation.
        """
        schema = schemathesis.graphql.from_url(f"{self.besieged.url}/graphql")
        core = schema.client_schema
        for name, type_ in core.type_map.items():
            if name in SCALARS:
                schemathesis.graphql.scalar(name, SCALARS[name])
            elif graphql.is_scalar_type(type_) and not graphql.is_specified_scalar_type(type_):
                schemathesis.graphql.scalar(name, _texts(st.text(max_size=20)))
        found = [each.ok() for each in schema.get_all_operations() if isinstance(each, Ok)]
        for operation in sorted(found, key=lambda each: each.label in LEAVING):
            self._explore(operation, core)

    def _explore(self, operation: APIOperation[Any, Any, Any, Any], core: GraphQLSchema) -> None:
        @settings(
            max_examples=self.examples,
            database=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        )
        @given(case=operation.as_strategy())
        def explore(case: Case[Any]) -> None:
            self._send(case, core)

        explore()

    def _send(self, case: Case[Any], core: GraphQLSchema) -> None:
        document = graphql.parse(str(case.body))
        document = graphql.visit(document, _Filling(self.besieged.settlement.ids))
        case.body = graphql.print_ast(document)
        cookies = self.besieged.settlement.cookies.get(self.caller)
        headers = {"accept": "application/graphql-response+json"}
        if cookies:
            headers["cookie"] = f"session={cookies[0]}"
        response = case.call(headers=headers)
        self.statuses[str(response.status_code)] += 1
        told = response.content.decode()
        body = response.json()
        codes = [error["extensions"]["code"] for error in body.get("errors", ())]
        codes += list(_user_errors(body.get("data")))
        self.codes.update(set(codes) or {"data"})

        assert response.status_code in {200, 400, 401}, told
        assert body.keys() <= {"data", "errors"}, told
        assert {error["extensions"]["code"] for error in body.get("errors", ())} <= CODES, told
        assert [
            mark for mark in self.besieged.settlement.hidden_from(self.caller) if mark in told
        ] == []
        assert list(misfits(core, document, body)) == [], told


class _Filling(Visitor):
    """Puts ids in the place of their names, and asks every object for its type."""

    def __init__(self, ids: Mapping[str, list[str]]) -> None:
        super().__init__()
        self._ids = ids

    def enter_string_value(self, node: StringValueNode, *_: Any) -> StringValueNode | None:
        """A name of an id."""
        named = ID.fullmatch(node.value)
        if named is None:
            return None
        ids = self._ids[named[1]]
        return StringValueNode(value=ids[int(named[2]) % len(ids)])

    def leave_selection_set(self, node: SelectionSetNode, *_: Any) -> SelectionSetNode:
        """An object's fields."""
        return SelectionSetNode(selections=(TYPENAME, *node.selections))


def _user_errors(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, each in value.items():
            if key == "userErrors":
                yield from (error.get("code", "userErrors") for error in each)
            else:
                yield from _user_errors(each)
    elif isinstance(value, list):
        for each in value:
            yield from _user_errors(each)
