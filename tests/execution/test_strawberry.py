"""The compiling executor behind a real Strawberry schema, beside the stock one."""

import datetime as dt
import enum
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from typing import Annotated, Any, NewType
from uuid import UUID

import pytest
import strawberry
from strawberry.dataloader import DataLoader
from strawberry.extensions import FieldExtension, ParserCache, SchemaExtension
from strawberry.permission import BasePermission
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from gateway.execution.strawberry import StrawberryCompilingExecutor

Cents = NewType("Cents", int)
Context = dict[str, Any]
Info = strawberry.Info[Context]


@strawberry.enum
class Status(enum.Enum):
    """Whether a user may sign in."""

    ACTIVE = "active"
    INVITED = "invited"


@strawberry.interface
class Node:
    """What has an id."""

    id: strawberry.ID


@strawberry.type
class Role(Node):
    """What a user may do."""

    name: str
    price: Cents


class Denied(BasePermission):
    """Denies all."""

    message = "denied"

    def has_permission(self, source: Any, info: Any, **kwargs: Any) -> bool:  # noqa: ARG002
        """Deny."""
        return False


class Shout(FieldExtension):
    """Raises the voice."""

    def resolve(self, next_: Callable[..., Any], source: Any, info: Any, **kwargs: Any) -> Any:
        """Raise it."""
        return next_(source, info, **kwargs).upper()


@strawberry.type
class User(Node):
    """Somebody."""

    name: str
    status: Status
    created_at: dt.datetime
    key: UUID
    balance: Decimal
    nickname: str | None = None
    class_: int = strawberry.field(name="class", default=1)
    secret: str = strawberry.field(permission_classes=[Denied], default="secret")
    loud: str = strawberry.field(extensions=[Shout()], default="loud")

    @strawberry.field
    def initial(self) -> str:
        """The first letter."""
        return self.name[0]

    @strawberry.field
    async def roles(self, info: Info) -> list[Role]:
        """Loaded in one batch for all users."""
        roles: list[Role] = await info.context["roles"].load(self.id)
        return roles

    @strawberry.field
    def place(self, info: Info, word: str = "at") -> str:
        """What a resolver is told."""
        told = (info.path, info.field_name, info.selected_fields, info.variable_values)
        return f"{word} {told}"


@strawberry.type
class Pair:
    """Fields whose resolvers are no methods."""

    left: User

    @strawberry.field
    @staticmethod
    def both(parent: strawberry.Parent["Pair"], info: Info) -> str:
        """Asks for the parent by annotation."""
        return f"{parent.left.name} at {info.path.key}"

    @strawberry.field
    @classmethod
    def kind(cls) -> str:
        """Asks for the class."""
        return cls.__name__

    @strawberry.field
    async def later(self, info: Info, word: str | None = None) -> str:
        """May do without its argument."""
        return f"{self.left.name} {word} {info.field_name}"


@strawberry.type
class Robot:
    """Nobody."""

    model: str


Account = Annotated[User | Robot, strawberry.union("Account")]


def user(n: int) -> User:
    """Make one of the users."""
    return User(
        id=strawberry.ID(str(n)),
        name=f"user {n}",
        status=Status.ACTIVE if n % 2 else Status.INVITED,
        created_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
        key=UUID(int=n),
        balance=Decimal(n),
    )


@strawberry.type
class Query:
    """Where to begin."""

    @strawberry.field
    async def users(self) -> list[User]:
        """Some."""
        return [user(n) for n in range(3)]

    @strawberry.field
    def pair(self) -> Pair:
        """Two."""
        return Pair(left=user(1))

    @strawberry.field
    def mistaken(self) -> list[User | None]:
        """A user, and one that was cast to something else."""
        return [user(0), strawberry.cast(Role, user(1))]

    @strawberry.field
    def accounts(self) -> list[Account]:
        """Some of either kind."""
        return [user(1), Robot(model="R2"), user(2)]

    @strawberry.field
    def nodes(self) -> list[Node | None]:
        """Some of an interface, one of them wrong."""
        return [user(1), None, Role(id=strawberry.ID("r"), name="role", price=Cents(5))]

    @strawberry.field
    def broken(self) -> list[User | None]:
        """Users of whom not everything can be told."""
        nameless = user(1)
        del nameless.name
        return [user(0), nameless, "nobody", user(3)]  # type: ignore[list-item]


@strawberry.type
class Mutation:
    """What can be done."""

    @strawberry.mutation
    async def note(self, info: Info, word: str) -> list[str]:
        """Take a note."""
        info.context["notes"].append(word)
        return list(info.context["notes"])


@strawberry.type
class Subscription:
    """What can be followed."""

    @strawberry.subscription
    async def arrivals(self) -> AsyncIterator[User]:
        """Users, as they come."""
        for n in range(3):
            yield user(n)


class Loud(SchemaExtension):
    """Middleware that raises the voice of every field."""

    def resolve(
        self, _next: Callable[..., Any], root: Any, info: Any, *args: str, **kwargs: Any
    ) -> Any:
        """Raise it."""
        value = _next(root, info, *args, **kwargs)
        return value.upper() if isinstance(value, str) else value


def make_schema(executor: type[Any], *extensions: type[SchemaExtension]) -> strawberry.Schema:
    """Make the schema, for one executor."""
    return strawberry.Schema(
        Query,
        Mutation,
        Subscription,
        execution_context_class=executor,
        extensions=[ParserCache, *extensions],
        config=StrawberryConfig(
            scalar_map={Cents: strawberry.scalar(name="Cents", serialize=lambda v: f"{v} ct")}
        ),
    )


class Batches:
    """A context whose loader notes its batches."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    async def load(self, ids: list[str]) -> list[list[Role]]:
        """Load the roles of users."""
        self.sizes.append(len(ids))
        return [[Role(id=strawberry.ID(f"r{n}"), name="role", price=Cents(1))] for n in ids]

    def context(self) -> Context:
        """Make the context of one request."""
        return {"roles": DataLoader(self.load), "notes": []}


Outcome = tuple[Any, list[Any], list[int]]
Execute = Callable[..., Awaitable[list[Outcome]]]


async def outcomes(schema: strawberry.Schema, query: str, **variables: Any) -> list[Outcome]:
    """Execute thrice: left to graphql-core, compiled and found again."""
    seen = []
    for _ in range(3):
        batches = Batches()
        result = await schema.execute(query, variables, context_value=batches.context())
        errors = [(error.formatted, type(error.original_error)) for error in result.errors or ()]
        seen.append((result.data, errors, batches.sizes))
    return seen


QUERIES = {
    "attributes": "{ users { id name status createdAt key balance nickname class __typename } }",
    "methods": '{ users { initial place(word: "in") b: place } }',
    "loaders": "{ users { roles { name price } more: roles { id } } }",
    "unions": "{ accounts { __typename ... on User { name } ... on Robot { model } } }",
    "interfaces": "{ nodes { __typename id ... on Role { price } ...N } }"
    " fragment N on User { name }",
    "functions": '{ pair { both kind later more: later(word: "x") left { name } } }',
    "casts": "{ mistaken { name } }",
    "errors": "{ broken { name } again: broken { initial id } }",
    "permissions": "{ users { name secret } }",
    "extensions": "{ users { loud } }",
    "merged fields": "{ users { roles { id } } users { roles { name } name } }",
    "introspection": "{ __schema { types { name fields { name type { name kind } } } } }",
    "mutations": 'mutation { a: note(word: "a") b: note(word: "b") }',
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
@pytest.mark.parametrize("extensions", [(), (Loud,)], ids=["plain", "middleware"])
async def test_strawberry_gives_the_same(query: str, extensions: tuple[Any, ...]) -> None:
    stock = make_schema(StrawberryGraphQLCoreExecutionContext, *extensions)
    ours = make_schema(StrawberryCompilingExecutor, *extensions)

    assert await outcomes(ours, query) == await outcomes(stock, query)


QUERY_BY_CONDITION = """
query ($long: Boolean!) { users { id name @include(if: $long) ...Rest @skip(if: $long) } }
fragment Rest on User { status }
"""


async def test_conditions_are_decided_by_each_request() -> None:
    schema = make_schema(StrawberryCompilingExecutor)
    for _ in range(3):
        for long, keys in [(True, ["id", "name"]), (False, ["id", "status"])]:
            result = await schema.execute(QUERY_BY_CONDITION, {"long": long})

            assert result.data
            assert [list(user) for user in result.data["users"]] == [keys] * 3


async def test_a_loader_batches_once_for_all_rows() -> None:
    ours = make_schema(StrawberryCompilingExecutor)

    assert [sizes for _, _, sizes in await outcomes(ours, QUERIES["loaders"])] == [[3]] * 3


async def test_a_subscription_is_compiled_from_its_second_event_on() -> None:
    schema = make_schema(StrawberryCompilingExecutor)
    events = [
        result.data
        async for result in await schema.subscribe("subscription { arrivals { name initial } }")
    ]

    assert events == [{"arrivals": {"name": f"user {n}", "initial": "u"}} for n in range(3)]


def test_synchronous_execution_is_compiled_too() -> None:
    schema = make_schema(StrawberryCompilingExecutor)
    results = [schema.execute_sync(QUERIES["unions"]) for _ in range(3)]

    assert [result.errors for result in results] == [None] * 3
    assert [result.data for result in results] == [results[0].data] * 3


async def test_deferred_fields_come_as_graphql_core_sends_them() -> None:
    schema = strawberry.Schema(
        Query,
        types=[User, Role],
        execution_context_class=StrawberryCompilingExecutor,
        extensions=[ParserCache],
        config=StrawberryConfig(
            enable_experimental_incremental_execution=True,
            scalar_map={Cents: strawberry.scalar(name="Cents", serialize=str)},
        ),
    )
    for _ in range(3):
        result: Any = await schema.execute("{ users { id ... @defer { name } } }")
        later = [part.formatted async for part in result.subsequent_results]

        assert result.initial_result.data == {"users": [{"id": str(n)} for n in range(3)]}
        assert later[-1]["hasNext"] is False


def readers() -> dict[str, Any]:
    """Tell how each field of a user is read."""
    type_: Any = make_schema(StrawberryCompilingExecutor)._schema.type_map["User"]  # noqa: SLF001
    return {
        name: StrawberryCompilingExecutor.reader_of(field) for name, field in type_.fields.items()
    }


def test_only_attributes_and_methods_of_self_are_read_without_their_resolvers() -> None:
    read = readers()

    assert read.pop("initial")(user(1)) == "u"
    assert read == {
        "id": "id",
        "name": "name",
        "status": "status",
        "createdAt": "created_at",
        "key": "key",
        "balance": "balance",
        "nickname": "nickname",
        "class": "class_",
        "secret": None,
        "loud": None,
        "roles": None,
        "place": None,
    }


def test_objects_of_the_decorated_class_need_no_closer_look() -> None:
    types = make_schema(StrawberryCompilingExecutor)._schema.type_map  # noqa: SLF001
    class_of: Callable[[Any], Any] = StrawberryCompilingExecutor.class_of

    assert class_of(types["User"]) == (User, "__as_strawberry_type__")
    assert class_of(types["Robot"]) is None
