"""What the role that runs the gateway on PostgreSQL may do: not rewrite the audit trail.

A role that owns no table can't remove the triggers that keep the trail as it is, and has no right
to change an event besides.
"""

from typing import Final

import asyncpg

from gateway.command_database import CommandFailed
from gateway.database import MIGRATION_LOCK, is_sqlite, own_connection

ROWS: Final = "SELECT, INSERT, UPDATE, DELETE"
LESS: Final = {
    "audit_events": "SELECT, INSERT",
    "audit_chains": "SELECT, INSERT, UPDATE",
    "tortoise_migrations": "SELECT",
}
"""The tables of which it gets less than `ROWS`."""

ROLE = """
SELECT quote_ident(rolname) AS name, rolsuper OR rolname = current_user AS may_all,
    quote_ident(current_schema()) AS schema
FROM pg_roles WHERE rolname = $1
"""
TABLES = """
SELECT quote_ident(tablename) AS name, tablename AS key FROM pg_tables
WHERE schemaname = current_schema() AND tableowner = current_user ORDER BY tablename
"""


async def grant_to(role: str, url: str) -> int:
    """Give a role the rights that running the gateway takes, and no others; on how many tables.

    It is one transaction, so that a gateway which runs as this role never lacks a right.

    Raises:
        CommandFailed: There are no roles, not this one, or it could do everything anyway.
        OSError: The database can't be reached; so may errors of the driver.
    """
    if is_sqlite(url):
        message = "--grant-to: SQLite has no roles"
        raise CommandFailed(message)
    connection = await own_connection(url)
    try:
        async with connection.transaction():
            await connection.execute(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
            return await _grant(role, connection)
    finally:
        await connection.close()


async def _grant(role: str, connection: asyncpg.Connection) -> int:
    found = await connection.fetchrow(ROLE, role)
    if found is None:
        message = f"--grant-to: there is no role {role}; make it first by CREATE ROLE … LOGIN"
        raise CommandFailed(message)
    if found["may_all"]:
        message = f"--grant-to: {role} is a superuser or owns the tables, so it may do everything"
        raise CommandFailed(message)
    name = found["name"]
    await connection.execute(f"GRANT USAGE ON SCHEMA {found['schema']} TO {name}")
    tables = await connection.fetch(TABLES)
    for table in tables:
        await connection.execute(f"REVOKE ALL ON {table['name']} FROM {name}")
        rights = LESS.get(table["key"], ROWS)
        await connection.execute(f"GRANT {rights} ON {table['name']} TO {name}")
    return len(tables)
