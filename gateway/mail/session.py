"""A session with the mail server: opened once, used for many letters, each wait bounded."""

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiosmtplib

from gateway.mail.message import Letter
from gateway.mail.names import plain
from gateway.mail.server import MailServer, Security

AUTHENTICATION_REQUIRED = 530
"""RFC 4954 section 6: the session's fault, not the recipient's."""

SERVICE_CLOSING = 421
"""RFC 5321 section 3.8: the server ends the session."""

PERMANENT = range(500, 600)
"""RFC 5321 section 4.2.1."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for a mail server, in seconds."""

    command_s: float = 30
    opening_s: float = 60
    """For all of connecting, TLS and signing in."""
    letter_s: float = 90
    """For all of one letter."""
    closing_s: float = 5


class MailServerTrouble(Exception):  # noqa: N818 - a sentence for the operator
    """The mail server can't be used now; the text says why, in one sentence and without secrets.

    `code` is its reply code (RFC 5321 section 4.2), if it gave one.
    """

    def __init__(self, reason: str, *, code: int | None = None) -> None:
        super().__init__(reason)
        self.code = code


class SessionLost(MailServerTrouble):
    """There is no session, or there is no more."""


class LetterRefused(Exception):  # noqa: N818 - the server's answer
    """The server refused the recipient or the message for good."""

    def __init__(self, reason: str, *, code: int | None = None) -> None:
        super().__init__(reason)
        self.code = code


class Session:
    """A signed-in session. It is made by `opened`."""

    def __init__(self, client: aiosmtplib.SMTP, server: MailServer, patience: Patience) -> None:
        self._client = client
        self._server = server
        self._patience = patience

    async def send(self, letter: Letter) -> None:
        """Hand a letter over. When this returns, the server has taken responsibility for it.

        Raises:
            LetterRefused: A 5xx reply to RCPT or DATA, or SMTPUTF8 is needed and not offered.
            SessionLost: Disconnected, or out of patience: whether the server has the letter is
                unknown.
            MailServerTrouble: Any other refusal; the session goes on.
        """
        if letter.is_international and not self._client.supports_extension("smtputf8"):
            message = "The mail server can't deliver to an address with international letters."
            raise LetterRefused(message)
        try:
            async with asyncio.timeout(self._patience.letter_s):
                await self._transact(letter)
        except aiosmtplib.SMTPResponseException as error:
            await self._recover(error)
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            self._client.close()
            raise SessionLost(_why(error, self._server)) from error

    async def _transact(self, letter: Letter) -> None:
        options = ["SMTPUTF8", "BODY=8BITMIME"] if letter.is_international else []
        if self._client.supports_extension("size"):
            options.append(f"SIZE={len(letter.message)}")  # RFC 1870
        encoding = "utf-8" if letter.is_international else "ascii"
        await self._client.mail(letter.sender, options=options, encoding=encoding)
        await self._client.rcpt(letter.recipient, encoding=encoding)
        await self._client.data(letter.message)

    async def _recover(self, error: aiosmtplib.SMTPResponseException) -> None:
        """Make the session fit for the next letter, and say what the reply means."""
        reason = _why(error, self._server)
        if error.code == SERVICE_CLOSING or not await self._reset():
            self._client.close()
            if not _is_final(error):
                raise SessionLost(reason, code=error.code) from error
        if _is_final(error):
            raise LetterRefused(reason, code=error.code) from error
        raise MailServerTrouble(reason, code=error.code) from error

    async def _reset(self) -> bool:
        try:
            await self._client.rset(timeout=self._patience.closing_s)
        except (aiosmtplib.SMTPException, OSError):
            return False
        return True

    @property
    def is_open(self) -> bool:
        """Whether another letter can be sent."""
        return self._client.is_connected


def _is_final(error: aiosmtplib.SMTPResponseException) -> bool:
    about_letter = isinstance(error, aiosmtplib.SMTPRecipientRefused | aiosmtplib.SMTPDataError)
    return about_letter and error.code in PERMANENT and error.code != AUTHENTICATION_REQUIRED


@asynccontextmanager
async def opened(
    server: MailServer, *, greeting_as: str, patience: Patience
) -> AsyncIterator[Session]:
    """Connect, protect the connection and sign in, as the server's settings say; QUIT at the end.

    `greeting_as` is what EHLO says of this side (RFC 5321 section 4.1.1.1).

    Raises:
        SessionLost: Any of it failed.
    """
    client = aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        username=server.username,
        password=server.password,
        use_tls=server.security is Security.TLS,
        start_tls=server.security is Security.STARTTLS,
        local_hostname=greeting_as,
        timeout=patience.command_s,
    )
    try:
        async with asyncio.timeout(patience.opening_s):
            await client.connect()
            if client.is_ehlo_or_helo_needed:
                await client.ehlo()
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        client.close()
        code = error.code if isinstance(error, aiosmtplib.SMTPResponseException) else None
        raise SessionLost(_why(error, server), code=code) from error
    try:
        yield Session(client, server, patience)
    finally:
        await _close(client, patience)


async def _close(client: aiosmtplib.SMTP, patience: Patience) -> None:
    try:
        if client.is_connected:
            await client.quit(timeout=patience.closing_s)
    except (aiosmtplib.SMTPException, OSError):
        pass  # what was handed over stays so, whatever the answer to QUIT (RFC 5321 4.1.1.10)
    finally:
        client.close()


def _why(error: Exception, server: MailServer) -> str:
    """What went wrong, in a sentence for people, with no secret and no name of the server's."""
    match error:
        case aiosmtplib.SMTPAuthenticationError():
            told = f"The mail server refused the sign-in: {_reply(error)}"
        case aiosmtplib.SMTPSenderRefused():
            told = f"The mail server refused the sender: {_reply(error)}"
        case aiosmtplib.SMTPRecipientRefused():
            told = f"The mail server refused the recipient: {_reply(error)}"
        case aiosmtplib.SMTPDataError():
            told = f"The mail server refused the message: {_reply(error)}"
        case aiosmtplib.SMTPResponseException():
            told = f"The mail server answered: {_reply(error)}"
        case TimeoutError():
            told = "The mail server did not answer in time."
        case _ if (problem := _tls_problem(error)) is not None:
            told = f"There is no secure connection to the mail server: {problem}."
        case aiosmtplib.SMTPServerDisconnected() | ConnectionResetError():
            told = "The mail server ended the connection."
        case OSError():
            told = f"The mail server can't be reached: {_system_error(error)}."
        case _:
            told = f"The mail server can't be used: {error}"
    return without_secrets(told, secrets=[server.password or ""])


def _reply(error: aiosmtplib.SMTPResponseException) -> str:
    return f"{error.code} {error.message}" if error.code > 0 else error.message


def _tls_problem(error: BaseException | None) -> str | None:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return f"its certificate is not valid ({error.verify_message})"
        if isinstance(error, ssl.SSLError):
            return str(error.reason or "TLS failed").replace("_", " ").lower()
        error = error.__cause__
    return None


def _system_error(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, socket.gaierror):
        return "its name is unknown"
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno).lower()
    return "the connection failed"


def without_secrets(text: str, *, secrets: list[str]) -> str:
    """One clean line in which no secret, and no longer piece of one, is left."""
    words = plain(text).split(" ")
    return " ".join("(hidden)" if _gives_away(word, secrets) else word for word in words)


PIECE_LENGTH = 10
"""A piece of a secret this long is hidden; a shorter secret is hidden as a whole."""


def _gives_away(word: str, secrets: list[str]) -> bool:
    return any(
        secret[start : start + PIECE_LENGTH] in word
        for secret in secrets
        if secret
        for start in range(max(1, len(secret) - PIECE_LENGTH + 1))
    )
