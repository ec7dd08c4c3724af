"""Between rows and resources: what users and roles look like, and which edits a resource means."""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote
from uuid import UUID

from scim2_models import InvalidValueException, Meta, MutabilityException

from gateway.scim.models import WORK, Email, GrantedRole, Group, Member, Membership, Name, User
from models.addresses import address_key
from resolvers.catalogue import Catalogue, Role, roles_named
from resolvers.memberships import Membership as OwnMembership
from resolvers.new_users import NewUser
from resolvers.provisioning import ProvisionedUser
from resolvers.role_members import Member as Holder
from resolvers.seen import SeenUser
from resolvers.selection import RoleSelection
from resolvers.users import UserEdit
from schema.nodes import encode_id

ACCOUNT_STAYS = "userName can't be changed: delete the user and create a new one."
ACTIVE_FOLLOWS = "active follows the roles: grant the user a role."


@dataclass(frozen=True, slots=True)
class Place:
    """One organization's SCIM service."""

    base: str
    """Its address, as the client called it."""
    organization_id: UUID

    def user(self, user_id: UUID) -> str:
        """The address of a user."""
        return f"{self.base}/Users/{quote(encode_id('User', user_id), safe='=')}"

    def group(self, role_id: UUID) -> str:
        """The address of a role."""
        return f"{self.base}/Groups/{quote(encode_id('Role', role_id), safe='=')}"


def role_name(role: Role) -> str:
    """What a role is called among a user's roles."""
    return f"{role.service.code}/{role.code}"


def version_tag(version: int) -> str:
    """The entity tag of a user; a weak one, as the representation depends on the request too."""
    return f'W/"{version}"'


def user_resource(provisioned: ProvisionedUser, catalogue: Catalogue, place: Place) -> User:
    """A user, read with the roles held."""
    user, external_id = provisioned
    roles = roles_named(catalogue, user.role_ids or "")
    return User(
        id=encode_id("User", user.id),
        external_id=external_id,
        user_name=user.microsoft_account,
        name=Name(given_name=user.first_name, family_name=user.last_name),
        display_name=user.full_name,
        active=bool(roles),
        emails=[Email(value=user.primary_email_address, type=WORK, primary=True)],
        roles=[GrantedRole(value=role_name(role)) for role in roles],
        groups=[
            Membership(
                value=encode_id("Role", role.id),
                ref=place.group(role.id),
                display=group_name(role),
            )
            for role in roles
        ],
        meta=Meta(
            resource_type="User",
            created=user.created_at,
            last_modified=user.updated_at,
            location=place.user(user.id),
            version=version_tag(user.version),
        ),
    )


def group_name(role: Role) -> str:
    """What a role is called among all services' roles."""
    return f"{role.service.name} / {role.name}"


def group_resource(role: Role, members: Iterable[Holder] | None, place: Place) -> Group:
    """A role, with who holds it if that was read."""
    return Group(
        id=encode_id("Role", role.id),
        display_name=group_name(role),
        members=None
        if members is None
        else [
            Member(
                value=encode_id("User", member.user_id),
                ref=place.user(member.user_id),
                type="User",
                display=f"{member.first_name} {member.last_name}",
            )
            for member in members
        ],
        meta=Meta(resource_type="Group", location=place.group(role.id)),
    )


def new_user(resource: User, place: Place, catalogue: Catalogue) -> NewUser:
    """The form that a resource to be created means.

    Raises:
        InvalidValueException: There is no such role, no primary address, or it shall not be active.
    """
    if resource.active is False:
        raise InvalidValueException(detail="A new user is active: create it with a role.")
    name = resource.name or Name()
    return NewUser(
        organization_id=place.organization_id,
        first_name=name.given_name or "",
        last_name=name.family_name or "",
        microsoft_account=resource.user_name or "",
        primary_email_address=primary_address(resource),
        roles=RoleSelection(set=_role_ids(resource, catalogue)),
        external_id=resource.external_id or "",
    )


def user_edit(
    before: User, after: User, user: SeenUser, membership: OwnMembership, *, leaves: bool
) -> UserEdit:
    """The edit that makes a user's resource another one; `leaves` if he shall hold no roles.

    Raises:
        InvalidValueException: There is no such role, no primary address, or he shall be active
            without a role, or neither active nor inactive.
    """
    name = after.name or Name()
    wanted = _role_ids(after, membership.catalogue)
    if after.active is None or (after.active and not before.active and not wanted):
        raise InvalidValueException(detail=ACTIVE_FOLLOWS)
    return UserEdit(
        id=user.id,
        version=user.version,
        first_name=name.given_name or "",
        last_name=name.family_name or "",
        primary_email_address=primary_address(after),
        roles=_roles_left(user, membership) if leaves else RoleSelection(set=wanted),
        external_id=None if after.external_id == before.external_id else after.external_id or "",
    )


def _roles_left(user: SeenUser, membership: OwnMembership) -> RoleSelection:
    """Take what the caller administers, or what he is refused if that is nothing."""
    held = roles_named(membership.catalogue, user.role_ids or "")
    mine = [role.id for role in held if role.service_id in membership.administered]
    return RoleSelection(remove=mine or [role.id for role in held])


def primary_address(resource: User) -> str:
    """The one address that is kept.

    Raises:
        InvalidValueException: There are several, and none is the primary one.
    """
    emails = resource.emails or []
    found = emails if len(emails) == 1 else [each for each in emails if each.primary]
    if len(found) != 1:
        raise InvalidValueException(detail="emails: there must be one address, or a primary one.")
    return found[0].value or ""


def _role_ids(resource: User, catalogue: Catalogue) -> list[UUID]:
    ids = {role_name(role).lower(): role.id for role in catalogue.roles.values()}
    values = [each.value or "" for each in resource.roles or []]
    unknown = [value for value in values if value.lower() not in ids]
    if unknown:
        example = next(iter(ids), "")
        detail = f"roles: there is no role {unknown[0]!r}; they are such as {example!r}."
        raise InvalidValueException(detail=detail)
    return list(dict.fromkeys(ids[value.lower()] for value in values))


def keep_user_name(before: User, after: User) -> None:
    """Leave the account as it was typed, where only that differs.

    Raises:
        MutabilityException: It is another account (rule 33).
    """
    if after.user_name is None or before.user_name is None:
        return
    try:
        same = address_key(after.user_name) == address_key(before.user_name)
    except ValueError:
        same = False
    if not same:
        raise MutabilityException(detail=ACCOUNT_STAYS, attribute="userName")
    after.user_name = before.user_name
