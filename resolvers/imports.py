"""Imports of users from files: asking for one, and seeing how far it is."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from tortoise.expressions import Q

from models.accounts import AccessScope
from models.audit import AuditAction
from models.imports import ImportMode, ImportOutcome, UserImport, UserImportRow
from models.rows import new_id
from resolvers.administration import administration
from resolvers.caller import Caller
from resolvers.denials import recording_denials
from resolvers.memberships import Permission, memberships_of
from resolvers.paging import Order, Page, Queried, Window, page_of
from resolvers.permissions import organization_for
from resolvers.refusals import Code, Problems, RateLimited, Refused
from resolvers.user_files import read_file

MAX_UNFINISHED = 3
"""Imports of one organization that may wait or run at a time."""

RETRY_AFTER_S = 10

KEPT_FOR = timedelta(days=7)
"""How long it can be seen what came of an import."""

BY_LINE = Order("line", "line", descending=False, parse=int)


async def start_import(
    caller: Caller, *, organization_id: UUID, csv: str, mode: ImportMode, now: datetime
) -> UserImport:
    """Take a file in. Its rows are worked on beside the requests: `import_work`.

    Raises:
        Unauthenticated: Nobody is signed in.
        Refused: The caller may not add users there; the file can't be read, each problem with its
            line and column; or RATE_LIMITED, while too many of the organization are unfinished.
    """
    async with recording_denials(caller, AuditAction.USERS_IMPORTED, now=now):
        await organization_for(
            caller, organization_id, to=Permission.ADD_USERS, path=("organizationId",)
        )
    account = caller.signed_in()
    problems = Problems()
    rows = read_file(problems, csv)
    problems.raise_if_any()
    # Its writers line up, so that many at once are not more than may wait.
    async with administration(caller, organization_id):
        await _refuse_too_many(organization_id)
        return await UserImport.create(
            id=new_id(),
            organization_id=organization_id,
            account_id=account.id,
            mode=mode,
            csv=csv,
            rows_total=len(rows),
            request_id=caller.request_id,
            created_at=now,
        )


async def _refuse_too_many(organization_id: UUID) -> None:
    unfinished = UserImport.filter(organization_id=organization_id, finished_at=None)
    if await unfinished.count() < MAX_UNFINISHED:
        return
    message = f"{MAX_UNFINISHED} imports of the organization are unfinished; wait for one."
    raise Refused(
        [
            RateLimited(
                code=Code.RATE_LIMITED,
                message=message,
                path=("organizationId",),
                retry_after_s=RETRY_AFTER_S,
            )
        ]
    )


async def imports_by_id(caller: Caller, ids: Sequence[UUID]) -> list[UserImport | None]:
    """Imports for reading, in the order of the ids; None for one that the caller may not see.

    Every service administrator of the organization sees them, as he sees the users.

    Raises:
        Unauthenticated: Nobody is signed in.
        Forbidden: The access token may neither read nor manage users.
    """
    caller.demand(AccessScope.READ, AccessScope.MANAGE_USERS)
    administered = [
        organization_id
        for organization_id, membership in (await memberships_of(caller)).items()
        if membership.is_administrator
    ]
    # All but the file, which may be large.
    rows = await UserImport.filter(id__in=list(ids), organization_id__in=administered).only(
        *(name for name in UserImport._meta.db_fields if name != "csv")  # noqa: SLF001 - its public list is made of it
    )
    found = {row.id: row for row in rows}
    return [found.get(id_) for id_ in ids]


async def rows_page(
    import_: UserImport, *, outcomes: Sequence[ImportOutcome] | None, window: Window
) -> Page[UserImportRow]:
    """A page of what came of the rows of an import that the caller may see, by their lines.

    Raises:
        BadRequest: The window can't be understood.
    """
    query = UserImportRow.filter(user_import_id=import_.id)
    if outcomes is not None:
        query = query.filter(outcome__in=list(outcomes))
    return await page_of(Queried(query), BY_LINE, window)


async def purge_imports(now: datetime) -> int:
    """Delete the imports that ended long ago, with what came of their rows; how many there were.

    Those that nobody worked on for as long are deleted too, since they hold names and addresses.
    """
    old = now - KEPT_FOR
    ended = UserImport.filter(Q(finished_at__lte=old) | Q(finished_at=None, created_at__lte=old))
    count = int(await ended.count())
    await ended.delete()
    return count
