"""What an import of ten thousand users costs, and what it keeps others waiting for meanwhile.

Run as `python -m tests.benchmarks.imports`; `--rows N` takes another size.
"""

import argparse
import asyncio
import resource
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import httpx2

from gateway.app import create_app, utc_now
from gateway.catalog_file import read_catalogue
from gateway.database import connected, migrate
from gateway.settings import Settings
from resolvers.catalogue_changes import apply_catalogue
from tests import documents
from tests.imported import export, file_of, row_of, start, work
from tests.people import Clock, Gateway, Person
from tests.postgres import postgres_server

SETTINGS = {
    "secret_key": "0123456789abcdef0123456789abcdef",
    "oidc_issuer": "https://login.example",
    "oidc_client_id": "gateway",
    "oidc_client_secret": "secret",
}


class RealClock(Clock):
    """The clock of the machine."""

    def __call__(self) -> datetime:
        """Now."""
        return utc_now()


@asynccontextmanager
async def served(url: str) -> AsyncIterator[Gateway]:
    """The gateway in this process, on an empty database."""
    async with connected(url):
        await migrate(url)
        await apply_catalogue(read_catalogue(None), now=utc_now())
        settings = Settings.model_validate({"database_url": url, **SETTINGS})
        app = create_app(settings, delivers_mail=False)
        async with httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app), base_url=settings.public_url, timeout=120
        ) as client:
            yield Gateway(client, RealClock(), url)


async def ask_meanwhile(
    person: Person, organization: str, waits: dict[str, list[float]], stop: asyncio.Event
) -> None:
    """Read and write, one after the other until `stop`, and note how long each took."""
    viewer = await person.gateway.role("commerce-services/viewer")
    while not stop.is_set():
        began = time.perf_counter()
        await person.ask("{ viewer { profiles { id } } }")
        waits["read"].append(time.perf_counter() - began)
        began = time.perf_counter()
        account = f"meanwhile{time.monotonic_ns()}@live.example"
        await person.create(organization, microsoftAccount=account, roles={"set": [viewer]})
        waits["createUser"].append(time.perf_counter() - began)
        await asyncio.sleep(0.05)


async def measure(engine: str, url: str, rows: int) -> None:
    """One line for each mode, and one for the export."""
    async with served(url) as gateway:
        for mode in ("DRY_RUN", "GOOD_ROWS", "ALL_OR_NOTHING"):
            alice = await gateway.person(f"alice{mode.lower()}@live.example")
            payload = await alice.sign_up("commerce-services", newOrganization=documents.CONTOSO)
            organization = payload["user"]["organization"]["id"]
            text = file_of(*(row_of(f"User{number}") for number in range(rows)))
            waits: dict[str, list[float]] = {"read": [], "createUser": []}
            began = time.perf_counter()
            await start(alice, organization, text, mode)
            accepted = time.perf_counter() - began
            stop = asyncio.Event()
            meanwhile = asyncio.create_task(ask_meanwhile(alice, organization, waits, stop))
            processor = time.process_time()
            await work(gateway.clock)
            took = time.perf_counter() - began
            processor = time.process_time() - processor
            stop.set()
            await meanwhile
            print(
                f"{engine:8} {mode:14} {rows} rows: answered in {accepted * 1000:.0f} ms, done in "
                f"{took:.1f} s ({processor:.1f} s of processor), peak {peak_mb()} MB; meanwhile "
                + ", ".join(
                    f"{name} median {sorted(each)[len(each) // 2] * 1000:.0f} ms, "
                    f"longest {max(each) * 1000:.0f} ms"
                    for name, each in waits.items()
                    if each
                )
            )
        began = time.perf_counter()
        response = await export(alice, organization)
        print(
            f"{engine:8} export         {len(response.content.splitlines()) - 1} rows in "
            f"{time.perf_counter() - began:.2f} s, {len(response.content)} bytes"
        )


def peak_mb() -> int:
    """The most memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


async def main() -> None:
    """Measure on both engines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000)
    rows = parser.parse_args().rows
    print(f"peak before the first import: {peak_mb()} MB")
    with tempfile.TemporaryDirectory() as folder:
        await measure("SQLite", f"sqlite://{Path(folder) / 'gateway.sqlite3'}", rows)
    with postgres_server() as server:
        await measure("Postgres", server.create_database("imports"), rows)


if __name__ == "__main__":
    asyncio.run(main())
