"""The mail server as settings name it: where it is, how it is spoken to, and as whom."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Self
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

EXAMPLE = "smtp://user:password@host:587?starttls=true or smtps://user:password@host"


class Security(Enum):
    """How the connection is protected. Never by chance: STARTTLS is demanded or left alone."""

    PLAIN = "plain"
    STARTTLS = "starttls"
    """RFC 3207."""
    TLS = "tls"
    """From the first byte (RFC 8314 section 3.3)."""


DEFAULT_PORTS = {Security.PLAIN: 25, Security.STARTTLS: 587, Security.TLS: 465}


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed over."""

    host: str
    port: int
    security: Security
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def from_url(cls, url: str) -> Self:
        """Understand `smtp://user:password@host:587?starttls=true` or `smtps://…`.

        User and password are percent-decoded. Without `starttls=true`, smtp:// stays plain.

        Raises:
            ValueError: It can't be understood; the text says why and repeats no part of it but the
                names of unknown parameters.
        """
        parts = urlsplit(url)
        if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
            message = f"must look like {EXAMPLE}"
            raise ValueError(message)
        if parts.path not in {"", "/"} or parts.fragment:
            message = (
                "must end after the port and its parameters; in a user or password write "
                "/ as %2F, ? as %3F and # as %23"
            )
            raise ValueError(message)
        username, password = _credential(parts.username), _credential(parts.password)
        if (username is None) != (password is None):
            message = "must have both a user and a password, or neither"
            raise ValueError(message)
        security = _security(parts)
        return cls(
            host=parts.hostname,
            port=_port(parts) or DEFAULT_PORTS[security],
            security=security,
            username=username,
            password=password,
        )

    @property
    def address(self) -> str:
        """Host and port, for people."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def _security(parts: SplitResult) -> Security:
    options = parse_qsl(parts.query, keep_blank_values=True)
    unknown = sorted({name for name, _ in options} - {"starttls"})
    if unknown:
        message = f"has unknown parameters: {', '.join(unknown)}"
        raise ValueError(message)
    values = [value for _, value in options]
    if values not in ([], ["true"], ["false"]):
        message = "must have starttls=true or starttls=false, once"
        raise ValueError(message)
    if parts.scheme == "smtps":
        if values == ["true"]:
            message = "smtps:// is encrypted from the start and takes no starttls=true"
            raise ValueError(message)
        return Security.TLS
    return Security.STARTTLS if values == ["true"] else Security.PLAIN


def _port(parts: SplitResult) -> int | None:
    try:
        return parts.port
    except ValueError as error:
        message = "must have a port from 1 to 65535"
        raise ValueError(message) from error


def _credential(text: str | None) -> str | None:
    if not text:
        return None
    try:
        decoded = unquote(text, errors="strict")
    except UnicodeDecodeError as error:
        message = "must have its user and password percent-encoded as UTF-8"
        raise ValueError(message) from error
    if not decoded.isprintable():
        message = "must have no control characters in its user or password"
        raise ValueError(message)
    return decoded
