"""Applying migrations: a process may be killed at any moment, and several may do it at once."""

import asyncio

import asyncpg
from tortoise.connection import get_connection
from tortoise.exceptions import OperationalError
from tortoise.migrations.executor import MigrationExecutor
from tortoise.migrations.graph import MigrationKey
from tortoise.migrations.migration import Migration
from tortoise.migrations.recorder import MigrationRecorder
from tortoise.transactions import in_transaction

from models.database import tortoise_config

LOCK_WITHIN_MS = 2_000
"""How long a migration waits for a table: requests that need it wait as long behind it."""

PAUSES_S = (1.0, 1.0, 2.0, 2.0, 4.0, 4.0, 8.0, 8.0, 16.0, 16.0)
"""Between its attempts."""


class Migrations(MigrationExecutor):
    """The migrations of the connected database.

    Tortoise notes a migration after the transaction that applies it. A process that died in between
    would leave a database that can never be migrated again, so here both are one transaction.
    """

    def __init__(self) -> None:
        super().__init__(get_connection("default"), tortoise_config("")["apps"])

    async def pending(self) -> list[str]:
        """The names of those that are still to be applied, in order."""
        return [_name(step.migration) for step in await self.plan()]

    async def apply_pending(self) -> list[str]:
        """Apply what is pending; the names of what this process applied, in order."""
        pending = [step.migration for step in await self.plan()]
        if not pending:
            return []
        await self.recorder.ensure_schema(self._schema_editor(atomic=False))
        return [_name(migration) for migration in pending if await self._apply(migration)]

    async def _apply(self, migration: Migration) -> bool:
        """Apply one; False if another process has done it meanwhile.

        It never waits long for a table that is in use, since every request for that table would
        wait behind it: it gives up, lets the requests pass, and tries again.

        Raises:
            OperationalError: A table was in use each time. This migration left nothing behind.
        """
        for pause_s in PAUSES_S:
            try:
                return await self._apply_soon(migration)
            except asyncpg.LockNotAvailableError:
                await asyncio.sleep(pause_s)
        message = "a table that is to be changed was in use each time"
        raise OperationalError(message)

    async def _apply_soon(self, migration: Migration) -> bool:
        """Apply one, or give up because a table is in use."""
        key = MigrationKey(app_label=migration.app_label, name=migration.name)
        async with in_transaction() as client:
            recorder = MigrationRecorder(client)
            if client.capabilities.dialect == "postgres":
                await client.execute_query(f"SET LOCAL lock_timeout = {LOCK_WITHIN_MS}")
            # It changes nothing, but SQLite lets one process at a time go on from here.
            await client.execute_query("DELETE FROM tortoise_migrations WHERE 1 = 0")
            applied = set(await recorder.applied_migrations())
            if key in applied:
                return False
            editor = self._schema_editor()
            editor.client = client
            await migration.apply(await self._project_state(applied), schema_editor=editor)
            await recorder.record_applied(key.app_label, key.name)
        return True


def _name(migration: Migration) -> str:
    return f"{migration.app_label}.{migration.name}"
