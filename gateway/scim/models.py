"""What the resources look like: the part of SCIM's core schema that the gateway has (RFC 7643).

`/Schemas` is made from these models, with their descriptions.
"""

from typing import Annotated

from pydantic import Field
from scim2_models import (
    URN,
    AuthenticationScheme,
    Bulk,
    CaseExact,
    ChangePassword,
    ComplexAttribute,
    ETag,
    Filter,
    Mutability,
    Pagination,
    Patch,
    Reference,
    Required,
    Resource,
    ScimPolicy,
    ServiceProviderConfig,
    Sort,
    Uniqueness,
)

from gateway.graphql_requests import MAX_BODY_BYTES
from gateway.scim.lengths import MAX_BULK_OPERATIONS
from resolvers.paging import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE

WORK = "work"
"""The type of the one e-mail address that a user has."""

TOLERANT = ScimPolicy(
    unknown=ScimPolicy.Unknown.ignore,
    remove_value_as_filter=ScimPolicy.RemoveValue.apply,
    unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
)
"""Directories send more attributes than the schema has (RFC 7644 section 3.3 lets us ignore them),
and Entra ID names the members that it removes in the operation's value."""


class Name(ComplexAttribute):
    """The name of a user."""

    given_name: Annotated[str | None, Required.true] = Field(None, description="The first name.")
    family_name: Annotated[str | None, Required.true] = Field(None, description="The last name.")


class Email(ComplexAttribute):
    """The e-mail address of a user. Plain text, which the rules judge."""

    value: Annotated[str | None, Required.true] = Field(
        None, description="The primary e-mail address, where invitations go."
    )
    type: str | None = Field(None, description="Always work.", examples=[WORK])
    primary: bool | None = Field(None, description="Always true: there is no other address.")


class GrantedRole(ComplexAttribute):
    """A role that a user holds."""

    value: Annotated[str | None, Required.true] = Field(
        None, description="The codes of the service and the role, as in commerce-services/viewer."
    )


class Membership(ComplexAttribute):
    """A group that a user is in."""

    value: Annotated[str | None, Mutability.read_only, CaseExact.true] = Field(
        None, description="The group's id."
    )
    ref: Annotated[Reference["Group"] | None, Mutability.read_only] = Field(
        None,
        serialization_alias="$ref",
        validation_alias="$ref",
        description="The group's address.",
    )
    display: Annotated[str | None, Mutability.read_only] = Field(
        None, description="The group's name."
    )


class User(Resource):  # type: ignore[type-arg] # it has no extension
    """A profile in one organization."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:User")

    user_name: Annotated[str | None, Uniqueness.server, Required.true, Mutability.immutable] = (
        Field(None, description="The Microsoft account; unique in the organization.")
    )
    name: Annotated[Name | None, Required.true] = Field(None, description="The user's name.")
    display_name: Annotated[str | None, Mutability.read_only] = Field(
        None, description="First and last name."
    )
    active: bool | None = Field(
        None,
        description="Whether the user holds a role. False takes all roles that the caller "
        "administers; to make it true again, grant a role.",
    )
    emails: Annotated[list[Email] | None, Required.true] = Field(
        None, description="One address, the primary one; others are not kept."
    )
    roles: Annotated[list[GrantedRole] | None, Required.true] = Field(
        None, description="The Selected roles. A new user needs at least one."
    )
    groups: Annotated[list[Membership] | None, Mutability.read_only] = Field(
        None, description="The same roles as groups."
    )


class Member(ComplexAttribute):
    """A user in a group."""

    value: Annotated[str | None, Mutability.immutable, CaseExact.true] = Field(
        None, description="The user's id."
    )
    ref: Annotated[Reference["User"] | None, Mutability.immutable] = Field(
        None,
        serialization_alias="$ref",
        validation_alias="$ref",
        description="The user's address.",
    )
    type: Annotated[str | None, Mutability.immutable] = Field(
        None, description="Always User.", examples=["User"]
    )
    display: Annotated[str | None, Mutability.read_only] = Field(
        None, description="The user's name."
    )


class Group(Resource):  # type: ignore[type-arg] # it has no extension
    """A role of one of the organization's services."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:Group")

    display_name: Annotated[str | None, Mutability.read_only] = Field(
        None, description="The service and the role, as in Commerce Services / Viewer."
    )
    members: list[Member] | None = Field(None, description="The users who hold the role.")


def service_provider_config() -> ServiceProviderConfig:
    """What the gateway can do (RFC 7643 section 5)."""
    return ServiceProviderConfig(
        patch=Patch(supported=True),
        bulk=Bulk(
            supported=True,
            max_operations=MAX_BULK_OPERATIONS,
            max_payload_size=MAX_BODY_BYTES,
        ),
        filter=Filter(supported=True, max_results=MAX_PAGE_SIZE),
        change_password=ChangePassword(supported=False),
        sort=Sort(supported=True),
        etag=ETag(supported=True),
        pagination=Pagination(
            cursor=False,
            index=True,
            default_pagination_method=Pagination.DefaultPaginationMethod.index,
            default_page_size=DEFAULT_PAGE_SIZE,
            max_page_size=MAX_PAGE_SIZE,
        ),
        authentication_schemes=[
            AuthenticationScheme(
                type=AuthenticationScheme.Type.oauthbearertoken,
                name="Access token",
                description="Authorization: Bearer, with an access token of a service "
                "administrator: READ to read, MANAGE_USERS to change.",
                spec_uri="https://www.rfc-editor.org/info/rfc6750",
                primary=True,
            )
        ],
    )
