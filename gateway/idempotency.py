"""`Idempotency-Key`: a mutation that is sent again is not done again.

A client that loses the connection can't know whether its mutation was done. If it sent a key, it
sends the same request again, and gets the first answer, for as long as that is kept.

Only signed-in callers have keys. Whoever is not signed in can change nothing, and there is no
telling one stranger from another: a common space of keys would show one the other's answers. So
the header is ignored there, rather than refused: a client that always sends it may sign out.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any
from weakref import WeakValueDictionary

import orjson
from starlette.requests import Request

from gateway.answers import UnfitRequest
from gateway.graphql_errors import Refusal
from gateway.secret_keys import Sealer
from gateway.settings import Settings
from resolvers.once import (
    WAIT_AT_MOST_S,
    StillUnderWay,
    UsedForAnother,
    done_once,
    line_up_after_deadlock,
)

HEADER = "idempotency-key"
MAX_LENGTH = 255

KEY_PURPOSE = "gateway kept answers, version 1"

RETRY_AFTER_S = 1

ATTEMPTS = 3
"""How often a request is tried that PostgreSQL chose to end a deadlock by."""


@dataclass(frozen=True, slots=True)
class Executed:
    """An answer of an execution."""

    body: dict[str, Any]
    has_defect: bool
    """Whether something went wrong here, rather than with the request."""
    was_deadlocked: bool = False
    """Whether that was a deadlock, which may not happen again."""
    headers: Mapping[str, str] = field(default_factory=dict)
    retry_after_s: int | None = None
    """When to send the request again, for programs, if the database was away."""


def key_of(request: Request) -> str | None:
    """The key that a request carries; None if it carries none.

    Raises:
        UnfitRequest: 400, if there are several, or it has not 1 to 255 characters.
    """
    keys = request.headers.getlist(HEADER)
    if not keys:
        return None
    if len(keys) > 1:
        raise UnfitRequest(HTTPStatus.BAD_REQUEST, "Idempotency-Key is given more than once.")
    if not 1 <= len(keys[0]) <= MAX_LENGTH:
        message = f"Idempotency-Key must have 1 to {MAX_LENGTH} characters."
        raise UnfitRequest(HTTPStatus.BAD_REQUEST, message)
    return keys[0]


def _was_deadlocked(outcome: Executed | Refusal | None) -> bool:
    return isinstance(outcome, Executed) and outcome.was_deadlocked


def _whole(outcome: Executed | Refusal | None) -> Executed | Refusal:
    """The answer to who asked first: without data if a defect undid it all."""
    if outcome is None:
        raise AssertionError  # without an earlier answer it was executed
    if isinstance(outcome, Executed) and outcome.has_defect:
        body = {**outcome.body, "data": None}
        return Executed(body, has_defect=True, retry_after_s=outcome.retry_after_s)
    return outcome


class Idempotency:
    """The keys of all callers, and the answers kept by them."""

    def __init__(self, settings: Settings) -> None:
        self._sealer = Sealer(settings, purpose=KEY_PURPOSE)
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def answer_once(
        self,
        key: str,
        credential: str,
        *,
        request_hash: str,
        execute: Callable[[], Awaitable[Executed | Refusal]],
        now: datetime,
    ) -> Executed | Refusal:
        """What came of the execution, or of the earlier one with the same key and credential.

        An execution with a defect is undone as a whole, and so it can be tried again. After a
        deadlock, such as two requests provoke that change the same organizations one after the
        other but not in the same order, that is done here.

        Raises:
            UnfitRequest: 422, if the caller used the key for another body; 409 with Retry-After,
                if the first request with it takes too long to be waited for; 409, if the answer is
                there but can't be read any more.
        """
        key_hash = hashlib.sha256(f"{credential} {key}".encode()).hexdigest()
        outcome: Executed | Refusal | None = None

        async def do() -> bytes | None:
            nonlocal outcome
            if outcome is not None:
                await line_up_after_deadlock()
            outcome = await execute()
            if isinstance(outcome, Refusal) or outcome.has_defect:
                return None
            return self._sealed(outcome)

        try:
            async with self._turn(key_hash):
                for _ in range(ATTEMPTS):
                    earlier = await done_once(
                        key_hash=key_hash, request_hash=request_hash, do=do, now=now
                    )
                    if earlier is not None or not _was_deadlocked(outcome):
                        break
        except UsedForAnother:
            message = "This Idempotency-Key was used for a request with another body."
            raise UnfitRequest(HTTPStatus.UNPROCESSABLE_ENTITY, message) from None
        except StillUnderWay:
            message = "The first request with this Idempotency-Key is still under way."
            raise UnfitRequest(
                HTTPStatus.CONFLICT, message, {"retry-after": str(RETRY_AFTER_S)}
            ) from None
        return _whole(outcome) if earlier is None else self._opened(earlier)

    @asynccontextmanager
    async def _turn(self, key_hash: str) -> AsyncIterator[None]:
        """Let one at a time of this process to the database with a key.

        So those who wait hold no connection. Those of other processes wait in the database.
        """
        turn = self._turns.setdefault(key_hash, asyncio.Lock())
        try:
            async with asyncio.timeout(WAIT_AT_MOST_S):
                await turn.acquire()
        except TimeoutError:
            raise StillUnderWay from None
        try:
            yield
        finally:
            turn.release()

    def _sealed(self, outcome: Executed) -> bytes:
        return self._sealer.sealed(orjson.dumps(outcome.body)).encode()

    def _opened(self, sealed: bytes) -> Executed:
        content = self._sealer.opened(sealed)
        if content is None:
            # Another GATEWAY_SECRET_KEY than then.
            message = "This request has been done already; its answer can't be read any more."
            raise UnfitRequest(HTTPStatus.CONFLICT, message)
        return Executed(orjson.loads(content), has_defect=False)
