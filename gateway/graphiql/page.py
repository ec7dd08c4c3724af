"""The page of GraphiQL, with a starting tab for each operation."""

import functools
import json
import re
from dataclasses import dataclass
from importlib import resources
from string import Template

from gateway.manifests import graphiql_documents

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "font-src data:; img-src data:; "  # graphiql.min.css carries its fonts and pictures
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What the page needs, and no more (Content Security Policy Level 3).

A dialog of GraphiQL reports one refused style element: it would only stop the page behind from
scrolling.
"""

OPERATION = re.compile(r"^(?:query|mutation|subscription) (\w+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Tab:
    """A worked example. In the variables, `<organizationId>` and such wait to be filled in."""

    title: str
    query: str
    variables: str | None


@functools.cache
def tabs() -> tuple[Tab, ...]:
    """The starting tabs, in the order of their files, each with its operation's name as title."""
    folder = resources.files("gateway.graphiql") / "tabs"
    texts = {file.name: file.read_text("utf-8") for file in folder.iterdir()}
    return tuple(
        Tab(
            title=OPERATION.findall(text)[0],
            query=text,
            variables=texts.get(name.replace(".graphql", ".json")),
        )
        for name, text in sorted(texts.items())
        if name.endswith(".graphql")
    )


@functools.cache
def graphiql_page() -> str:
    """The page, to be served with `CONTENT_SECURITY_POLICY`.

    It loads `/assets/graphiql/*`: what `make portal` put into `gateway/static/graphiql/`, and our
    own `page.js` and `page.css` of `gateway/assets/graphiql/`.
    """
    starting = json.dumps(
        [{"title": tab.title, "query": tab.query, "variables": tab.variables} for tab in tabs()]
    )
    page = resources.files("gateway.graphiql") / "page.html"
    own = json.dumps(graphiql_documents())
    # `<` could end the script elements that carry them.
    return Template(page.read_text("utf-8")).substitute(
        tabs=starting.replace("<", r"\u003c"), own=own.replace("<", r"\u003c")
    )
