"""What can be done."""

from typing import Annotated

import strawberry

from resolvers import association, invitations, removal, sessions, subscriptions, users
from resolvers.refusals import Refused
from resolvers.sign_up import sign_up
from schema import inputs, payloads
from schema.access_tokens import AccessTokenMutations
from schema.answers import answer, form
from schema.connections import given
from schema.context import Info
from schema.costs import CHANGE, rows_of
from schema.enums import SignOutScope
from schema.errors import to_user_errors
from schema.import_mutations import ImportMutation
from schema.nodes import decode_id, decode_ids, encode_id
from schema.organizations import to_subscription
from schema.scalars import URL
from schema.users import to_user
from schema.webhook_mutations import WebhookMutation

SubscriptionId = Annotated[strawberry.ID, strawberry.argument(description="The subscription.")]
SessionId = Annotated[strawberry.ID, strawberry.argument(description="The session.")]
Scope = Annotated[SignOutScope, strawberry.argument(description="Which sessions end.")]


@strawberry.type(description="Everything that can be done.")
class Mutation(AccessTokenMutations, ImportMutation, WebhookMutation):
    """The root of writing. Each field makes one call and translates its answer."""

    @strawberry.mutation(
        description="Adds the caller to the organization and the service, and makes them its "
        "service administrator. Needs: a session.",
        directives=[CHANGE],
    )
    async def sign_up_for_service(
        self,
        info: Info,
        input: Annotated[inputs.SignUpForServiceInput, form("For what, and whom.")],  # noqa: A002 - the contract's name
    ) -> payloads.SignUpForServicePayload:
        """Rules 7 to 10."""
        organization_id = given(input.organization_id)
        new = given(input.new_organization)
        return await answer(
            info,
            payloads.SignUpForServicePayload,
            sign_up(
                info.context.caller,
                service_id=decode_id("Service", input.service_id),
                organization_id=(
                    decode_id("Organization", organization_id) if organization_id else None
                ),
                new_organization=new.form() if new else None,
                now=info.context.now,
            ),
            lambda done: {
                "subscription": to_subscription(done.subscription),
                "user": to_user(done.user, info.context),
            },
        )

    @strawberry.mutation(
        description="Uses a deactivated subscription again. Needs: a session, and a service "
        "administrator of its service.",
        directives=[CHANGE],
    )
    async def activate_subscription(
        self,
        info: Info,
        id: SubscriptionId,  # noqa: A002 - the contract's name
    ) -> payloads.SubscriptionPayload:
        """Rule 14."""
        subscription_id = decode_id("ServiceSubscription", id)
        return await answer(
            info,
            payloads.SubscriptionPayload,
            subscriptions.activate(
                info.context.caller, subscription_id=subscription_id, now=info.context.now
            ),
            lambda row: {"subscription": to_subscription(row)},
        )

    @strawberry.mutation(
        description="Puts a subscription out of use: nobody manages its roles until it is "
        "activated again. Needs: a session, and a service administrator of its service.",
        directives=[CHANGE],
    )
    async def deactivate_subscription(
        self,
        info: Info,
        id: SubscriptionId,  # noqa: A002 - the contract's name
    ) -> payloads.SubscriptionPayload:
        """Rule 14."""
        subscription_id = decode_id("ServiceSubscription", id)
        return await answer(
            info,
            payloads.SubscriptionPayload,
            subscriptions.deactivate(
                info.context.caller, subscription_id=subscription_id, now=info.context.now
            ),
            lambda row: {"subscription": to_subscription(row)},
        )

    @strawberry.mutation(
        description="Saves a new user. Sends no mail. Needs: a service administrator of the "
        "organization, and of the service of each role; of an access token MANAGE_USERS.",
        directives=[CHANGE],
    )
    async def create_user(
        self,
        info: Info,
        input: Annotated[inputs.CreateUserInput, form("The form.")],  # noqa: A002 - the contract's name
    ) -> payloads.UserPayload:
        """Rules 19 to 23."""
        return await answer(
            info,
            payloads.UserPayload,
            users.create_user(info.context.caller, new=input.form(), now=info.context.now),
            lambda row: {"user": to_user(row, info.context)},
        )

    @strawberry.mutation(
        description="Saves a user's names, primary e-mail address and roles. Needs: a service "
        "administrator of the organization, and of the service of each role that is moved; "
        "of an access token MANAGE_USERS.",
        directives=[CHANGE],
    )
    async def edit_user(
        self,
        info: Info,
        input: Annotated[inputs.EditUserInput, form("The form.")],  # noqa: A002 - the contract's name
    ) -> payloads.UserPayload:
        """Rules 33 to 37."""
        return await answer(
            info,
            payloads.UserPayload,
            users.edit_user(info.context.caller, edit=input.form(), now=info.context.now),
            lambda row: {"user": to_user(row, info.context)},
        )

    @strawberry.mutation(
        description="Removes profiles. Each must hold no role any more. Needs: a service "
        "administrator of the organization; of an access token MANAGE_USERS.",
        directives=[CHANGE, rows_of("input.users")],
    )
    async def remove_users(
        self,
        info: Info,
        input: Annotated[inputs.RemoveUsersInput, form("Which.")],  # noqa: A002 - the contract's name
    ) -> payloads.RemoveUsersPayload:
        """Rules 38 to 40."""
        return await answer(
            info,
            payloads.RemoveUsersPayload,
            removal.remove_users(
                info.context.caller,
                refs=[user.ref() for user in input.users],
                now=info.context.now,
            ),
            lambda outcomes: {
                "results": [
                    payloads.RemoveUserResult(user_errors=to_user_errors(outcome, info.context))
                    if isinstance(outcome, Refused)
                    else payloads.RemoveUserResult(removed_user_id=encode_id("User", outcome))
                    for outcome in outcomes
                ]
            },
        )

    @strawberry.mutation(
        description="Sends or re-sends; a re-send replaces the link, so that only the newest "
        "works. Needs: a service administrator of the organization; of an access token "
        "INVITE_USERS.",
        directives=[CHANGE, rows_of("input.userIds")],
    )
    async def invite_users(
        self,
        info: Info,
        input: Annotated[inputs.InviteUsersInput, form("Whom.")],  # noqa: A002 - the contract's name
    ) -> payloads.InviteUsersPayload:
        """Rules 24 to 31."""
        return await answer(
            info,
            payloads.InviteUsersPayload,
            invitations.invite_users(
                info.context.caller,
                user_ids=decode_ids("User", input.user_ids),
                lifetime=info.context.invitation_lifetime,
                rates=info.context.rates,
                now=info.context.now,
            ),
            lambda outcomes: {"results": payloads.invitation_results(info, outcomes)},
        )

    @strawberry.mutation(
        description="Kills the links of open invitations. Needs: a service administrator of the "
        "organization; of an access token INVITE_USERS.",
        directives=[CHANGE, rows_of("input.invitationIds")],
    )
    async def revoke_invitations(
        self,
        info: Info,
        input: Annotated[inputs.RevokeInvitationsInput, form("Which.")],  # noqa: A002 - the contract's name
    ) -> payloads.RevokeInvitationsPayload:
        """Rule 29."""
        return await answer(
            info,
            payloads.RevokeInvitationsPayload,
            invitations.revoke_invitations(
                info.context.caller,
                invitation_ids=decode_ids("Invitation", input.invitation_ids),
                now=info.context.now,
            ),
            lambda outcomes: {"results": payloads.invitation_results(info, outcomes)},
        )

    @strawberry.mutation(
        description="Completes the association. Needs: a session of the Microsoft account that "
        "the profile names.",
        directives=[CHANGE],
    )
    async def accept_invitation(
        self,
        info: Info,
        input: Annotated[inputs.AcceptInvitationInput, form("Which.")],  # noqa: A002 - the contract's name
    ) -> payloads.AcceptInvitationPayload:
        """Rules 25 to 27 and 32."""
        try:
            row = await association.accept_invitation(
                info.context.caller,
                token=input.token,
                rates=info.context.rates,
                now=info.context.now,
            )
        except Refused as refusal:
            return payloads.AcceptInvitationPayload(
                sign_out_first=association.must_sign_out_first(refusal),
                user_errors=to_user_errors(refusal, info.context),
            )
        info.context.forget_rows()
        return payloads.AcceptInvitationPayload(user=to_user(row, info.context))

    @strawberry.mutation(
        description="Ends sessions, at once and for good; repeating it succeeds. Needs: nothing; "
        "without a session there is none to end. An access token can't do it.",
        directives=[CHANGE],
    )
    async def sign_out(
        self, info: Info, scope: Scope = SignOutScope.THIS_SESSION
    ) -> payloads.SignOutPayload:
        """Rule 41."""
        caller = info.context.caller
        try:
            count = await sessions.end_sessions(caller, scope, now=info.context.now)
        except Refused as refusal:
            return payloads.SignOutPayload(
                signed_out_sessions=0, user_errors=to_user_errors(refusal, info.context)
            )
        if scope is SignOutScope.OTHER_SESSIONS:
            return payloads.SignOutPayload(signed_out_sessions=count)
        info.context.browser.forget_session()
        account = caller.account
        url = (
            await info.context.browser.end_session_url(account.microsoft_account)
            if account
            else None
        )
        return payloads.SignOutPayload(
            signed_out_sessions=count, redirect_url=URL(url) if url else None
        )

    @strawberry.mutation(
        description="Ends one of the caller's own sessions, wherever it is open. Needs: a session."
    )
    async def end_session(
        self,
        info: Info,
        id: SessionId,  # noqa: A002 - the contract's way
    ) -> payloads.EndSessionPayload:
        """Rule 41."""
        session_id = decode_id("Session", id)
        if session_id == info.context.caller.session_id:
            info.context.browser.forget_session()
        return await answer(
            info,
            payloads.EndSessionPayload,
            sessions.end_session(info.context.caller, session_id=session_id, now=info.context.now),
            lambda ended: {"ended_session_id": encode_id("Session", ended)},
        )
