"""`/Groups`: the roles of an organization's services. They are declared in the catalogue."""

from collections.abc import Callable, Collection, Sequence
from http import HTTPStatus
from typing import Any
from uuid import UUID

from scim2_models import Context
from starlette.responses import Response

from gateway.scim.asking import Asked, answer
from gateway.scim.errors import Problematic
from gateway.scim.lengths import MEMBERS
from gateway.scim.member_moves import mentioned_in, moved, moves_in
from gateway.scim.models import TOLERANT, Group
from gateway.scim.resources import group_name, group_resource
from gateway.scim.searches import search_in, sorted_page
from gateway.scim.users import patch_of
from models.accounts import AccessScope
from resolvers.catalogue import Role
from resolvers.memberships import catalogue_for
from resolvers.provisioning import membership_to_read
from resolvers.role_members import (
    change_members,
    members_of,
    provisioned_role,
    provisioned_roles,
)
from schema.nodes import decode_id, encode_id


async def search(asked: Asked, given: Any) -> Response:
    """The roles that fit a filter, a page of them, with their members if these are asked for."""
    wanted = search_in(Group, given)
    membership = await membership_to_read(asked.caller, asked.place.organization_id)
    roles = provisioned_roles(membership)
    if any(MEMBERS in str(each or "").lower() for each in (wanted.filter, wanted.sort_by)):
        return answer(await sorted_page(Group, await _groups(asked, roles), wanted), wanted)
    page = await sorted_page(Group, _bare(asked, roles), wanted)
    if page.resources and _has_members(wanted):
        by_id = {str(encode_id("Role", role.id)): role for role in roles}
        page.resources = await _groups(asked, [by_id[str(group.id)] for group in page.resources])
    return answer(page, wanted)


def _has_members(shape: Any) -> bool:
    """Whether the answer has members."""
    names = [str(each).lower().rpartition(":")[2] for each in shape.attributes or ()]
    excluded = [str(each).lower().rpartition(":")[2] for each in shape.excluded_attributes or ()]
    if names:
        return any(name.partition(".")[0] == MEMBERS for name in names)
    return MEMBERS not in excluded


def _bare(asked: Asked, roles: Sequence[Role]) -> list[Group]:
    return [group_resource(role, None, asked.place) for role in roles]


async def _groups(asked: Asked, roles: Sequence[Role]) -> list[Group]:
    organization_id = asked.place.organization_id
    members = await members_of(asked.caller, organization_id, [role.id for role in roles])
    return [group_resource(role, members[role.id], asked.place) for role in roles]


async def list_groups(asked: Asked) -> Response:
    """`GET /Groups`."""
    return await search(asked, asked.parameters)


async def search_groups(asked: Asked) -> Response:
    """`POST /Groups/.search`."""
    return await search(asked, asked.body)


async def show_group(asked: Asked) -> Response:
    """`GET /Groups/{id}`."""
    shape = asked.shape(Group)
    membership = await membership_to_read(asked.caller, asked.place.organization_id)
    role = provisioned_role(membership, _id(asked))
    groups = await _groups(asked, [role]) if _has_members(shape) else _bare(asked, [role])
    return answer(groups[0], shape, headers={"location": asked.place.group(role.id)})


async def replace_group(asked: Asked) -> Response:
    """`PUT /Groups/{id}`: its members as they shall be."""
    asked.caller.demand(AccessScope.READ)  # for the answer; asked before anything is done
    _check_versions(asked)
    group = Group.model_validate(
        asked.body, scim_ctx=Context.RESOURCE_REPLACEMENT_REQUEST, scim_policy=TOLERANT
    )
    wanted = [_member_id(member.value) for member in group.members or ()]
    await _change(asked, None, lambda _: wanted)
    return await show_group(asked)


async def patch_group(asked: Asked) -> Response:
    """`PATCH /Groups/{id}`: its members added, removed, replaced. 204, unless it asks for more."""
    shape = asked.shape(Group)
    if shape.attributes:
        asked.caller.demand(AccessScope.READ)  # likewise
    _check_versions(asked)
    role = (await catalogue_for(asked.caller)).roles.get(_id(asked))
    bare = Group(id=asked.id, display_name=group_name(role) if role else None)
    moves = moves_in(patch_of(Group, asked.body), bare)
    await _change(asked, mentioned_in(moves), lambda before: moved(before, moves))
    if shape.attributes:
        return await show_group(asked)
    return Response(status_code=HTTPStatus.NO_CONTENT)


async def _change(
    asked: Asked,
    among: Collection[UUID] | None,
    revision: Callable[[Sequence[UUID]], Sequence[UUID]],
) -> None:
    await change_members(
        asked.caller,
        _id(asked),
        organization_id=asked.place.organization_id,
        among=among,
        revision=revision,
        now=asked.now,
    )


def _check_versions(asked: Asked) -> None:
    """Roles have no versions, so that no version that is asked for is there.

    Raises:
        Problematic: 412.
    """
    if asked.versions() is not None:
        detail = "Groups have no versions: leave out If-Match."
        raise Problematic(HTTPStatus.PRECONDITION_FAILED, detail)


async def refuse_change(asked: Asked) -> Response:
    """`POST /Groups` and `DELETE /Groups/{id}`.

    Raises:
        Problematic: 501.
    """
    del asked
    detail = "Roles are declared in the gateway's catalogue; here only their members are changed."
    raise Problematic(HTTPStatus.NOT_IMPLEMENTED, detail)


def _member_id(value: str | None) -> UUID:
    return decode_id("User", value or "")


def _id(asked: Asked) -> UUID:
    return decode_id("Role", asked.id)
