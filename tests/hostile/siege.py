"""A siege: hostile requests by the thousand against a gateway that serves good ones meanwhile."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from urllib.parse import parse_qs, urlsplit

import httpx2

from gateway.room import MAX_BYTES_OF_ALL_BODIES
from tests import documents
from tests.hostile import bodies, doors, graphs, heads
from tests.hostile.judge import faults_of
from tests.hostile.settlement import Besieged, users_seen
from tests.hostile.shapes import Generator, Hostile, Targets
from tests.hostile.wire import Answer, UnansweredError, UnreadableError, attack

WEIGHTS: tuple[tuple[Generator, int], ...] = (
    (heads.lines, 4),
    (heads.fields, 8),
    (heads.spoilt, 6),
    (heads.chunks, 6),
    (heads.lengths, 2),
    (heads.upgrades, 3),
    (heads.pipelines, 2),
    (heads.departures, 3),
    (bodies.media, 6),
    (bodies.texts, 8),
    (bodies.parameters, 8),
    (bodies.sizes, 1),
    (bodies.queries, 6),
    (graphs.texts, 14),
    (graphs.values, 25),
    (doors.paths, 6),
    (doors.departing, 4),
    (doors.returning, 3),
    (doors.links, 4),
    (doors.origins, 8),
    (doors.keys, 5),
)
"""How many of a hundred or so each generator makes."""

AT_ONCE = 16
GOOD_EVERY_S = 0.05
MEMORY_EVERY_S = 0.25
MAX_FAULTS_TOLD = 20
KEPT_GROWTH_BYTES = 100 * 2**20
"""What a siege may leave: documents that are remembered, and a heap that was larger once."""

MOST_GROWTH_BYTES = KEPT_GROWTH_BYTES + MAX_BYTES_OF_ALL_BODIES
"""And what it may add for a moment: the bodies of sixteen clients, who send up to 10 MB each."""

TROUBLE = re.compile(rb'"(?:request_failed|field_failed)"|Traceback|Exception in|never retrieved')
"""What the gateway's log must not hold."""


@dataclass
class Siege:
    """What became of it."""

    seed: int
    statuses: Counter[str] = field(default_factory=Counter)
    families: Counter[str] = field(default_factory=Counter)
    faults: dict[str, str] = field(default_factory=dict)
    """Each kind of fault, with one request that shows it."""
    good: list[float] = field(default_factory=list)
    """How long each good request took, in seconds."""
    good_failed: list[str] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)
    """What the gateway held, in bytes, from before the first request to after the last."""
    took_s: float = 0.0

    def told(self) -> str:
        """For people."""
        statuses = ", ".join(f"{name} {number}" for name, number in sorted(self.statuses.items()))
        families = ", ".join(f"{name} {number}" for name, number in sorted(self.families.items()))
        good = sorted(self.good)
        megabytes = [round(each / 2**20) for each in self.memory]
        return (
            f"{sum(self.families.values())} hostile requests with seed {self.seed} in"
            f" {self.took_s:.0f} s\n  by kind: {families}\n  answers by status: {statuses}\n"
            f"  {len(good)} good requests meanwhile, {len(self.good_failed)} of them failed, median"
            f" {good[len(good) // 2] * 1000:.0f} ms, 99 % within"
            f" {good[len(good) * 99 // 100] * 1000:.0f} ms\n  memory: {megabytes[0]} MB before,"
            f" {max(megabytes)} at most, {megabytes[-1]} after; by tenths of the time"
            f" {megabytes[:: max(1, len(megabytes) // 10)]}\n  faults: {len(self.faults)}\n"
            + "".join(
                f"    {fault}\n      {shown}\n"
                for fault, shown in list(self.faults.items())[:MAX_FAULTS_TOLD]
            )
        )

    def failed(self) -> bool:
        """Whether anything was not as it must be."""
        kept, most = (each - self.memory[0] for each in (self.memory[-1], max(self.memory)))
        is_bounded = kept <= KEPT_GROWTH_BYTES and most <= MOST_GROWTH_BYTES
        return bool(self.faults or self.good_failed) or not is_bounded

    def blame(self, fault: str, hostile: Hostile) -> None:
        """Note a fault, once of each kind."""
        self.faults.setdefault(
            re.sub(r"[0-9a-f]{8,}|\d+", "N", fault)[:300],
            f"{fault[:200]} by {hostile.data[:400]!r}",
        )


def requests(seed: int, number: int, targets: Targets) -> Iterator[Hostile]:
    """The same ones for the same seed, but for the ids and tokens in them."""
    random = Random(seed)  # noqa: S311 - not for secrets
    generators = [generator for generator, _ in WEIGHTS]
    weights = [weight for _, weight in WEIGHTS]
    for _ in range(number):
        yield random.choices(generators, weights)[0](random, targets)


async def lay(besieged: Besieged, *, seed: int, number: int) -> Siege:
    """Attack, and look meanwhile and afterwards whether all is well."""
    siege = Siege(seed)
    began = time.monotonic()
    with httpx2.Client(base_url=besieged.url, trust_env=False, timeout=20) as client:
        targets = Targets(
            besieged.settlement, f"127.0.0.1:{besieged.port}", list(_sign_ins(client))
        )
        before = users_seen(client, besieged)
        siege.memory.append(memory_of(besieged.pid))
        over = asyncio.Event()
        beside = [
            asyncio.create_task(_ask_well(besieged, siege, over)),
            asyncio.create_task(_watch(besieged, siege, over)),
        ]
        source = requests(seed, number, targets)
        await asyncio.gather(*(_attack_on(source, besieged, siege) for _ in range(AT_ONCE)))
        over.set()
        await asyncio.gather(*beside)
        if (after := users_seen(client, besieged)) != before:
            siege.faults["Contoso's users are not what they were"] = f"{before} / {after}"
    siege.memory.append(memory_of(besieged.pid))
    siege.took_s = time.monotonic() - began
    for line in besieged.log.read_bytes().splitlines():
        if TROUBLE.search(line):
            text = line.decode(errors="replace")
            siege.faults.setdefault(f"the log: {text[-300:]}", text[:1_500])
    return siege


def _sign_ins(client: httpx2.Client) -> Iterator[tuple[str, str]]:
    """Some that a browser has begun."""
    for _ in range(5):
        response = client.get("/auth/sign-in?return_to=/users")
        state = parse_qs(urlsplit(response.headers["location"]).query)["state"][0]
        yield state, response.headers["set-cookie"].partition(";")[0]
        client.cookies.clear()


async def _attack_on(source: Iterable[Hostile], besieged: Besieged, siege: Siege) -> None:
    for hostile in source:
        siege.families[hostile.family] += 1
        try:
            answer = await attack(hostile, besieged.port)
        except (UnansweredError, UnreadableError, ConnectionRefusedError) as error:
            siege.blame(f"{type(error).__name__}: {error}", hostile)
            siege.statuses["broken"] += 1
            continue
        _count(answer, hostile, besieged, siege)


def _count(answer: Answer | None, hostile: Hostile, besieged: Besieged, siege: Siege) -> None:
    if answer is None:
        siege.statuses["left" if hostile.leaves else "none owed"] += 1
        return
    siege.statuses[str(answer.status)] += 1
    try:
        faults = faults_of(hostile, answer, besieged)
    except UnreadableError as error:
        faults = [str(error)]
    for fault in faults:
        siege.blame(f"{answer.status}: {fault}", hostile)


async def _ask_well(besieged: Besieged, siege: Siege, over: asyncio.Event) -> None:
    """Be Contoso's administrator, who works on."""
    cookie = besieged.settlement.cookies["administrator"][0]
    asked: list[tuple[str, Callable[[httpx2.Response], bool]]] = [
        (documents.VIEWER, lambda r: r.json()["data"]["viewer"] is not None),
        (documents.CATALOGUE, lambda r: len(r.json()["data"]["services"]) > 1),
    ]
    async with httpx2.AsyncClient(base_url=besieged.url, trust_env=False, timeout=20) as client:
        while not over.is_set():
            document, is_right = asked[len(siege.good) % len(asked)]
            began = time.monotonic()
            try:
                response = await client.post(
                    "/graphql",
                    json={"query": document},
                    headers={"cookie": f"session={cookie}", "origin": besieged.url},
                )
                if response.status_code != 200 or not is_right(response):
                    siege.good_failed.append(response.text[:200])
            except (httpx2.TransportError, KeyError) as error:
                siege.good_failed.append(repr(error))
            siege.good.append(time.monotonic() - began)
            await asyncio.sleep(GOOD_EVERY_S)


async def _watch(besieged: Besieged, siege: Siege, over: asyncio.Event) -> None:
    while not over.is_set():
        siege.memory.append(memory_of(besieged.pid))
        await asyncio.sleep(MEMORY_EVERY_S)


def memory_of(pid: int) -> int:
    """What a process holds, in bytes.

    Raises:
        FileNotFoundError: It has ended.
    """
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    if found is None:
        raise FileNotFoundError(pid)
    return int(found[1]) * 1024
