"""The schema, put together; its text is committed beside this file and tested for drift."""

import functools
from pathlib import Path

import strawberry
from graphql import GraphQLError
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from schema.changes import Subscription
from schema.errors import ERROR_TYPES
from schema.mutations import Mutation
from schema.queries import Query
from schema.scalars import SCALARS

SDL_FILE = Path(__file__).with_name("schema.graphql")


class Graph(strawberry.Schema):
    """The schema; what goes wrong in executing it is logged by who answers, not here."""

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Strawberry would log the query's text, which may hold names and tokens."""


@functools.cache
def build() -> Graph:
    """The schema, the same for the whole process."""
    return Graph(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=ERROR_TYPES,
        config=StrawberryConfig(scalar_map=SCALARS),
    )


def sdl() -> str:
    """The schema's text (GraphQL specification, section 3), as `gateway schema` prints it."""
    return build().as_str().rstrip() + "\n"
