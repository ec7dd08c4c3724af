import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from graphql import GraphQLSchema, build_schema, parse, validate
from graphql.execution.values import get_variable_values
from graphql.language import OperationDefinitionNode

from gateway.graphiql.page import CONTENT_SECURITY_POLICY, Tab, graphiql_page, tabs

SDL = Path("schema/schema.graphql")

GATEWAY = Path("gateway")


@pytest.fixture(scope="module")
def graph() -> GraphQLSchema:
    return build_schema(SDL.read_text())


@pytest.mark.parametrize("tab", tabs(), ids=lambda tab: tab.title)
def test_every_starting_tab_is_a_valid_operation_with_variables_that_fit(
    tab: Tab, graph: GraphQLSchema
) -> None:
    document = parse(tab.query)
    [operation] = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    variables = json.loads(tab.variables or "{}")
    definitions = operation.variable_definitions or ()
    declared = {definition.variable.name.value for definition in definitions}
    coerced = get_variable_values(graph, definitions, variables)

    assert validate(graph, document) == []
    assert set(variables) == declared
    assert not isinstance(coerced, list), coerced


def test_there_is_a_starting_tab_for_each_mutation_and_subscription_of_user_management(
    graph: GraphQLSchema,
) -> None:
    assert graph.mutation_type
    assert graph.subscription_type
    later = {
        *("activateSubscription", "deactivateSubscription"),
        *("editWebhook", "rotateWebhookSecret", "replayWebhook", "removeWebhook"),
    }
    shown = " ".join(tab.query for tab in tabs())

    assert [
        name
        for name in [*graph.mutation_type.fields, *graph.subscription_type.fields]
        if name not in later and f" {name}(" not in shown
    ] == []


class _Page(HTMLParser):
    """Collects what the page loads, and what a strict policy would refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.inline: list[str] = []
        self._script: dict[str, str | None] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._script = given if tag == "script" else None
        self.loads += [
            address
            for name in ("src", "href")
            if tag != "a" and (address := given.get(name)) is not None
        ]
        self.inline += [name for name in given if name == "style" or name.startswith("on")]

    def handle_data(self, data: str) -> None:
        if self._script and self._script.get("type") != "application/json" and data.strip():
            self.inline.append(data)


def test_the_page_loads_everything_from_our_own_origin() -> None:
    page = _Page()
    page.feed(graphiql_page())

    assert page.inline == []
    assert [
        one for one in page.loads if not re.match(r"/assets/graphiql/[\w.-]+$|data:,$", one)
    ] == []
    assert "http" not in CONTENT_SECURITY_POLICY
    assert "unsafe" not in CONTENT_SECURITY_POLICY


def test_every_file_that_the_page_loads_is_ours_or_copied_by_make() -> None:
    page = _Page()
    page.feed(graphiql_page())
    makefile = Path("Makefile").read_text()
    names = [one.rsplit("/", 1)[1] for one in page.loads if one.startswith("/assets/")]

    assert [
        name
        for name in names
        if not (GATEWAY / "assets" / "graphiql" / name).exists() and f"/{name}" not in makefile
    ] == []
