"""Where requests come from: the address that is connected, or behind proxies the one before them.

`X-Forwarded-For` is a claim that anyone can make. It counts only as far as trusted proxies wrote
it: from its end back to the first address that is not one of them.
"""

import ipaddress
from collections.abc import Set as AbstractSet

from starlette.requests import HTTPConnection
from starlette.types import Scope

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

FORWARDED_FOR = b"x-forwarded-for"

IPV6_PREFIX = 64
"""What one subscriber has of IPv6 addresses, as a rule (RFC 6177)."""


def networks(text: str) -> frozenset[Network]:
    """Addresses and networks, such as `10.0.0.0/8`, separated by commas or spaces.

    Raises:
        ValueError: One is none; the text says which.
    """
    found = set()
    for place, item in enumerate(text.replace(",", " ").split(), start=1):
        try:
            found.add(ipaddress.ip_network(item))
        except ValueError as error:
            message = f"item {place} is no address or network such as 10.0.0.0/8"
            raise ValueError(message) from error
    return frozenset(found)


class TrustedProxies:
    """Whom to believe about where a request comes from."""

    def __init__(self, trusted: AbstractSet[Network]) -> None:
        self._networks = trusted

    def name_client(self, scope: Scope) -> None:
        """Put the client's address into a request that came by trusted proxies.

        Hops that can't be read end the search, and so the client is the last one that could.
        """
        if not self._networks or scope["client"] is None:
            return
        client = address_in(scope["client"][0])
        if client is None or not self._trusts(client):
            return
        hops = b",".join(value for name, value in scope["headers"] if name == FORWARDED_FOR)
        for hop in reversed(hops.decode("latin-1").split(",")):
            address = address_in(hop)
            if address is None:
                break
            client = address
            if not self._trusts(address):
                break
        scope["client"] = (str(client), 0)

    def is_trusted(self, text: str) -> bool:
        """Whether this address is a proxy's."""
        address = address_in(text) if self._networks else None
        return address is not None and self._trusts(address)

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def address_in(text: str) -> Address | None:
    """An address, maybe with a port as some proxies write it; None if it is none."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def counted_address(connection: HTTPConnection) -> str:
    """Who is told apart by address: an IPv4 address, or the network of an IPv6 one."""
    return counted(connection.client.host) if connection.client else ""


def counted(host: str) -> str:
    """The same of a client's host."""
    if ":" not in host:
        return host
    address = address_in(host)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((int(address), IPV6_PREFIX), strict=False))
    return host if address is None else str(address)
