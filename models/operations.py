"""Migration operations that Tortoise lacks."""

from collections.abc import Sequence

from tortoise.migrations.operations import AlterField, RunSQL
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state import State


class PostgresSQL(RunSQL):
    """Statements for PostgreSQL alone, where SQLite already behaves as wanted."""

    async def database_forward(
        self,
        app_label: str,
        old_state: State,
        new_state: State,
        state_editor: BaseSchemaEditor | None = None,
    ) -> None:
        """Run the statements if the database is PostgreSQL."""
        if state_editor is not None and state_editor.client.capabilities.dialect == "postgres":
            await super().database_forward(app_label, old_state, new_state, state_editor)


def by_code_point(table: str, columns: Sequence[str]) -> PostgresSQL:
    """Compare these text columns by code point, as SQLite does, so that both engines sort alike.

    It also lets a plain index serve prefix ranges, whatever the database's own collation.
    """
    return PostgresSQL(
        [
            f'ALTER TABLE "{table}" ALTER COLUMN "{column}" TYPE TEXT COLLATE "C"'
            for column in columns
        ]
    )


class ForEachEngine(RunSQL):
    """One list of statements for each engine, where they have no words in common, as for triggers.

    A statement is sent whole: Tortoise would cut a trigger for SQLite at its semicolons.
    """

    def __init__(self, *, sqlite: Sequence[str], postgres: Sequence[str]) -> None:
        super().__init__([])
        self.statements = {"sqlite": sqlite, "postgres": postgres}

    async def database_forward(
        self,
        app_label: str,
        old_state: State,
        new_state: State,
        state_editor: BaseSchemaEditor | None = None,
    ) -> None:
        """Run the statements of this engine."""
        del app_label, old_state, new_state
        if state_editor is not None:
            for statement in self.statements[state_editor.client.capabilities.dialect]:
                await state_editor.client.execute_query(statement)


class StateOfField(AlterField):
    """A field that is described anew, or takes further enum values: columns stay as they are.

    Tortoise would make the whole table anew on SQLite, which loses its triggers and indexes.
    """

    async def database_forward(self, *_: object, **__: object) -> None:
        """Nothing: only what Tortoise knows of the field changes."""

    async def database_backward(self, *_: object, **__: object) -> None:
        """Nothing, likewise."""
