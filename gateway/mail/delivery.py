"""Delivery: claims the mails that are due, hands them to the mail server, records what became.

No transaction is open while the mail server is spoken to. Killed between any two steps, this loses
nothing: the claim's lease ends and the mail is tried again, under the same Message-ID.
"""

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.headerregistry import Address
from typing import Self

import structlog
from jinja2 import TemplateError

from gateway import couriers
from gateway.couriers import insisting
from gateway.mail.message import Letter, Undeliverable, host_name, parse_sender, render
from gateway.mail.server import MailServer
from gateway.mail.session import (
    LetterRefused,
    MailServerTrouble,
    Patience,
    Session,
    SessionLost,
    opened,
    without_secrets,
)
from gateway.settings import Settings
from resolvers import outbox
from resolvers.outbox import ClaimedMail

log = structlog.get_logger("gateway.mail")

FIRST_PAUSE_S = 2.0
LONGEST_PAUSE_S = 600.0

LOSSES_IN_A_ROW = 2
"""After how many lost sessions the fault is taken to be the server's, not one letter's."""

NOT_COMPOSED = "The mail could not be composed. The operator's log says why."


def pause_before(attempt: int) -> float:
    """Seconds to wait before this attempt, 2 or more: any up to a bound that doubles each time.

    The whole bound is drawn from, so that what failed together does not come back together.
    """
    bound = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(attempt - 2, 20))
    return random.uniform(0, bound)  # noqa: S311 - spreads load, guards nothing


DEFAULT_PATIENCE = Patience()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace(couriers.Pace):
    """How mail is delivered: a batch through one session with the mail server."""

    batch: int = 20
    sessions: int = 4
    patience: Patience = DEFAULT_PATIENCE
    pause_before: Callable[[int], float] = pause_before

    @property
    def one_s(self) -> float:
        """The longest that one letter takes, in a session of its own."""
        patience = self.patience
        return patience.opening_s + patience.letter_s + 2 * patience.closing_s


@dataclass(frozen=True, slots=True)
class Courier:
    """Delivers batches of mails."""

    server: MailServer
    sender: Address
    public_url: str
    now: Callable[[], datetime]
    pace: Pace

    @classmethod
    def from_settings(cls, settings: Settings, *, now: Callable[[], datetime], pace: Pace) -> Self:
        """One for this mail server.

        Raises:
            ValueError: The settings for mail are missing.
        """
        if settings.smtp_url is None or settings.mail_from is None:
            message = "GATEWAY_SMTP_URL and GATEWAY_MAIL_FROM are needed for mail"
            raise ValueError(message)
        return cls(
            server=MailServer.from_url(settings.smtp_url.get_secret_value()),
            sender=parse_sender(settings.mail_from),
            public_url=settings.public_url,
            now=now,
            pace=pace,
        )

    async def claim(self) -> list[ClaimedMail]:
        """The mails to deliver next, leased to this process."""
        return await outbox.claim_due(
            now=self.now(),
            lease=timedelta(seconds=self.pace.lease_s),
            limit=self.pace.batch,
        )

    async def deliver(self, mails: list[ClaimedMail], *, stop: asyncio.Event, until: float) -> bool:
        """Try each of these mails once; False if the mail server can't be reached.

        On `stop`, or past `until` on the loop's clock, what was not begun is given back.
        """
        waiting = deque([mail for mail in mails if not await self._has_ended(mail)])
        clock = asyncio.get_running_loop().time
        losses = 0
        while waiting and not stop.is_set() and clock() < until:
            try:
                async with opened(
                    self.server,
                    greeting_as=host_name(self.public_url),
                    patience=self.pace.patience,
                ) as session:
                    is_first = True
                    while is_first or (
                        waiting and session.is_open and not stop.is_set() and clock() < until
                    ):
                        loss = await self._attempt(waiting.popleft(), session)
                        losses = losses + 1 if loss else 0
                        is_first = False
            except SessionLost as error:
                log.warning("mail_server_away", server=self.server.address, reason=str(error))
                loss, losses = error, LOSSES_IN_A_ROW
            if loss and losses >= LOSSES_IN_A_ROW:
                for mail in waiting:
                    await self._postpone(mail, loss)
                return False
        await outbox.release(waiting, now=self.now())
        return True

    async def keep_house(self) -> int:
        """Forget mails that ended long ago; how many."""
        return await outbox.forget_finished(before=self.now() - self.pace.keep_finished)

    async def _has_ended(self, mail: ClaimedMail) -> bool:
        if self.now() < mail.give_up_at:
            return False
        last = f" The last attempt: {mail.last_failure}" if mail.last_failure else ""
        await self._record_failure(mail, f"{outbox.LINK_ENDED}{last}", code=None)
        return True

    async def _attempt(self, mail: ClaimedMail, session: Session) -> SessionLost | None:
        """Deliver one mail and record what became of it; the loss, if the session was lost."""
        if not await outbox.is_wanted(mail):
            await self._record("withdrawn", mail, lambda: outbox.record_withdrawal(mail))
            return None
        letter = await self._compose(mail)
        if letter is None:
            return None
        try:
            await session.send(letter)
        except LetterRefused as refusal:
            await self._record_failure(mail, str(refusal), code=refusal.code)
        except SessionLost as loss:
            await self._postpone(mail, loss)
            return loss
        except MailServerTrouble as trouble:
            await self._postpone(mail, trouble)
        else:
            now = self.now()
            await self._record("sent", mail, lambda: outbox.record_sent(mail, now=now))
        return None

    async def _compose(self, mail: ClaimedMail) -> Letter | None:
        try:
            return render(mail, sender=self.sender, public_url=self.public_url, date=self.now())
        except Undeliverable as problem:
            await self._record_failure(mail, str(problem), code=None)
        except (ValueError, TypeError, LookupError, AttributeError, TemplateError):
            log.exception("mail_not_composed", mail_id=str(mail.id), attempt=mail.attempt)
            await self._postpone(mail, MailServerTrouble(NOT_COMPOSED))
        return None

    async def _record_failure(self, mail: ClaimedMail, reason: str, *, code: int | None) -> None:
        clean = without_secrets(reason, secrets=[mail.token])
        await self._record(
            "failed", mail, lambda: outbox.record_failure(mail, clean), smtp_code=code
        )

    async def _postpone(self, mail: ClaimedMail, trouble: MailServerTrouble) -> None:
        clean = without_secrets(str(trouble), secrets=[mail.token])
        pause = timedelta(seconds=self.pace.pause_before(mail.attempt + 1))
        until = self.now() + pause
        await self._record(
            "postponed",
            mail,
            lambda: outbox.postpone(mail, clean, until=until),
            smtp_code=trouble.code,
            trouble=type(trouble).__name__,
        )

    async def _record(
        self,
        outcome: str,
        mail: ClaimedMail,
        write: Callable[[], Awaitable[bool]],
        **fields: object,
    ) -> None:
        """Write an outcome, and again if the database is away for a moment.

        What can't be written is delivered a second time once the lease has ended.
        """
        known = await insisting(write)
        log.info(
            f"mail_{outcome}" if known else "mail_gone_or_claimed_anew",
            mail_id=str(mail.id),
            attempt=mail.attempt,
            **fields,
        )


async def check_mail_server(settings: Settings) -> None:
    """Connect, protect the connection and sign in as the settings say, and leave.

    Raises:
        MailServerTrouble: Any of it failed; the text is one sentence for the operator.
        ValueError: The settings for mail are missing.
    """
    if settings.smtp_url is None:
        message = "GATEWAY_SMTP_URL is needed for mail"
        raise ValueError(message)
    server = MailServer.from_url(settings.smtp_url.get_secret_value())
    try:
        async with opened(
            server,
            greeting_as=host_name(settings.public_url),
            patience=Patience(command_s=10, opening_s=20),
        ):
            pass
    except SessionLost as error:
        message = f"{server.address}: {error}"
        raise MailServerTrouble(message, code=error.code) from error
