"""Backups as OPERATIONS.md has them: its own commands are run, and what they restore is whole."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from gateway.database import connected, is_sqlite, pending_migrations
from models.users import User
from resolvers.audit_chains import verified_chains
from tests.people import Gateway, Person
from tests.postgres import PROGRAMS_FOLDER, PostgresServer

GUIDE = Path("OPERATIONS.md").read_text()


def commands_of(name: str) -> str:
    """The shell block of the guide that begins with this comment."""
    (found,) = re.findall(rf"```sh\n# {name}\n(.*?)```", GUIDE, re.DOTALL)
    return str(found)


PROGRAMS = f"{PROGRAMS_FOLDER}:{os.environ['PATH']}"


def run(name: str, folder: Path, **variables: str) -> None:
    """Run one of the guide's blocks, as an operator would."""
    done = subprocess.run(
        ["/bin/sh", "-eu", "-c", commands_of(name)],
        cwd=folder,
        env={"PATH": PROGRAMS, "HOME": str(folder), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


async def test_a_backup_made_while_serving_restores_everything(
    gateway: Gateway,
    alice: Person,
    contoso: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    roles = {"set": [await gateway.role("commerce-services/viewer")]}
    before = await alice.create(contoso, microsoftAccount="kept@live.example", roles=roles)
    if is_sqlite(gateway.database_url):
        file = gateway.database_url.removeprefix("sqlite://")
        run("Back up SQLite", tmp_path, DATABASE=file)
        after = await alice.create(contoso, microsoftAccount="late@live.example", roles=roles)
        run("Restore SQLite", tmp_path, DATABASE=str(tmp_path / "restored.sqlite3"))
        restored = f"sqlite://{tmp_path / 'restored.sqlite3'}"
    else:
        server: PostgresServer = request.getfixturevalue("engine_server")
        restored = server.url("restored")
        url = gateway.database_url
        run("Back up PostgreSQL", tmp_path, DATABASE_URL=url)
        after = await alice.create(contoso, microsoftAccount="late@live.example", roles=roles)
        server.create_database("restored")
        run("Restore PostgreSQL", tmp_path, NEW_DATABASE_URL=restored)
    async with connected(restored):
        accounts = {user.microsoft_account for user in await User.all()}
        faults = [fault async for chain in verified_chains(None) for fault in chain.faults]
        pending = await pending_migrations()

    assert (before["userErrors"], after["userErrors"]) == ([], [])
    assert "kept@live.example" in accounts
    assert "late@live.example" not in accounts
    assert (faults, pending) == ([], [])
