"""Enums of the graph: the tables' and the rules' own, each value with its description.

The graph's modules import them from here, so that they are described before a type uses them.
"""

from enum import Enum, StrEnum
from typing import TypeVar

import strawberry

from models.accounts import AccessScope
from models.audit import AuditAction, AuditOutcome
from models.imports import ImportMode, ImportOutcome, ImportStatus
from models.invitations import DeliveryStatus, InvitationStatus
from models.organizations import ProductRelease
from models.services import SubscriptionStatus
from models.users import UserStatus
from models.webhooks import WebhookStatus
from resolvers.announcements import ChangeKind
from resolvers.lists import UserOrderField
from resolvers.refusals import Code
from resolvers.sessions import SignOutScope

__all__ = [
    "AccessScope",
    "AuditAction",
    "AuditOutcome",
    "ChangeKind",
    "Code",
    "DeliveryStatus",
    "Direction",
    "ImportMode",
    "ImportOutcome",
    "ImportStatus",
    "InvitationStatus",
    "ProductRelease",
    "SignOutScope",
    "SubscriptionStatus",
    "UserOrderField",
    "UserStatus",
    "WebhookStatus",
]

E = TypeVar("E", bound=Enum)


class Direction(StrEnum):
    """Which end of an order comes first."""

    ASC = "ASC"
    DESC = "DESC"


def _describe(
    enum: type[E], description: str, values: dict[str, str], *, name: str | None = None
) -> type[E]:
    """Make an enum of the rules known to the graph; every value must be described."""
    described = strawberry.enum(enum, name=name or enum.__name__, description=description)
    for value in described.__strawberry_definition__.values:  # type: ignore[attr-defined]  # Strawberry's own
        value.description = values[value.name]
    return described


_describe(
    ProductRelease,
    "The ERP release that an organization runs; it decides which services' features are available.",
    {
        "AX_2012": "Microsoft Dynamics AX 2012.",
        "AX_2012_FEATURE_PACK": "Microsoft Dynamics AX 2012 Feature Pack.",
        "AX_2012_R2": "Microsoft Dynamics AX 2012 R2.",
        "AX_2012_R3": "Microsoft Dynamics AX 2012 R3.",
    },
)
_describe(
    SubscriptionStatus,
    "Whether a subscription is in use.",
    {
        "ACTIVE": "In use.",
        "DEACTIVATED": "Out of use: nobody manages its roles until it is activated again.",
    },
)
_describe(
    UserStatus,
    "How far a profile's association has come.",
    {
        "NOT_INVITED": "Saved, never invited.",
        "INVITED": "Has an open, expired or revoked invitation.",
        "ASSOCIATED": "The Microsoft account is associated.",
    },
)
_describe(
    InvitationStatus,
    "What has become of an invitation.",
    {
        "PENDING": "Its link works.",
        "ACCEPTED": "The association is complete.",
        "EXPIRED": "Its time is over; it can be sent again.",
        "REVOKED": "An administrator took it back; it can be sent again.",
        "SUPERSEDED": "The primary e-mail address has changed since; invite anew.",
    },
)
_describe(
    DeliveryStatus,
    "Where an invitation's mail is on its way.",
    {
        "QUEUED": "Waiting for delivery, or for another attempt.",
        "SENT": "A mail server has taken it.",
        "FAILED": "Given up; `deliveryDetail` says why.",
    },
)
_describe(
    WebhookStatus,
    "Whether a webhook is told what happens.",
    {"ENABLED": "It is.", "DISABLED": "It is not; `detail` says why."},
)
_describe(
    AuditAction,
    "What was done, or refused.",
    {
        "SERVICE_SIGNED_UP": "An organization signed up for a service.",
        "SERVICE_ACTIVATED": "A subscription was activated.",
        "SERVICE_DEACTIVATED": "A subscription was deactivated.",
        "USER_CREATED": "A profile was created.",
        "USER_EDITED": "A profile's name, primary e-mail address or roles were changed.",
        "USER_REMOVED": "A profile was removed.",
        "USERS_IMPORTED": "Users were imported from a file; each has an event of its own too.",
        "USERS_EXPORTED": "The users were exported into a file.",
        "INVITATION_SENT": "An invitation was sent or sent again.",
        "INVITATION_REVOKED": "An invitation was taken back.",
        "ACCOUNT_ASSOCIATED": "A Microsoft account was associated with a profile.",
        "ASSOCIATION_REFUSED": "Another Microsoft account tried to use an invitation.",
        "SIGNED_IN": "Someone signed in.",
        "SIGNED_OUT": "Someone signed out.",
        "ACCESS_TOKEN_CREATED": "An access token was created.",
        "ACCESS_TOKEN_REVOKED": "An access token was revoked.",
        "WEBHOOK_CREATED": "A webhook was registered.",
        "WEBHOOK_EDITED": "A webhook's address, actions, secret or status was changed.",
        "WEBHOOK_REMOVED": "A webhook was removed.",
        "WEBHOOK_DISABLED": "A webhook was disabled, its receiver having failed for days.",
    },
)
_describe(
    AuditOutcome,
    "Whether it was done or refused.",
    {"SUCCEEDED": "It was done.", "DENIED": "It was refused for lack of permission."},
)
_describe(
    ImportMode,
    "What becomes of the rows of a file.",
    {
        "DRY_RUN": "They are checked only; each is told what would come of it now.",
        "ALL_OR_NOTHING": "All are created in one transaction, or none if one is refused.",
        "GOOD_ROWS": "Those that are not refused are created, some hundreds in each transaction.",
    },
    name="UserImportMode",
)
_describe(
    ImportStatus,
    "How far an import is.",
    {
        "QUEUED": "It waits for its turn.",
        "RUNNING": "Its rows are being checked or created.",
        "FINISHED": "Every row has been told what came of it.",
        "FAILED": "It ended early; `problem` says why. What was created until then stays.",
    },
    name="UserImportStatus",
)
_describe(
    ImportOutcome,
    "What came of a row.",
    {
        "READY": "Nothing stands in its way; it was not created, for that was not asked for, or "
        "another row was refused.",
        "CREATED": "The user was created.",
        "REFUSED": "The user was not created; `userErrors` says why.",
    },
    name="UserImportOutcome",
)
_describe(
    UserOrderField,
    "By what users can be ordered.",
    {
        "LAST_NAME": "Last name, then first name.",
        "PRIMARY_EMAIL_ADDRESS": "Primary e-mail address.",
        "CREATED_AT": "When the profile was saved first.",
        "LAST_SIGN_IN_AT": "The last sign-in; who never signed in comes before all others.",
    },
)
_describe(
    Direction,
    "Which end of an order comes first.",
    {"ASC": "A to Z, oldest first.", "DESC": "Z to A, newest first."},
)
_describe(
    AccessScope,
    "What an access token may be used for, at most. It never does more than its user could.",
    {
        "READ": "All queries, but for the audit trail.",
        "MANAGE_USERS": "`createUser`, `editUser`, `removeUsers` and `importUsers`, with answers.",
        "INVITE_USERS": "`inviteUsers` and `revokeInvitations`, with what they answer.",
        "READ_AUDIT": "The audit trail of an organization; the users whom it names need READ, too.",
    },
)
_describe(
    SignOutScope,
    "Which of the account's sessions end.",
    {
        "THIS_SESSION": "This one.",
        "OTHER_SESSIONS": "All but this one.",
        "ALL_SESSIONS": "All of them.",
    },
)
_describe(
    Code,
    "What kind of problem it is.",
    {
        "REQUIRED": "Something is missing.",
        "INVALID": "Something is malformed, or contradicts something else.",
        "TOO_LONG": "A text is too long.",
        "NOT_FOUND": "Nothing has this id, or the caller may not know of it.",
        "FORBIDDEN": "The caller lacks the permission.",
        "BATCH_TOO_LARGE": "Too many rows in one request.",
        "RATE_LIMITED": "Too many attempts; try later.",
        "MICROSOFT_ACCOUNT_TAKEN": "Another user of the organization has the account.",
        "MICROSOFT_ACCOUNT_MISMATCH": "Signed in with another account than the profile names.",
        "ROLE_REQUIRED": "At least one role is needed.",
        "ROLE_NOT_AVAILABLE": "The organization has not signed up for the role's service.",
        "ROLE_OUT_OF_SCOPE": "The caller does not administer the role's service.",
        "LAST_SERVICE_ADMINISTRATOR": "A service would be left without an administrator.",
        "SELF_DEMOTION_NOT_CONFIRMED": "Giving up one's own administrator role needs a yes.",
        "USER_HAS_ROLES": "A profile that holds roles can't be removed.",
        "VERSION_CONFLICT": "Someone changed the user in the meantime.",
        "ALREADY_ASSOCIATED": "The association has been completed already.",
        "INVITATION_ACCEPTED": "The invitation has been accepted already.",
        "INVITATION_EXPIRED": "The invitation's time is over.",
        "INVITATION_REVOKED": "The invitation was taken back.",
        "INVITATION_INVALID": "The link is none of ours, or a newer one replaces it.",
        "ALREADY_SIGNED_UP": "The organization has signed up for the service already.",
        "FEATURE_NOT_AVAILABLE": "Not available for the organization's release or country.",
        "SERVICE_NOT_ACTIVE": "The organization's subscription is deactivated.",
    },
    name="UserErrorCode",
)
_describe(
    ChangeKind,
    "What became of a user.",
    {
        "CREATED": "The profile was saved first.",
        "EDITED": "Names, address or roles were changed.",
        "INVITED": "An invitation was sent, sent again or revoked.",
        "ASSOCIATED": "The person completed the association.",
        "REMOVED": "The profile was removed.",
    },
)
