"""Lists by pages, as Relay's connections."""

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import strawberry
from strawberry import UNSET, Private

from resolvers.paging import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, Page, Window

T = TypeVar("T")

First = Annotated[
    int | None,
    strawberry.argument(
        description=f"How many from the start; {DEFAULT_PAGE_SIZE} if neither `first` nor `last` "
        f"is given, never more than {MAX_PAGE_SIZE}."
    ),
]
After = Annotated[str | None, strawberry.argument(description="Only what follows this cursor.")]
Last = Annotated[
    int | None,
    strawberry.argument(description=f"How many from the end, never more than {MAX_PAGE_SIZE}."),
]
Before = Annotated[str | None, strawberry.argument(description="Only what precedes this cursor.")]


def given(value: T | None) -> T | None:
    """An argument's value; None if it was left out."""
    return None if value is UNSET else value


def window(first: int | None, after: str | None, last: int | None, before: str | None) -> Window:
    """The arguments of a connection."""
    return Window(given(first), given(after), given(last), given(before))


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    """Answered from the page; what lies outside it is looked up only if it is asked for."""

    page: Private[Page[Any]]

    @strawberry.field(description="Whether something follows the page.")
    async def has_next_page(self) -> bool:
        """Known when reading forward, else looked up."""
        return await self.page.has_next()

    @strawberry.field(description="Whether something precedes the page.")
    async def has_previous_page(self) -> bool:
        """Known when reading backward, else looked up."""
        return await self.page.has_previous()

    @strawberry.field(description="The cursor of the page's first row.")
    def start_cursor(self) -> str | None:
        """None for an empty page."""
        return self.page.order.cursor(self.page.rows[0]) if self.page.rows else None

    @strawberry.field(description="The cursor of the page's last row.")
    def end_cursor(self) -> str | None:
        """None for an empty page."""
        return self.page.order.cursor(self.page.rows[-1]) if self.page.rows else None


def edges_of(page: Page[Any], edge: Callable[..., T], view: Callable[[Any], object]) -> list[T]:
    """A page's rows as edges."""
    return [edge(cursor=page.order.cursor(row), node=view(row)) for row in page.rows]
