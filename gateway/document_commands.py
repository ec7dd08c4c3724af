"""`gateway documents`: which documents clients may run by an id."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import orjson
import typer

from gateway.app import utc_now
from gateway.command_database import CommandFailed, migrated_database
from gateway.manifests import InvalidManifest, ManifestCheck, read_manifest
from gateway.settings import Settings, load_settings
from resolvers.trusted_documents import (
    DeclaredDocument,
    DocumentSet,
    apply_documents,
    current_documents,
    remove_documents,
)

documents = typer.Typer(
    help="Trusted documents: what clients run by an id, and all that runs under "
    "GATEWAY_TRUSTED_DOCUMENTS_ONLY.",
    no_args_is_help=True,
)

Manifest = Annotated[
    Path, typer.Argument(help="As Relay, Apollo or GraphQL Code Generator writes it.")
]


@documents.command("apply")
def apply_command(file: Manifest) -> None:
    """Trust a manifest's documents too, once each fits the schema and the limits.

    What is trusted already stays so, for clients of earlier releases.
    """
    settings = load_settings()
    declared = read_manifest(file)
    problems = ManifestCheck(introspection=settings.introspection).problems(declared)
    if problems:
        raise InvalidManifest("\n".join(f"{file}: {problem}" for problem in problems))
    changes = asyncio.run(_apply(settings, declared))
    _tell(changes, f"All {len(declared)} documents were trusted already; nothing changed.")


async def _apply(settings: Settings, declared: Sequence[DeclaredDocument]) -> list[str]:
    async with migrated_database(settings):
        return await apply_documents(declared, now=utc_now())


@documents.command("remove")
def remove_command(
    *,
    ids: Annotated[list[str] | None, typer.Argument(help="Ids of documents.")] = None,
    manifest: Annotated[
        list[Path] | None, typer.Option(help="All documents of this manifest; repeatable.")
    ] = None,
    keep: Annotated[
        list[Path] | None,
        typer.Option(help="But none that this manifest has too; repeatable."),
    ] = None,
) -> None:
    """Trust documents no longer, such as those of a release that nobody uses any more."""
    settings = load_settings()
    named = set(ids or []) | _ids_in(manifest)
    if not named:
        message = "name ids, or a manifest by --manifest"
        raise CommandFailed(message)
    changes = asyncio.run(_remove(settings, named - _ids_in(keep)))
    _tell(changes, "None of them was trusted; nothing changed.")


async def _remove(settings: Settings, ids: set[str]) -> list[str]:
    async with migrated_database(settings):
        return await remove_documents(ids, now=utc_now())


def _ids_in(manifests: Sequence[Path] | None) -> set[str]:
    return {each.id for file in manifests or [] for each in read_manifest(file)}


@documents.command("show")
def show_command(
    *, as_json: Annotated[bool, typer.Option("--json", help="For programs, with texts.")] = False
) -> None:
    """List the documents by their ids; --json writes a manifest that can be applied elsewhere."""
    trusted = asyncio.run(_read(load_settings()))
    if as_json:
        sys.stdout.buffer.write(
            orjson.dumps(dict(trusted.texts), option=orjson.OPT_INDENT_2) + b"\n"
        )
        return
    for id_, text in trusted.texts.items():
        typer.echo(f"{id_}  {_summary(text)}")
    typer.echo(f"{len(trusted.texts)} documents are trusted.")


@documents.command("check")
def check_command() -> None:
    """Check every trusted document against this version's schema and limits; exit 1 if one fails.

    Run it with a new version before that is served.
    """
    settings = load_settings()
    trusted = asyncio.run(_read(settings))
    declared = [DeclaredDocument(id_, text) for id_, text in trusted.texts.items()]
    problems = ManifestCheck(introspection=settings.introspection).problems(declared)
    for problem in problems:
        typer.echo(problem)
    typer.echo(f"{len(declared)} documents, {len(problems)} problems.")
    if problems:
        raise typer.Exit(1)


async def _read(settings: Settings) -> DocumentSet:
    async with migrated_database(settings):
        return await current_documents()


def _tell(changes: Sequence[str], nothing: str) -> None:
    for change in changes:
        typer.echo(change)
    if not changes:
        typer.echo(nothing)


def _summary(text: str) -> str:
    """The beginning of a document, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= MAX_SUMMARY else f"{line[: MAX_SUMMARY - 1]}…"


MAX_SUMMARY = 60
