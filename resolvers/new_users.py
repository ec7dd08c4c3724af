"""The form of a new user, and the rules for it, which are the same for one and for ten thousand."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from models.users import User
from resolvers.fields import clean_address, clean_name
from resolvers.memberships import Membership
from resolvers.profiles import new_profile
from resolvers.refusals import Code, Denial, Problems
from resolvers.selection import RoleSelection, select_roles
from resolvers.statements import Statement


@dataclass(frozen=True, kw_only=True, slots=True)
class NewUser:
    """The form of a new user (rule 19)."""

    organization_id: UUID
    first_name: str
    last_name: str
    microsoft_account: str
    primary_email_address: str
    roles: RoleSelection
    external_id: str = ""
    """What a directory calls the user; empty for nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CleanFields:
    """The form's fields, cleaned; each address is there with its key, empty if it is no address."""

    first_name: str
    last_name: str
    microsoft_account: tuple[str, str]
    primary_email_address: tuple[str, str]

    @property
    def account_key(self) -> str:
        """What the Microsoft account is compared by."""
        return self.microsoft_account[1]

    def profile(self, organization_id: UUID, *, now: datetime) -> User:
        """The profile, unsaved."""
        return new_profile(
            organization_id=organization_id,
            first_name=self.first_name,
            last_name=self.last_name,
            microsoft_account=self.microsoft_account,
            primary_email_address=self.primary_email_address,
            now=now,
        )


def clean_fields(problems: Problems, new: NewUser) -> CleanFields:
    """Clean what was typed, and note what is wrong with it."""
    return CleanFields(
        first_name=clean_name(problems, new.first_name, "First name", "firstName"),
        last_name=clean_name(problems, new.last_name, "Last name", "lastName"),
        microsoft_account=clean_address(
            problems, new.microsoft_account, "Microsoft account", "microsoftAccount"
        ),
        primary_email_address=clean_address(
            problems, new.primary_email_address, "Primary e-mail address", "primaryEmailAddress"
        ),
    )


TAKEN = Statement(
    "SELECT microsoft_account_key FROM users "
    "WHERE organization_id = $1 AND microsoft_account_key = ANY($2::text[])"
)


async def taken_accounts(organization_id: UUID, keys: Iterable[str]) -> frozenset[str]:
    """Those of the keys that are the Microsoft account of a user of the organization (rule 20)."""
    rows = await TAKEN.rows(organization_id, list(keys))
    return frozenset(key for (key,) in rows)


def note_taken(problems: Problems, membership: Membership) -> None:
    """Note that the Microsoft account is taken."""
    message = f"Another user of {membership.organization.name} has this Microsoft account."
    problems.add(Code.MICROSOFT_ACCOUNT_TAKEN, message, "microsoftAccount")


def first_roles(
    problems: Problems, membership: Membership, wanted: RoleSelection
) -> frozenset[UUID]:
    """The roles of the new user; notes those that the caller can't grant, or that there are none.

    Rules 4, 22 and 23.
    """
    before = len(problems.found)
    denial = Denial(membership.organization.id, service_id=None)
    role_ids = select_roles(membership, frozenset(), wanted, problems, denial)
    if not role_ids and len(problems.found) == before:
        problems.add(Code.ROLE_REQUIRED, "A new user needs at least one role.", "roles")
    return role_ids
