"""The compiling executor against graphql-core's, on data that is there already.

Run it from the repository's root: `python -m tests.benchmarks.executor [rounds]`. The contenders
take turns within each round, so that a busy machine slows both; it prints medians with the middle
half of the rounds, and the ratio. `executor` is execution alone, from the parsed document to the
data; `schema` is all of Strawberry's `Schema.execute`, with its parser and validation caches.
"""

import asyncio
import datetime as dt
import enum
import gc
import statistics
import sys
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import strawberry
from graphql import ExecutionResult, parse
from graphql.execution import execute
from strawberry.dataloader import DataLoader
from strawberry.execution import optimized_is_awaitable
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from gateway.execution.strawberry import StrawberryCompilingExecutor

CONTENDERS = {
    "stock": StrawberryGraphQLCoreExecutionContext,
    "ours": StrawberryCompilingExecutor,
}
SHORTEST_SAMPLE_S = 0.02


@strawberry.enum
class Status(enum.Enum):
    """Whether a user may sign in."""

    ACTIVE = "active"
    INVITED = "invited"


@strawberry.interface
class Node:
    """What has an id."""

    id: uuid.UUID


@strawberry.type
class Service(Node):
    """What roles are for."""

    name: str

    @strawberry.field
    async def roles(self, info: strawberry.Info[dict[str, Any]]) -> list["Role"]:
        """Looked up in what is in memory, by a resolver that needn't be asynchronous but is."""
        catalogue = await info.context["catalogue"]()
        return [role for role in catalogue if role.service is self][:1]


@strawberry.type
class Role(Node):
    """What a user may do in a service."""

    name: str
    service: Service


@strawberry.type
class User(Node):
    """A row of the page."""

    name: str
    email: str
    phone: str | None
    status: Status
    created_at: dt.datetime
    version: int
    roles: list[Role]

    @strawberry.field
    def initials(self) -> str:
        """Something to compute."""
        return self.name[0]

    @strawberry.field
    async def manager(self, info: strawberry.Info[dict[str, Any]]) -> "User | None":
        """Something to load, in one batch for the page."""
        manager: User | None = await info.context["users"].load(self.version // 10)
        return manager


SERVICES = [Service(id=uuid.UUID(int=n), name=f"Service {n}") for n in range(5)]
ROLES = [Role(id=uuid.UUID(int=n), name=f"Role {n}", service=SERVICES[n % 5]) for n in range(20)]
USERS = [
    User(
        id=uuid.UUID(int=n),
        name=f"User {n}",
        email=f"user{n}@example.com",
        phone=None if n % 2 else "+358 40 123",
        status=Status.INVITED if n % 5 else Status.ACTIVE,
        created_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(hours=n),
        version=n,
        roles=[ROLES[(n + k) % 20] for k in range(3)],
    )
    for n in range(50)
]


async def load_users(numbers: list[int]) -> list[User]:
    """Load users as a data loader does."""
    return [USERS[number] for number in numbers]


async def catalogue() -> list[Role]:
    """Give the roles, which are in memory."""
    return ROLES


def make_context() -> dict[str, Any]:
    """Make the context of one request."""
    return {"users": DataLoader(load_users), "catalogue": catalogue}


SCALARS = [f"string {n}" for n in range(1000)]


@strawberry.type
class Query:
    """The root."""

    @strawberry.field
    async def users(self) -> list[User]:
        """The page."""
        return USERS

    @strawberry.field
    async def user(self) -> User:
        """One row of it."""
        return USERS[0]

    @strawberry.field
    async def scalars(self) -> list[str]:
        """Nothing but strings."""
        return SCALARS


USER = """id name email phone status createdAt version roles { id name service { id name } }"""
WORK = {
    "page of 50 users, 3 roles each": f"{{ users {{ {USER} }} }}",
    "page of 50, a method each": "{ users { id initials } }",
    "page of 50, a data loader each": "{ users { id manager { id name } } }",
    "page of 50, 3 resolvers each": "{ users { id roles { service { roles { name } } } } }",
    "one user, 3 roles": f"{{ user {{ {USER} }} }}",
    "one user, two fields": "{ user { id name } }",
    "a list of 1000 strings": "{ scalars }",
}

Once = Callable[[], Awaitable[Any]]


def in_executor(contender: type[StrawberryGraphQLCoreExecutionContext], query: str) -> Once:
    """Prepare execution alone."""
    schema = strawberry.Schema(Query)._schema  # noqa: SLF001 - as Strawberry itself passes it
    document = parse(query)

    async def once() -> ExecutionResult:
        result = execute(
            schema,
            document,
            context_value=make_context(),
            is_awaitable=optimized_is_awaitable,  # type: ignore[arg-type]
            executor_class=contender,
        )
        return result if isinstance(result, ExecutionResult) else await result

    return once


def in_schema(contender: type[StrawberryGraphQLCoreExecutionContext], query: str) -> Once:
    """Prepare the whole of Strawberry."""
    schema = strawberry.Schema(
        Query, execution_context_class=contender, extensions=[ParserCache, ValidationCache]
    )
    return lambda: schema.execute(query, context_value=make_context())


async def duration_s(once: Once, times: int) -> float:
    """Time one execution, on average over so many."""
    start = time.perf_counter()
    for _ in range(times):
        await once()
    return (time.perf_counter() - start) / times


async def compare(contenders: dict[str, Once], rounds: int) -> dict[str, list[float]]:
    """Let the contenders take turns; gives the seconds of one execution, for each round."""
    results = [await once() for once in contenders.values() for _ in range(3)]
    assert not results[0].errors, results[0].errors
    assert all(result.data == results[0].data for result in results)
    times = {
        name: max(1, round(SHORTEST_SAMPLE_S / await duration_s(once, 3)))
        for name, once in contenders.items()
    }
    samples: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, once in contenders.items():
            gc.collect()
            samples[name].append(await duration_s(once, times[name]))
    return samples


def describe(samples: list[float]) -> str:
    """Give the median and the middle half, in microseconds."""
    low, median, high = statistics.quantiles(samples, n=4)
    return f"{median * 1e6:8.0f} µs ({low * 1e6:.0f}-{high * 1e6:.0f})"


async def main(rounds: int) -> None:
    """Print the table."""
    print(f"{'work':32}{'where':10}{'stock':>24}{'ours':>24}{'ratio':>8}")
    for title, query in WORK.items():
        for where, prepare in {"executor": in_executor, "schema": in_schema}.items():
            contenders = {name: prepare(cls, query) for name, cls in CONTENDERS.items()}
            samples = await compare(contenders, rounds)
            ratio = statistics.median(samples["stock"]) / statistics.median(samples["ours"])
            columns = f"{describe(samples['stock']):>24}{describe(samples['ours']):>24}"
            print(f"{title:32}{where:10}{columns}{ratio:7.1f}x")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 15))
