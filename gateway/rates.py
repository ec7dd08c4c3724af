"""How often something may be done: sign-ins, looks at invitations, operations by cost, mails.

Counted in this process, or shared by all replicas in the Valkey or Redis that
`GATEWAY_RATE_STORAGE_URL` names. While that can't be reached each process counts for itself: the
rates protect from nuisance, no rule of the product rests on them, and so nobody is turned away for
its sake, and readiness doesn't ask it.
"""

import math
import time
from collections.abc import Hashable
from uuid import UUID

import structlog
from limits import RateLimitItem
from limits.aio.storage import Storage
from limits.aio.storage.base import SlidingWindowCounterSupport
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import StorageError
from limits.storage import storage_from_string
from starlette.requests import HTTPConnection

from gateway.addresses import counted_address
from gateway.rate_memory import ProcessMemory
from gateway.rate_texts import parse_rate
from gateway.settings import Settings
from resolvers.caller import Caller

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
        self._alone = ProcessMemory()
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
        self._token_costs = parse_rate(settings.token_cost_rate)
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

    async def operation(
        self, *, account: UUID | None, token: UUID | None = None, address: str, cost: float
    ) -> int | None:
        """An operation of an account, maybe by a token, or of an address without a sign-in."""
        if token is not None:
            wait_s = await self._spend(self._token_costs, "token", token, cost=cost)
            if wait_s is not None:
                return wait_s
        if account is None:
            return await self._spend(self._address_costs, "address", address, cost=cost)
        return await self._spend(self._account_costs, "account", account, cost=cost)

    async def operation_by(
        self, caller: Caller | None, connection: HTTPConnection, *, cost: float
    ) -> int | None:
        """An operation of whoever is behind a connection; None for a credential that is invalid."""
        return await self.operation(
            account=caller.account.id if caller and caller.account else None,
            token=caller.token.id if caller and caller.token else None,
            address=counted_address(connection),
            cost=cost,
        )

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
        return await self._spend(self._acceptances, "acceptance", account)

    async def mail(self, *, recipient: str, administrator: UUID, organization: UUID) -> int | None:
        """A mail to a recipient, sent by an administrator's account for an organization."""
        whose: dict[str, Hashable] = {
            "recipient": recipient,
            "administrator": administrator,
            "organization": organization,
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

    async def _spend(
        self, rate: RateLimitItem | None, kind: str, who: Hashable, *, cost: float = 1
    ) -> int | None:
        """Count it, or say how long to wait; more than a whole window's worth counts as that."""
        if rate is None or cost <= 0:
            return None
        amount = min(math.ceil(cost), rate.amount)
        if self._shared is not None and time.monotonic() >= self._away_until:
            names = (kind, str(who))
            try:
                if await self._shared.hit(rate, *names, cost=amount):
                    return None
                return await self._wait_there_s(self._shared, rate, names, amount)
            except StorageError as error:
                self._is_away(error)
        window_s = rate.get_expiry()
        if self._alone.count((kind, who), amount, limit=rate.amount, window_s=window_s):
            return None
        return self._wait_here_s(rate, kind, who, amount)

    async def _wait_s(self, rate: RateLimitItem | None, kind: str, who: Hashable) -> int | None:
        """How long to wait until it would be counted; nothing is counted."""
        if rate is None:
            return None
        if self._shared is not None and time.monotonic() >= self._away_until:
            names = (kind, str(who))
            try:
                if await self._shared.test(rate, *names):
                    return None
                return await self._wait_there_s(self._shared, rate, names, 1)
            except StorageError as error:
                self._is_away(error)
        if self._alone.allows((kind, who), 1, limit=rate.amount, window_s=rate.get_expiry()):
            return None
        return self._wait_here_s(rate, kind, who, 1)

    async def _wait_there_s(
        self,
        shared: SlidingWindowCounterRateLimiter,
        rate: RateLimitItem,
        names: tuple[str, str],
        amount: int,
    ) -> int:
        self._tell(rate, names[0])
        window_s = rate.get_expiry()
        storage: SlidingWindowCounterSupport = shared.storage  # type: ignore[assignment] # its strategy demands it
        before, _, count, count_left_s = await storage.get_sliding_window(
            rate.key_for(*names), window_s
        )
        left_s = max(0.0, count_left_s - window_s)
        return _until_it_fits_s(rate, amount, before=before, count=count, left_s=left_s)

    def _wait_here_s(self, rate: RateLimitItem, kind: str, who: Hashable, amount: int) -> int:
        self._tell(rate, kind)
        before, count, left_s = self._alone.counts((kind, who), rate.get_expiry())
        return _until_it_fits_s(rate, amount, before=before, count=count, left_s=left_s)

    def _tell(self, rate: RateLimitItem, kind: str) -> None:
        now = time.monotonic()
        if now >= self._told_at.get(kind, -TOLD_EVERY_S) + TOLD_EVERY_S:
            self._told_at[kind] = now
            log.warning("rate_exceeded", rate=kind, limit=str(rate))

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


def _until_it_fits_s(
    rate: RateLimitItem, amount: int, *, before: int, count: int, left_s: float
) -> int:
    """In how many seconds an amount fits, if nothing else is counted meanwhile.

    The window before counts by the part of it that a window's length back from now still covers.
    """
    window_s = rate.get_expiry()
    free = rate.amount - amount
    if count <= free and before:
        wait_s = left_s - window_s * (free - count) / before
    else:
        wait_s = left_s + window_s * (1 - free / max(count, 1))
    return max(1, math.ceil(wait_s))
