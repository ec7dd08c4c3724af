"""How often something may be done: sign-ins, looks at invitations, operations by cost, mails.

Counted in this process, or shared by all replicas in a Valkey or Redis that `GATEWAY_RATES_URL`
names. While that can't be reached nothing is refused: it protects from nuisance, and no rule of the
product rests on it.
"""

import ipaddress
import math
import time
from uuid import UUID

import structlog
from limits import RateLimitItem, parse
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import StorageError
from limits.storage import storage_from_string
from starlette.requests import HTTPConnection

from gateway.settings import Settings

log = structlog.get_logger(__name__)

IN_THIS_PROCESS = "async+memory://"

PATIENCE = {"socket_connect_timeout": 1.0, "socket_timeout": 1.0}
"""Seconds, for Valkey: a request must not wait long to be counted."""

IPV6_PREFIX = 64
"""What one subscriber has of IPv6 addresses, as a rule (RFC 6177)."""


def address_of(connection: HTTPConnection) -> str:
    """Who is told apart by address: an IPv4 address, or the network of an IPv6 one."""
    host = connection.client.host if connection.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, IPV6_PREFIX), strict=False))
    return host


class Rates:
    """The counts; each method says how many seconds to wait, or None if it may be done now."""

    def __init__(self, settings: Settings) -> None:
        if settings.rates_url is None:
            storage = storage_from_string(IN_THIS_PROCESS)
        else:
            url = f"async+{settings.rates_url.get_secret_value()}"
            storage = storage_from_string(url, wrap_exceptions=True, **PATIENCE)
        self._limiter = SlidingWindowCounterRateLimiter(storage)
        self._sign_ins = parse(settings.sign_in_rate)
        self._previews = parse(settings.preview_rate)
        self._costs = parse(settings.cost_rate)
        self._mails = {
            "recipient": parse(settings.recipient_mail_rate),
            "administrator": parse(settings.administrator_mail_rate),
            "organization": parse(settings.organization_mail_rate),
        }

    async def sign_in(self, address: str) -> int | None:
        """One step of a sign-in from an address."""
        return await self._spend(self._sign_ins, "sign-in", address)

    async def previews(self, address: str, number: int) -> int | None:
        """Looks at invitations from an address."""
        return await self._spend(self._previews, "preview", address, cost=number)

    async def operation(self, who: str, cost: float) -> int | None:
        """An operation of an account, or of an address that nobody is signed in at."""
        return await self._spend(self._costs, "cost", who, cost=math.ceil(cost))

    async def mail(self, *, recipient: str, administrator: UUID, organization: UUID) -> int | None:
        """A mail to a recipient, sent by an administrator's account for an organization."""
        whose = {
            "recipient": recipient,
            "administrator": str(administrator),
            "organization": str(organization),
        }
        for kind, rate in self._mails.items():
            wait = await self._spend(rate, "mail", kind, whose[kind])
            if wait is not None:
                return wait
        return None

    async def close(self) -> None:
        """Let go of the connections to Valkey."""
        bridge = getattr(self._limiter.storage, "bridge", None)
        if bridge is not None:
            await bridge.storage.aclose()

    async def _spend(self, rate: RateLimitItem, *who: str, cost: int = 1) -> int | None:
        try:
            if await self._limiter.hit(rate, *who, cost=min(cost, rate.amount)):
                return None
            window = await self._limiter.get_window_stats(rate, *who)
        except StorageError as error:
            log.warning("rates_unavailable", problem=type(error.storage_error).__name__)
            return None
        log.info("rate_exceeded", rate=who[0])
        return max(1, math.ceil(window.reset_time - time.time()))
