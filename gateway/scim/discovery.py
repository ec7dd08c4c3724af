"""`/ServiceProviderConfig`, `/Schemas` and `/ResourceTypes` (RFC 7644 section 4)."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from scim2_models import ListResponse, Meta, ResourceType, Schema
from starlette.responses import Response

from gateway.scim.asking import Asked, answer, not_found
from gateway.scim.errors import Problematic
from gateway.scim.models import Group, User, service_provider_config
from gateway.scim.resources import role_name
from resolvers.memberships import catalogue_for


async def show_config(asked: Asked) -> Response:
    """`GET /ServiceProviderConfig`."""
    config = service_provider_config()
    location = f"{asked.place.base}/ServiceProviderConfig"
    config.meta = Meta(resource_type="ServiceProviderConfig", location=location)
    return answer(config)


async def show_schemas(asked: Asked) -> Response:
    """`GET /Schemas` and `/Schemas/{urn}`; the roles that there are stand among the values."""
    schemas = [model.to_schema() for model in (User, Group)]
    roles = (await catalogue_for(asked.caller)).roles.values()
    for schema in schemas:
        schema.meta = Meta(
            resource_type="Schema", location=f"{asked.place.base}/Schemas/{schema.id}"
        )
        for attribute in schema.attributes or ():
            if attribute.name == "roles":
                for value in attribute.sub_attributes or ():
                    value.canonical_values = [role_name(role) for role in roles]
    return _one_or_all(asked, Schema, schemas)


async def show_resource_types(asked: Asked) -> Response:
    """`GET /ResourceTypes` and `/ResourceTypes/{name}`."""
    types = [ResourceType.from_resource(model) for model in (User, Group)]
    for each, description in zip(
        types, ("A profile in the organization.", "A role of a service."), strict=True
    ):
        each.description = description
        each.meta = Meta(
            resource_type="ResourceType", location=f"{asked.place.base}/ResourceTypes/{each.id}"
        )
    return _one_or_all(asked, ResourceType, types)


def _one_or_all(asked: Asked, model: Any, resources: Sequence[Any]) -> Response:
    """The one that is named, or a list.

    Raises:
        Problematic: There is none of the name; or a filter is given (RFC 7644 section 4).
    """
    if asked.id:
        named = next((each for each in resources if each.id == asked.id), None)
        if named is None:
            raise not_found()
        return answer(named)
    if any(name.lower() == "filter" for name in asked.parameters):
        raise Problematic(HTTPStatus.FORBIDDEN, "What the service can do is not filtered.")
    return answer(
        ListResponse[model](
            total_results=len(resources),
            start_index=1,
            items_per_page=len(resources),
            resources=list(resources),
        )
    )
