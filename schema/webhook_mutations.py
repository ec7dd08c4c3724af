"""What can be done with webhooks."""

from datetime import datetime
from typing import Annotated

import strawberry
from strawberry import UNSET

from resolvers import webhook_deliveries, webhooks
from resolvers.webhook_deliveries import Replay
from resolvers.webhooks import NewWebhook, WebhookEdit
from schema.answers import answer, form
from schema.connections import given
from schema.context import Info
from schema.costs import CHANGE, RARE
from schema.enums import AuditAction, WebhookStatus
from schema.errors import UserError
from schema.nodes import decode_id, decode_ids, encode_id
from schema.payloads import PROBLEMS
from schema.scalars import URL
from schema.webhooks import Webhook, to_webhook

WebhookId = Annotated[strawberry.ID, strawberry.argument(description="The webhook.")]
SECRET = (
    "What its deliveries are signed with, shown this once: `whsec_` and base64, as Standard "  # noqa: S105 - a description
    "Webhooks writes it. Null if refused."
)


@strawberry.input(description="An address to tell what happens in an organization.")
class CreateWebhookInput:
    """The form of a new webhook."""

    organization_id: strawberry.ID = strawberry.field(description="Whose events it is told of.")
    url: URL = strawberry.field(description="An https address on the public internet.")
    actions: list[AuditAction] = strawberry.field(
        description="Of which it is told; empty for all of them."
    )

    def form(self) -> NewWebhook:
        """What the rules are told."""
        return NewWebhook(
            organization_id=decode_id("Organization", self.organization_id),
            url=self.url,
            actions=self.actions,
        )


@strawberry.input(description="What to change of a webhook; what is left out stays as it is.")
class EditWebhookInput:
    """The form of a webhook that exists."""

    id: strawberry.ID = strawberry.field(description="The webhook.")
    url: URL | None = strawberry.field(default=UNSET, description="Its new address.")
    actions: list[AuditAction] | None = strawberry.field(
        default=UNSET, description="Of which it is told from now on; empty for all of them."
    )
    status: WebhookStatus | None = strawberry.field(
        default=UNSET,
        description="DISABLED gives up what waits; ENABLED begins anew from now on.",
    )

    def form(self) -> WebhookEdit:
        """What the rules are told."""
        return WebhookEdit(
            id=decode_id("Webhook", self.id),
            url=given(self.url),
            actions=given(self.actions),
            status=given(self.status),
        )


@strawberry.input(description="Which deliveries to make again; give one of the two.")
class ReplayWebhookInput:
    """Failed ones, or some."""

    id: strawberry.ID = strawberry.field(description="The webhook.")
    failed_since: datetime | None = strawberry.field(
        default=UNSET, description="All that were given up, created at this time or later."
    )
    delivery_ids: list[strawberry.ID] | None = strawberry.field(
        default=UNSET, description="These, whether sent or given up; at most 1,000."
    )

    def form(self) -> Replay:
        """What the rules are told."""
        ids = given(self.delivery_ids)
        return Replay(
            webhook_id=decode_id("Webhook", self.id),
            failed_since=given(self.failed_since),
            delivery_ids=None if ids is None else decode_ids("WebhookDelivery", ids),
        )


@strawberry.type(description="A webhook as it is now, and its secret if that is new.")
class WebhookSecretPayload:
    """Answer of `createWebhook` and `rotateWebhookSecret`."""

    webhook: Webhook | None = strawberry.field(
        default=None, description="The webhook; null if refused."
    )
    secret: str | None = strawberry.field(default=None, description=SECRET)
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description=PROBLEMS, directives=[RARE]
    )


@strawberry.type(description="A webhook as it is now.")
class WebhookPayload:
    """Answer of `editWebhook`."""

    webhook: Webhook | None = strawberry.field(
        default=None, description="The webhook; null if refused."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description=PROBLEMS, directives=[RARE]
    )


@strawberry.type(description="The webhook that is gone.")
class RemoveWebhookPayload:
    """Answer of `removeWebhook`."""

    removed_webhook_id: strawberry.ID | None = strawberry.field(
        default=None, description="Its id; null if refused."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description=PROBLEMS, directives=[RARE]
    )


@strawberry.type(description="How many deliveries are made again.")
class ReplayWebhookPayload:
    """Answer of `replayWebhook`."""

    webhook: Webhook | None = strawberry.field(
        default=None, description="The webhook; null if refused."
    )
    queued_deliveries: int = strawberry.field(
        default=0, description="How many wait now; at most 1,000 at a time, the oldest first."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description=PROBLEMS, directives=[RARE]
    )


@strawberry.type
class WebhookMutation:
    """The part of the root of writing that is about webhooks."""

    @strawberry.mutation(
        description="Registers an address that is told what happens: signed as Standard Webhooks "
        "says, at least once each, tried again for days. Needs: a session, and a service "
        "administrator of the organization.",
        directives=[CHANGE],
    )
    async def create_webhook(
        self,
        info: Info,
        input: Annotated[CreateWebhookInput, form("The form.")],  # noqa: A002 - the contract's way
    ) -> WebhookSecretPayload:
        """The secret is told this once."""
        return await answer(
            info,
            WebhookSecretPayload,
            webhooks.create_webhook(info.context.caller, new=input.form(), now=info.context.now),
            lambda made: {"webhook": to_webhook(made[0]), "secret": made[1]},
        )

    @strawberry.mutation(
        description="Changes a webhook's address or actions, disables it, or enables it again. "
        "Needs: a session, and a service administrator of the organization.",
        directives=[CHANGE],
    )
    async def edit_webhook(
        self,
        info: Info,
        input: Annotated[EditWebhookInput, form("The form.")],  # noqa: A002 - the contract's way
    ) -> WebhookPayload:
        """What is left out stays."""
        return await answer(
            info,
            WebhookPayload,
            webhooks.edit_webhook(info.context.caller, edit=input.form(), now=info.context.now),
            lambda row: {"webhook": to_webhook(row)},
        )

    @strawberry.mutation(
        description="Gives a webhook a new secret. For 24 hours its deliveries are signed with the "
        "previous one too. Needs: a session, and a service administrator of the organization.",
        directives=[CHANGE],
    )
    async def rotate_webhook_secret(
        self,
        info: Info,
        id: WebhookId,  # noqa: A002 - the contract's way
    ) -> WebhookSecretPayload:
        """The secret is told this once."""
        return await answer(
            info,
            WebhookSecretPayload,
            webhooks.rotate_secret(
                info.context.caller, webhook_id=decode_id("Webhook", id), now=info.context.now
            ),
            lambda made: {"webhook": to_webhook(made[0]), "secret": made[1]},
        )

    @strawberry.mutation(
        description="Removes a webhook, and what waits for it. Needs: a session, and a service "
        "administrator of the organization.",
        directives=[CHANGE],
    )
    async def remove_webhook(
        self,
        info: Info,
        id: WebhookId,  # noqa: A002 - the contract's way
    ) -> RemoveWebhookPayload:
        """For good."""
        return await answer(
            info,
            RemoveWebhookPayload,
            webhooks.remove_webhook(
                info.context.caller, webhook_id=decode_id("Webhook", id), now=info.context.now
            ),
            lambda removed: {"removed_webhook_id": encode_id("Webhook", removed)},
        )

    @strawberry.mutation(
        description="Makes deliveries again, under their own ids. Needs: a session, and a service "
        "administrator of the organization.",
        directives=[CHANGE],
    )
    async def replay_webhook(
        self,
        info: Info,
        input: Annotated[ReplayWebhookInput, form("Which.")],  # noqa: A002 - the contract's way
    ) -> ReplayWebhookPayload:
        """Failed ones, or some."""
        return await answer(
            info,
            ReplayWebhookPayload,
            webhook_deliveries.replay(
                info.context.caller, wanted=input.form(), now=info.context.now
            ),
            lambda done: {"webhook": to_webhook(done[0]), "queued_deliveries": done[1]},
        )
