"""A Strawberry schema with something of everything, and what its requests need."""

import datetime as dt
import enum
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Annotated, Any, NewType, cast
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader
from strawberry.extensions import FieldExtension, ParserCache, SchemaExtension
from strawberry.permission import BasePermission
from strawberry.schema.config import StrawberryConfig

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
    def tagged(self, tag: str | None = strawberry.UNSET) -> str:
        """The name, and a tag if there is one."""
        return f"{self.name} {tag}" if tag else self.name

    @strawberry.field
    async def roles(self, info: Info) -> list[Role]:
        """Loaded in one batch for all users."""
        roles: list[Role] = await info.context["roles"].load(self.id)
        return roles

    @strawberry.field
    def labelled(
        self,
        some_id: strawberry.ID,
        how_often: int | None = 2,
        statuses: list[Status] | None = None,
    ) -> str:
        """Arguments of which nothing is made, with other names in Python, and some others."""
        return f"{some_id!r} {how_often!r} {statuses!r}"

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
    maker: "Robot | None" = None

    @strawberry.field
    def place(self, info: Info) -> str:
        """Where the request says."""
        return str(info.context["place"])

    @strawberry.field
    def fault(self) -> str | None:
        """Can't be told."""
        raise LookupError(self.model)


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


ROBOTS = (Robot(model="R2", maker=Robot(model="R1")),)


@strawberry.type
class Query:
    """Where to begin."""

    @strawberry.field
    def workshop(self) -> list[Robot]:
        """The same ones for everybody."""
        return cast("list[Robot]", ROBOTS)

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
