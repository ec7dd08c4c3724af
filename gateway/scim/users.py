"""`/Users`: the profiles of an organization."""

from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any

from scim2_models import Context, MutabilityException, PatchOp, Resource
from starlette.responses import Response

from gateway.scim.asking import Asked, answer
from gateway.scim.lengths import check_operations
from gateway.scim.models import TOLERANT, User
from gateway.scim.resources import (
    ACCOUNT_STAYS,
    keep_user_name,
    new_user,
    user_edit,
    user_resource,
    version_tag,
)
from gateway.scim.searches import NothingFitsError, keys_of, page, search_in, users_found
from resolvers.memberships import Membership, catalogue_for
from resolvers.provisioning import (
    ProvisionedUser,
    add_user,
    membership_to_read,
    provisioned_user,
    revise_user,
    take_out_user,
    users_to_provision,
)
from resolvers.users import UserEdit
from schema.nodes import decode_id

KEPT = ("name", "emails", "roles")
"""What a replacement may leave out, which is then left as it is (RFC 7644 section 3.5.1)."""


async def search(asked: Asked, given: Any) -> Response:
    """The users that fit a filter, a page of them."""
    wanted = search_in(User, given)
    membership = await membership_to_read(asked.caller, asked.place.organization_id)
    try:
        keys, is_whole = keys_of(wanted)
    except NothingFitsError:
        return answer(page(User, [], 0, wanted), wanted)
    users = await users_to_provision(asked.caller, asked.place.organization_id, keys=keys)
    shown = partial(_resource, catalogue=membership.catalogue, place=asked.place)
    return answer(await users_found(users, wanted, is_whole=is_whole, shown=shown), wanted)


def _resource(user: ProvisionedUser, **context: Any) -> User:
    return user_resource(user, **context)


async def list_users(asked: Asked) -> Response:
    """`GET /Users`."""
    return await search(asked, asked.parameters)


async def search_users(asked: Asked) -> Response:
    """`POST /Users/.search`."""
    return await search(asked, asked.body)


async def show_user(asked: Asked) -> Response:
    """`GET /Users/{id}`; 304 if the client has this version."""
    shape = asked.shape(User)
    user = await provisioned_user(asked.caller, asked.place.organization_id, _id(asked))
    if asked.has(user.seen.version):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=_tag(user))
    return await _shown(asked, user, shape, Context.RESOURCE_QUERY_RESPONSE)


async def create(asked: Asked) -> Response:
    """`POST /Users`."""
    shape = asked.shape(User)
    resource = User.model_validate(
        asked.body, scim_ctx=Context.RESOURCE_CREATION_REQUEST, scim_policy=TOLERANT
    )
    new = new_user(resource, asked.place, await catalogue_for(asked.caller))
    user = await add_user(asked.caller, new=new, now=asked.now)
    return await _shown(
        asked, user, shape, Context.RESOURCE_CREATION_RESPONSE, status=HTTPStatus.CREATED
    )


async def replace_user(asked: Asked) -> Response:
    """`PUT /Users/{id}`. What the body leaves out of the required attributes stays as it is."""

    def revised(before: User) -> User:
        given = {name.lower() for name in asked.body}
        kept = before.model_dump(include=set(KEPT))
        left_out = {name: kept[name] for name in KEPT if name not in given and name in kept}
        after = User.model_validate(
            {**left_out, **asked.body},
            scim_ctx=Context.RESOURCE_REPLACEMENT_REQUEST,
            scim_policy=TOLERANT,
        )
        keep_user_name(before, after)
        if after.active is None:
            after.active = before.active
        return after

    return await _revised(asked, revised, leaves=lambda _, after: after.active is False)


async def patch_user(asked: Asked) -> Response:
    """`PATCH /Users/{id}`."""
    patch = patch_of(User, asked.body)

    def revised(before: User) -> User:
        after = before.model_copy(deep=True)
        try:
            patch.patch(after, scim_policy=TOLERANT)
        except MutabilityException as error:
            if error.attribute == "userName":
                raise MutabilityException(detail=ACCOUNT_STAYS) from error
            raise
        return after

    return await _revised(
        asked,
        revised,
        leaves=lambda before, after: before.active is True and after.active is False,
    )


def patch_of(model: type[Resource[Any]], body: dict[str, Any]) -> "PatchOp[Any]":
    """The operations in a body.

    Raises:
        ValidationError: They can't be understood, or can't be done to any resource.
        InvalidValueException: There are too many.
        InvalidPathException: A path is too long.
    """
    check_operations(body)
    return PatchOp.__class_getitem__(model).model_validate(  # type: ignore[no-any-return] # of the library
        body, scim_ctx=Context.RESOURCE_PATCH_REQUEST, scim_policy=TOLERANT
    )


async def _revised(
    asked: Asked, revised: Callable[[User], User], *, leaves: Callable[[User, User], bool]
) -> Response:
    shape = asked.shape(User)

    def revision(user: ProvisionedUser, membership: Membership) -> UserEdit:
        before = user_resource(user, membership.catalogue, asked.place)
        after = revised(before)
        return user_edit(before, after, user.seen, membership, leaves=leaves(before, after))

    user = await revise_user(
        asked.caller,
        _id(asked),
        organization_id=asked.place.organization_id,
        versions=asked.versions(),
        revision=revision,
        now=asked.now,
    )
    return await _shown(asked, user, shape, Context.RESOURCE_PATCH_RESPONSE)


async def delete_user(asked: Asked) -> Response:
    """`DELETE /Users/{id}`."""
    await take_out_user(
        asked.caller,
        _id(asked),
        organization_id=asked.place.organization_id,
        versions=asked.versions(),
        now=asked.now,
    )
    return Response(status_code=HTTPStatus.NO_CONTENT)


async def _shown(
    asked: Asked, user: ProvisionedUser, shape: Any, ctx: Context, *, status: int = HTTPStatus.OK
) -> Response:
    catalogue = await catalogue_for(asked.caller)
    resource = user_resource(user, catalogue, asked.place)
    headers = {**_tag(user), "location": asked.place.user(user.seen.id)}
    return answer(resource, shape, status=status, ctx=ctx, headers=headers)


def _tag(user: ProvisionedUser) -> dict[str, str]:
    return {"etag": version_tag(user.seen.version)}


def _id(asked: Asked) -> Any:
    return decode_id("User", asked.id)
