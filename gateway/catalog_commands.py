"""`gateway catalog`: which services there are, with their roles."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import orjson
import typer

from gateway.app import utc_now
from gateway.catalog_file import read_catalogue
from gateway.command_database import migrated_database
from gateway.settings import Settings, load_settings
from resolvers.catalogue import Catalogue, current_catalogue
from resolvers.catalogue_changes import apply_catalogue

catalog = typer.Typer(
    help="The services, their roles and the roles' actions.", no_args_is_help=True
)


@catalog.command("apply")
def apply_command(
    file: Annotated[
        Path | None, typer.Argument(help="TOML; the one that comes with the gateway if left out.")
    ] = None,
) -> None:
    """Make the catalogue equal to a file. What is in use is never taken away."""
    settings = load_settings()
    changes = asyncio.run(_apply(settings, file))
    for change in changes:
        typer.echo(change)
    if not changes:
        typer.echo("The catalogue is as the file says; nothing changed.")


async def _apply(settings: Settings, file: Path | None) -> list[str]:
    declared = read_catalogue(file)
    async with migrated_database(settings):
        return await apply_catalogue(declared, now=utc_now())


@catalog.command("show")
def show_command(
    *, as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False
) -> None:
    """Show the services, their roles and the roles' actions."""
    catalogue = asyncio.run(_read_catalogue(load_settings()))
    if as_json:
        sys.stdout.buffer.write(
            orjson.dumps(_as_data(catalogue), option=orjson.OPT_INDENT_2) + b"\n"
        )
        return
    for service in catalogue.services.values():
        where = ", ".join(sorted(service.countries_or_regions or ["everywhere"]))
        typer.echo(f"{service.name} ({service.code})")
        typer.echo(f"  available: {where}; {', '.join(sorted(service.releases))}")
        for role in service.roles:
            mark = "*" if role.is_service_administrator else " "
            typer.echo(f"  {mark} {role.name} ({role.code}): {', '.join(role.actions)}")
        typer.echo()
    typer.echo(
        "* makes its holder a service administrator"
        if catalogue.services
        else "The catalogue is empty: run gateway catalog apply."
    )


async def _read_catalogue(settings: Settings) -> Catalogue:
    async with migrated_database(settings):
        return await current_catalogue()


def _as_data(catalogue: Catalogue) -> list[dict[str, object]]:
    return [
        {
            "code": service.code,
            "name": service.name,
            "description": service.description,
            "releases": sorted(service.releases),
            "countriesOrRegions": (
                None
                if service.countries_or_regions is None
                else sorted(service.countries_or_regions)
            ),
            "roles": [
                {
                    "code": role.code,
                    "name": role.name,
                    "description": role.description,
                    "isServiceAdministrator": role.is_service_administrator,
                    "actions": list(role.actions),
                }
                for role in service.roles
            ],
        }
        for service in catalogue.services.values()
    ]
