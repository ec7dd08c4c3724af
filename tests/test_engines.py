"""What was mended of Tortoise's clients: one failure does not break what comes after it."""

import asyncio
import sqlite3
from pathlib import Path

import pytest
from tortoise.connection import get_connection
from tortoise.exceptions import OperationalError
from tortoise.transactions import in_transaction

from gateway.database import connected, is_away
from models.accounts import Session
from models.organizations import Organization, ProductRelease
from models.rows import new_id
from tests.people import BEGINNING

SOON_S = 5


async def organization() -> Organization:
    return await Organization.create(
        name="Contoso",
        country_or_region="US",
        product_release=ProductRelease.AX_2012_R2,
        created_at=BEGINNING,
    )


async def orphan() -> None:
    """A row that the commit refuses."""
    await get_connection("default").execute_query("PRAGMA defer_foreign_keys = ON")
    await Session.create(
        account_id=new_id(),
        token_hash="0" * 64,
        created_at=BEGINNING,
        last_seen_at=BEGINNING,
        expires_at=BEGINNING,
    )


async def organization_and_orphan() -> None:
    async with in_transaction():
        await organization()
        await orphan()


@pytest.fixture
def sqlite_url(migrated_file: Path, tmp_path: Path) -> str:
    copy = tmp_path / "gateway.sqlite3"
    copy.write_bytes(migrated_file.read_bytes())
    return f"sqlite://{copy}"


async def test_a_commit_that_fails_is_undone_and_the_next_one_succeeds(sqlite_url: str) -> None:
    async with connected(sqlite_url), asyncio.timeout(SOON_S):
        with pytest.raises(sqlite3.IntegrityError):
            await organization_and_orphan()
        between = (await Organization.all().count(), await Session.all().count())
        async with in_transaction():
            await organization()
        after = (await Organization.all().count(), await Session.all().count())

    assert (between, after) == ((0, 0), (1, 0))


async def test_a_transaction_that_sqlite_gives_up_changes_nothing_any_more(
    sqlite_url: str,
) -> None:
    async def carries_on() -> None:
        async with in_transaction():
            await organization()
            await get_connection("default").execute_query("ROLLBACK")  # as SQLite itself may
            with pytest.raises(OperationalError):
                await organization()
            with pytest.raises(OperationalError):
                async with in_transaction():
                    await organization()

    async with connected(sqlite_url), asyncio.timeout(SOON_S):
        with pytest.raises(OperationalError) as failure:
            await carries_on()
        count = await Organization.all().count()

    assert count == 0
    assert is_away(failure.value)


async def test_a_file_that_can_not_be_opened_for_a_while_is_opened_later(
    sqlite_url: str, tmp_path: Path
) -> None:
    problems = []
    async with connected(sqlite_url), asyncio.timeout(SOON_S):
        (tmp_path / "gateway.sqlite3").rename(tmp_path / "aside")
        (tmp_path / "gateway.sqlite3").mkdir()
        for _ in range(2):
            try:
                async with in_transaction():
                    await organization()
            except (OperationalError, sqlite3.Error) as error:
                problems.append(is_away(error))
            try:
                await organization()
            except (OperationalError, sqlite3.Error) as error:
                problems.append(is_away(error))
        (tmp_path / "gateway.sqlite3").rmdir()
        (tmp_path / "aside").rename(tmp_path / "gateway.sqlite3")
        await organization()
        count = await Organization.all().count()

    assert (problems, count) == ([True] * 4, 1)
