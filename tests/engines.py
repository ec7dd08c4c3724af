"""Fixtures for tests that need databases of their own, on both engines."""

import asyncio
import itertools
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gateway.database import connected, migrate
from tests.postgres import PostgresServer, postgres_server

numbers = itertools.count()


@pytest.fixture(scope="session")
def engine_server() -> Iterator[PostgresServer]:
    """One PostgreSQL for all tests of this process that use these fixtures."""
    with postgres_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without a table, of either engine."""
    if request.param == "sqlite":
        return f"sqlite://{tmp_path / 'gateway.sqlite3'}"
    server: PostgresServer = request.getfixturevalue("engine_server")
    return server.create_database(f"empty_{next(numbers)}")


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, to be copied."""
    file = tmp_path_factory.mktemp("migrated") / "gateway.sqlite3"
    asyncio.run(_migrate(f"sqlite://{file}"))
    return file


@pytest.fixture(scope="session")
def migrated_template(engine_server: PostgresServer) -> str:
    """The name of a migrated PostgreSQL database, to be copied."""
    asyncio.run(_migrate(engine_server.create_database("migrated")))
    return "migrated"


@pytest.fixture(params=["sqlite", "postgres"])
def migrated_database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a migrated database of either engine."""
    if request.param == "sqlite":
        file = shutil.copy(request.getfixturevalue("migrated_file"), tmp_path)
        return f"sqlite://{file}"
    server: PostgresServer = request.getfixturevalue("engine_server")
    template: str = request.getfixturevalue("migrated_template")
    return server.create_database(f"copy_{next(numbers)}", template=template)


@pytest.fixture
async def database(migrated_database: str) -> AsyncIterator[str]:
    """The URL of a migrated database that is connected while the test runs."""
    async with connected(migrated_database):
        yield migrated_database


async def _migrate(url: str) -> None:
    async with connected(url):
        await migrate(url)
