"""The rows of an import: each is checked as one new user is, and many are written at once."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from models.audit import AuditAction
from models.imports import RowProblem
from models.users import RoleAssignment, User, UserWord
from resolvers.audit import changes_between, record_of_user
from resolvers.caller import Caller
from resolvers.memberships import Membership
from resolvers.new_users import (
    CleanFields,
    NewUser,
    clean_fields,
    first_roles,
    note_taken,
    taken_accounts,
)
from resolvers.profiles import assignments_of, described, words_for
from resolvers.refusals import Code, Problem, Problems, Refused
from resolvers.selection import RoleSelection
from resolvers.user_files import FileRow

BREATH = 20
"""So many rows are checked before other tasks of the process get a turn; one takes a quarter ms."""

INSERTS = 1_000
"""Rows of one statement."""

MAX_SHOWN_ACCOUNT = 320


@dataclass(frozen=True, slots=True)
class CheckedRow:
    """A row with the user that it would be, or with why it is refused."""

    row: FileRow
    fields: CleanFields
    role_ids: frozenset[UUID]
    refusal: Refused | None

    @property
    def shown_account(self) -> str:
        """What people recognise the row by."""
        return self.row.cells["microsoftAccount"][:MAX_SHOWN_ACCOUNT]

    @property
    def problems(self) -> list[RowProblem]:
        """Why it is refused, by column."""
        return [
            RowProblem(
                code=str(each.code),
                message=each.message,
                column=each.path[0] if each.path else None,
            )
            for each in (self.refusal.problems if self.refusal else ())
        ]


@dataclass(frozen=True, slots=True)
class _CleanRow:
    """A row as far as it can be checked without knowing of anything else."""

    row: FileRow
    problems: Sequence[Problem]
    fields: CleanFields
    role_codes: Sequence[str]


@dataclass(slots=True)
class RowChecks:
    """The checks of one file's rows, which know of the rows before."""

    organization_id: UUID
    _lines: dict[str, int] = field(default_factory=dict)
    """Where each Microsoft account stands first in the file, by its key."""
    _cleaned: dict[int, _CleanRow] = field(default_factory=dict)
    """By the lines: cleaning takes most of the time, so it is done once, outside of locks."""

    async def prepare(self, rows: Sequence[FileRow]) -> None:
        """Take note of rows that were done before, or are to be checked soon."""
        for number, row in enumerate(rows):
            if number % BREATH == 0:
                await asyncio.sleep(0)
            if row.line not in self._cleaned:
                clean = self._cleaned[row.line] = self._clean(row)
                self._note_line(clean.fields, row.line)

    async def check(self, rows: Sequence[FileRow], membership: Membership) -> list[CheckedRow]:
        """Check rows as they would be saved now by the membership's user."""
        await self.prepare(rows)
        cleaned = [self._cleaned[row.line] for row in rows]
        keys = [each.fields.account_key for each in cleaned if each.fields.account_key]
        taken = await taken_accounts(self.organization_id, keys)
        codes = {
            f"{membership.catalogue.service_of(role).code}:{role.code}": role.id
            for role in membership.catalogue.roles.values()
        }
        return [self._check(each, membership, codes, taken) for each in cleaned]

    def _check(
        self,
        clean: _CleanRow,
        membership: Membership,
        codes: Mapping[str, UUID],
        taken: frozenset[str],
    ) -> CheckedRow:
        problems = Problems(list(clean.problems))
        self._note_account(problems, membership, clean, taken)
        unknown = [code for code in clean.role_codes if code not in codes]
        for code in unknown:
            message = f"No role has the code {code[:MAX_SHOWN_CODE]!r}; write service:role."
            problems.add(Code.NOT_FOUND, message, "roles")
        role_ids: frozenset[UUID] = frozenset()
        if not unknown:
            selection = RoleSelection(add=[codes[code] for code in clean.role_codes])
            role_ids = first_roles(problems, membership, selection)
        refusal = Refused(problems.found, denial=problems.denial) if problems.found else None
        return CheckedRow(clean.row, clean.fields, role_ids, refusal)

    def _clean(self, row: FileRow) -> _CleanRow:
        problems = Problems()
        if row.problem is not None:
            problems.add(Code.INVALID, row.problem)
        fields = clean_fields(problems, self._form(row))
        codes = [code for code in SEPARATORS.split(row.cells["roles"]) if code]
        return _CleanRow(row, problems.found, fields, list(dict.fromkeys(codes)))

    def _form(self, row: FileRow) -> NewUser:
        cells = row.cells
        return NewUser(
            organization_id=self.organization_id,
            first_name=cells["firstName"],
            last_name=cells["lastName"],
            microsoft_account=cells["microsoftAccount"],
            primary_email_address=cells["primaryEmailAddress"],
            roles=RoleSelection(),
        )

    def _note_account(
        self,
        problems: Problems,
        membership: Membership,
        clean: _CleanRow,
        taken: frozenset[str],
    ) -> None:
        first_line = self._note_line(clean.fields, clean.row.line)
        if clean.fields.account_key in taken:
            note_taken(problems, membership)
        elif first_line != clean.row.line:
            message = f"Line {first_line} has this Microsoft account already."
            problems.add(Code.MICROSOFT_ACCOUNT_TAKEN, message, "microsoftAccount")

    def _note_line(self, fields: CleanFields, line: int) -> int:
        """Where the account stands first."""
        return self._lines.setdefault(fields.account_key, line) if fields.account_key else line


SEPARATORS = re.compile(r"[\s,;]+")
MAX_SHOWN_CODE = 80


async def write_users(
    caller: Caller, checked: Sequence[CheckedRow], membership: Membership, *, now: datetime
) -> dict[int, User]:
    """Write the users of rows that are not refused, and all that belongs to them, at once.

    It is what `create_user` writes. For `administration`. Gives the users by their lines.
    """
    users = {
        each.row.line: each.fields.profile(membership.organization.id, now=now) for each in checked
    }
    await User.bulk_create(users.values(), batch_size=INSERTS)
    await UserWord.bulk_create(
        [word for user in users.values() for word in words_for(user)], batch_size=INSERTS
    )
    await RoleAssignment.bulk_create(
        [
            assignment
            for each in checked
            for assignment in assignments_of(
                users[each.row.line], each.role_ids, membership, now=now
            )
        ],
        batch_size=INSERTS,
    )
    for each in checked:
        user = users[each.row.line]
        record_of_user(
            caller,
            AuditAction.USER_CREATED,
            user,
            actor_id=membership.user_id,
            changes=changes_between({}, described(user, each.role_ids, membership.catalogue)),
            now=now,
        )
    return users
