"""What is told of a GraphQL request, to metrics and traces alike: names and times, never values."""

from contextvars import ContextVar
from dataclasses import dataclass

from graphql import FieldNode, OperationDefinitionNode

OK = "OK"
OTHER = "other"
NOTHING = "none"

KNOWN_OPERATIONS = frozenset(
    {
        *("AcceptInvitation", "AccessTokens", "ActivateSubscription", "Audit", "AuditPage"),
        *("Catalogue", "CheckAccess", "Checklist", "CreateAccessToken", "CreateUser"),
        *("CreateWebhook", "DeactivateSubscription", "EditUser", "EditWebhook", "EditedUser"),
        *("EndSession", "FollowUsers", "ImportUsers", "InvitationPreview", "Invitations"),
        *("InviteUsers", "ListUsers", "LookAtInvitation", "Profile", "RemovalBlockers"),
        *("RemoveUsers", "RemoveWebhook", "ReplayWebhook", "RevokeAccessToken"),
        *("RevokeInvitations", "RotateWebhookSecret", "SeeImport", "SignOut", "SignUp"),
        *("SignUpForService", "UserImportSeen", "UsersChanged", "UsersPage", "Viewer"),
        *("WebhookDisablings", "WebhookSeen", "Webhooks", "WhoAmI"),
    }
)
"""The operations of our own pages. They and those of trusted documents are told by their names.
Whatever else a client calls its own is "other": a name that it makes up could carry anything, and
each new one would cost memory."""


@dataclass(slots=True)
class Operation:
    """One GraphQL request."""

    name: str = OTHER
    kind: str = NOTHING
    """`query`, `mutation` or `subscription`."""
    field: str = NOTHING
    """The field of the graph that it begins with; the first one, if there are several."""
    code: str = OK
    """That of the first top-level error."""
    executing_s: float = 0.0
    is_trusted: bool = False
    """Whether the document is one that the operator has made trusted."""

    def is_named(self, node: OperationDefinitionNode, fields: frozenset[str]) -> None:
        """Take note of what is asked, as far as it is known: `fields` are those of the roots."""
        self.kind = node.operation.value
        name = node.name.value if node.name is not None else OTHER
        if self.is_trusted or name in KNOWN_OPERATIONS:
            self.name = name
        first = node.selection_set.selections[0]
        if isinstance(first, FieldNode):
            self.field = first.name.value if first.name.value in fields else OTHER


current_operation: ContextVar[Operation | None] = ContextVar("current_operation", default=None)
"""What this task answers; None where nobody wants to know."""


def note_code(code: str) -> None:
    """Tell what an operation came to, if anyone wants to know."""
    operation = current_operation.get()
    if operation is not None:
        operation.code = code


def note_trusted() -> None:
    """Tell that a trusted document is asked for, if anyone wants to know."""
    operation = current_operation.get()
    if operation is not None:
        operation.is_trusted = True
