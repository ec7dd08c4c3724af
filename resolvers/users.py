"""Users: creating, editing and removing profiles."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tortoise.expressions import F

from models.addresses import address_key
from models.audit import AuditAction
from models.invitations import DeliveryStatus, Invitation, InvitationStatus, OutgoingMail
from models.names import sort_name
from models.users import RoleAssignment, User
from resolvers.access_tokens import end_access_tokens
from resolvers.administration import administration
from resolvers.administrators import services_left_without
from resolvers.audit import changes_between, record_of_user
from resolvers.caller import Caller
from resolvers.denials import recording_denials
from resolvers.external_ids import check_external_id, external_ids_of, keep_external_id
from resolvers.fields import clean_address, clean_name
from resolvers.memberships import Membership, Permission, memberships_of
from resolvers.new_users import NewUser, clean_fields, first_roles, note_taken, taken_accounts
from resolvers.permissions import organization_for, roles_held, user_for
from resolvers.profiles import (
    described,
    grant_roles,
    index_words,
    insert_profile,
    refuse_stale,
)
from resolvers.refusals import (
    Code,
    Denial,
    LastServiceAdministrator,
    Problems,
)
from resolvers.selection import RoleSelection, select_roles


@dataclass(frozen=True, kw_only=True, slots=True)
class UserEdit:
    """The form of a user who exists; None leaves a field as it is (rule 33)."""

    id: UUID
    version: int
    first_name: str | None = None
    last_name: str | None = None
    primary_email_address: str | None = None
    roles: RoleSelection | None = None
    confirm_self_demotion: bool = False
    external_id: str | None = None
    """What a directory calls the user; empty for nothing."""


async def create_user(caller: Caller, *, new: NewUser, now: datetime) -> User:
    """Save a new user with roles, in one transaction. Sends no mail (rule 21).

    Raises:
        Unauthenticated: Nobody is signed in.
        Refused: The caller may not add users there; or all problems of the form together.
    """
    path = ("organizationId",)
    async with recording_denials(caller, AuditAction.USER_CREATED, now=now):
        await organization_for(caller, new.organization_id, to=Permission.ADD_USERS, path=path)
        async with administration(caller, new.organization_id):
            membership = await organization_for(
                caller, new.organization_id, to=Permission.ADD_USERS, path=path
            )
            user, role_ids = await _checked(membership, new, now=now)
            await insert_profile(user)
            await grant_roles(user, role_ids, membership, now=now)
            if new.external_id:
                await keep_external_id(user, new.external_id)
            created = described(user, role_ids, membership.catalogue, external_id=new.external_id)
            record_of_user(
                caller,
                AuditAction.USER_CREATED,
                user,
                actor_id=membership.user_id,
                changes=changes_between({}, created),
                now=now,
            )
            return user


async def _checked(
    membership: Membership, new: NewUser, *, now: datetime
) -> tuple[User, frozenset[UUID]]:
    problems = Problems()
    fields = clean_fields(problems, new)
    organization_id = membership.organization.id
    if fields.account_key and await taken_accounts(organization_id, [fields.account_key]):
        note_taken(problems, membership)
    await check_external_id(problems, new.external_id, organization_id)
    role_ids = first_roles(problems, membership, new.roles)
    problems.raise_if_any()
    return fields.profile(organization_id, now=now), role_ids


async def edit_user(caller: Caller, *, edit: UserEdit, now: datetime) -> User:
    """Change a user's names, primary e-mail address and roles, in one transaction.

    An edit that changes nothing leaves the version as it is. Taking a user's last role ends the
    access tokens of the account.

    Raises:
        Unauthenticated: Nobody is signed in.
        Refused: The caller may not edit the user; VERSION_CONFLICT for a stale one; or all problems
            of the form together.
    """
    async with recording_denials(caller, AuditAction.USER_EDITED, now=now):
        seen = await user_for(caller, edit.id, to=Permission.EDIT_USERS, path=("id",))
        async with administration(caller, seen.organization_id):
            user = await user_for(caller, edit.id, to=Permission.EDIT_USERS, path=("id",))
            refuse_stale(user, edit.version, "version")
            membership = (await memberships_of(caller))[user.organization_id]
            held = (await roles_held([user.id]))[user.id]
            external_id = None
            if edit.external_id is not None:
                external_id = (await external_ids_of([user.id])).get(user.id)
            before = described(user, held, membership.catalogue, external_id=external_id)
            role_ids = await _apply(user, edit, held, membership)
            after = described(user, role_ids, membership.catalogue, external_id=edit.external_id)
            changes = changes_between(before, after)
            if changes:
                await _save(user, held, role_ids, membership, now=now)
                if edit.external_id is not None:
                    await keep_external_id(user, edit.external_id)
                record_of_user(
                    caller,
                    AuditAction.USER_EDITED,
                    user,
                    actor_id=membership.user_id,
                    changes=changes,
                    now=now,
                )
            if user.account_id is not None and held and not role_ids:
                await end_access_tokens(
                    caller,
                    user.account_id,
                    organization_id=user.organization_id,
                    actor_id=membership.user_id,
                    now=now,
                )
            return user


async def _apply(
    user: User, edit: UserEdit, held: frozenset[UUID], membership: Membership
) -> frozenset[UUID]:
    problems = Problems()
    if edit.first_name is not None:
        user.first_name = clean_name(problems, edit.first_name, "First name", "firstName")
    if edit.last_name is not None:
        user.last_name = clean_name(problems, edit.last_name, "Last name", "lastName")
    if edit.primary_email_address is not None:
        user.primary_email_address, user.primary_email_address_key = clean_address(
            problems, edit.primary_email_address, "Primary e-mail address", "primaryEmailAddress"
        )
    if edit.external_id is not None:
        await check_external_id(problems, edit.external_id, user.organization_id, user_id=user.id)
    role_ids = held
    if edit.roles is not None:
        denial = Denial(user.organization_id, "User", user.id, user.full_name)
        role_ids = select_roles(membership, held, edit.roles, problems, denial)
        await _note_lost_administrators(user, edit, held - role_ids, membership, problems)
    problems.raise_if_any()
    return role_ids


async def _note_lost_administrators(
    user: User,
    edit: UserEdit,
    losing: frozenset[UUID],
    membership: Membership,
    problems: Problems,
) -> None:
    catalogue = membership.catalogue
    gives_up = any(role.is_service_administrator for role in catalogue.sorted_roles(losing))
    if gives_up and user.id == membership.user_id and not edit.confirm_self_demotion:
        problems.add(
            Code.SELF_DEMOTION_NOT_CONFIRMED,
            "You would give up your own service administrator role; confirm that you want to.",
            "confirmSelfDemotion",
        )
    services = await services_left_without(
        user.organization_id, user.id, losing=losing, catalogue=catalogue
    )
    if services:
        names = ", ".join(service.name for service in services)
        problems.found.append(
            LastServiceAdministrator(
                message=f"{user.full_name} is the last service administrator of {names}.",
                path=("roles",),
                services=tuple(services),
            )
        )


async def _save(
    user: User,
    held: frozenset[UUID],
    role_ids: frozenset[UUID],
    membership: Membership,
    *,
    now: datetime,
) -> None:
    await supersede_invitation(user)
    user.sort_name = sort_name(user.first_name, user.last_name)
    user.updated_at = now
    user.version += 1
    await User.filter(id=user.id).update(
        first_name=user.first_name,
        last_name=user.last_name,
        sort_name=user.sort_name,
        primary_email_address=user.primary_email_address,
        primary_email_address_key=user.primary_email_address_key,
        updated_at=now,
        version=F("version") + 1,
    )
    await index_words(user)
    if held - role_ids:
        await RoleAssignment.filter(user_id=user.id, role_id__in=list(held - role_ids)).delete()
    await grant_roles(user, role_ids - held, membership, now=now)


async def supersede_invitation(user: User) -> None:
    """Kill a pending link that went to another address than the user's present one (rule 29)."""
    pending = await Invitation.filter(user_id=user.id, status=InvitationStatus.PENDING).first()
    if pending is not None and address_key(pending.sent_to) != user.primary_email_address_key:
        await Invitation.filter(id=pending.id).update(status=InvitationStatus.SUPERSEDED)
        await OutgoingMail.filter(invitation_id=pending.id, status=DeliveryStatus.QUEUED).delete()
