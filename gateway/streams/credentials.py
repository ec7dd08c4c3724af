"""What is open by a credential, and ends with it: streams, and the WebSockets that carry them."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from starlette.requests import HTTPConnection

from gateway.auth import InvalidCredential, caller_for
from gateway.requests import request_id_of
from gateway.settings import Settings
from gateway.streams.stream import End
from models.rows import new_id
from resolvers.caller import Caller
from resolvers.sessions import callers_of_sessions


class Holder(Protocol):
    """What is open."""

    caller: Caller
    """Who has opened it, and what he may do as of the last look."""
    connection: HTTPConnection
    """What his credential came with, to look at it again."""

    def end(self, why: End, /) -> None:
        """End it; the second time does nothing."""


@dataclass(eq=False, slots=True)
class SignedIn:
    """A WebSocket whose client has said who he is."""

    caller: Caller
    connection: HTTPConnection
    end: Callable[[End], None]


class Credentials:
    """Those of everything that is open in this process."""

    def __init__(self, settings: Settings, *, now: Callable[[], datetime]) -> None:
        self._settings = settings
        self._now = now
        self._holders: set[Holder] = set()

    @contextmanager
    def held(self, holder: Holder) -> Iterator[None]:
        """While the block runs, end the holder when his credential ends."""
        self._holders.add(holder)
        try:
            yield
        finally:
            self._holders.discard(holder)

    @property
    def are_held(self) -> bool:
        """Whether anything is open."""
        return bool(self._holders)

    def of_accounts(self, ids: Collection[UUID]) -> set[Holder]:
        """What these have open."""
        if not ids:
            return set()
        return {
            each for each in self._holders if each.caller.account and each.caller.account.id in ids
        }

    def end_all(self, why: End) -> None:
        """End everything."""
        for holder in list(self._holders):
            holder.end(why)

    def end_outlived(self) -> None:
        """End what is held by sessions and access tokens whose time is over."""
        now = self._now()
        for holder in list(self._holders):
            if holder.caller.ends_at is not None and holder.caller.ends_at <= now:
                holder.end(End.SIGNED_OUT)

    async def look_at_all(self) -> None:
        """Look at every credential anew."""
        await self.look_at(list(self._holders))

    async def look_at(self, holders: Collection[Holder]) -> None:
        """Find out anew what each caller may do; end what those hold who are nobody now.

        All sessions are looked up at once; an access token once for all that a connection carries.
        """
        of_sessions: defaultdict[UUID, list[Holder]] = defaultdict(list)
        of_tokens: defaultdict[HTTPConnection, list[Holder]] = defaultdict(list)
        for holder in holders:
            if holder.caller.session_id is None:
                of_tokens[holder.connection].append(holder)
            else:
                of_sessions[holder.caller.session_id].append(holder)
        now = self._now()
        found = (
            await callers_of_sessions(list(of_sessions), request_id=str(new_id()), now=now)
            if of_sessions
            else {}
        )
        for session_id, theirs in of_sessions.items():
            _note(theirs, found.get(session_id))
        for connection, theirs in of_tokens.items():
            _note(theirs, await self._caller(connection, now))

    async def _caller(self, connection: HTTPConnection, now: datetime) -> Caller | None:
        try:
            return await caller_for(
                connection,
                settings=self._settings,
                request_id=request_id_of(connection),
                now=now,
            )
        except InvalidCredential:
            return None


def _note(holders: Collection[Holder], caller: Caller | None) -> None:
    for holder in holders:
        if caller is None:
            holder.end(End.SIGNED_OUT)
        else:
            holder.caller = caller
