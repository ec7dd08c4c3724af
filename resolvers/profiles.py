"""A profile's rows: writing them, and telling what they say. The rules are the callers'."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from tortoise.exceptions import IntegrityError
from tortoise.transactions import in_transaction

from models.names import sort_name, words_of
from models.rows import new_id
from models.users import RoleAssignment, User, UserWord
from resolvers.catalogue import Catalogue
from resolvers.memberships import Membership
from resolvers.refusals import Code, Refused, VersionConflict, refuse


def new_profile(
    *,
    organization_id: UUID,
    first_name: str,
    last_name: str,
    microsoft_account: tuple[str, str],
    primary_email_address: tuple[str, str],
    now: datetime,
) -> User:
    """An unsaved profile from clean fields; each address is given with its key."""
    return User(
        id=new_id(),
        organization_id=organization_id,
        first_name=first_name,
        last_name=last_name,
        sort_name=sort_name(first_name, last_name),
        microsoft_account=microsoft_account[0],
        microsoft_account_key=microsoft_account[1],
        primary_email_address=primary_email_address[0],
        primary_email_address_key=primary_email_address[1],
        created_at=now,
        updated_at=now,
    )


async def insert_profile(user: User) -> None:
    """Save a new profile.

    Raises:
        Refused: MICROSOFT_ACCOUNT_TAKEN, as the database has the last word (rule 20).
    """
    try:
        async with in_transaction():
            await user.save(force_create=True)
    except IntegrityError:
        raise refuse(
            Code.MICROSOFT_ACCOUNT_TAKEN,
            "Another user of the organization has this Microsoft account.",
            ("microsoftAccount",),
        ) from None
    await index_words(user)


async def index_words(user: User) -> None:
    """Make the user findable by its names and addresses as they are now."""
    await UserWord.filter(user_id=user.id).delete()
    await UserWord.bulk_create(words_for(user))


def words_for(user: User) -> list[UserWord]:
    """By what the user is found, unsaved."""
    words = words_of(
        [user.first_name, user.last_name], [user.microsoft_account, user.primary_email_address]
    )
    return [
        UserWord(organization_id=user.organization_id, user_id=user.id, word=word)
        for word in sorted(words)
    ]


async def grant_roles(
    user: User, role_ids: frozenset[UUID], membership: Membership, *, now: datetime
) -> None:
    """Write that a user holds these roles, granted by the membership's user."""
    await RoleAssignment.bulk_create(assignments_of(user, role_ids, membership, now=now))


def assignments_of(
    user: User, role_ids: frozenset[UUID], membership: Membership, *, now: datetime
) -> list[RoleAssignment]:
    """The roles as granted by the membership's user, unsaved."""
    return [
        RoleAssignment(
            organization_id=user.organization_id,
            user_id=user.id,
            service_id=role.service_id,
            role_id=role.id,
            granted_by_id=membership.user_id,
            granted_at=now,
        )
        for role in membership.catalogue.sorted_roles(role_ids)
    ]


def refuse_stale(user: User, version: int | None, *path: str) -> None:
    """Refuse what was decided on an older state of the user (rule 34).

    Raises:
        Refused: VERSION_CONFLICT, with the current state.
    """
    if version is not None and version != user.version:
        message = f"{user.full_name} was changed in the meantime."
        raise Refused([VersionConflict(message=message, path=path, current=user)])


SELECTED_ROLES = "selectedRoles"


def described_roles(role_ids: Iterable[UUID], catalogue: Catalogue) -> str | None:
    """Roles as the audit trail shows them; None for none."""
    roles = catalogue.sorted_roles(role_ids)
    return ", ".join(f"{catalogue.service_of(role).code}/{role.code}" for role in roles) or None


def described(
    user: User,
    role_ids: frozenset[UUID],
    catalogue: Catalogue,
    *,
    external_id: str | None = None,
) -> dict[str, str | None]:
    """The profile as the audit trail shows it, by the graph's names of its fields, or SCIM's."""
    return {
        "firstName": user.first_name,
        "lastName": user.last_name,
        "microsoftAccount": user.microsoft_account,
        "primaryEmailAddress": user.primary_email_address,
        SELECTED_ROLES: described_roles(role_ids, catalogue),
        "externalId": external_id or None,
    }
