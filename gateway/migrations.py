"""Applying migrations: killed at any moment, or by several processes at once, they stay whole."""

from tortoise.connection import get_connection
from tortoise.migrations.executor import MigrationExecutor
from tortoise.migrations.graph import MigrationKey
from tortoise.migrations.migration import Migration
from tortoise.migrations.recorder import MigrationRecorder
from tortoise.transactions import in_transaction

from models.database import tortoise_config


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
        """Apply one; False if another process has done it meanwhile."""
        key = MigrationKey(app_label=migration.app_label, name=migration.name)
        async with in_transaction() as client:
            recorder = MigrationRecorder(client)
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
