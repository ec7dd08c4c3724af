"""Where announcements come in, and go out to the streams that they are for."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from uuid import UUID

import structlog
from starlette.requests import HTTPConnection

from gateway.auth import InvalidCredential, caller_for
from gateway.database import DATABASE_TROUBLE, is_sqlite
from gateway.logs import report_failure
from gateway.requests import request_id_of
from gateway.settings import Settings
from gateway.streams.stream import End, Stream
from models.rows import new_id
from resolvers.announcements import Announcement, CredentialsEnded, UserChanged, hearers
from resolvers.caller import Caller
from resolvers.changes import is_told
from resolvers.permissions import users_to_tell_of
from resolvers.refusals import Forbidden
from resolvers.sessions import callers_of_sessions
from schema.context import Told

log = structlog.get_logger(__name__)

MAX_OF_ACCOUNT = 50
"""Streams of one account in this process; a person has a few windows."""

LISTENS_WITHIN_S = 2.0
"""How long a new stream waits while announcements don't come in, as just after the start."""

LOOKS_EVERY_S = 1.0
"""How often it is seen to that streams of sessions whose time is over end."""

ASKS_AGAIN_AFTER_S = 60.0
"""How often every stream's credential is looked up, also if nobody announced that it ended."""


class TooManyStreams(Exception):  # noqa: N818 - an answer
    """The account has as many streams as it may; the text says how many."""


class NotNow(Exception):  # noqa: N818 - an answer
    """This process can take no stream or connection at the moment; the text says why."""


class Exchange:
    """The streams of this process.

    What is announced is told in its order. For each batch of announcements there is one statement
    that tells whose sessions still live and what each may see, and one for the changed users.
    """

    def __init__(self, settings: Settings, *, now: Callable[[], datetime]) -> None:
        self._settings = settings
        self._now = now
        self._streams: set[Stream] = set()
        self._followers: defaultdict[UUID, set[Stream]] = defaultdict(set)
        """By the organization followed."""
        self._of_account: Counter[UUID] = Counter()
        self._connections = 0
        self._announced: list[Announcement] = []
        self._arrived = asyncio.Event()
        self._listens = asyncio.Event()

    @contextmanager
    def connection(self) -> Iterator[None]:
        """A place for a connection that stays.

        Raises:
            NotNow: This process holds as many as it may.
        """
        if self._connections >= self._settings.max_streams:
            message = "Too many connections are open; try again in a moment."
            raise NotNow(message)
        self._connections += 1
        try:
            yield
        finally:
            self._connections -= 1

    def open_streams(self) -> int:
        """How many streams there are."""
        return len(self._streams)

    @asynccontextmanager
    async def stream(self, caller: Caller, connection: HTTPConnection) -> AsyncIterator[Stream]:
        """A stream that is told of changes while the block runs, once it follows something.

        Raises:
            TooManyStreams: As the class says.
            NotNow: Announcements do not come in.
        """
        account_id = caller.account.id if caller.account else None
        if account_id and self._of_account[account_id] >= MAX_OF_ACCOUNT:
            message = f"You have {MAX_OF_ACCOUNT} streams open already; close some."
            raise TooManyStreams(message)
        try:
            async with asyncio.timeout(LISTENS_WITHIN_S):
                await self._listens.wait()
        except TimeoutError:
            message = "Changes can't be followed at the moment; try again soon."
            raise NotNow(message) from None
        stream = Stream(caller, connection, register=self._register)
        self._streams.add(stream)
        if account_id:
            self._of_account[account_id] += 1
        try:
            yield stream
        finally:
            self._forget(stream, account_id)

    def _register(self, stream: Stream, organization_id: UUID) -> None:
        self._followers[organization_id].add(stream)

    def _forget(self, stream: Stream, account_id: UUID | None) -> None:
        self._streams.discard(stream)
        for organization_id, followers in list(self._followers.items()):
            followers.discard(stream)
            if not followers:
                del self._followers[organization_id]
        if account_id:
            self._of_account[account_id] -= 1
            if not self._of_account[account_id]:
                del self._of_account[account_id]

    def hear(self, announcements: Sequence[Announcement]) -> None:
        """Take in what has been announced, in its order."""
        if self._streams:
            self._announced += announcements
            self._arrived.set()

    @property
    def is_listening(self) -> bool:
        """Whether what is announced comes in."""
        return self._listens.is_set()

    def listens(self) -> None:
        """From now on nothing that is announced is missed."""
        self._listens.set()

    def missed(self) -> None:
        """Something may have been missed, until `listens` is called: every stream ends."""
        self._listens.clear()
        self._end_all(End.MISSED)

    def _end_all(self, why: End) -> None:
        self._announced.clear()
        for stream in list(self._streams):
            stream.end(why)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Tell the streams what is announced, while the block runs.

        On SQLite it hears all that is announced; on PostgreSQL `gateway.streams.listening` brings
        it here.
        """
        hears_itself = is_sqlite(self._settings.database_url.get_secret_value())
        if hears_itself:
            hearers.add(self.hear)
            self.listens()
        telling = asyncio.create_task(self._tell_on(), name="streams")
        telling.add_done_callback(report_failure)
        try:
            yield
        finally:
            hearers.discard(self.hear)
            self._end_all(End.LEAVING)
            telling.cancel()
            await asyncio.wait([telling])

    async def _tell_on(self) -> None:
        asked_at = self._now()
        try:
            while True:
                try:
                    async with asyncio.timeout(LOOKS_EVERY_S):
                        await self._arrived.wait()
                except TimeoutError:
                    self._end_outlived()
                self._arrived.clear()
                is_due = (self._now() - asked_at).total_seconds() >= ASKS_AGAIN_AFTER_S
                if is_due:
                    asked_at = self._now()
                announced, self._announced = self._announced, []
                try:
                    if is_due:
                        await self._look_again(self._streams)
                    await self._tell(announced)
                except DATABASE_TROUBLE as error:
                    log.warning("not_told", problem=type(error).__name__)
                    self._end_all(End.MISSED)
        finally:
            # Without this task nothing would be told any more.
            self.missed()

    def _end_outlived(self) -> None:
        now = self._now()
        for stream in list(self._streams):
            if stream.caller.ends_at is not None and stream.caller.ends_at <= now:
                stream.end(End.SIGNED_OUT)

    async def _tell(self, announced: Sequence[Announcement]) -> None:
        changes = [
            each
            for each in announced
            if isinstance(each, UserChanged) and each.organization_id in self._followers
        ]
        ended = {each.account_id for each in announced if isinstance(each, CredentialsEnded)}
        concerned = {
            stream
            for stream in self._streams
            if stream.caller.account and stream.caller.account.id in ended
        }
        for organization_id in {change.organization_id for change in changes}:
            concerned |= self._followers[organization_id]
        await self._look_again(concerned)
        users = await users_to_tell_of(changes) if changes else {}
        at = self._now()
        for change in changes:
            id_ = new_id()
            for stream in list(self._followers.get(change.organization_id, ())):
                if stream not in concerned or stream.ended is not None:
                    continue  # begun after the change
                try:
                    if await is_told(stream.caller, change):
                        stream.tell(Told(id_, change, users.get(change.user_id), stream.caller, at))
                except Forbidden:
                    stream.end(End.NO_MEMBER)

    async def _look_again(self, streams: Collection[Stream]) -> None:
        """Find out anew what each caller may do; end the streams of those who are nobody now."""
        of_sessions = [each for each in streams if each.caller.session_id is not None]
        now = self._now()
        found = (
            await callers_of_sessions(
                list({each.caller.session_id for each in of_sessions if each.caller.session_id}),
                request_id=str(new_id()),
                now=now,
            )
            if of_sessions
            else {}
        )
        for stream in of_sessions:
            caller = found.get(stream.caller.session_id) if stream.caller.session_id else None
            if caller is None:
                stream.end(End.SIGNED_OUT)
            else:
                stream.caller = caller
        for stream in [each for each in streams if each.caller.session_id is None]:
            try:
                stream.caller = await caller_for(
                    stream.connection,
                    settings=self._settings,
                    request_id=request_id_of(stream.connection),
                    now=now,
                )
            except InvalidCredential:
                stream.end(End.SIGNED_OUT)
