"""URLs as operators write them. What is said of a wrong one repeats nothing of it.

For it may hold a password; and where one is not percent-encoded, pieces of it are anywhere.
"""

import re
from collections.abc import Set as AbstractSet
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from gateway.hosts import is_host

LOOPBACK_HOSTS = {"127.0.0.1", "localhost", "::1"}

PLACE = re.compile(r"(?:\[[^\[\]]*:[^\[\]]*\]|[^\[\]:]+)(?::[0-9]*)?")
"""A host, an IPv6 address in brackets, and maybe a port (RFC 3986 section 3.2)."""


def split_url(url: str) -> SplitResult:
    """The parts of a URL that has a host, and no port but one that there can be.

    Raises:
        ValueError: It is none.
    """
    if any(letter.isspace() or not letter.isprintable() for letter in url):
        message = "must have no spaces and no control characters; write them percent-encoded"
        raise ValueError(message)
    try:
        parts = urlsplit(url)
        is_sound = (
            parts.port != 0
            and PLACE.fullmatch(parts.netloc.rpartition("@")[2]) is not None
            and is_host(parts.hostname or "")
            and "@" not in f"{parts.query}{parts.fragment}"  # there a password would have got to
        )
    except ValueError:
        is_sound = False
    if not is_sound:
        message = (
            "must have a host, and maybe a port from 1 to 65535; in a user or password write "
            "/ as %2F, ? as %3F, # as %23, @ as %40 and [ as %5B"
        )
        raise ValueError(message)
    return parts


def parameters(query: str, *, known: AbstractSet[str]) -> dict[str, str]:
    """What a URL says after its question mark.

    Raises:
        ValueError: Something is unknown, or there twice.
    """
    given = parse_qsl(query, keep_blank_values=True)
    unknown = {name for name, _ in given} - known
    if unknown:
        names = sorted(name if name.isidentifier() else "(no name)" for name in unknown)
        message = f"has unknown parameters: {', '.join(names)}"
        raise ValueError(message)
    if len(dict(given)) < len(given):
        message = "must have each parameter once"
        raise ValueError(message)
    return dict(given)


def whole_number(text: str, name: str, *, least: int, most: int) -> int:
    """The value of a parameter that is a number.

    Raises:
        ValueError: It is none, or out of bounds.
    """
    if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
        message = f"{name} must be a whole number from {least} to {most}"
        raise ValueError(message)
    return int(text)


def decoded(text: str) -> str:
    """What percent-encoded text stands for.

    Raises:
        ValueError: It is no text in UTF-8, or has control characters.
    """
    try:
        plain = unquote(text, errors="strict")
    except UnicodeDecodeError as error:
        message = "must be percent-encoded as UTF-8"
        raise ValueError(message) from error
    if not plain.isprintable():
        message = "must have no control characters, percent-encoded or not"
        raise ValueError(message)
    return plain


def origin(value: str) -> str:
    """An origin, as browsers write it (RFC 6454 section 6.1): no path, no default port.

    Raises:
        ValueError: It is none.
    """
    message = "must be an origin such as https://users.example.com"
    try:
        parts = split_url(value)
    except ValueError:
        raise ValueError(message) from None
    if (
        parts.scheme not in {"http", "https"}
        or not (parts.netloc.isascii() and parts.hostname)
        or "@" in parts.netloc
        or parts.path not in {"", "/"}
        or parts.query
        or parts.fragment
    ):
        raise ValueError(message)
    default = {"http": 80, "https": 443}[parts.scheme]
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = "" if parts.port in {None, default} else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def issuer(value: str) -> str:
    """An OpenID provider's issuer, as it is (OpenID Connect Discovery section 3, RFC 8414, 2).

    Raises:
        ValueError: It is none, or would be spoken to in the clear beyond this machine.
    """
    message = (
        "must be such as https://login.example.com, without user, query and fragment; http:// "
        "is for this machine alone"
    )
    try:
        parts = split_url(value)
    except ValueError:
        raise ValueError(message) from None
    is_safe = parts.scheme == "https" or (
        parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS
    )
    if not is_safe or "@" in parts.netloc or "?" in value or "#" in value:
        raise ValueError(message)
    return value
