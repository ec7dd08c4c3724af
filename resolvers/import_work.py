"""Working on imports: chunk by chunk, so that whoever else changes the organization gets his turn.

An import is leased by one process at a time. What a chunk does and how far the import is commit
together, so that another process goes on exactly there if this one dies.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from tortoise.expressions import F, Q

from models.accounts import Account
from models.audit import AuditAction
from models.imports import (
    MAX_PROBLEM_LENGTH,
    ImportMode,
    ImportOutcome,
    ImportStatus,
    UserImport,
    UserImportRow,
)
from models.rows import new_id
from models.users import User
from resolvers.administration import administration
from resolvers.audit import changes_between, record, recorded_transaction
from resolvers.caller import Caller
from resolvers.denials import record_refusals, recording_denials
from resolvers.import_rows import CheckedRow, RowChecks, write_users
from resolvers.memberships import Membership, Permission, forget_memberships
from resolvers.permissions import organization_for
from resolvers.refusals import Problems, Refused
from resolvers.sessions import signed_in_as
from resolvers.user_files import FileRow, read_file

CHUNK = 100
"""Rows of one transaction, which keeps the organization's other writers waiting meanwhile, and on
SQLite everybody."""

LEASE = timedelta(seconds=60)

MAX_ATTEMPTS = 5
"""How often processes may die over an import before it is given up."""

INTERRUPTED = "It was interrupted too often."


class _LeaseLost(Exception):  # noqa: N818 - it only makes the transaction roll back
    """Another process works on the import now."""


class _Overtaken(Exception):  # noqa: N818 - likewise
    """Something changed since the rows were checked, so that one of them is refused now."""

    def __init__(self, checked: Sequence[CheckedRow]) -> None:
        super().__init__()
        self.checked = checked


async def claim_import(*, lease_id: UUID, now: datetime) -> UserImport | None:
    """The oldest import that nobody works on, leased to this process; None if there is none."""
    free = Q(leased_until=None) | Q(leased_until__lt=now)
    waiting = await UserImport.filter(free, finished_at=None).order_by("created_at").first()
    if waiting is None:
        return None
    claimed = await UserImport.filter(free, id=waiting.id, finished_at=None).update(
        lease_id=lease_id,
        leased_until=now + LEASE,
        status=ImportStatus.RUNNING,
        attempts=F("attempts") + 1,
    )
    return await UserImport.get(id=waiting.id) if claimed else None


async def release_import(import_id: UUID, *, lease_id: UUID) -> None:
    """Let another process go on with it at once. It does not count as an attempt."""
    await UserImport.filter(id=import_id, lease_id=lease_id, finished_at=None).update(
        lease_id=None, leased_until=None, attempts=F("attempts") - 1
    )


async def fail_import(import_id: UUID, problem: str, *, now: datetime) -> None:
    """End it early, and say why."""
    await UserImport.filter(id=import_id, finished_at=None).update(
        status=ImportStatus.FAILED,
        problem=problem[:MAX_PROBLEM_LENGTH],
        csv=None,
        finished_at=now,
        leased_until=None,
    )


async def work_on(
    import_: UserImport, *, lease_id: UUID, now: Callable[[], datetime], stop: asyncio.Event
) -> None:
    """Work on a claimed import until it has ended, or `stop` is set; then it is given back.

    What its account may do is asked again for each chunk; if it may no longer add users, the import
    fails, and what was created until then stays.
    """
    if import_.attempts > MAX_ATTEMPTS:
        await fail_import(import_.id, INTERRUPTED, now=now())
        return
    account = await Account.get(id=import_.account_id)
    caller = Caller(request_id=import_.request_id, account=signed_in_as(account))
    rows = read_file(Problems(), import_.csv or "")
    checks = RowChecks(import_.organization_id)
    work = _Work(import_, caller, rows, lease_id, now, checks)
    await checks.prepare(rows[: import_.rows_checked])
    try:
        async with recording_denials(caller, AuditAction.USERS_IMPORTED, now=now()):
            while import_.rows_checked < len(rows):
                if stop.is_set():
                    await release_import(import_.id, lease_id=lease_id)
                    return
                await work.chunk()
            await work.finish()
    except Refused as refusal:
        problem = " ".join(each.message for each in refusal.problems)
        await fail_import(import_.id, problem, now=now())
    except _LeaseLost:
        return


@dataclass(slots=True)
class _Work:
    """An import in hand."""

    import_: UserImport
    caller: Caller
    rows: Sequence[FileRow]
    lease_id: UUID
    now: Callable[[], datetime]
    checks: RowChecks

    async def chunk(self) -> None:
        """Check the next rows, and create their users if that is what is to become of good ones."""
        done = self.import_.rows_checked
        rows = self.rows[done : done + CHUNK]
        creates = self.import_.mode is ImportMode.GOOD_ROWS
        await self.checks.prepare(rows)
        async with self._transaction(creates=creates):
            await self._advance(len(rows))
            checked = await self._checked(rows)
            refusals = [each.refusal for each in checked if each.refusal is not None]
            denied = [each for each in refusals if each.denial is not None]
            now = self.now()
            await record_refusals(self.caller, AuditAction.USER_CREATED, denied[:1], now=now)
            good = [each for each in checked if each.refusal is None]
            created: dict[int, User] = {}
            if creates:
                created = await self._create(good)
            await self._count(refused=len(refusals), created=len(created))
            await self._tell(checked, created)
        self.import_.rows_checked += len(rows)
        self.import_.rows_refused += len(refusals)
        self.import_.rows_created += len(created)

    async def finish(self) -> None:
        """Create all users if that is asked for, none being refused; then end the import."""
        whole = self.import_.mode is ImportMode.ALL_OR_NOTHING and not self.import_.rows_refused
        try:
            async with self._transaction(creates=whole):
                await self._advance(0)
                if whole:
                    await self._create_all()
                await self._end()
        except _Overtaken as overtaken:
            async with self._transaction(creates=False):
                await self._advance(0)
                await self._tell_anew(overtaken.checked, {})
                self.import_.rows_created = 0
                await self._end()

    async def _create_all(self) -> None:
        checked: list[CheckedRow] = []
        for begin in range(0, len(self.rows), CHUNK):
            checked += await self._checked(self.rows[begin : begin + CHUNK])
        if any(each.refusal is not None for each in checked):
            raise _Overtaken(checked)
        created: dict[int, User] = {}
        for begin in range(0, len(checked), CHUNK):
            created |= await self._create(checked[begin : begin + CHUNK])
        self.import_.rows_created = len(created)
        await self._tell_anew(checked, created)

    async def _checked(self, rows: Sequence[FileRow]) -> list[CheckedRow]:
        return await self.checks.check(rows, await self._membership())

    async def _create(self, checked: Sequence[CheckedRow]) -> dict[int, User]:
        membership = await self._membership()
        return await write_users(self.caller, checked, membership, now=self.now())

    async def _membership(self) -> Membership:
        return await organization_for(
            self.caller,
            self.import_.organization_id,
            to=Permission.ADD_USERS,
            path=("organizationId",),
        )

    def _transaction(self, *, creates: bool) -> AbstractAsyncContextManager[None]:
        """One that lines up with the organization's other writers only if it must."""
        forget_memberships(self.caller)
        if creates:
            return administration(self.caller, self.import_.organization_id)
        return recorded_transaction()

    async def _advance(self, rows: int) -> None:
        """Write first that these rows are done, if the lease still holds."""
        mine = UserImport.filter(
            id=self.import_.id,
            lease_id=self.lease_id,
            rows_checked=self.import_.rows_checked,
            finished_at=None,
        )
        until = self.now() + LEASE
        if not await mine.update(rows_checked=F("rows_checked") + rows, leased_until=until):
            raise _LeaseLost

    async def _count(self, *, refused: int, created: int) -> None:
        await UserImport.filter(id=self.import_.id).update(
            rows_refused=F("rows_refused") + refused, rows_created=F("rows_created") + created
        )

    async def _tell(self, checked: Sequence[CheckedRow], created: dict[int, User]) -> None:
        for begin in range(0, len(checked), CHUNK):
            await UserImportRow.bulk_create(
                [
                    self._row(each, created.get(each.row.line))
                    for each in checked[begin : begin + CHUNK]
                ]
            )

    async def _tell_anew(self, checked: Sequence[CheckedRow], created: dict[int, User]) -> None:
        await UserImportRow.filter(user_import_id=self.import_.id).delete()
        self.import_.rows_refused = sum(each.refusal is not None for each in checked)
        await self._tell(checked, created)

    def _row(self, checked: CheckedRow, user: User | None) -> UserImportRow:
        outcome = ImportOutcome.CREATED if user else ImportOutcome.READY
        return UserImportRow(
            id=new_id(),
            organization_id=self.import_.organization_id,
            user_import_id=self.import_.id,
            line=checked.row.line,
            microsoft_account=checked.shown_account,
            outcome=ImportOutcome.REFUSED if checked.refusal else outcome,
            user_id=user.id if user else None,
            problems=checked.problems,
        )

    async def _end(self) -> None:
        import_, now = self.import_, self.now()
        await UserImport.filter(id=import_.id).update(
            status=ImportStatus.FINISHED,
            rows_refused=import_.rows_refused,
            rows_created=import_.rows_created,
            csv=None,
            finished_at=now,
            leased_until=None,
        )
        if import_.mode is ImportMode.DRY_RUN:
            return
        membership = await self._membership()
        told = {
            "mode": str(import_.mode),
            "rowsTotal": str(import_.rows_total),
            "rowsRefused": str(import_.rows_refused),
            "rowsCreated": str(import_.rows_created),
        }
        record(
            self.caller,
            AuditAction.USERS_IMPORTED,
            organization_id=import_.organization_id,
            subject=("UserImport", import_.id, f"{import_.rows_total} rows"),
            actor_id=membership.user_id,
            changes=changes_between({}, told),
            now=now,
        )
