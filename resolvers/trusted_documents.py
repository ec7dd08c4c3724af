"""Trusted documents in memory and in the database, which all processes share.

They are the operator's, like the catalogue: the command line declares them, no caller does.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from tortoise.expressions import F
from tortoise.transactions import in_transaction

from models.documents import DocumentsVersion, TrustedDocument
from models.rows import new_id

VERSION_ROW = UUID("7b1f0a52-0000-7000-8000-000000000002")

MAX_DOCUMENTS = 20_000
"""Each process holds all of them; a client's release has a few hundred, of about two kilobytes."""

BATCH = 500


@dataclass(frozen=True, slots=True)
class DeclaredDocument:
    """A document under its id, as a manifest declares it."""

    id: str
    text: str


class DocumentsRefused(Exception):  # noqa: N818 - sentences for the operator
    """The documents can't be applied; each line of the text says why."""


@dataclass(frozen=True, slots=True)
class DocumentSet:
    """Documents by their ids, which answer also by the hashes of their texts."""

    version: int
    texts: Mapping[str, str]
    _hashes: Mapping[str, str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        hashes = {text_hash(text): text for text in self.texts.values()}
        object.__setattr__(self, "_hashes", hashes)

    def text(self, document_id: str) -> str | None:
        """The text with this id; `sha256:` and its hash is an id of every text.

        GraphQL over HTTP, appendix A, "SHA256 Hex Document Identifier".
        """
        found = self.texts.get(document_id)
        if found is None and document_id.startswith("sha256:"):
            found = self._hashes.get(document_id.removeprefix("sha256:"))
        return found

    def has_text(self, text: str) -> bool:
        """Whether this very text is one of the documents."""
        return text_hash(text) in self._hashes


def text_hash(text: str) -> str:
    """The SHA-256 of a document's text in UTF-8, hexadecimal; a lone surrogate becomes `?`."""
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


_held: DocumentSet | None = None


def forget_documents() -> None:
    """Read them anew: for a process that connects to another database than before."""
    global _held  # noqa: PLW0603 - likewise
    _held = None


async def current_documents() -> DocumentSet:
    """The documents as they are now: one small statement, and a full read only after a change."""
    global _held  # noqa: PLW0603 - one set per process, replaced whole
    newest = await DocumentsVersion.all().order_by("-version").first().values("version")
    version = int(newest["version"]) if newest else 0
    if _held is None or _held.version != version:
        rows = await TrustedDocument.all().order_by("document_id").values("document_id", "text")
        _held = DocumentSet(version, {row["document_id"]: row["text"] for row in rows})
    return _held


async def apply_documents(declared: Sequence[DeclaredDocument], *, now: datetime) -> list[str]:
    """Add those that are not there yet; what is there stays. A sentence for each that was added.

    Raises:
        DocumentsRefused: An id has another text already, since clients rely on the one that it
            has; or there would be too many.
    """
    async with in_transaction():
        await _line_up(now)
        present = {
            row["document_id"]: row["text"]
            for row in await TrustedDocument.all().values("document_id", "text")
        }
        refused = [
            f"document {each.id}: this id has another text already; an id's text never changes"
            for each in declared
            if present.get(each.id, each.text) != each.text
        ]
        added = [each for each in declared if each.id not in present]
        if len(present) + len(added) > MAX_DOCUMENTS:
            refused.append(
                f"there would be {len(present) + len(added)} documents; at most {MAX_DOCUMENTS} "
                "can be trusted: remove those of clients that are no longer in use"
            )
        if refused:
            raise DocumentsRefused("\n".join(refused))
        if added:
            await TrustedDocument.bulk_create(
                [
                    TrustedDocument(
                        id=new_id(), document_id=each.id, text=each.text, applied_at=now
                    )
                    for each in added
                ],
                batch_size=BATCH,
            )
            await _count_up(now)
        return [f"added document {each.id}" for each in added]


async def remove_documents(ids: Iterable[str], *, now: datetime) -> list[str]:
    """Trust these no longer; a sentence for each that was there.

    Each process notices at once for a new request by such an id, or within a second.
    """
    async with in_transaction():
        await _line_up(now)
        wanted = sorted(set(ids))
        present: list[str] = []
        for begin in range(0, len(wanted), BATCH):
            some = TrustedDocument.filter(document_id__in=wanted[begin : begin + BATCH])
            present += [row["document_id"] for row in await some.values("document_id")]
            await some.delete()
        if present:
            await _count_up(now)
        return [f"removed document {id_}" for id_ in sorted(present)]


async def _line_up(now: datetime) -> None:
    # A write before any read, as SQLite wants it; on PostgreSQL the second writer waits here.
    await DocumentsVersion.bulk_create(
        [DocumentsVersion(id=VERSION_ROW, version=0, applied_at=now)],
        on_conflict=["id"],
        update_fields=["id"],
    )


async def _count_up(now: datetime) -> None:
    await DocumentsVersion.filter(id=VERSION_ROW).update(version=F("version") + 1, applied_at=now)
