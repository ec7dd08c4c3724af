"""What can be done with files of users."""

from typing import Annotated

import strawberry

from resolvers import imports
from resolvers.user_files import COLUMNS, MAX_ROWS
from schema.answers import answer, form
from schema.context import Info
from schema.costs import IMPORT, RARE
from schema.enums import ImportMode
from schema.errors import UserError
from schema.imports import UserImport, to_import
from schema.nodes import decode_id
from schema.payloads import PROBLEMS


@strawberry.input(description="A file of users to import.")
class ImportUsersInput:
    """The form of an import."""

    organization_id: strawberry.ID = strawberry.field(description="Where the users belong.")
    csv: str = strawberry.field(
        description="The file's text: comma-separated values (RFC 4180; semicolons and tabs do "
        f"too) with a header of {', '.join(COLUMNS)}, at most {MAX_ROWS} rows. Roles are written "
        "`service:role`, with a space between. What an export gives can be imported."
    )
    mode: ImportMode = strawberry.field(description="What becomes of the rows.")


@strawberry.type(description="The import that was begun.")
class ImportUsersPayload:
    """Answer of `importUsers`."""

    user_import: UserImport | None = strawberry.field(
        default=None, description="The import, to be asked for until it has ended; null if refused."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description=PROBLEMS, directives=[RARE]
    )


@strawberry.type
class ImportMutation:
    """A part of the root of writing."""

    @strawberry.mutation(
        description="Creates many users from a file, each by the rules of `createUser`, or tells "
        "what would come of it. It is worked on after the answer: ask for `userImport` until it "
        "has ended. Needs: a service administrator of the organization, and of the service of each "
        "role; of an access token MANAGE_USERS.",
        directives=[IMPORT],
    )
    async def import_users(
        self,
        info: Info,
        input: Annotated[ImportUsersInput, form("The file.")],  # noqa: A002 - the contract's way
    ) -> ImportUsersPayload:
        """Rules 19 to 23, for many."""
        return await answer(
            info,
            ImportUsersPayload,
            imports.start_import(
                info.context.caller,
                organization_id=decode_id("Organization", input.organization_id),
                csv=input.csv,
                mode=input.mode,
                now=info.context.now,
            ),
            lambda row: {"user_import": to_import(row)},
        )
