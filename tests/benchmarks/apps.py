"""The contenders written in Python, each as uvicorn gets it.

`stock` is what one writes with Strawberry and Tortoise at first: no sign-in, no permissions.
`floor` is what is left without a graph: a bare handler, hand-written SQL, and the same bytes.
"""

import contextlib
import os
import sys
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import strawberry
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp
from strawberry.asgi import GraphQL
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from tortoise import Tortoise

import models.users as tables
from gateway.database import connection_parameters
from gateway.graphql import GraphQLEndpoint
from gateway.server import UVICORN_OPTIONS, without_mail
from models.database import tortoise_config
from models.users import NEVER
from schema.nodes import decode_id, encode_id
from schema.scalars import write_moment
from tests.benchmarks.data import CONNECTIONS

PAGE = 50


def _database_url() -> str:
    return os.environ["GATEWAY_DATABASE_URL"]


def with_core_executor() -> ASGIApp:
    """Ours, but executed by graphql-core."""
    GraphQLEndpoint.executor_class = StrawberryGraphQLCoreExecutionContext
    return without_mail()


@strawberry.type
class Service:
    """A service."""

    code: str
    name: str


@strawberry.type
class Role:
    """A role."""

    name: str
    is_service_administrator: bool
    service: Service


@strawberry.type
class User:
    """A user."""

    id: strawberry.ID
    version: int
    first_name: str
    last_name: str
    microsoft_account: str
    primary_email_address: str
    status: str
    last_sign_in_at: datetime | None
    selected_roles: list[Role]


def _user(row: tables.User) -> User:
    return User(
        id=encode_id("User", row.id),
        version=row.version,
        first_name=row.first_name,
        last_name=row.last_name,
        microsoft_account=row.microsoft_account,
        primary_email_address=row.primary_email_address,
        status=row.status.value,
        last_sign_in_at=None if row.last_sign_in_at == NEVER else row.last_sign_in_at,
        selected_roles=[
            Role(
                name=held.role.name,
                is_service_administrator=held.role.is_service_administrator,
                service=Service(code=held.role.service.code, name=held.role.service.name),
            )
            for held in row.role_assignments
        ],
    )


@strawberry.type
class Users:
    """A page."""

    nodes: list[User]


@strawberry.type
class Query:
    """What stock can answer."""

    @strawberry.field
    async def users(self, organization_id: strawberry.ID, first: int) -> Users:
        """The page."""
        rows = (
            await tables.User.filter(organization_id=decode_id("Organization", organization_id))
            .order_by("sort_name", "id")
            .limit(first)
            .prefetch_related("role_assignments__role__service")
        )
        return Users(nodes=[_user(row) for row in rows])

    @strawberry.field
    async def user(self, id: strawberry.ID) -> User | None:  # noqa: A002 - as in the graph
        """One user."""
        rows = await tables.User.filter(id=decode_id("User", id)).prefetch_related(
            "role_assignments__role__service"
        )
        return _user(rows[0]) if rows else None


def stock() -> ASGIApp:
    """Strawberry and Tortoise, straight from their manuals, with the caches that they offer."""

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        config = tortoise_config(connection_parameters(_database_url()))
        await Tortoise.init(config=config, _enable_global_fallback=True)
        yield
        await Tortoise.close_connections()

    schema = strawberry.Schema(query=Query, extensions=[ParserCache, ValidationCache])
    return Starlette(routes=[Route("/graphql", GraphQL(schema))], lifespan=lifespan)


USER_COLUMNS = (
    "id, version, first_name, last_name, microsoft_account, primary_email_address, status, "
    "last_sign_in_at"
)
ROLES_OF = "SELECT user_id, role_id FROM role_assignments WHERE user_id = ANY($1::uuid[])"
BY_NAME = (
    f"SELECT {USER_COLUMNS}, sort_name FROM users WHERE organization_id = $1 "  # noqa: S608 - constants
    f"ORDER BY sort_name, id LIMIT {PAGE + 1}"
)
BY_ID = f"SELECT {USER_COLUMNS} FROM users WHERE id = $1"  # noqa: S608 - constants
SEARCH = (
    f"SELECT {USER_COLUMNS}, sort_name FROM users WHERE organization_id = $1 AND id IN ("  # noqa: S608 - constants
    "SELECT user_id FROM user_words WHERE organization_id = $1 AND word >= $2 AND word < $3) "
    f"ORDER BY sort_name, id LIMIT {PAGE + 1}"
)
CATALOGUE = (
    "SELECT roles.id, roles.name, is_service_administrator, services.code, "
    "services.name AS service_name "
    "FROM roles JOIN services ON services.id = service_id "
    "ORDER BY services.position, services.id, roles.position, roles.id"
)
VIEWER = (
    "SELECT accounts.microsoft_account, display_name, users.id, first_name, last_name, "
    "organization_id, name FROM accounts JOIN users ON account_id = accounts.id "
    "JOIN organizations ON organizations.id = organization_id WHERE accounts.id = $1 "
    "ORDER BY users.id"
)


async def _leave_as_it_is(_connection: asyncpg.Connection) -> None:
    """Reset no session, as the gateway doesn't either."""


class Floor:
    """The handlers that there is nothing to take away from."""

    pool: asyncpg.Pool
    roles: dict[UUID, tuple[int, dict[str, Any]]]

    @contextlib.asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """Connect, and hold the catalogue."""
        self.pool = await asyncpg.create_pool(
            _database_url().partition("?")[0],
            min_size=CONNECTIONS,
            max_size=CONNECTIONS,
            reset=_leave_as_it_is,
        )
        self.roles = {
            row["id"]: (
                place,
                {
                    "name": row["name"],
                    "isServiceAdministrator": row["is_service_administrator"],
                    "service": {"code": row["code"], "name": row["service_name"]},
                },
            )
            for place, row in enumerate(await self.pool.fetch(CATALOGUE))
        }
        yield
        await self.pool.close()

    async def page(self, request: Request) -> Response:
        """The page of 50."""
        asked = orjson.loads(await request.body())["variables"]
        id_ = decode_id("Organization", asked["organization"])
        return await self._users(await self.pool.fetch(BY_NAME, id_))

    async def search(self, request: Request) -> Response:
        """The page of 50 that a search finds."""
        asked = orjson.loads(await request.body())["variables"]
        id_ = decode_id("Organization", asked["organization"])
        word = asked["search"]
        return await self._users(await self.pool.fetch(SEARCH, id_, word, word + "\U0010ffff"))

    async def user(self, request: Request) -> Response:
        """One user by id."""
        asked = orjson.loads(await request.body())["variables"]
        row = await self.pool.fetchrow(BY_ID, decode_id("User", asked["id"]))
        (user,) = await self._with_roles([row])
        return self._answer({"user": user})

    async def viewer(self, request: Request) -> Response:
        """The signed-in person, here whoever is named."""
        asked = orjson.loads(await request.body())["variables"]
        rows = await self.pool.fetch(VIEWER, UUID(asked["account"]))
        profiles = [
            {
                "id": encode_id("User", row["id"]),
                "firstName": row["first_name"],
                "lastName": row["last_name"],
                "organization": {
                    "id": encode_id("Organization", row["organization_id"]),
                    "name": row["name"],
                },
            }
            for row in rows
        ]
        viewer = {
            "microsoftAccount": rows[0]["microsoft_account"],
            "displayName": rows[0]["display_name"],
            "profiles": profiles,
        }
        return self._answer({"viewer": viewer})

    async def _users(self, rows: list[asyncpg.Record]) -> Response:
        nodes = await self._with_roles(rows[:PAGE])
        page = {"hasNextPage": len(rows) > PAGE}
        return self._answer({"users": {"nodes": nodes, "pageInfo": page}})

    async def _with_roles(self, rows: list[asyncpg.Record]) -> list[dict[str, Any]]:
        held: dict[UUID, list[tuple[int, dict[str, Any]]]] = {row["id"]: [] for row in rows}
        for user_id, role_id in await self.pool.fetch(ROLES_OF, list(held)):
            held[user_id].append(self.roles[role_id])
        return [
            {
                "id": encode_id("User", id_),
                "version": version,
                "firstName": first_name,
                "lastName": last_name,
                "microsoftAccount": account,
                "primaryEmailAddress": address,
                "status": status,
                "lastSignInAt": None if signed_in == NEVER else write_moment(signed_in),
                "selectedRoles": [role for _, role in sorted(held[id_], key=lambda each: each[0])],
            }
            for id_, version, first_name, last_name, account, address, status, signed_in, *_ in rows
        ]

    def _answer(self, data: dict[str, Any]) -> Response:
        return Response(orjson.dumps({"data": data}), media_type="application/json")


def floor() -> ASGIApp:
    """The floor."""
    handlers = Floor()
    return Starlette(
        routes=[
            Route(f"/{name}", getattr(handlers, name), methods=["POST"])
            for name in ("page", "search", "user", "viewer")
        ],
        lifespan=handlers.lifespan,
    )


if __name__ == "__main__":
    name, port = sys.argv[1:]
    uvicorn.run(f"tests.benchmarks.apps:{name}", factory=True, port=int(port), **UVICORN_OPTIONS)
