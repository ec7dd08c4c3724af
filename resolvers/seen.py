"""Users as they are read: rows without a model, for a page of models costs more than its query."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from models.users import User
from resolvers.paging import Order, Place
from resolvers.statements import Statement, as_moment, as_uuid, numbered


class SeenUser(NamedTuple):
    """A user to be shown, not to be changed."""

    id: UUID
    organization_id: UUID
    version: int
    first_name: str
    last_name: str
    sort_name: str
    microsoft_account: str
    primary_email_address: str
    primary_email_address_key: str
    status: str
    """A `UserStatus`, as the database has it."""
    account_id: UUID | None
    created_at: datetime
    updated_at: datetime
    last_sign_in_at: datetime
    role_ids: str | None
    """The roles held, with commas between, in no order; None if they were not read."""

    @property
    def pk(self) -> UUID:
        """The key, as models call it."""
        return self.id

    @property
    def full_name(self) -> str:
        """First and last name, as people read it."""
        return f"{self.first_name} {self.last_name}"


COLUMNS = SeenUser._fields[:-1]
PLAIN = ", ".join(COLUMNS)

ROLE_IDS = (
    "coalesce((SELECT {joined}(CAST(role_id AS text), ',') FROM role_assignments "
    "WHERE user_id = users.id), '')"
)
WITH_ROLES = f"{PLAIN}, {ROLE_IDS}"
WITHOUT_ROLES = f"{PLAIN}, NULL"


def qualified_columns() -> str:
    """What `seen_users` reads, for a statement with further tables."""
    return ", ".join([*(f"users.{column}" for column in COLUMNS), ROLE_IDS])


def seen(user: User) -> SeenUser:
    """A user that was fetched to be changed."""
    return SeenUser._make([*(getattr(user, name) for name in COLUMNS), None])


def _visible(columns: str) -> Statement:
    return Statement(
        f"SELECT {columns} FROM users WHERE id = ANY($1::uuid[]) "  # noqa: S608 - nothing but constants
        "AND (id = ANY($2::uuid[]) OR organization_id = ANY($3::uuid[]))"
    )


VISIBLE = _visible(WITHOUT_ROLES)
VISIBLE_WITH_ROLES = _visible(WITH_ROLES)


async def visible_users(
    ids: Sequence[UUID],
    *,
    own: Sequence[UUID],
    administered: Sequence[UUID],
    with_roles: bool,
) -> dict[UUID, SeenUser]:
    """Those of the users that are among `own`, or belong to an administered organization."""
    statement = VISIBLE_WITH_ROLES if with_roles else VISIBLE
    return {user.id: user for user in seen_users(await statement.rows(ids, own, administered))}


@dataclass(frozen=True, slots=True)
class UserList:
    """Users that meet conditions, to be read by pages."""

    conditions: str
    values: tuple[object, ...]
    with_roles: bool = False
    """Whether the roles held are read too."""

    def where(self, condition: str, *values: object) -> "UserList":
        """Those that meet a further condition, in which `?` stands for each value."""
        return replace(
            self, conditions=f"{self.conditions} AND {condition}", values=(*self.values, *values)
        )

    def beyond(self, order: Order, place: Place, *, descending: bool) -> "UserList":
        """Those after a place when reading in the direction given."""
        side = "<" if descending else ">"
        return self.where(f"({order.column}, id) {side} (?, ?)", *place)

    def beginning_at(self, order: Order, place: Place, *, descending: bool) -> "UserList":
        """Those at a place, or after it when reading in the direction given."""
        side = "<=" if descending else ">="
        return self.where(f"({order.column}, id) {side} (?, ?)", *place)

    async def read(
        self, order: Order, *, descending: bool, limit: int, offset: int = 0
    ) -> list[SeenUser]:
        """The first in the direction given, after as many as `offset` says."""
        columns = WITH_ROLES if self.with_roles else WITHOUT_ROLES
        sign = " DESC" if descending else ""
        statement = numbered(
            f"SELECT {columns} FROM users WHERE {self.conditions} "  # noqa: S608 - conditions are constants
            f"ORDER BY {order.column}{sign}, id{sign} LIMIT ? OFFSET ?"
        )
        return seen_users(await statement.rows(*self.values, limit, offset))

    async def count(self) -> int:
        """How many there are."""
        text = f"SELECT count(*) FROM users WHERE {self.conditions}"  # noqa: S608 - likewise
        ((count,),) = await numbered(text).rows(*self.values)
        return int(count)

    async def any(self) -> bool:
        """Whether there is one."""
        text = f"SELECT 1 FROM users WHERE {self.conditions} LIMIT 1"  # noqa: S608 - likewise
        return bool(await numbered(text).rows(*self.values))


def seen_users(rows: Sequence[Sequence[Any]]) -> list[SeenUser]:
    """The users that rows of the columns tell of, as the driver gave them."""
    if rows and isinstance(rows[0][0], str):
        return list(map(_from_sqlite, rows))
    return list(map(SeenUser._make, rows))


def _from_sqlite(row: Sequence[Any]) -> SeenUser:
    user = SeenUser(*row)
    return user._replace(
        id=as_uuid(user.id),
        organization_id=as_uuid(user.organization_id),
        account_id=as_uuid(user.account_id) if user.account_id else None,
        created_at=as_moment(user.created_at),
        updated_at=as_moment(user.updated_at),
        last_sign_in_at=as_moment(user.last_sign_in_at),
    )
