"""What a directory calls users: its own ids, kept for it (RFC 7643 section 3.1).

They are the directory's to set, and compared to the letter. Who changes one is in an
`administration`, so that what was found free stays free until it is taken.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from models.users import ExternalId, User
from resolvers.fields import check_text
from resolvers.refusals import Code, Problem, Problems
from resolvers.statements import Statement, as_uuid

MAX_LENGTH = 255
"""In characters. The RFC names no limit; the column has one."""

PATH = ("externalId",)

OF_USERS = Statement("SELECT user_id, value FROM external_ids WHERE user_id = ANY($1::uuid[])")
HOLDER = Statement("SELECT user_id FROM external_ids WHERE organization_id = $1 AND value = $2")


@dataclass(frozen=True, kw_only=True, slots=True)
class ExternalIdTaken(Problem):
    """Another user of the organization has the id."""

    code: Code = Code.INVALID


async def external_ids_of(user_ids: Sequence[UUID]) -> Mapping[UUID, str]:
    """The ids of those of the users that have one, by user."""
    return {as_uuid(user_id): value for user_id, value in await OF_USERS.rows(user_ids)}


def is_external_id(text: str) -> bool:
    """Whether it can be one at all."""
    problems = Problems()
    check_text(problems, text, "externalId", *PATH, limit=MAX_LENGTH)
    return bool(text) and not problems.found


async def check_external_id(
    problems: Problems, value: str, organization_id: UUID, *, user_id: UUID | None = None
) -> None:
    """Note what is wrong with an id, or that another one than the user has it; empty means none."""
    before = len(problems.found)
    check_text(problems, value, "externalId", *PATH, limit=MAX_LENGTH)
    if not value or len(problems.found) > before:
        return
    rows = await HOLDER.rows(organization_id, value)
    if any(as_uuid(holder) != user_id for (holder,) in rows):
        message = "Another user of the organization has this externalId."
        problems.found.append(ExternalIdTaken(message=message, path=PATH))


async def keep_external_id(user: User, value: str) -> None:
    """Write what a directory calls the user from now on; empty for nothing."""
    await ExternalId.filter(user_id=user.id).delete()
    if value:
        await ExternalId.create(organization_id=user.organization_id, user_id=user.id, value=value)
