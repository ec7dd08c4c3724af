"""Which document a request runs: its text, one named by an id, or one that was sent before.

Trusted documents are named by `documentId` (GraphQL over HTTP, appendix A), or by the hash of
Apollo's `persistedQuery`, as Apollo Client names those of its manifest. Automatic persisted
queries are texts that clients themselves register under their hashes, kept in this process.
"""

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from graphql import GraphQLError

from gateway.documents import BAD_REQUEST, Document, Documents
from gateway.graphql_requests import GraphQLRequest
from gateway.limits import Limit
from gateway.manifests import shipped_documents
from gateway.observation import note_trusted
from resolvers.trusted_documents import DocumentSet, current_documents, text_hash

UNKNOWN_DOCUMENT = "PERSISTED_DOCUMENT_NOT_FOUND"
NOT_FOUND = "PERSISTED_QUERY_NOT_FOUND"
NOT_SUPPORTED = "PERSISTED_QUERY_NOT_SUPPORTED"
TRUSTED_ONLY = "TRUSTED_DOCUMENTS_ONLY"

APQ_MESSAGES = {NOT_FOUND: "PersistedQueryNotFound", NOT_SUPPORTED: "PersistedQueryNotSupported"}
"""What Apollo's clients look for, word for word."""

LOOK_AGAIN_S = 1.0
"""How old what is known of the database may be, where nothing says that it has changed."""

MAX_AUTOMATIC = 1_000
MAX_AUTOMATIC_BYTES = 4_194_304


class AutomaticQueries:
    """Texts that clients registered, the least recently used forgotten first."""

    def __init__(
        self, *, max_count: int = MAX_AUTOMATIC, max_bytes: int = MAX_AUTOMATIC_BYTES
    ) -> None:
        self._max_count = max_count
        self._max_bytes = max_bytes
        self._texts: OrderedDict[str, str] = OrderedDict()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._texts)

    def text(self, hash_: str) -> str | None:
        """The text registered under a hash, if it is still there."""
        text = self._texts.get(hash_)
        if text is not None:
            self._texts.move_to_end(hash_)
        return text

    def register(self, hash_: str, text: str) -> None:
        """Keep a text under its hash, which the caller has checked."""
        if hash_ in self._texts:
            self._texts.move_to_end(hash_)
            return
        self._texts[hash_] = text
        self.bytes += len(text.encode(errors="replace"))
        while len(self._texts) > self._max_count or self.bytes > self._max_bytes:
            _, forgotten = self._texts.popitem(last=False)
            self.bytes -= len(forgotten.encode(errors="replace"))


class TrustedDocuments:
    """Every request's document comes from here, whichever way the request came."""

    def __init__(
        self,
        documents: Documents,
        *,
        trusted_only: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._documents = documents
        self._trusted_only = trusted_only
        self._clock = clock
        self._shipped = DocumentSet(0, {each.id: each.text for each in shipped_documents()})
        self._automatic = AutomaticQueries()
        self._applied = DocumentSet(0, {})
        self._looked_at = float("-inf")

    async def read(
        self, asked: GraphQLRequest, *, may_run_any: Callable[[], Awaitable[bool]]
    ) -> Document:
        """The document that a request is to run, or one that holds why there is none.

        `may_run_any` tells whether this request may run what is not trusted, where only trusted
        documents run; it is asked then alone.
        """
        if asked.document_id is not None:
            return await self._by_id(asked.document_id)
        if asked.query_hash is not None:
            return await self._by_hash(asked.query_hash, asked.query, may_run_any)
        return await self._by_text(asked.query, may_run_any)

    async def _by_id(self, document_id: str) -> Document:
        text = await self._trusted(document_id)
        if text is None:
            return _refusal("No document has this documentId.", UNKNOWN_DOCUMENT)
        return self._documents.read(text)

    async def _by_hash(
        self, hash_: str, text: str, may_run_any: Callable[[], Awaitable[bool]]
    ) -> Document:
        if text:
            if len(text) <= Limit.CHARACTERS.maximum and text_hash(text) != hash_:
                return _refusal("The sha256Hash is not that of the query.", BAD_REQUEST)
            document = await self._by_text(text, may_run_any)
            if not self._trusted_only and not document.errors:
                self._automatic.register(hash_, text)
            return document
        # Apollo Client names documents of its manifest in the same way as automatic ones.
        known = self._automatic.text(hash_) or await self._trusted(hash_, f"sha256:{hash_}")
        if known is None:
            code = NOT_SUPPORTED if self._trusted_only else NOT_FOUND
            return _refusal(APQ_MESSAGES[code], code)
        return self._documents.read(known)

    async def _by_text(self, text: str, may_run_any: Callable[[], Awaitable[bool]]) -> Document:
        if self._trusted_only and not await self._is_trusted(text) and not await may_run_any():
            message = (
                "Only trusted documents run here: name one by its documentId, or send its very "
                "text. Whoever operates the gateway makes documents trusted."
            )
            return _refusal(message, TRUSTED_ONLY, HTTPStatus.FORBIDDEN)
        return self._documents.read(text)

    async def _trusted(self, *ids: str) -> str | None:
        """The text with the first of these ids that is known."""
        for look in (self._shipped_set, self._known, self._newest):
            documents = await look()
            for id_ in ids:
                if (text := documents.text(id_)) is not None:
                    note_trusted()
                    return text
        return None

    async def _is_trusted(self, text: str) -> bool:
        if len(text) > Limit.CHARACTERS.maximum:
            return False
        for look in (self._shipped_set, self._known, self._newest):
            if (await look()).has_text(text):
                note_trusted()
                return True
        return False

    async def _shipped_set(self) -> DocumentSet:
        return self._shipped

    async def _known(self) -> DocumentSet:
        """The documents of the database as they were a moment ago."""
        if self._clock() - self._looked_at > LOOK_AGAIN_S:
            return await self._newest()
        return self._applied

    async def _newest(self) -> DocumentSet:
        looked_at = self._clock()
        self._applied = await current_documents()
        self._looked_at = looked_at
        return self._applied


def _refusal(message: str, code: str, status: HTTPStatus | None = None) -> Document:
    return Document(None, (GraphQLError(message),), code, status=status)
