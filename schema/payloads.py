"""Answers of the mutations: what was done, or the problems that a person can mend."""

from collections.abc import Sequence

import strawberry

from models.invitations import Invitation as InvitationRow
from resolvers.refusals import Refused
from schema.context import Info
from schema.costs import RARE
from schema.errors import UserError, to_user_errors
from schema.invitations import Invitation, to_invitation
from schema.organizations import ServiceSubscription
from schema.scalars import URL
from schema.users import User

PROBLEMS = "What stood in the way; empty if it was done."
ROW_PROBLEMS = "What stood in the way of this row; empty if it was done."
BATCH_PROBLEMS = "What stood in the way of the whole batch; problems of a row are in its result."
ROWS = "One per row of the input, in its order."


@strawberry.type(description="A user as saved.")
class UserPayload:
    """Answer of `createUser` and `editUser`."""

    user: User | None = strawberry.field(default=None, description="The user; null if refused.")
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description=PROBLEMS, directives=[RARE]
    )


@strawberry.type(description="One per row of the input, in its order.")
class RemoveUserResult:
    """A row of `removeUsers`."""

    removed_user_id: strawberry.ID | None = strawberry.field(
        default=None, description="The id of the profile that is gone; null if refused."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description=ROW_PROBLEMS, directives=[RARE]
    )


@strawberry.type(description="What became of each profile to remove.")
class RemoveUsersPayload:
    """Answer of `removeUsers`."""

    results: list[RemoveUserResult] = strawberry.field(default_factory=list, description=ROWS)
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description=BATCH_PROBLEMS, directives=[RARE]
    )


@strawberry.type(description="One per row of the input, in its order.")
class InvitationResult:
    """A row of `inviteUsers` or `revokeInvitations`."""

    invitation: Invitation | None = strawberry.field(
        default=None, description="The invitation as it is now; null if refused."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description=ROW_PROBLEMS, directives=[RARE]
    )


def invitation_results(
    info: Info, outcomes: Sequence[InvitationRow | Refused]
) -> list[InvitationResult]:
    """What became of each row."""
    return [
        InvitationResult(user_errors=to_user_errors(outcome, info.context))
        if isinstance(outcome, Refused)
        else InvitationResult(invitation=to_invitation(outcome, info.context.now))
        for outcome in outcomes
    ]


@strawberry.type(description="What became of each user to invite.")
class InviteUsersPayload:
    """Answer of `inviteUsers`."""

    results: list[InvitationResult] = strawberry.field(default_factory=list, description=ROWS)
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description=BATCH_PROBLEMS, directives=[RARE]
    )


@strawberry.type(description="What became of each invitation to revoke.")
class RevokeInvitationsPayload:
    """Answer of `revokeInvitations`."""

    results: list[InvitationResult] = strawberry.field(default_factory=list, description=ROWS)
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description=BATCH_PROBLEMS, directives=[RARE]
    )


@strawberry.type(description="Whether the association is complete.")
class AcceptInvitationPayload:
    """Answer of `acceptInvitation`."""

    user: User | None = strawberry.field(
        default=None, description="The profile, now associated; null if refused."
    )
    sign_out_first: bool = strawberry.field(
        default=False,
        description="True when another Microsoft account must sign in; the link stays usable.",
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description=PROBLEMS, directives=[RARE]
    )


@strawberry.type(description="The subscription, and the caller's profile in its organization.")
class SignUpForServicePayload:
    """Answer of `signUpForService`."""

    subscription: ServiceSubscription | None = strawberry.field(
        default=None, description="The subscription; null if refused."
    )
    user: User | None = strawberry.field(
        default=None, description="The caller's profile; null if refused."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description=PROBLEMS, directives=[RARE]
    )


@strawberry.type(description="The subscription as it is now.")
class SubscriptionPayload:
    """Answer of `activateSubscription` and `deactivateSubscription`."""

    subscription: ServiceSubscription | None = strawberry.field(
        default=None, description="The subscription; null if refused."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description=PROBLEMS, directives=[RARE]
    )


@strawberry.type(description="The session that has ended.")
class EndSessionPayload:
    """Answer of `endSession`."""

    ended_session_id: strawberry.ID | None = strawberry.field(
        default=None, description="The session's id; null if refused."
    )
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=PROBLEMS)


@strawberry.type(description="What was ended, and where to go next.")
class SignOutPayload:
    """Answer of `signOut`."""

    signed_out_sessions: int = strawberry.field(description="How many sessions were ended.")
    redirect_url: URL | None = strawberry.field(
        default=None,
        description="Where to send the browser next, to end the identity provider's session too.",
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description=PROBLEMS, directives=[RARE]
    )
