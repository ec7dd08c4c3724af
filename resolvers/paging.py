"""Keyset pages: forward and backward, at a cost that does not depend on where the page is."""

import base64
import binascii
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar
from uuid import UUID

import orjson
from pypika_tortoise.terms import Criterion, Term, Tuple
from tortoise.expressions import Q, ResolveContext
from tortoise.models import Model
from tortoise.query_utils import QueryModifier
from tortoise.queryset import QuerySet

from resolvers.refusals import BadRequest

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 100

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of a list is wanted, as Relay's arguments say it."""

    first: int | None = None
    after: str | None = None
    last: int | None = None
    before: str | None = None

    def size(self) -> int:
        """How many rows at most; more than `MAX_PAGE_SIZE` are never given.

        Raises:
            BadRequest: `first` and `last` together, or a negative number.
        """
        if self.first is not None and self.last is not None:
            message = "Give `first` or `last`, not both."
            raise BadRequest(message)
        for name, number in (("first", self.first), ("last", self.last)):
            if number is not None and number < 0:
                message = f"`{name}` must not be negative."
                raise BadRequest(message)
        wanted = self.first if self.first is not None else self.last
        return min(DEFAULT_PAGE_SIZE if wanted is None else wanted, MAX_PAGE_SIZE)

    @property
    def is_backward(self) -> bool:
        """Whether the page is taken from the end."""
        return self.last is not None


@dataclass(frozen=True, slots=True)
class Order:
    """By which column a list is ordered, then by id. The column is never null."""

    name: str
    """What a cursor of this order is known by."""
    column: str
    descending: bool
    parse: Callable[[str], object] = str

    def cursor(self, row: Model) -> str:
        """The place of a row in this order."""
        value = getattr(row, self.column)
        text = value.isoformat() if isinstance(value, datetime) else str(value)
        packed = orjson.dumps([self.name, text, str(row.pk)])
        return base64.urlsafe_b64encode(packed).decode().rstrip("=")

    def place(self, cursor: str, argument: str) -> tuple[object, UUID]:
        """The column's value and the id at a cursor.

        Raises:
            BadRequest: It is no cursor of a list in this order.
        """
        try:
            packed = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
            name, text, id_ = orjson.loads(packed)
            if name != self.name or not isinstance(id_, str) or "\x00" in text:
                raise ValueError(name)
            return self.parse(text), UUID(id_)
        except (ValueError, TypeError, binascii.Error) as error:
            message = f"`{argument}` is no cursor of this list in this order."
            raise BadRequest(message) from error

    def beyond(self, place: tuple[object, UUID], *, descending: bool) -> Q:
        """What comes after a place when reading in the direction given."""
        return _Beyond(self.column, place, operator.lt if descending else operator.gt)

    def beginning_at(self, place: tuple[object, UUID], *, descending: bool) -> Q:
        """What is at a place, or comes after it when reading in the direction given."""
        return _Beyond(self.column, place, operator.le if descending else operator.ge)


class _Beyond(Q):
    """`(column, id) > (value, id)`, compared as a row (SQL:2016 part 2, section 8.2), or `<`.

    One range of one index answers it, wherever it begins. Two conditions joined by OR would be
    looked through from the first row with an equal value: most users share their last sign-in,
    which is never.
    """

    def __init__(
        self,
        column: str,
        place: tuple[object, UUID],
        compare: Callable[[Term, Term], Criterion],
    ) -> None:
        super().__init__()
        self._columns = (column, "id")
        self._place = place
        self._compare = compare

    def __bool__(self) -> bool:
        return True

    def resolve(self, resolve_context: ResolveContext) -> QueryModifier:
        """The condition in the query at hand."""
        model, table = resolve_context.model, resolve_context.table
        row = Tuple(*(table[column] for column in self._columns))
        place = Tuple(
            *(
                model._meta.fields_map[column].to_db_value(value, model)  # noqa: SLF001 - as Q does
                for column, value in zip(self._columns, self._place, strict=True)
            )
        )
        return QueryModifier(where_criterion=self._compare(row, place))


def time_order(name: str, column: str, *, descending: bool) -> Order:
    """An order by an instant."""
    return Order(name, column, descending, _moment)


def _moment(text: str) -> datetime:
    """A moment as a cursor holds it, in UTC, so that no database has to convert it.

    Raises:
        ValueError: It is none.
    """
    moment = datetime.fromisoformat(text)
    if moment.utcoffset() != timedelta(0):
        raise ValueError(text)
    return moment


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """One page, and where it lies. What is not asked for is not counted."""

    rows: Sequence[Row]
    order: Order
    query: QuerySet[Row]
    window: Window
    more: bool
    """Whether rows were left over in the direction of reading."""

    async def has_next(self) -> bool:
        """Whether rows follow this page in the whole list, also beyond `before`."""
        if not self.window.is_backward and (self.more or self.window.before is None):
            return self.more
        return await self._any_beyond(descending=self.order.descending)

    async def has_previous(self) -> bool:
        """Whether rows precede this page in the whole list, also beyond `after`."""
        if self.window.is_backward and (self.more or self.window.after is None):
            return self.more
        return await self._any_beyond(descending=not self.order.descending)

    async def total(self) -> int:
        """How many rows the whole list has."""
        return int(await self.query.count())

    async def _any_beyond(self, *, descending: bool) -> bool:
        backward = descending != self.order.descending
        if self.rows:
            edge = self.rows[0] if backward else self.rows[-1]
            place = (getattr(edge, self.order.column), edge.pk)
            beyond = self.order.beyond(place, descending=descending)
        else:
            name = "after" if backward else "before"
            cursor = self.window.after if backward else self.window.before
            if cursor is None:
                # An empty page lies where reading began, and `more` tells what is ahead.
                return self.more and backward == self.window.is_backward
            # The row at the cursor, if it is still there, is not on the page.
            beyond = self.order.beginning_at(self.order.place(cursor, name), descending=descending)
        return bool(await self.query.filter(beyond).exists())


async def page_of(query: QuerySet[Row], order: Order, window: Window) -> Page[Row]:
    """Read one page with one statement.

    Raises:
        BadRequest: The window is contradictory, or a cursor is none of this list.
    """
    size = window.size()
    part = query
    for cursor, argument, descending in (
        (window.after, "after", order.descending),
        (window.before, "before", not order.descending),
    ):
        if cursor is not None:
            part = part.filter(order.beyond(order.place(cursor, argument), descending=descending))
    sign = "-" if order.descending != window.is_backward else ""
    rows = await part.order_by(f"{sign}{order.column}", f"{sign}id").limit(size + 1)
    more = len(rows) > size
    kept = rows[:size]
    return Page(kept[::-1] if window.is_backward else kept, order, query, window, more)
