"""Inputs of the mutations."""

import strawberry
from strawberry import UNSET

from resolvers.new_users import NewUser
from resolvers.removal import UserRef as Ref
from resolvers.selection import RoleSelection as Selection
from resolvers.sign_up import NewOrganization
from resolvers.users import UserEdit
from schema.connections import given
from schema.costs import ROW
from schema.enums import ProductRelease
from schema.nodes import decode_id, decode_ids
from schema.scalars import EmailAddress


@strawberry.input(
    description="`set`: the Selected roles as they shall be. `add`/`remove`: the single arrows. "
    "`addAll`/`removeAll`: the double arrows, of the services named; decided on the server. `set` "
    "goes with no other; the double arrows move before the single ones."
)
class RoleSelection:
    """Moves between the two lists."""

    set: list[strawberry.ID] | None = strawberry.field(
        default=UNSET, description="The ids of the roles that shall be selected, and no others."
    )
    add: list[strawberry.ID] | None = strawberry.field(
        default=UNSET, description="The ids of roles to select."
    )
    remove: list[strawberry.ID] | None = strawberry.field(
        default=UNSET, description="The ids of roles to deselect."
    )
    add_all: list[strawberry.ID] | None = strawberry.field(
        default=UNSET, description="The ids of services all of whose roles are selected."
    )
    remove_all: list[strawberry.ID] | None = strawberry.field(
        default=UNSET, description="The ids of services all of whose roles are deselected."
    )

    def moves(self) -> Selection:
        """What the rules are told."""
        whole = given(self.set)
        return Selection(
            set=None if whole is None else decode_ids("Role", whole),
            add=decode_ids("Role", given(self.add) or []),
            remove=decode_ids("Role", given(self.remove) or []),
            add_all=decode_ids("Service", given(self.add_all) or []),
            remove_all=decode_ids("Service", given(self.remove_all) or []),
        )


@strawberry.input(description="The form of a new user.")
class CreateUserInput:
    """Rule 19."""

    organization_id: strawberry.ID = strawberry.field(description="Where the user belongs.")
    first_name: str = strawberry.field(description="First name.")
    last_name: str = strawberry.field(description="Last name.")
    microsoft_account: EmailAddress = strawberry.field(
        description="What the person must sign in with. It can't be changed later."
    )
    primary_email_address: EmailAddress = strawberry.field(description="Where invitations go.")
    roles: RoleSelection = strawberry.field(description="At least one role must be selected.")

    def form(self) -> NewUser:
        """What the rules are told."""
        return NewUser(
            organization_id=decode_id("Organization", self.organization_id),
            first_name=self.first_name,
            last_name=self.last_name,
            microsoft_account=self.microsoft_account,
            primary_email_address=self.primary_email_address,
            roles=self.roles.moves(),
        )


@strawberry.input(description="The form of a user who exists; what is left out stays as it is.")
class EditUserInput:
    """Rule 33."""

    id: strawberry.ID = strawberry.field(description="The user.")
    version: int = strawberry.field(description="As the caller read it.")
    first_name: str | None = strawberry.field(default=UNSET, description="First name.")
    last_name: str | None = strawberry.field(default=UNSET, description="Last name.")
    primary_email_address: EmailAddress | None = strawberry.field(
        default=UNSET, description="Where invitations go; a change kills a pending link."
    )
    roles: RoleSelection | None = strawberry.field(
        default=UNSET, description="Moves between Available roles and Selected roles."
    )
    confirm_self_demotion: bool = strawberry.field(
        default=False, description="Needed to give up one's own service-administrator role."
    )

    def form(self) -> UserEdit:
        """What the rules are told."""
        roles = given(self.roles)
        return UserEdit(
            id=decode_id("User", self.id),
            version=self.version,
            first_name=given(self.first_name),
            last_name=given(self.last_name),
            primary_email_address=given(self.primary_email_address),
            roles=roles.moves() if roles else None,
            confirm_self_demotion=self.confirm_self_demotion,
        )


@strawberry.input(description="A user, and how the caller last saw it.")
class UserRef:
    """A row of a batch."""

    id: strawberry.ID = strawberry.field(description="The user.")
    version: int | None = strawberry.field(
        default=UNSET, description="When given, a stale one is refused."
    )

    def ref(self) -> Ref:
        """What the rules are told."""
        return Ref(id=decode_id("User", self.id), version=given(self.version))


@strawberry.input(description="Which profiles to remove.")
class RemoveUsersInput:
    """Rule 38."""

    users: list[UserRef] = strawberry.field(description="1 to 100 users.", directives=[ROW])


@strawberry.input(description="Whom to invite.")
class InviteUsersInput:
    """Rule 24."""

    user_ids: list[strawberry.ID] = strawberry.field(
        description="1 to 100 users.", directives=[ROW]
    )


@strawberry.input(description="Which invitations to revoke.")
class RevokeInvitationsInput:
    """Rule 29."""

    invitation_ids: list[strawberry.ID] = strawberry.field(
        description="1 to 100 invitations.", directives=[ROW]
    )


@strawberry.input(description="Which invitation to accept.")
class AcceptInvitationInput:
    """Rule 26."""

    token: str = strawberry.field(description="The last part of the link's path.")


@strawberry.input(description="An organization that signs up for its first service, and who does.")
class NewOrganizationInput:
    """Rule 8."""

    name: str = strawberry.field(description="The organization's name.")
    country_or_region: str = strawberry.field(
        description="ISO 3166-1 alpha-2; can't be changed later."
    )
    product_release: ProductRelease = strawberry.field(description="The ERP release it runs.")
    first_name: str = strawberry.field(description="The caller's first name.")
    last_name: str = strawberry.field(description="The caller's last name.")
    primary_email_address: EmailAddress = strawberry.field(
        description="The caller's primary e-mail address."
    )

    def form(self) -> NewOrganization:
        """What the rules are told."""
        return NewOrganization(
            name=self.name,
            country_or_region=self.country_or_region,
            product_release=self.product_release,
            first_name=self.first_name,
            last_name=self.last_name,
            primary_email_address=self.primary_email_address,
        )


@strawberry.input(
    description="Name an organization that the caller belongs to, or describe a new one."
)
class SignUpForServiceInput:
    """Rules 7 to 10."""

    service_id: strawberry.ID = strawberry.field(description="The service to sign up for.")
    organization_id: strawberry.ID | None = strawberry.field(
        default=UNSET, description="An organization that the caller belongs to."
    )
    new_organization: NewOrganizationInput | None = strawberry.field(
        default=UNSET, description="Or a new one."
    )
