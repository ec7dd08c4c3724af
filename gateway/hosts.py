"""The `Host` header: nothing is ever made from it, and a name that is not ours gets nothing.

Otherwise the owner of any name could point it at this gateway, and his pages would be of the same
origin as our answers (DNS rebinding). That needs a public name. So names of the public URL, of the
allowed origins and of `GATEWAY_ALLOWED_HOSTS` are answered, and so are addresses and names without
a dot, such as those in a cluster or `localhost`.
"""

import ipaddress
import re
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.types import Scope

from gateway.addresses import address_in

NAME = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")

PROBES = frozenset({"/healthz", "/readyz"})
"""Asked by machines that call the gateway by any name, and answered without data."""

MAX_LENGTH = 253
"""Of a name as text (RFC 1035 section 2.3.4: 255 octets with the lengths of its labels)."""

MAX_REMEMBERED = 256


def is_host(text: str) -> bool:
    """Whether a URL can have this host: a name, or an address without brackets.

    A name that ends in a number is an IPv4 address, or nothing (URL Standard, host parsing).
    """
    name = text.lower().removesuffix(".")
    if NAME.fullmatch(name) and not name.rpartition(".")[2].isdigit():
        return len(name) <= MAX_LENGTH
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def host_name(text: str) -> str:
    """A host's name in small letters.

    Raises:
        ValueError: It is none.
    """
    name = text.lower().removesuffix(".")
    if not NAME.fullmatch(name) or not is_host(name):
        message = "must be names such as users.example.com"
        raise ValueError(message)
    return name


class Hosts:
    """The names by which the gateway is called."""

    def __init__(self, *origins: str, names: frozenset[str]) -> None:
        self._names = {urlsplit(origin).hostname for origin in origins} | names
        self._remembered: set[bytes] = set()

    def problem(self, scope: Scope) -> HTTPStatus | None:
        """What is wrong with a request's `Host`, as a status; None if nothing is.

        400 if there is not exactly one that makes sense (RFC 9112 section 3.2), 421 if it is not
        ours (RFC 9110 section 15.5.20).
        """
        given = [value for name, value in scope["headers"] if name == b"host"]
        if len(given) == 1 and given[0] in self._remembered:
            return None
        if not given and scope["http_version"] == "1.0":
            return None
        name = _name_in(given[0]) if len(given) == 1 else None
        if name is None:
            return HTTPStatus.BAD_REQUEST
        if not self._is_ours(name):
            return None if scope["path"] in PROBES else HTTPStatus.MISDIRECTED_REQUEST
        if len(self._remembered) < MAX_REMEMBERED:
            self._remembered.add(given[0])
        return None

    def _is_ours(self, name: str) -> bool:
        return (
            name in self._names
            or "." not in name
            or name.endswith(".localhost")
            or address_in(name) is not None
        )


def _name_in(value: bytes) -> str | None:
    try:
        parts = urlsplit(f"//{value.decode('ascii')}")
        _ = parts.port
    except ValueError:
        return None
    if not parts.hostname or parts.netloc != value.decode("ascii") or "@" in parts.netloc:
        return None
    name = parts.hostname.removesuffix(".")
    return name if NAME.fullmatch(name) or address_in(name) is not None else None
