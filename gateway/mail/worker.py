"""The delivery of mail, for as long as the process lives."""

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog

from gateway.couriers import Round
from gateway.mail.delivery import Courier, Pace
from gateway.mail.server import Security
from gateway.settings import Settings
from gateway.urls import LOOPBACK_HOSTS

log = structlog.get_logger("gateway.mail")


async def deliver_forever(
    settings: Settings,
    *,
    now: Callable[[], datetime],
    stop: asyncio.Event,
    wake: asyncio.Event,
    pace: Pace | None = None,
) -> None:
    """Deliver mail until `stop`, as `Round.run` says. A mail server that is away is waited for.

    Raises:
        ValueError: The settings for mail are missing. Anything else that is raised is a defect; the
            mails in hand are tried again once their leases have ended.
    """
    courier = Courier.from_settings(settings, now=now, pace=pace or Pace())
    _warn_of_open_credentials(courier)
    await Round("mail", courier, stop=stop, wake=wake).run()


def _warn_of_open_credentials(courier: Courier) -> None:
    server = courier.server
    if (
        server.username is not None
        and server.security is Security.PLAIN
        and server.host not in LOOPBACK_HOSTS
    ):
        log.warning("mail_password_travels_unencrypted", mend="use smtps:// or ?starttls=true")
