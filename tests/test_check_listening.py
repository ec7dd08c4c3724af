"""What `gateway check` says of live updates, also through pgbouncer."""

from datetime import UTC, datetime
from pathlib import Path

from gateway.check import check_everything
from gateway.settings import Settings
from tests.postgres import PostgresServer
from tests.programs import pgbouncer, through

HEARD = "✓ live updates: what is sent comes in"


async def told_of_live_updates(**urls: str) -> list[str]:
    """The lines about them."""
    found = await check_everything(Settings.model_validate(urls), now=lambda: datetime.now(UTC))
    return [str(each) for each in found if each.text.startswith("live updates")]


async def test_postgresql_itself_brings_what_is_sent(
    engine_server: PostgresServer, migrated_template: str
) -> None:
    url = engine_server.create_database("checked_listening", template=migrated_template)
    away = url.replace(f":{engine_server.port}", ":1")

    assert await told_of_live_updates(database_url=url) == [HEARD]
    (line,) = await told_of_live_updates(database_url=url, listen_database_url=away)
    assert line.startswith("✗ live updates: GATEWAY_LISTEN_DATABASE_URL: ConnectionRefusedError")


async def test_pgbouncer_does_not_and_the_check_says_what_to_set(
    engine_server: PostgresServer, migrated_template: str, tmp_path: Path
) -> None:
    url = engine_server.create_database("checked_pooled", template=migrated_template)
    with pgbouncer(engine_server, tmp_path) as port:
        pooled = through(port, url)
        (line,) = await told_of_live_updates(database_url=pooled)
        past = await told_of_live_updates(database_url=pooled, listen_database_url=url)

    assert line.startswith("✗ live updates: ")
    assert "GATEWAY_LISTEN_DATABASE_URL must name PostgreSQL itself" in line
    assert past == [HEARD]


async def test_sqlite_needs_nothing_for_them(migrated_file: Path) -> None:
    assert await told_of_live_updates(database_url=f"sqlite://{migrated_file}") == []
