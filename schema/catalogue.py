"""The catalogue: services and roles."""

from functools import lru_cache

import strawberry
from strawberry import Private

import resolvers.catalogue as rules
from schema.nodes import Node, encode_id


@strawberry.type(description="A role of a service; it authorizes actions.")
class Role(Node):
    """A role."""

    row: Private[rules.Role]
    code: str = strawberry.field(
        description="Stable key within the service, for example `service-administrator`."
    )
    name: str = strawberry.field(description="For people.")
    description: str = strawberry.field(description="What its holders do.")
    is_service_administrator: bool = strawberry.field(
        description="Whether its holders add users of the service and maintain their roles."
    )
    actions: list[str] = strawberry.field(
        description="The actions that the role authorizes, for example `catalog:publish`."
    )

    service: "Service" = strawberry.field(description="The service that the role belongs to.")


@strawberry.type(description="An online service in the catalogue.")
class Service(Node):
    """A service."""

    row: Private[rules.Service]
    code: str = strawberry.field(description="Stable key, for example `commerce-services`.")
    name: str = strawberry.field(description="For people.")
    description: str = strawberry.field(description="What the service does.")

    roles: list[Role] = strawberry.field(description="The roles of the service.")


VIEWS_KEPT = 2_000
"""More than any catalogue has rows; the views of a former catalogue give way."""


@lru_cache(maxsize=VIEWS_KEPT)
def to_role(row: rules.Role) -> Role:
    """The graph's view of a role, the same for all who ask."""
    roles = to_service(row.service).roles
    return next(role for role in roles if role.row is row)


@lru_cache(maxsize=VIEWS_KEPT)
def to_service(row: rules.Service) -> Service:
    """The graph's view of a service, the same for all who ask."""
    service = Service(
        id=encode_id("Service", row.id),
        row=row,
        code=row.code,
        name=row.name,
        description=row.description,
        roles=[],
    )
    service.roles.extend(
        Role(
            id=encode_id("Role", role.id),
            row=role,
            code=role.code,
            name=role.name,
            description=role.description,
            is_service_administrator=role.is_service_administrator,
            actions=list(role.actions),
            service=service,
        )
        for role in row.roles
    )
    return service


@lru_cache(maxsize=10_000)
def to_roles(catalogue: rules.Catalogue, role_ids: str) -> tuple[Role, ...]:
    """The graph's view of the roles whose ids are given with commas between."""
    return tuple(to_role(role) for role in rules.roles_named(catalogue, role_ids))
