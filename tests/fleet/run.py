"""The load test: clients work while each part of the fleet is restarted; then all is counted."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg

from gateway.database import connected
from resolvers.sessions import Identity, sign_in
from schema.nodes import decode_id
from tests.fleet.clients import Client, Tally
from tests.fleet.fleet import Fleet, fleet, verified_trail
from tests.people import ISSUER

DATABASE_AWAY = "PostgreSQL is restarted"

SEEN_WITHIN_S = 3.0
"""How long the proxy may take to see that a gateway is ready again."""

DELIVERED_WITHIN_S = 120.0

TRAIL = """
SELECT users.microsoft_account, audit_events.action, audit_events.changes
FROM audit_events JOIN users ON users.id = audit_events.subject_id
WHERE audit_events.organization_id = $1 AND outcome = 'SUCCEEDED'
    AND action IN ('USER_CREATED', 'USER_EDITED', 'INVITATION_SENT')
ORDER BY audit_events.sequence
"""


@dataclass
class Report:
    """What came of it; `breaches` is empty if every promise was kept."""

    lines: list[str] = field(default_factory=list)
    breaches: list[str] = field(default_factory=list)


async def load_test(
    folder: Path, *, clients: int, pause_s: float, tell: Callable[[str], None]
) -> Report:
    """Run it; `pause_s` is how long the load goes on between two restarts."""
    tally = Tally()
    with fleet(folder) as running:
        people = await _people(running, clients, tally)
        for member in running.gateways:
            await member.is_ready()
        await asyncio.sleep(SEEN_WITHIN_S)
        stop = asyncio.Event()
        began = time.perf_counter()
        tasks = [asyncio.create_task(person.run(stop)) for person in people]
        await _restart_everything(running, tally, pause_s=pause_s, tell=tell)
        stop.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        took_s = time.perf_counter() - began
        report = Report()
        report.breaches += [f"client failed: {each}" for each in map(_error_of, tasks) if each]
        report.lines.append(
            f"{clients} clients, {took_s:.0f} s: {tally.answered} answers "
            f"({tally.answered / took_s:.0f} a second), half within {tally.percentile(0.5):.0f} ms,"
            f" 99 % within {tally.percentile(0.99):.0f} ms"
        )
        told = ", ".join(f"{count} while {phase}" for phase, count in tally.told_to_retry.items())
        report.lines.append(f"told to retry: {told or 'none'}")
        _hold("requests lost", tally.lost, report)
        report.breaches += [
            f"told to retry {count} times while {phase}"
            for phase, count in tally.told_to_retry.items()
            if phase != DATABASE_AWAY
        ]
        await _hold_invitations(running, people, report)
        await _hold_order(running, people, report)
        trail = await asyncio.to_thread(verified_trail, running)
        report.lines.append(f"audit trail: {trail}")
        if "(exit 0)" not in trail:
            report.breaches.append(trail)
    return report


async def _people(running: Fleet, count: int, tally: Tally) -> list[Client]:
    """Clients whose people have signed in; the identity provider is not what is tested here."""
    now = datetime.now(UTC)
    async with connected(running.database_url):
        found = []
        for number in range(count):
            account = f"administrator{number}@fleet.example"
            identity = Identity(
                issuer=ISSUER, subject=account, microsoft_account=account, display_name=None
            )
            cookie, _ = await sign_in(
                identity,
                client=None,
                request_id="fleet",
                now=now,
                lifetime=timedelta(hours=12),
            )
            found.append(Client(number, running.url, cookie, tally))
    return found


async def _restart_everything(
    running: Fleet, tally: Tally, *, pause_s: float, tell: Callable[[str], None]
) -> None:
    await asyncio.sleep(pause_s)
    for member in (*running.gateways, running.worker):
        before, tally.phase = tally.answered, f"{member.name} is restarted"
        away_s = await member.restart()
        tell(f"{member.name}: away for {away_s:.1f} s, {tally.answered - before} answers meanwhile")
        await asyncio.sleep(pause_s)
    began, tally.phase = time.perf_counter(), DATABASE_AWAY
    await asyncio.to_thread(running.server.restart)
    tell(f"PostgreSQL: restarted in {time.perf_counter() - began:.1f} s")
    for member in running.gateways:
        await member.is_ready()
    tell(f"both gateways are ready again {time.perf_counter() - began:.1f} s after it began")
    await asyncio.sleep(SEEN_WITHIN_S)
    tally.phase = "all is there again"
    await asyncio.sleep(pause_s)


def _error_of(task: asyncio.Task[None]) -> str | None:
    error = task.exception()
    return None if error is None else f"{type(error).__name__}: {error}"


def _hold(what: str, breaches: list[str], report: Report) -> None:
    report.lines.append(f"{what}: {len(breaches)}")
    report.breaches += [f"{what}: {count} x {each}" for each, count in Counter(breaches).items()]


async def _hold_invitations(running: Fleet, people: list[Client], report: Report) -> None:
    """Each invitation that was acknowledged has come by mail, once the outbox is empty."""
    invited = {
        profile.address
        for person in people
        for profile in person.profiles
        if "INVITATION_SENT" in profile.done
    }
    deadline = time.monotonic() + DELIVERED_WITHIN_S
    missing = invited
    while missing and time.monotonic() < deadline:
        await asyncio.sleep(0.5)
        missing = invited - {
            mail.recipient.strip("<>").lower() for mail in list(running.mailbox.server.accepted)
        }
    mails = len(running.mailbox.server.accepted)
    report.lines.append(f"invitations: {len(invited)} acknowledged, {mails} mails taken")
    _hold("invitations lost", sorted(missing), report)


async def _hold_order(running: Fleet, people: list[Client], report: Report) -> None:
    """The trail tells of each user what the client was told, in that order, each once."""
    connection = await asyncpg.connect(running.database_url)
    broken, events = [], 0
    try:
        for person in people:
            told: dict[str, list[str]] = {}
            organization = decode_id("Organization", person.organization)
            for account, action, changes in await connection.fetch(TRAIL, organization):
                told.setdefault(account, []).append(_in_words(action, changes))
                events += 1
            broken += [
                f"{profile.address}: {profile.done} but {told.get(profile.address)}"
                for profile in person.profiles
                if told.get(profile.address) != profile.done
            ]
            own = f"administrator{person.number}@fleet.example"
            unasked = told.keys() - {profile.address for profile in person.profiles} - {own}
            broken += [f"{address} was not asked for" for address in unasked]
    finally:
        await connection.close()
    report.lines.append(f"events of users: {events}")
    _hold("orders broken", broken, report)


def _in_words(action: str, changes: str) -> str:
    """An event as the clients write it down."""
    names = {change["field"]: change["after"] for change in json.loads(changes)}
    return f"{action} {names['lastName']}" if action == "USER_EDITED" else action
