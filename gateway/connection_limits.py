"""How many connections there may be, and how long they may wait for what."""

import resource
from dataclasses import dataclass

from gateway.addresses import TrustedProxies
from gateway.settings import Settings

STATE_KEY = "connection_limits"
"""Where the application's lifespan leaves the limits for the server."""

OPEN_FILES = 65_536
"""Enough for any number of connections that one process can serve."""

OTHER_FILES = 128
"""Of a process's open files: the database, the log, mail, what is read from the disk."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """How much a client may ask of a process's connections."""

    head_s: float
    """From the connection, or from the first byte of a further request, to the end of its head."""
    body_s: float
    """From there to the end of its body, beside what a large one is given for its size."""
    send_s: float
    """How long what we have sent may wait for the client to take it."""
    idle_s: float
    """Between two requests."""
    connections: int
    per_address: int
    proxies: TrustedProxies
    """Whose connections are many people's."""

    @classmethod
    def of(cls, settings: Settings) -> "ConnectionLimits":
        """Those of the settings."""
        return cls(
            head_s=settings.head_timeout_s,
            body_s=settings.body_timeout_s,
            send_s=settings.send_timeout_s,
            idle_s=settings.idle_timeout_s,
            connections=min(settings.max_connections, max(1, open_files_limit() - OTHER_FILES)),
            per_address=settings.max_connections_per_address,
            proxies=TrustedProxies(settings.trusted_proxies),
        )


def open_files_limit() -> int:
    """How many files and connections this process may have open now."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def raise_open_files_limit() -> None:
    """Let this process, and those that it starts, have as many connections as the system lets it.

    Shells mostly give 1024, of which every connection needs one.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
