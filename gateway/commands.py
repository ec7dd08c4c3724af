"""The command line; `gateway --help` lists what it does."""

import asyncio
import signal
import sys
from importlib import metadata
from pathlib import Path
from typing import Annotated
from uuid import UUID

import structlog
import typer

from gateway.app import utc_now
from gateway.catalog_commands import catalog
from gateway.catalog_file import InvalidCatalogue
from gateway.check import check_everything
from gateway.command_database import (
    CommandFailed,
    migrated_database,
    opened_database,
    require_migrations,
)
from gateway.couriers import wait_for_database
from gateway.database import ANSWERED_WITHIN_S, migrate, pending_migrations
from gateway.document_commands import documents
from gateway.grants import grant_to
from gateway.logs import configure_logs
from gateway.mail.worker import deliver_forever
from gateway.manifests import InvalidManifest, shipped_documents
from gateway.server import require_mail_settings, serve
from gateway.settings import InvalidSettings, Settings, load_settings
from gateway.webhooks.delivery import tell_forever
from resolvers.audit_chains import verified_chains
from resolvers.catalogue_changes import CatalogueInUse
from resolvers.trusted_documents import DocumentsRefused, apply_documents
from schema.graph import sdl

cli = typer.Typer(
    name="gateway",
    help="Commerce Services user management as a GraphQL gateway. Settings are read from the "
    "environment and from a .env file; see README.md.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
cli.add_typer(catalog, name="catalog")
audit = typer.Typer(help="The audit trail.", no_args_is_help=True)
cli.add_typer(audit, name="audit")
cli.add_typer(documents, name="documents")


log = structlog.get_logger(__name__)


SAID_TO_THE_OPERATOR = (
    InvalidSettings,
    CommandFailed,
    InvalidCatalogue,
    CatalogueInUse,
    InvalidManifest,
    DocumentsRefused,
)
"""Their texts are sentences, each on a line of its own."""


Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")]


def main() -> None:
    """Run the command line. Exit status: 0 done, 1 it can't be done, 2 wrong usage."""
    try:
        cli()
    except SAID_TO_THE_OPERATOR as error:
        for line in str(error).splitlines():
            typer.echo(f"gateway: {line}", err=True)
        sys.exit(1)


def _tell_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"gateway {metadata.version('commerce-gateway')}")
        raise typer.Exit


@cli.callback()
def options(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_tell_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Take what stands before any command."""
    del version


@cli.command("demo")
def demo_command(
    *,
    host: Host = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=1, max=65533, help="This port and the two above are used.")
    ] = 8000,
    data: Annotated[
        Path | None,
        typer.Option(help="Keep the data in this folder; a temporary one if left out."),
    ] = None,
) -> None:
    """Run the whole product here, with sample data, a sign-in and a mail catcher of its own."""
    try:
        # What only the demo needs may not be installed where the gateway is served.
        from gateway.demo.run import DemoRefused, run_demo  # noqa: PLC0415
    except ModuleNotFoundError as error:
        message = f"the demo needs {error.name}: pip install 'commerce-gateway[demo]'"
        raise CommandFailed(message) from error
    try:
        run_demo(host=host, port=port, data=data, tell=typer.echo)
    except DemoRefused as error:
        raise CommandFailed(str(error)) from error


@cli.command("serve")
def serve_command(
    *,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    workers: Annotated[int, typer.Option(min=1, help="Processes; PostgreSQL only.")] = 1,
    no_mail: Annotated[
        bool, typer.Option("--no-mail", help="Leave the mail to `gateway worker`.")
    ] = False,
) -> None:
    """Serve the gateway, and deliver mail too."""
    serve(load_settings(), host=host, port=port, workers=workers, delivers_mail=not no_mail)


@cli.command("worker")
def worker_command() -> None:
    """Deliver mail, tell webhooks, and nothing else. Any number of these may run."""
    settings = load_settings()
    require_mail_settings(settings)
    configure_logs(settings.log_format)
    asyncio.run(_deliver(settings))
    log.info("stopped")


async def _deliver(settings: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with opened_database(settings, answered_within_s=ANSWERED_WITHIN_S):
        await wait_for_database(stop)
        if stop.is_set():
            return
        await require_migrations()
        log.info("delivering")
        async with asyncio.TaskGroup() as work:
            for forever in (deliver_forever, tell_forever):
                work.create_task(forever(settings, now=utc_now, stop=stop, wake=asyncio.Event()))


@cli.command("schema")
def schema_command() -> None:
    """Print the graph in GraphQL's schema definition language."""
    sys.stdout.write(sdl())


@cli.command("check")
def check_command() -> None:
    """Read every setting, try all that they name, and say how it is."""
    findings = asyncio.run(check_everything(load_settings(), now=utc_now))
    for finding in findings:
        typer.echo(finding)
    if not all(finding.is_good for finding in findings):
        raise typer.Exit(1)


@cli.command("migrate")
def migrate_command(
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit 1 if there is something to do.")
    ] = False,
    grant_to: Annotated[
        str | None,
        typer.Option(help="A role of PostgreSQL that shall run the gateway, and owns nothing."),
    ] = None,
) -> None:
    """Bring the database to the newest schema."""
    if check and grant_to is not None:
        message = "--check changes nothing, so it goes without --grant-to"
        raise typer.BadParameter(message)
    settings = load_settings()
    names = asyncio.run(_pending(settings) if check else _migrate(settings, grant_to))
    for name in names:
        typer.echo(f"{'to be applied' if check else 'applied'}: {name}")
    if not names:
        typer.echo("The database has the newest schema.")
    if check and names:
        raise typer.Exit(1)


async def _pending(settings: Settings) -> list[str]:
    async with opened_database(settings):
        return await pending_migrations()


async def _migrate(settings: Settings, role: str | None) -> list[str]:
    """Also makes our own pages' documents trusted for good.

    So the page of the last release, open in a browser, works on where only trusted documents run.
    """
    async with opened_database(settings) as url:
        names = await migrate(url)
        await apply_documents(shipped_documents(), now=utc_now())
        if role is not None:
            tables = await grant_to(role, url)
            typer.echo(f"{role} may use {tables} tables")
        return names


@audit.command("verify")
def verify_command(
    *,
    organization: Annotated[
        UUID | None, typer.Option(help="Only this one's trail, by the id in the database.")
    ] = None,
) -> None:
    """Look for events that were changed, left out or put in; exit 1 if there are any.

    Each line ends with the hash of the trail's last event. Kept where the database's owner can't
    change it, it shows later that nothing before it was rewritten.
    """
    settings = load_settings()
    if not asyncio.run(_verify(settings, organization)):
        raise typer.Exit(1)


async def _verify(settings: Settings, organization_id: UUID | None) -> bool:
    events, faulty, chains = 0, 0, 0
    async with migrated_database(settings):
        async for chain in verified_chains(organization_id):
            owner = chain.organization_id or "events of no organization"
            typer.echo(f"{owner}: {chain.events} events, last {chain.last_hash or 'none'}")
            for fault in chain.faults:
                typer.echo(f"{owner}: {fault}")
            events, chains = events + chain.events, chains + 1
            faulty += bool(chain.faults)
    typer.echo(f"{events} events in {chains} chains; {faulty} chains are faulty.")
    return not faulty
