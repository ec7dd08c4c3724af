"""What can be asked."""

import asyncio
from typing import Annotated
from uuid import UUID

import strawberry
from strawberry import UNSET

from models.accounts import AccessScope
from resolvers import access, association
from resolvers.refusals import BadRequest
from schema.access import AccessDecision, to_access_decision
from schema.catalogue import Role, Service, to_role, to_service
from schema.connections import After, Before, First, Last, window
from schema.context import Info
from schema.costs import FETCH, PAGE, ListSize
from schema.filters import UserFilterArgument, UserOrderArgument
from schema.imports import UserImport
from schema.invitations import Invitation, InvitationPreview
from schema.lookup import load_node
from schema.nodes import Node, decode_id, split_id
from schema.organizations import Organization, users_connection
from schema.users import User, UserConnection
from schema.viewer import Viewer, to_viewer

MAX_NODES = 100
"""As many nodes as the largest page has."""

PUBLIC = {"Service", "Role"}
"""Types of nodes that need no sign-in: the catalogue."""


def node_id(description: str) -> object:
    """The description of an id argument."""
    return strawberry.argument(description=description)


NodeId = Annotated[strawberry.ID, node_id("The global id of any node.")]
NodeIds = Annotated[list[strawberry.ID], node_id(f"Global ids, at most {MAX_NODES}.")]
OrganizationId = Annotated[strawberry.ID, node_id("The organization's id.")]
ServiceId = Annotated[strawberry.ID, node_id("The service's id.")]
RoleId = Annotated[strawberry.ID, node_id("The role's id.")]
UserId = Annotated[strawberry.ID, node_id("The user's id.")]
UserImportId = Annotated[strawberry.ID, node_id("The import's id.")]
InvitationId = Annotated[strawberry.ID, node_id("The invitation's id.")]
OfService = Annotated[strawberry.ID | None, node_id("Only the roles of this service.")]
Action = Annotated[
    str, strawberry.argument(description="As roles name it, for example `catalog:publish`.")
]
Token = Annotated[str, strawberry.argument(description="The last part of the link's path.")]


async def _node_of(type_name: str, info: Info, id_: str) -> Node | None:
    return await _load(info, type_name, decode_id(type_name, id_))


async def _load(info: Info, type_name: str, id_: UUID) -> Node | None:
    if type_name not in PUBLIC:
        info.context.caller.signed_in()
    return await load_node(info, type_name, id_)


@strawberry.type(description="Everything that can be asked.")
class Query:
    """The root of reading."""

    @strawberry.field(description="Null for someone who is not signed in.")
    def viewer(self, info: Info) -> Viewer | None:
        """The caller."""
        account = info.context.caller.account
        info.context.caller.demand(AccessScope.READ)
        return to_viewer(account, info.context) if account else None

    @strawberry.field(description="Any node by its id; null if there is none for the viewer. "
                      "Needs: a sign-in, but for the catalogue.")  # fmt: skip
    async def node(self, info: Info, id: NodeId) -> Node | None:  # noqa: A002 - the contract's name
        """By its type."""
        return await _load(info, *split_id(id))

    @strawberry.field(description="Many nodes, in the order of the ids, null where there is none "
                      "for the viewer. Needs: a sign-in, but for the catalogue.",
                      directives=[ListSize(slicing_arguments=["ids"])])  # fmt: skip
    async def nodes(self, info: Info, ids: NodeIds) -> list[Node | None]:
        """By their types, each type in one statement."""
        if len(ids) > MAX_NODES:
            message = f"`ids` names {len(ids)} nodes; at most {MAX_NODES} can be asked for."
            raise BadRequest(message)
        return await asyncio.gather(*(_load(info, *split_id(id_)) for id_ in ids))

    @strawberry.field(description="An organization that the viewer belongs to. Needs: a sign-in.")
    async def organization(self, info: Info, id: OrganizationId) -> Organization | None:  # noqa: A002 - the contract's name
        """Null for any other."""
        found = await _node_of("Organization", info, id)
        return found if isinstance(found, Organization) else None

    @strawberry.field(description="The catalogue.")
    async def services(self, info: Info) -> list[Service]:
        """In the catalogue's order."""
        catalogue = await info.context.catalogue()
        return [to_service(service) for service in catalogue.services.values()]

    @strawberry.field(description="A service of the catalogue.")
    async def service(self, info: Info, id: ServiceId) -> Service | None:  # noqa: A002 - the contract's name
        """Null for an unknown one."""
        found = await _node_of("Service", info, id)
        return found if isinstance(found, Service) else None

    @strawberry.field(description="The roles of a service, or of all.")
    async def roles(self, info: Info, service_id: OfService = UNSET) -> list[Role]:
        """In the catalogue's order."""
        catalogue = await info.context.catalogue()
        roles = catalogue.roles.values()
        if service_id is None or service_id is UNSET:
            return [to_role(role) for role in roles]
        wanted = decode_id("Service", service_id)
        return [to_role(role) for role in roles if role.service_id == wanted]

    @strawberry.field(description="A role of the catalogue.")
    async def role(self, info: Info, id: RoleId) -> Role | None:  # noqa: A002 - the contract's name
        """Null for an unknown one."""
        found = await _node_of("Role", info, id)
        return found if isinstance(found, Role) else None

    @strawberry.field(description="A user whom the viewer may see. Needs: a sign-in.")
    async def user(self, info: Info, id: UserId) -> User | None:  # noqa: A002 - the contract's name
        """Null for any other."""
        found = await _node_of("User", info, id)
        return found if isinstance(found, User) else None

    @strawberry.field(
        description="The users of an organization whom the viewer may see: all of them for a "
        "service administrator, else the viewer alone. Needs: a sign-in.",
        directives=[FETCH, PAGE],
    )
    async def users(
        self,
        info: Info,
        organization_id: OrganizationId,
        filter: UserFilterArgument = UNSET,  # noqa: A002 - the contract's name
        order_by: UserOrderArgument = UNSET,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> UserConnection:
        """A page."""
        id_ = decode_id("Organization", organization_id)
        return await users_connection(
            info, id_, filter, order_by, window(first, after, last, before)
        )

    @strawberry.field(
        description="An invitation of a user whom the viewer may see. Needs: a sign-in."
    )
    async def invitation(self, info: Info, id: InvitationId) -> Invitation | None:  # noqa: A002 - the contract's name
        """Null for any other."""
        found = await _node_of("Invitation", info, id)
        return found if isinstance(found, Invitation) else None

    @strawberry.field(
        description="An import of users from a file. Needs: a service administrator of its "
        "organization."
    )
    async def user_import(self, info: Info, id: UserImportId) -> UserImport | None:  # noqa: A002 - the contract's way
        """Null for any other."""
        found = await _node_of("UserImport", info, id)
        return found if isinstance(found, UserImport) else None

    @strawberry.field(description="Needs no sign-in. Looking changes nothing.")
    async def invitation_preview(self, info: Info, token: Token) -> InvitationPreview:
        """What the link is for."""
        seen = await association.preview(info.context.caller, token=token, now=info.context.now)
        return InvitationPreview(
            usable=seen.usable,
            organization_name=seen.organization_name,
            service_names=list(seen.service_names),
            masked_microsoft_account=seen.masked_microsoft_account,
        )

    @strawberry.field(
        description="May this user do this action of this service? For services that enforce "
        "roles. What it is asked of may be unknown: the answer is no then, and says so. Needs: a "
        "sign-in."
    )
    async def check_access(
        self, info: Info, user_id: UserId, service_id: ServiceId, action: Action
    ) -> AccessDecision:
        """Many in one request take the statements of one."""
        user = await info.context.loaders.users_with_roles.load(decode_id("User", user_id))
        decision = await access.decide(
            info.context.caller,
            user=user,
            service_id=decode_id("Service", service_id),
            action=action,
        )
        return to_access_decision(decision)
