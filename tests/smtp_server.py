"""A real SMTP server for the tests, which can also behave badly, and remembers what it took."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import Parser
from email.policy import default
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

MOMENTS = ("EHLO", "MAIL", "RCPT", "DATA", "ACCEPTED")
"""When the server can be told to do something: at a command before its answer, and once it has
taken responsibility for a mail but has not said so yet."""


@dataclass(frozen=True, slots=True)
class Received:
    """A mail that the server took."""

    sender: str
    recipient: str
    content: bytes = field(repr=False)

    @property
    def message(self) -> EmailMessage:
        """The mail as its reader's program understands it."""
        message = Parser(policy=default).parsestr(self.content.decode())
        assert isinstance(message, EmailMessage)
        return message

    @property
    def message_id(self) -> str:
        """What doubles have in common."""
        return str(self.message["Message-ID"])

    def part(self, kind: str) -> str:
        """The text of one of its parts, `plain` or `html`, with lines as Python has them."""
        found = self.message.get_body(preferencelist=(kind,))
        assert found is not None
        return str(found.get_content()).replace("\r\n", "\n")


Behaviour = Callable[[str], Awaitable[str | None]]
"""What to do at a moment, given the recipient if known: a reply to give instead of 250, or None."""


class _RememberedSMTP(SMTP):
    """A connection that can be ended from outside, also once it is encrypted."""

    def __init__(self, transports: set[asyncio.WriteTransport], *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._all_transports = transports

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._all_transports.add(transport)
        super().connection_made(transport)


class MailServerForTests:
    """Listens on a port of 127.0.0.1; `at` holds its behaviour at a moment."""

    def __init__(self) -> None:
        self.accepted: list[Received] = []
        self.sessions = 0
        self.attempts: list[str] = []
        self.at: dict[str, Behaviour] = {}
        self.port = 0
        self.password: str | None = None
        self.tls_context: ssl.SSLContext | None = None
        self.is_tls_from_start = False
        self.knows_smtputf8 = True
        self._server: asyncio.Server | None = None
        self._transports: set[asyncio.WriteTransport] = set()

    @property
    def url(self) -> str:
        """Its address, as the gateway's setting."""
        return f"smtp://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Listen, after a `stop` on the same port."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            self._session,
            "127.0.0.1",
            self.port,
            ssl=self.tls_context if self.is_tls_from_start else None,
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Refuse connections from now on, and end those that are open."""
        assert self._server is not None
        self._server.close()
        self._end_connections()
        await self._server.wait_closed()
        await asyncio.sleep(0.01)  # the loop closes what was aborted

    def _end_connections(self) -> None:
        for transport in self._transports:
            transport.abort()
        self._transports.clear()

    def _session(self) -> SMTP:
        self.sessions += 1
        return _RememberedSMTP(
            self._transports,
            self,
            hostname="mail.test",
            enable_SMTPUTF8=self.knows_smtputf8,
            tls_context=None if self.is_tls_from_start else self.tls_context,
            require_starttls=self.tls_context is not None and not self.is_tls_from_start,
            authenticator=self._authenticate,
            auth_require_tls=False,
        )

    def _authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _way: str, data: LoginPassword
    ) -> AuthResult:
        return AuthResult(success=data.password.decode() == self.password, handled=False)

    async def _reply(self, moment: str, recipient: str, otherwise: str) -> str:
        behaviour = self.at.get(moment)
        return (await behaviour(recipient) if behaviour else None) or otherwise

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self,
        _server: SMTP,
        session: Session,
        _envelope: Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        """Answer a greeting."""
        session.host_name = hostname
        reply = await self._reply("EHLO", "", "")
        return [reply] if reply else responses

    async def handle_MAIL(  # noqa: N802 - likewise
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Answer the sender."""
        reply = await self._reply("MAIL", "", "250 OK")
        if reply.startswith("250"):
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return reply

    async def handle_RCPT(  # noqa: N802 - likewise
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Answer a recipient."""
        self.attempts.append(address)
        reply = await self._reply("RCPT", address, "250 OK")
        if reply.startswith("250"):
            envelope.rcpt_tos.append(address)
            envelope.rcpt_options.extend(options)
        return reply

    async def handle_DATA(  # noqa: N802 - likewise
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Answer a mail, and remember it if it is taken."""
        recipient = envelope.rcpt_tos[0]
        reply = await self._reply("DATA", recipient, "250 OK")
        if not reply.startswith("250"):
            return reply
        assert isinstance(envelope.content, bytes)
        assert envelope.mail_from is not None
        self.accepted.append(Received(envelope.mail_from, recipient, envelope.content))
        return await self._reply("ACCEPTED", recipient, "250 OK")

    def replies(self, *replies: str | None) -> Behaviour:
        """A behaviour that gives these replies one after the other, then none of its own."""
        left = list(replies)

        async def behave(_recipient: str) -> str | None:
            return left.pop(0) if left else None

        return behave

    async def hang(self, _recipient: str) -> str | None:
        """A behaviour: no answer, until the other side gives up."""
        await asyncio.sleep(3600)
        return None

    def drop(self, times: int) -> Behaviour:
        """A behaviour: so many times, end every connection instead of an answer."""
        left = times

        async def behave(_recipient: str) -> str | None:
            nonlocal left
            if left:
                left -= 1
                self._end_connections()
            return None

        return behave


@asynccontextmanager
async def mail_server() -> AsyncIterator[MailServerForTests]:
    """A server that takes everything, until told otherwise."""
    server = MailServerForTests()
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
