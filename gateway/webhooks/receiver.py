"""The way to a receiver: https to public addresses alone, looked at when connecting.

A name is resolved here and the connection made to the very address that was looked at, so that no
second answer of a name server can lead elsewhere.
"""

import asyncio
import ipaddress
import ssl
from collections.abc import Iterable, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from ipaddress import IPv4Network, IPv6Network
from socket import SOCK_STREAM, gaierror
from typing import Any, NamedTuple, Self

import httpcore2

CONNECT_S = 5.0
ANSWER_S = 15.0
"""How long a receiver may take to answer, from the connection on; also its whole answer."""

READ_BYTES = 16 * 1024
"""How much of an answer is read, so that the connection can be used again."""

USER_AGENT = "commerce-gateway-webhooks/1"

Network = IPv4Network | IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Unreachable(Exception):  # noqa: N818 - an answer, not an error
    """The receiver gave no answer; the text says why, for the organization's administrators."""


class Answer(NamedTuple):
    """What the receiver said."""

    status: int
    retry_after: str | None
    """The header, as sent."""


def is_public(address: Address) -> bool:
    """Whether an address is one of the public internet, also where it is wrapped in another.

    Private, link-local, loopback, multicast and reserved ones are not (RFC 6890), nor what is
    mapped (RFC 4291 section 2.5.5.2), 6to4 (RFC 3056), Teredo (RFC 4380) or NAT64 (RFC 6052) of
    such a one.
    """
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address.teredo is not None:
            inner = address.teredo[1]
        if address in NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
    return address.is_global and not address.is_multicast


NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class GuardedNetwork(httpcore2.AsyncNetworkBackend):
    """Connects to public addresses, and to those of networks that the operator allows."""

    def __init__(self, allowed: Sequence[Network]) -> None:
        self._allowed = allowed
        self._inner = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the first address of the host that answers.

        Raises:
            Unreachable: It has none, or one that is not allowed.
            httpcore2.ConnectError: None answered.
        """
        addresses = await self._resolve(host, port)
        error: httpcore2.ConnectError | httpcore2.ConnectTimeout | None = None
        for address in addresses:
            try:
                return await self._inner.connect_tcp(
                    str(address), port, timeout, local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as caught:
                error = caught
        raise error or Unreachable("The address leads nowhere.")

    async def _resolve(self, host: str, port: int) -> list[Address]:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=SOCK_STREAM)
        except (gaierror, UnicodeError) as problem:
            message = "The host of the address is not known."
            raise Unreachable(message) from problem
        addresses = list(dict.fromkeys(ipaddress.ip_address(each[4][0]) for each in found))
        # One that is not allowed among others is no accident either.
        if not all(map(self._is_allowed, addresses)):
            message = "The address leads into a private network."
            raise Unreachable(message)
        return addresses

    def _is_allowed(self, address: Address) -> bool:
        return is_public(address) or any(address in network for network in self._allowed)


class Receivers:
    """Sends messages to receivers. Use it as a context; connections are kept for a while."""

    def __init__(self, *, allowed: Sequence[Network]) -> None:
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=ssl.create_default_context(),
            network_backend=GuardedNetwork(allowed),
            max_connections=64,
            max_keepalive_connections=32,
            keepalive_expiry=30,
        )

    async def __aenter__(self) -> Self:
        """Open."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close all connections."""
        await self._pool.aclose()

    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> Answer:
        """Send a message, following no redirect.

        Raises:
            Unreachable: There was no whole answer in time.
        """
        try:
            async with asyncio.timeout(CONNECT_S + ANSWER_S):
                return await self._post(url, body, headers)
        except TimeoutError as error:
            message = f"The receiver gave no answer within {CONNECT_S + ANSWER_S:.0f} seconds."
            raise Unreachable(message) from error

    async def _post(self, url: str, body: bytes, headers: dict[str, str]) -> Answer:
        patience = {"connect": CONNECT_S, "read": ANSWER_S, "write": ANSWER_S, "pool": ANSWER_S}
        try:
            async with self._pool.stream(
                "POST",
                url,
                headers=[
                    *headers.items(),
                    ("content-type", "application/json"),
                    ("content-length", str(len(body))),
                    ("user-agent", USER_AGENT),
                ],
                content=body,
                extensions={"timeout": patience},
            ) as response:
                length = 0
                async for part in response.aiter_stream():
                    length += len(part)
                    if length > READ_BYTES:
                        break
                fields = {name.lower(): value for name, value in response.headers}
                retry_after = fields.get(b"retry-after")
                return Answer(
                    response.status, retry_after.decode("latin-1") if retry_after else None
                )
        except (httpcore2.TimeoutException, TimeoutError) as error:
            message = "The receiver took too long."
            raise Unreachable(message) from error
        except (
            httpcore2.NetworkError,
            httpcore2.ProtocolError,
            httpcore2.UnsupportedProtocol,
            OSError,
        ) as error:
            raise Unreachable(_in_words(error)) from error


def _in_words(error: BaseException) -> str:
    """For people who know the receiver: nothing of our network is in it."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"The receiver's certificate is not valid: {cause.verify_message}."
        if isinstance(cause, ssl.SSLError):
            return "The receiver speaks no TLS that we know."
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpcore2.ConnectError):
        return "The receiver refuses connections."
    return "The connection was lost before the receiver had answered."


def seconds_to_wait(retry_after: str | None, *, now: datetime) -> float | None:
    """What `Retry-After` asks for (RFC 9110 section 10.2.3); None if nothing that can be read."""
    if retry_after is None:
        return None
    if retry_after.strip().isdigit():
        return float(retry_after)
    try:
        at = parsedate_to_datetime(retry_after)
        return max(0.0, (at - now).total_seconds())
    except (TypeError, ValueError):
        return None
