"""Where announcements come in, and go out to the streams that they are for."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import datetime
from uuid import UUID

import structlog
from starlette.requests import HTTPConnection

from gateway.database import DATABASE_TROUBLE, is_sqlite
from gateway.logs import report_failure
from gateway.settings import Settings
from gateway.streams.credentials import Credentials, Holder, SignedIn
from gateway.streams.places import NotNow, Places
from gateway.streams.stream import End, Stream
from models.rows import new_id
from resolvers.announcements import Announcement, CredentialsEnded, UserChanged, hearers
from resolvers.caller import Caller
from resolvers.changes import is_told
from resolvers.permissions import users_to_tell_of
from resolvers.refusals import Forbidden
from schema.context import Told

log = structlog.get_logger(__name__)

LISTENS_WITHIN_S = 2.0
"""How long a new stream waits while announcements don't come in, as just after the start."""

LOOKS_EVERY_S = 1.0
"""How often it is seen to that what is held by a credential whose time is over ends."""

ASKS_AGAIN_AFTER_S = 60.0
"""How often every credential is looked up, also if nobody announced that it ended."""


class Exchange:
    """The streams of this process.

    What is announced is told in its order. For each batch of announcements there is one statement
    that tells whose sessions still live and what each may see, and one for the changed users.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        now: Callable[[], datetime],
        asks_again_after_s: float = ASKS_AGAIN_AFTER_S,
    ) -> None:
        self.places = Places(settings)
        self._settings = settings
        self._now = now
        self._asks_again_after_s = asks_again_after_s
        self._credentials = Credentials(settings, now=now)
        self._streams: set[Stream] = set()
        self._followers: defaultdict[UUID, set[Stream]] = defaultdict(set)
        """By the organization followed."""
        self._announced: list[Announcement] = []
        self._arrived = asyncio.Event()
        self._listens = asyncio.Event()

    def open_streams(self) -> int:
        """How many streams there are."""
        return len(self._streams)

    @contextmanager
    def socket(self, signed_in: SignedIn) -> Iterator[None]:
        """See to it while the block runs that a WebSocket ends with its credential.

        Raises:
            NotNow: Its account has as many as it may.
        """
        with self.places.socket(signed_in.caller), self._credentials.held(signed_in):
            yield

    @asynccontextmanager
    async def stream(self, caller: Caller, connection: HTTPConnection) -> AsyncIterator[Stream]:
        """A stream that is told of changes while the block runs, once it follows something.

        Raises:
            TooManyStreams: As the class says.
            NotNow: Announcements do not come in.
        """
        with self.places.stream(caller):
            try:
                async with asyncio.timeout(LISTENS_WITHIN_S):
                    await self._listens.wait()
            except TimeoutError:
                message = "Changes can't be followed at the moment; try again soon."
                raise NotNow(message) from None
            stream = Stream(caller, connection, register=self._register)
            self._streams.add(stream)
            try:
                with self._credentials.held(stream):
                    yield stream
            finally:
                self._forget(stream)

    def _register(self, stream: Stream, organization_id: UUID) -> None:
        self._followers[organization_id].add(stream)

    def _forget(self, stream: Stream) -> None:
        self._streams.discard(stream)
        for organization_id, followers in list(self._followers.items()):
            followers.discard(stream)
            if not followers:
                del self._followers[organization_id]

    def hear(self, announcements: Sequence[Announcement]) -> None:
        """Take in what has been announced, in its order."""
        if self._credentials.are_held:
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
        """Something may have been missed, until `listens` is called: all that is open ends."""
        self._listens.clear()
        self._end_all(End.MISSED)

    def _end_all(self, why: End) -> None:
        self._announced.clear()
        self._credentials.end_all(why)

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
        time = asyncio.get_running_loop().time  # which nobody sets back
        asked_at = time()
        try:
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOKS_EVERY_S):
                        await self._arrived.wait()
                self._arrived.clear()
                self._credentials.end_outlived()
                is_due = time() - asked_at >= self._asks_again_after_s
                if is_due:
                    asked_at = time()
                announced, self._announced = self._announced, []
                try:
                    if is_due:
                        await self._credentials.look_at_all()
                    await self._tell(announced)
                except DATABASE_TROUBLE as error:
                    log.warning("not_told", problem=type(error).__name__)
                    self._end_all(End.MISSED)
        finally:
            # Without this task nothing would be told any more.
            self.missed()

    async def _tell(self, announced: Sequence[Announcement]) -> None:
        changes = [
            each
            for each in announced
            if isinstance(each, UserChanged) and each.organization_id in self._followers
        ]
        ended = {each.account_id for each in announced if isinstance(each, CredentialsEnded)}
        concerned: set[Holder] = self._credentials.of_accounts(ended)
        for organization_id in {change.organization_id for change in changes}:
            concerned |= self._followers[organization_id]
        await self._credentials.look_at(concerned)
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
