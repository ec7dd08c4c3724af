"""The catalogue: services and roles."""

import strawberry
from strawberry import Private

import resolvers.catalogue as rules
from schema.context import Info
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

    @strawberry.field(description="The service that the role belongs to.")
    async def service(self, info: Info) -> "Service":
        """Find it in the catalogue."""
        catalogue = await info.context.catalogue()
        return to_service(catalogue.service_of(self.row))


@strawberry.type(description="An online service in the catalogue.")
class Service(Node):
    """A service."""

    row: Private[rules.Service]
    code: str = strawberry.field(description="Stable key, for example `commerce-services`.")
    name: str = strawberry.field(description="For people.")
    description: str = strawberry.field(description="What the service does.")

    @strawberry.field(description="The roles of the service.")
    def roles(self) -> list[Role]:
        """In the catalogue's order."""
        return [to_role(role) for role in self.row.roles]


def to_role(row: rules.Role) -> Role:
    """The graph's view of a role."""
    return Role(
        id=encode_id("Role", row.id),
        row=row,
        code=row.code,
        name=row.name,
        description=row.description,
        is_service_administrator=row.is_service_administrator,
        actions=list(row.actions),
    )


def to_service(row: rules.Service) -> Service:
    """The graph's view of a service."""
    return Service(
        id=encode_id("Service", row.id),
        row=row,
        code=row.code,
        name=row.name,
        description=row.description,
    )
