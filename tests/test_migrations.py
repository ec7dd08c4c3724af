import asyncio
import importlib
import sys
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import asyncpg
import pytest
from tortoise import Tortoise
from tortoise.connection import get_connection
from tortoise.exceptions import IntegrityError
from tortoise.migrations.autodetector import MigrationAutodetector

from gateway.database import connected, is_sqlite, migrate, pending_migrations
from gateway.migrations import LOCK_WITHIN_MS
from models.accounts import AccessToken, Account, Session
from models.database import tortoise_config
from models.services import CatalogueVersion, Role, Service
from tests.postgres import PostgresServer

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)

DECLARING = [
    importlib.import_module(f"models.migrations.{name}")
    for name in (
        "0002_constraints",
        "0003_kept_answers",
        "0005_access_tokens",
        "0006_documents_and_imports",
        "0007_external_ids",
    )
]
UNIQUE = {name for module in DECLARING for name in module.UNIQUE}
INDEXES = {name for module in DECLARING for name in module.INDEXES}


async def indexes(url: str) -> dict[str, str]:
    """Every index of the database with its definition, as its own catalogue gives it."""
    statement = (
        "SELECT name, coalesce(sql, '') AS definition FROM sqlite_master WHERE type = 'index'"
        if is_sqlite(url)
        else "SELECT indexname AS name, indexdef AS definition FROM pg_indexes"
        " WHERE schemaname = 'public'"
    )
    rows = await get_connection("default").execute_query_dict(statement)
    return {row["name"]: row["definition"] for row in rows}


async def test_migrating_an_empty_database_leaves_nothing_to_do(empty_database: str) -> None:
    async with connected(empty_database):
        needed = await pending_migrations()
        applied = await migrate(empty_database)
        again = await migrate(empty_database)
        left = await pending_migrations()

    assert applied == needed != []
    assert (again, left) == ([], [])


async def test_every_declared_index_is_in_the_database(database: str) -> None:
    present = await indexes(database)
    unique = {name for name, definition in present.items() if "UNIQUE" in definition.upper()}

    assert UNIQUE - unique == set()
    assert INDEXES - set(present) == set()
    assert INDEXES & unique == set()


@pytest.mark.usefixtures("database")
async def test_the_migrations_are_all_that_the_models_need() -> None:
    """`tortoise makemigrations` would find no drift."""
    assert Tortoise.apps is not None
    detector = MigrationAutodetector(Tortoise.apps, tortoise_config("")["apps"])

    assert await detector.changes() == []


async def account() -> Account:
    return await Account.create(
        issuer="https://id.example",
        subject="1",
        microsoft_account="alice@live.example",
        microsoft_account_key="alice@live.example",
        created_at=NOW,
        last_sign_in_at=NOW,
    )


async def session() -> Session:
    owner = await Account.first() or await account()
    return await Session.create(
        account=owner, token_hash="0" * 64, created_at=NOW, last_seen_at=NOW, expires_at=NOW
    )


async def access_token() -> AccessToken:
    owner = await Account.first() or await account()
    return await AccessToken.create(
        account=owner,
        name="nightly",
        prefix="csu_",
        token_hash="0" * 64,
        scopes="READ",
        created_at=NOW,
        expires_at=NOW,
    )


async def version() -> CatalogueVersion:
    return await CatalogueVersion.create(version=1, applied_at=NOW)


async def administrator_role(code: str = "admin", name: str = "Admin") -> Role:
    service = await Service.first() or await Service.create(
        code="sites", name="Sites", description="", position=0, releases=[]
    )
    return await Role.create(
        service=service,
        code=code,
        name=name,
        description="",
        position=0,
        is_service_administrator=True,
        actions=[],
    )


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("insert", [account, session, access_token, version, administrator_role])
async def test_the_database_itself_refuses_a_double(
    insert: Callable[[], Coroutine[Any, Any, object]],
) -> None:
    await insert()
    with pytest.raises(IntegrityError):
        await insert()


@pytest.mark.usefixtures("database")
async def test_the_database_itself_refuses_a_second_administrator_role_of_a_service() -> None:
    await administrator_role()
    with pytest.raises(IntegrityError):
        await administrator_role("other", "Other")


MIGRATIONS = len(list(Path("models/migrations").glob("0*.py")))

TABLE_OF_MIGRATIONS = """
CREATE TABLE tortoise_migrations (
    id SERIAL NOT NULL PRIMARY KEY, app VARCHAR(255) NOT NULL, name VARCHAR(255) NOT NULL,
    applied_at TIMESTAMPTZ NOT NULL, UNIQUE (app, name)
)
"""

MIGRATE = """
import asyncio, sys
from gateway.database import connected, migrate

async def main():
    async with connected(sys.argv[1]):
        print(len(await migrate(sys.argv[1])))

asyncio.run(main())
"""


async def test_processes_that_migrate_at_once_do_it_once(empty_database: str) -> None:
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", MIGRATE, empty_database, stdout=asyncio.subprocess.PIPE
        )
        for _ in range(3)
    ]
    applied = [int((await process.communicate())[0]) for process in processes]
    async with connected(empty_database):
        left = await pending_migrations()

    assert (sum(applied), left) == (MIGRATIONS, [])


async def _until(connection: asyncpg.Connection, *, waiting: int) -> None:
    """Wait until so many wait for a lock."""
    async with asyncio.timeout(10):
        while waiting != await connection.fetchval(WAITING):  # noqa: ASYNC110 - the server's state
            await asyncio.sleep(0.02)


WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"


async def test_a_migration_lets_requests_pass_and_leaves_nothing_half_done_meanwhile(
    engine_server: PostgresServer,
) -> None:
    """Someone else holds a table that it needs, for longer than it waits in the queue for it."""
    url = engine_server.create_database("migrated_later")
    busy = await asyncpg.connect(url)
    await busy.execute(TABLE_OF_MIGRATIONS)
    async with connected(url):
        async with busy.transaction():
            await busy.execute("LOCK TABLE tortoise_migrations IN SHARE MODE")
            migrating = asyncio.create_task(migrate(url))
            await _until(busy, waiting=1)
            began = perf_counter()
            await _until(busy, waiting=0)
            waited_s = perf_counter() - began
            tables = await busy.fetchval("SELECT count(*) FROM pg_tables WHERE tablename = 'users'")
            is_done = migrating.done()
        applied = await migrating
    await busy.close()

    assert (tables, is_done) == (0, False)
    assert waited_s == pytest.approx(LOCK_WITHIN_MS / 1000, abs=0.5)
    assert len(applied) == MIGRATIONS


async def test_the_previous_version_is_ready_after_a_migration_of_the_next(database: str) -> None:
    """What it doesn't know was added only; so it goes on until its turn to be replaced comes."""
    del database
    await get_connection("default").execute_query(
        "INSERT INTO tortoise_migrations (app, name, applied_at)"
        " VALUES ('models', '9999_of_the_next_version', '2026-11-24 12:00:00+00')"
    )

    assert await pending_migrations() == []
