"""Verifying the audit trail: whether anything was changed, left out or put in behind its back."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

from tortoise.expressions import Q
from tortoise.queryset import QuerySet

from models.audit import NO_ORGANIZATION, AuditChain, AuditEvent, event_hash
from models.organizations import Organization

STEP = 500
"""How many rows are in memory at a time."""


@dataclass(frozen=True, slots=True)
class VerifiedChain:
    """An organization's chain, or that of the events of none, and what is wrong with it."""

    organization_id: UUID | None
    events: int
    last_hash: str
    """Kept elsewhere, it shows later that nothing before it was rewritten, by whomever."""
    faults: tuple[str, ...]
    """Sentences; the first hundred of them."""


MAX_FAULTS = 100


async def verified_chains(organization_id: UUID | None = None) -> AsyncIterator[VerifiedChain]:
    """Walk every chain, or that of one organization, from its beginning.

    The memory that this takes does not grow with the number of events or organizations. Events
    that are appended meanwhile are no faults.
    """
    if organization_id is not None:
        yield await _verified(organization_id)
        return
    yield await _verified(NO_ORGANIZATION)
    last: UUID | None = None
    while ids := await _next_organizations(last):
        for id_ in ids:
            yield await _verified(id_)
        last = ids[-1]


async def _next_organizations(last: UUID | None) -> list[UUID]:
    """Every organization has signed up for a service, so each has a chain."""
    rows = Organization.all() if last is None else Organization.filter(id__gt=last)
    return [row["id"] for row in await rows.order_by("id").limit(STEP).values("id")]


class _Walk:
    """A chain, as far as it has been walked."""

    def __init__(self) -> None:
        self.events = 0
        self.place: tuple[int, UUID] | None = None
        self.sequence = 0
        self.last_hash = ""
        self.faults: list[str] = []

    def fault(self, sentence: str) -> None:
        if len(self.faults) < MAX_FAULTS:
            self.faults.append(sentence)

    def pass_by(self, event: AuditEvent) -> None:
        """Compare an event with the one before it, and with its own hash."""
        if event.sequence == self.sequence and self.place is not None:
            self.fault(f"fork: there is more than one event {event.sequence}, such as {event.id}")
        elif event.sequence != self.sequence + 1:
            self.fault(f"gap: events {self.sequence + 1} to {event.sequence - 1} are missing")
        if event_hash(event) != event.hash:
            self.fault(f"change: event {event.sequence} ({event.id}) is not as it was recorded")
        elif event.previous_hash != self.last_hash:
            self.fault(f"break: event {event.sequence} ({event.id}) does not follow the one before")
        self.events += 1
        self.place = event.sequence, event.id
        self.sequence = event.sequence
        self.last_hash = event.hash

    def compare_end(self, end: AuditChain | None) -> None:
        """Compare with the chain's end, which alone can tell that the last events are missing."""
        if end is None:
            self.fault("end: the row that tells the chain's end is missing")
        elif end.sequence > self.sequence:
            self.fault(f"gap: events {self.sequence + 1} to {end.sequence} are missing at the end")
        elif end.sequence < self.sequence:
            self.fault(f"end: events after {end.sequence} were put in behind the chain's end")
        elif end.hash != self.last_hash:
            self.fault(f"end: event {end.sequence} is not the one that the chain's end tells of")


async def _verified(chain_id: UUID) -> VerifiedChain:
    organization_id = None if chain_id == NO_ORGANIZATION else chain_id
    events = AuditEvent.filter(organization_id=organization_id)
    walk = _Walk()
    while True:
        # The end is read first: whatever it tells of has been committed with it.
        end = await AuditChain.get_or_none(id=chain_id)
        limit = end.sequence if end else 0
        await _walk_to(walk, events, limit)
        beyond = await events.filter(sequence__gt=max(limit, walk.sequence)).exists()
        if not beyond:
            break
        moved = await AuditChain.filter(id=chain_id, sequence__gt=limit).exists()
        if not moved:
            await _walk_to(walk, events, None)
            break
    if end is not None or organization_id is not None or walk.events:
        walk.compare_end(end)
    return VerifiedChain(organization_id, walk.events, walk.last_hash, tuple(walk.faults))


async def _walk_to(walk: _Walk, events: QuerySet[AuditEvent], limit: int | None) -> None:
    if limit is not None:
        events = events.filter(sequence__lte=limit)
    while True:
        rest = events
        if walk.place is not None:
            sequence, id_ = walk.place
            rest = events.filter(Q(sequence__gt=sequence) | Q(sequence=sequence, id__gt=id_))
        rows = await rest.order_by("sequence", "id").limit(STEP)
        for event in rows:
            walk.pass_by(event)
        if len(rows) < STEP:
            return
