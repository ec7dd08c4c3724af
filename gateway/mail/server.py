"""The mail server as settings name it: where it is, how it is spoken to, and as whom."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Self
from urllib.parse import SplitResult

from gateway.urls import decoded, parameters, split_url

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
        if url.partition("://")[0] not in {"smtp", "smtps"}:
            message = f"must look like {EXAMPLE}"
            raise ValueError(message)
        parts = split_url(url)
        if parts.path not in {"", "/"} or parts.fragment:
            message = "must end after the port and its parameters"
            raise ValueError(message)
        username, password = _credential(parts.username), _credential(parts.password)
        if (username is None) != (password is None):
            message = "must have both a user and a password, or neither"
            raise ValueError(message)
        security = _security(parts)
        return cls(
            host=parts.hostname or "",
            port=parts.port or DEFAULT_PORTS[security],
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
    starttls = parameters(parts.query, known={"starttls"}).get("starttls")
    if starttls not in {None, "true", "false"}:
        message = "must have starttls=true or starttls=false"
        raise ValueError(message)
    if parts.scheme == "smtps":
        if starttls == "true":
            message = "smtps:// is encrypted from the start and takes no starttls=true"
            raise ValueError(message)
        return Security.TLS
    return Security.STARTTLS if starttls == "true" else Security.PLAIN


def _credential(text: str | None) -> str | None:
    return decoded(text) if text else None
