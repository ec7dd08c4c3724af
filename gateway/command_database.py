"""The database, as commands open it: what is wrong with it becomes one clear line."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.check import in_words
from gateway.database import DATABASE_TROUBLE, connected, pending_migrations
from gateway.settings import Settings


class CommandFailed(Exception):  # noqa: N818 - sentences for the operator
    """The command can't do its work; each line of the text says why."""


@asynccontextmanager
async def opened_database(
    settings: Settings, *, answered_within_s: float | None = None
) -> AsyncIterator[str]:
    """Connect, and give the database's URL.

    Statements that take longer, in seconds, are given up; None waits for as long as they take.

    Raises:
        CommandFailed: The database is away, or something that it was asked went wrong.
    """
    url = settings.database_url.get_secret_value()
    try:
        async with connected(url, answered_within_s=answered_within_s):
            yield url
    except DATABASE_TROUBLE as error:
        message = f"GATEWAY_DATABASE_URL: {in_words(error)}"
        raise CommandFailed(message) from error


@asynccontextmanager
async def migrated_database(settings: Settings) -> AsyncIterator[None]:
    """Connect to a database that has the newest schema.

    Raises:
        CommandFailed: As `opened_database`, or it lacks migrations.
    """
    async with opened_database(settings):
        await require_migrations()
        yield


async def require_migrations() -> None:
    """See that the connected database has the newest schema.

    Raises:
        CommandFailed: It lacks migrations.
    """
    if await pending_migrations():
        message = "the database lacks migrations: run gateway migrate first"
        raise CommandFailed(message)
