"""Imports of users from files."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry
from strawberry import UNSET, Private

import models.imports as tables
from resolvers import imports
from resolvers.paging import Page
from resolvers.refusals import Code as ProblemCode
from schema.connections import After, Before, First, Last, PageInfo, edges_of, given, window
from schema.context import Info
from schema.costs import COUNT, FETCH, PAGE, RARE
from schema.enums import ImportMode, ImportOutcome, ImportStatus
from schema.errors import InputError, UserError
from schema.nodes import Node, encode_id
from schema.users import User, load_user


@strawberry.type(description="What came of a row of an import's file.")
class UserImportRow:
    """A row."""

    row: Private[tables.UserImportRow]
    line: int = strawberry.field(
        description="Where the row begins in the file; the file's first line is 1."
    )
    microsoft_account: str = strawberry.field(
        description="As the file has it, which may be no address."
    )
    outcome: ImportOutcome = strawberry.field(description="What came of it.")

    @strawberry.field(description="The user who was created; null once the profile is removed.")
    async def user(self, info: Info) -> User | None:
        """Null, too, where none was created."""
        return await load_user(info, self.row.user_id)

    @strawberry.field(
        description="Why it is refused; `path` has the name of the column, and is empty if it is "
        "the row as a whole.",
        directives=[RARE],
    )
    def user_errors(self) -> list[UserError]:
        """As they were when the row was checked."""
        return [
            InputError(
                code=ProblemCode(each["code"]),
                message=each["message"],
                path=[each["column"]] if each["column"] else [],
            )
            for each in self.row.problems
        ]


def to_import_row(row: tables.UserImportRow) -> UserImportRow:
    """The graph's view of a row."""
    return UserImportRow(
        row=row, line=row.line, microsoft_account=row.microsoft_account, outcome=row.outcome
    )


@strawberry.type(description="A row at its place in a list.")
class UserImportRowEdge:
    """An edge."""

    cursor: str = strawberry.field(description="The place, for `after` and `before`.")
    node: UserImportRow = strawberry.field(description="The row.")


@strawberry.type(description="A page of rows, in the order of the file.")
class UserImportRowConnection:
    """A page."""

    page: Private[Page[tables.UserImportRow]]

    @strawberry.field(description="The rows with their places.")
    def edges(self) -> list[UserImportRowEdge]:
        """In order."""
        return edges_of(self.page, UserImportRowEdge, to_import_row)

    @strawberry.field(description="The rows.")
    def nodes(self) -> list[UserImportRow]:
        """In order."""
        return [to_import_row(row) for row in self.page.rows]

    @strawberry.field(description="Where the page lies.")
    def page_info(self) -> PageInfo:
        """For paging on."""
        return PageInfo(page=self.page)

    @strawberry.field(description="How many the whole list has; counted when asked for.",
                      directives=[COUNT])  # fmt: skip
    async def total_count(self) -> int:
        """One statement."""
        return await self.page.total()


@strawberry.type(
    description="An import of users from a file: how far it is, and what came of its rows. It can "
    "be seen for a week by the organization's service administrators."
)
class UserImport(Node):
    """An import."""

    row: Private[tables.UserImport]
    mode: ImportMode = strawberry.field(description="What becomes of its rows.")
    status: ImportStatus = strawberry.field(description="How far it is.")
    rows_total: int = strawberry.field(description="How many rows the file has.")
    rows_checked: int = strawberry.field(description="How many of them are checked by now.")
    rows_refused: int = strawberry.field(description="How many of these are refused.")
    rows_created: int = strawberry.field(description="How many users are created by now.")
    problem: str | None = strawberry.field(description="Why it failed; for people.")
    created_at: datetime = strawberry.field(description="When it was asked for.")
    finished_at: datetime | None = strawberry.field(description="When it ended.")

    @strawberry.field(
        description="What came of the rows that are checked by now, in the order of the file.",
        directives=[FETCH, PAGE],
    )
    async def rows(
        self,
        outcomes: Annotated[
            list[ImportOutcome] | None,
            strawberry.argument(description="Only rows of which this came; all if left out."),
        ] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> UserImportRowConnection:
        """A page."""
        page = await imports.rows_page(
            self.row, outcomes=given(outcomes), window=window(first, after, last, before)
        )
        return UserImportRowConnection(page=page)


def to_import(row: tables.UserImport) -> UserImport:
    """The graph's view of an import."""
    return UserImport(
        id=encode_id("UserImport", row.id),
        row=row,
        mode=row.mode,
        status=row.status,
        rows_total=row.rows_total,
        rows_checked=row.rows_checked,
        rows_refused=row.rows_refused,
        rows_created=row.rows_created,
        problem=row.problem,
        created_at=row.created_at,
        finished_at=row.finished_at,
    )


async def load_import(info: Info, id_: UUID) -> UserImport | None:
    """The import, or None if there is none or the caller may not see it."""
    row = await info.context.loaders.imports.load(id_)
    return to_import(row) if row else None
