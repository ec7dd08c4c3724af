"""How many connections and streams there may be: of this process, of an address, of an account."""

from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager, nullcontext

from starlette.requests import HTTPConnection

from gateway.addresses import TrustedProxies, counted_address
from gateway.settings import Settings
from resolvers.caller import Caller

MAX_OF_ACCOUNT = 50
"""Streams of one account in this process, and also WebSockets; a person has a few windows."""

RETRY_AFTER_S = 3
"""When to come back for a place."""

TOO_MANY = "Too many connections are open; try again in a moment."
TOO_MANY_OF_ADDRESS = "Too many connections are open from your address; close some."
TOO_MANY_SOCKETS = f"You have {MAX_OF_ACCOUNT} WebSockets open already; close some."
TOO_MANY_STREAMS = f"You have {MAX_OF_ACCOUNT} streams open already; close some."


class TooManyStreams(Exception):  # noqa: N818 - an answer
    """The account has as many streams as it may; the text says how many."""


class NotNow(Exception):  # noqa: N818 - an answer
    """This process can take no stream or connection at the moment; the text says why."""


class Places:
    """The places for connections that stay, and for the streams that they carry."""

    def __init__(self, settings: Settings) -> None:
        self._proxies = TrustedProxies(settings.trusted_proxies)
        self._all = _Held(settings.max_streams)
        self._of_address = _Held(settings.max_streams_per_address)
        self._sockets = _Held(MAX_OF_ACCOUNT)
        self._streams = _Held(MAX_OF_ACCOUNT)

    @contextmanager
    def connection(self, connection: HTTPConnection) -> Iterator[None]:
        """A place for a WebSocket or an event stream, whoever it is.

        An address that is still a trusted proxy's is many people's, and has no limit.

        Raises:
            NotNow: This process holds as many as it may, or as many from this address.
        """
        client = connection.client
        is_one = client is not None and not self._proxies.is_trusted(client.host)
        with (
            self._all.one("", NotNow(TOO_MANY)),
            self._of_address.one(counted_address(connection), NotNow(TOO_MANY_OF_ADDRESS))
            if is_one
            else nullcontext(),
        ):
            yield

    @contextmanager
    def socket(self, caller: Caller) -> Iterator[None]:
        """A place for a WebSocket of an account.

        Raises:
            NotNow: The account has as many as it may.
        """
        with self._sockets.one(caller.account and caller.account.id, NotNow(TOO_MANY_SOCKETS)):
            yield

    @contextmanager
    def stream(self, caller: Caller) -> Iterator[None]:
        """A place for a stream of an account; who has none is not let follow anything.

        Raises:
            TooManyStreams: As the class says.
        """
        account_id = caller.account and caller.account.id
        refusal = TooManyStreams(TOO_MANY_STREAMS)
        with self._streams.one(account_id, refusal) if account_id else nullcontext():
            yield


class _Held:
    """What each of many holds, up to a limit."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held: Counter[Hashable] = Counter()

    @contextmanager
    def one(self, holder: Hashable, refusal: Exception) -> Iterator[None]:
        """One more of a holder, unless he has as many as he may: then the refusal is raised."""
        if self._held[holder] >= self._limit:
            raise refusal
        self._held[holder] += 1
        try:
            yield
        finally:
            self._held[holder] -= 1
            if not self._held[holder]:
                del self._held[holder]
