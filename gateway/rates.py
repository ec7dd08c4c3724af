"""How often something may be done: sign-ins, looks at invitations, operations by cost, mails.

Counted in this process, or shared by all replicas in the Valkey or Redis that
`GATEWAY_RATE_STORAGE_URL` names. While that can't be reached each process counts for itself: the
rates protect from nuisance, no rule of the product rests on them, and so nobody is turned away for
its sake, and readiness doesn't ask it.
"""

import math
import time
from uuid import UUID

import structlog
from limits import RateLimitItem
from limits.aio.storage import Storage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import StorageError
from limits.storage import storage_from_string

from gateway.rate_memory import ProcessMemory
from gateway.rate_texts import parse_rate
from gateway.settings import Settings

log = structlog.get_logger(__name__)

PATIENCE = {"socket_connect_timeout": 0.25, "socket_timeout": 0.25}
"""Seconds, for the shared storage: a request must not wait long to be counted."""

TOLD_EVERY_S = 10.0
"""How often the log tells that a rate is exceeded: each request has its own line."""

AWAY_FOR_S = 5.0
"""How long the shared storage isn't asked again once it did not answer."""


class Rates:
    """The counts; each method says how many seconds to wait, or None if it may be done now."""

    def __init__(self, settings: Settings) -> None:
        self._alone = SlidingWindowCounterRateLimiter(ProcessMemory())
        self._shared = (
            None
            if settings.rate_storage_url is None
            else SlidingWindowCounterRateLimiter(
                shared_storage(settings.rate_storage_url.get_secret_value())
            )
        )
        self._away_until = 0.0
        self._told_at: dict[str, float] = {}
        self._account_costs = parse_rate(settings.account_cost_rate)
        self._address_costs = parse_rate(settings.address_cost_rate)
        self._sign_ins = parse_rate(settings.sign_in_rate)
        self._failed_sign_ins = parse_rate(settings.failed_sign_in_rate)
        self._previews = parse_rate(settings.preview_rate)
        self._acceptances = parse_rate(settings.acceptance_rate)
        self._mails = {
            "recipient": parse_rate(settings.recipient_mail_rate),
            "administrator": parse_rate(settings.administrator_mail_rate),
            "organization": parse_rate(settings.organization_mail_rate),
        }

    async def operation(self, *, account: UUID | None, address: str, cost: float) -> int | None:
        """An operation of an account, or of an address that nobody is signed in at."""
        if account is None:
            return await self._spend(self._address_costs, "address", address, cost=cost)
        return await self._spend(self._account_costs, "account", str(account), cost=cost)

    async def sign_in(self, address: str) -> int | None:
        """One step of a sign-in from an address, where not too many have failed already."""
        wait_s = await self._wait_s(self._failed_sign_ins, "failed sign-in", address)
        if wait_s is not None:
            return wait_s
        return await self._spend(self._sign_ins, "sign-in", address)

    async def failed_sign_in(self, address: str) -> None:
        """A sign-in that came back and was refused."""
        await self._spend(self._failed_sign_ins, "failed sign-in", address)

    async def previews(self, address: str, number: int) -> int | None:
        """Looks at invitations from an address."""
        return await self._spend(self._previews, "preview", address, cost=number)

    async def acceptance(self, account: UUID) -> int | None:
        """An account's attempt to accept an invitation."""
        return await self._spend(self._acceptances, "acceptance", str(account))

    async def mail(self, *, recipient: str, administrator: UUID, organization: UUID) -> int | None:
        """A mail to a recipient, sent by an administrator's account for an organization."""
        whose = {
            "recipient": recipient,
            "administrator": str(administrator),
            "organization": str(organization),
        }
        for kind, rate in self._mails.items():
            wait = await self._spend(rate, f"{kind} mail", whose[kind])
            if wait is not None:
                return wait
        return None

    async def storage_answers(self) -> bool:
        """Whether the shared storage is there; so it is if there is to be none."""
        return self._shared is None or await self._shared.storage.check()

    async def close(self) -> None:
        """Let go of the connections to the shared storage."""
        if self._shared is not None:
            await self._shared.storage.bridge.storage.aclose()  # type: ignore[attr-defined] # of Valkey's storage

    async def _spend(self, rate: RateLimitItem | None, *who: str, cost: float = 1) -> int | None:
        """Count it, or say how long to wait; more than a whole window's worth counts as that."""
        if rate is None:
            return None
        amount = min(math.ceil(cost), rate.amount)
        if amount < 1:
            return None
        shared = self._shared_if_there()
        if shared is not None:
            try:
                if await shared.hit(rate, *who, cost=amount):
                    return None
                return await self._exceeded(shared, rate, who, amount)
            except StorageError as error:
                self._is_away(error)
        if await self._alone.hit(rate, *who, cost=amount):
            return None
        return await self._exceeded(self._alone, rate, who, amount)

    async def _wait_s(self, rate: RateLimitItem | None, *who: str) -> int | None:
        """How long to wait until it would be counted; nothing is counted."""
        if rate is None:
            return None
        shared = self._shared_if_there()
        if shared is not None:
            try:
                if await shared.test(rate, *who):
                    return None
                return await self._exceeded(shared, rate, who, 1)
            except StorageError as error:
                self._is_away(error)
        if await self._alone.test(rate, *who):
            return None
        return await self._exceeded(self._alone, rate, who, 1)

    async def _exceeded(
        self,
        limiter: SlidingWindowCounterRateLimiter,
        rate: RateLimitItem,
        who: tuple[str, ...],
        amount: int,
    ) -> int:
        now = time.monotonic()
        if now >= self._told_at.get(who[0], 0.0) + TOLD_EVERY_S:
            self._told_at[who[0]] = now
            log.warning("rate_exceeded", rate=who[0], limit=str(rate))
        return await _until_it_fits(limiter, rate, who, amount)

    def _shared_if_there(self) -> SlidingWindowCounterRateLimiter | None:
        if self._shared is None or time.monotonic() < self._away_until:
            return None
        return self._shared

    def _is_away(self, error: StorageError) -> None:
        self._away_until = time.monotonic() + AWAY_FOR_S
        log.warning(
            "rate_storage_away",
            problem=type(error.storage_error).__name__,
            consequence=f"this process counts for itself for {AWAY_FOR_S:.0f} seconds",
        )


def shared_storage(url: str) -> Storage:
    """The storage at a valid URL; Valkey's client speaks with Redis too."""
    secure = url.partition(":")[0] in {"valkeys", "rediss"}
    address = f"async+valkey{'s' if secure else ''}:{url.partition(':')[2]}"
    storage: Storage = storage_from_string(address, wrap_exceptions=True, **PATIENCE)  # type: ignore[assignment] # async+ gives an asynchronous one
    return storage


async def _until_it_fits(
    limiter: SlidingWindowCounterRateLimiter, rate: RateLimitItem, who: tuple[str, ...], amount: int
) -> int:
    """In how many seconds an amount fits, if nothing else is counted meanwhile.

    The last window counts by the part of it that a window's length back from now still covers.
    """
    window_s = rate.get_expiry()
    storage: ProcessMemory = limiter.storage  # type: ignore[assignment] # or another with windows
    before, before_left_s, count, count_left_s = await storage.get_sliding_window(
        rate.key_for(*who), window_s
    )
    free = rate.amount - amount
    if count <= free and before:
        wait_s = before_left_s - window_s * (free - count) / before
    else:
        wait_s = max(0.0, count_left_s - window_s) + window_s * (1 - free / max(count, 1))
    return max(1, math.ceil(wait_s))
