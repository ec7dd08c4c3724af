"""Delivery: claims a webhook with what is due, tells its receiver, records what became.

No transaction is open while a receiver is spoken to. Killed between any two steps, this loses
nothing: the claim's lease ends and the message is sent again, under the same id.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus

import structlog

from gateway import couriers
from gateway.couriers import Round, insisting
from gateway.settings import Settings
from gateway.webhooks.message import body_of, signed_headers
from gateway.webhooks.receiver import (
    ANSWER_S,
    CONNECT_S,
    Answer,
    Receivers,
    Unreachable,
    seconds_to_wait,
)
from resolvers import webhook_outbox
from resolvers.webhook_deliveries import disable_failing
from resolvers.webhook_outbox import ClaimedDelivery, ClaimedWebhook

log = structlog.get_logger("gateway.webhooks")

PAUSES = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 60, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
)
"""Before each further attempt of a message: 3 days in all, as Standard Webhooks advises."""

LONGEST_REST = timedelta(minutes=10)
"""How long a receiver that can't be reached is left alone at most, whatever waits for it."""

GIVE_UP_AFTER = timedelta(days=5)
"""A receiver that has failed for so long is told no more."""

LONGEST_RETRY_AFTER_S = 86_400.0

DISABLED_AS_GONE = "Disabled: the receiver answered 410 Gone."
DISABLED_AS_FAILING = "Disabled: the receiver has failed for {days} days. The last reason: {reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace(couriers.Pace):
    """How webhooks are told: each receiver by one process at a time, several of them at once."""

    batch: int = 50
    sessions: int = 16

    @property
    def one_s(self) -> float:
        """The longest that one message takes."""
        return CONNECT_S + ANSWER_S


PACE = Pace()


@dataclass(frozen=True, slots=True)
class Messenger:
    """Makes the deliveries of one webhook after the other."""

    receivers: Receivers
    now: Callable[[], datetime]
    pace: Pace = PACE

    async def claim(self) -> ClaimedWebhook | None:
        """The webhook that is due longest, leased to this process."""
        return await webhook_outbox.claim_due(
            now=self.now(),
            lease=timedelta(seconds=self.pace.lease_s),
            limit=self.pace.batch,
        )

    async def deliver(self, webhook: ClaimedWebhook, *, stop: asyncio.Event, until: float) -> bool:
        """Try each of the webhook's messages once; on `stop` or past `until` the rest stays due.

        A receiver that can't be reached is left alone for a while, longer each time.
        """
        clock = asyncio.get_running_loop().time
        rest_until = self.now()
        for delivery in webhook.deliveries:
            if stop.is_set() or clock() >= until:
                break
            try:
                answer = await self._send(webhook, delivery)
            except Unreachable as problem:
                rest = min(LONGEST_REST, PAUSES[0] * 2 ** min(webhook.failures, 10))
                rest_until = self.now() + rest
                await self._record_failure(webhook, delivery, str(problem))
                break
            if not await self._record(webhook, delivery, answer):
                return True
        await insisting(lambda: webhook_outbox.release(webhook, rest_until=rest_until))
        return True

    async def keep_house(self) -> int:
        """Forget deliveries that ended long ago; how many."""
        return await webhook_outbox.forget_finished(before=self.now() - self.pace.keep_finished)

    async def _send(self, webhook: ClaimedWebhook, delivery: ClaimedDelivery) -> Answer:
        body = body_of(delivery.event)
        headers = signed_headers(
            body, message_id=str(delivery.id), secrets=webhook.secrets, now=self.now()
        )
        return await self.receivers.post(webhook.url, body, headers)

    async def _record(
        self, webhook: ClaimedWebhook, delivery: ClaimedDelivery, answer: Answer
    ) -> bool:
        """Write what the receiver's answer means; whether the claim is still held."""
        if HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
            now = self.now()
            held = await insisting(
                lambda: webhook_outbox.record_sent(webhook, delivery, status=answer.status, now=now)
            )
            self._log("webhook_told", webhook, delivery, status=answer.status)
            return held
        if answer.status == HTTPStatus.GONE:
            now = self.now()
            await insisting(lambda: disable_failing(webhook, DISABLED_AS_GONE, now=now))
            self._log("webhook_disabled", webhook, delivery, status=answer.status)
            return False
        return await self._record_failure(
            webhook,
            delivery,
            f"The receiver answered {answer.status}.",
            status=answer.status,
            at_least_s=seconds_to_wait(answer.retry_after, now=self.now()),
        )

    async def _record_failure(
        self,
        webhook: ClaimedWebhook,
        delivery: ClaimedDelivery,
        reason: str,
        *,
        status: int | None = None,
        at_least_s: float | None = None,
    ) -> bool:
        now = self.now()
        if webhook.failing_since and now - webhook.failing_since >= GIVE_UP_AFTER:
            detail = DISABLED_AS_FAILING.format(days=GIVE_UP_AFTER.days, reason=reason)
            await insisting(lambda: disable_failing(webhook, detail, now=now))
            self._log("webhook_disabled", webhook, delivery, status=status)
            return False
        again_at = next_attempt(delivery.attempt, at_least_s=at_least_s, now=now)
        held = await insisting(
            lambda: webhook_outbox.record_failure(
                webhook, delivery, reason, status=status, again_at=again_at, now=now
            )
        )
        self._log("webhook_postponed" if again_at else "webhook_failed", webhook, delivery,
                  status=status, reason=reason)  # fmt: skip
        return held

    def _log(
        self, event: str, webhook: ClaimedWebhook, delivery: ClaimedDelivery, **fields: object
    ) -> None:
        log.info(
            event,
            webhook_id=str(webhook.id),
            delivery_id=str(delivery.id),
            attempt=delivery.attempt,
            **fields,
        )


def next_attempt(attempt: int, *, at_least_s: float | None, now: datetime) -> datetime | None:
    """When to try again after this attempt; None after the last.

    Up to a fifth is added by chance, so that what failed together does not come back together.
    """
    if attempt > len(PAUSES):
        return None
    pause_s = PAUSES[attempt - 1].total_seconds()
    pause_s *= 1 + random.random() / 5  # noqa: S311 - spreads load, guards nothing
    return now + timedelta(seconds=max(pause_s, min(at_least_s or 0, LONGEST_RETRY_AFTER_S)))


async def tell_forever(
    settings: Settings,
    *,
    now: Callable[[], datetime],
    stop: asyncio.Event,
    wake: asyncio.Event,
    pace: Pace = PACE,
) -> None:
    """Tell webhooks what happens until `stop`, as `Round.run` says."""
    async with Receivers(allowed=sorted(settings.webhook_networks, key=str)) as receivers:
        messenger = Messenger(receivers, now, pace)
        await Round("webhooks", messenger, stop=stop, wake=wake).run()
