"""SQLite without room: a clear answer, nothing half done, and it goes on with room again."""

import json
import resource
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from sqlite3 import connect
from typing import Any

import httpx2
import pytest

from gateway.database import connected
from models.audit import AuditEvent
from models.users import User
from resolvers.audit_chains import verified_chains
from resolvers.sessions import Identity, sign_in
from tests import documents
from tests.people import ISSUER
from tests.postgres import free_port
from tests.servers import environment_for, prepare_database, serving

TRIES = 60
EVERY_BYTE = 1 << 20


@dataclass
class Disk:
    """Where the database is, and how there comes to be no room."""

    folder: Path
    fill: Callable[[int], None]
    """With the process that shall not be able to write."""
    empty: Callable[[int], None]


def limit_files(process: int, size: int = resource.RLIM_INFINITY) -> None:
    """Let a process write no file beyond this size; without one, lift the limit."""
    resource.prlimit(process, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


@pytest.fixture(params=["a full disk", "a limit of file sizes"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    """A small file system, where this user may make one; or a limit of the process."""
    if request.param == "a limit of file sizes":

        def limit(process: int) -> None:
            size = (tmp_path / "gateway.sqlite3-wal").stat().st_size
            limit_files(process, size)

        yield Disk(tmp_path, limit, limit_files)
        return
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(folder)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("this user may not mount a file system")
    ballast = folder / "ballast"

    def fill(_process: int) -> None:
        with ballast.open("wb", buffering=0) as file:
            for size in (EVERY_BYTE, 4096):
                try:
                    while True:
                        file.write(b"\0" * size)
                except OSError:
                    pass

    yield Disk(folder, fill, lambda _process: ballast.unlink())
    subprocess.run(["umount", str(folder)], check=True)  # noqa: S607 - as `mount` was found


async def test_without_room_changes_fail_as_a_whole_and_succeed_when_they_are_sent_again(
    disk: Disk, tmp_path: Path
) -> None:
    url = f"sqlite://{disk.folder / 'gateway.sqlite3'}"
    environment = environment_for(f"http://127.0.0.1:{free_port()}", url)
    prepare_database(environment)
    async with connected(url):
        now = datetime.now(UTC)
        identity = Identity(
            issuer=ISSUER, subject="a", microsoft_account="a@live.example", display_name=None
        )
        cookie, _ = await sign_in(
            identity, client=None, request_id="test", now=now, lifetime=timedelta(hours=1)
        )
    log = tmp_path / "gateway.log"
    async with AsyncExitStack() as stack:
        process = stack.enter_context(serving(environment, "--no-mail", log=log))
        client = await stack.enter_async_context(
            httpx2.AsyncClient(
                base_url=environment["GATEWAY_PUBLIC_URL"],
                headers={"cookie": f"session={cookie}"},
                trust_env=False,
                timeout=30,
            )
        )
        form = await _form(client)
        disk.fill(process.pid)
        first = [await _create(client, form, number) for number in range(TRIES)]
        read = await client.post("/graphql", json={"query": documents.VIEWER})
        ready = await client.get("/readyz")
        disk.empty(process.pid)
        again = [await _create(client, form, number) for number in range(TRIES)]
        log_text = log.read_text()
    async with connected(url):
        made = Counter([user.microsoft_account for user in await User.all()])
        told = await AuditEvent.filter(action="USER_CREATED").count()
        faults = [fault async for chain in verified_chains() for fault in chain.faults]
    with closing(connect(disk.folder / "gateway.sqlite3")) as file:
        integrity = file.execute("PRAGMA integrity_check").fetchone()

    refused = [each for each in first if each != "done"]
    assert len(refused) > TRIES // 2
    assert set(refused) <= {"503 INTERNAL", "200 INTERNAL"}
    assert "database or disk is full" in log_text or "disk I/O error" in log_text
    assert read.json()["data"]["viewer"]["microsoftAccount"] == "a@live.example"
    assert ready.status_code == 200
    assert again == ["done"] * TRIES
    assert (set(made.values()), len(made), told) == ({1}, TRIES + 1, TRIES)
    assert (faults, integrity) == ([], ("ok",))


def test_a_log_without_room_loses_lines_and_no_connection(tmp_path: Path) -> None:
    environment = environment_for(
        f"http://127.0.0.1:{free_port()}", f"sqlite://{tmp_path / 'gateway.sqlite3'}"
    )
    prepare_database(environment)
    log = tmp_path / "gateway.log"
    with serving(environment, "--no-mail", log=log) as process:
        host = environment["GATEWAY_PUBLIC_URL"].removeprefix("http://")
        with closing(HTTPConnection(host, timeout=30)) as connection:
            first = _catalogue_by(connection)
            socket = connection.sock
            limit_files(process.pid, log.stat().st_size)
            size = log.stat().st_size
            without_room = [_catalogue_by(connection) for _ in range(TRIES)]
            kept = log.stat().st_size
            limit_files(process.pid)
            again = [_catalogue_by(connection) for _ in range(TRIES)]
            last_socket = connection.sock
    lines = [json.loads(line) for line in log.read_text().splitlines()]

    assert without_room + again == [first] * 2 * TRIES
    assert (kept, last_socket) == (size, socket)
    assert TRIES <= sum(line["event"] == "request" for line in lines) <= 2 * TRIES


def _catalogue_by(connection: HTTPConnection) -> bytes:
    body = json.dumps({"query": documents.CATALOGUE})
    connection.request("POST", "/graphql", body, {"content-type": "application/json"})
    response = connection.getresponse()
    assert response.status == 200
    return response.read()


async def _form(client: httpx2.AsyncClient) -> dict[str, Any]:
    """An organization with its founder, and the form of a new user."""
    catalogue = (await client.post("/graphql", json={"query": documents.CATALOGUE})).json()
    service = next(
        each for each in catalogue["data"]["services"] if each["code"] == "commerce-services"
    )
    input_ = {"serviceId": service["id"], "newOrganization": documents.CONTOSO}
    body = {"query": documents.SIGN_UP, "variables": {"input": input_}}
    signed_up = (await client.post("/graphql", json=body)).json()["data"]["signUpForService"]
    return {
        **documents.FORM,
        "organizationId": signed_up["user"]["organization"]["id"],
        "roles": {"set": [service["roles"][0]["id"]]},
    }


async def _create(client: httpx2.AsyncClient, form: dict[str, Any], number: int) -> str:
    account = f"u{number}@live.example"
    input_ = {**form, "microsoftAccount": account, "lastName": "Long" * 20}
    response = await client.post(
        "/graphql",
        json={"query": documents.CREATE_USER, "variables": {"input": input_}},
        headers={"idempotency-key": account},
    )
    codes = [error["extensions"]["code"] for error in response.json().get("errors", [])]
    if codes:
        return f"{response.status_code} {' '.join(codes)}"
    assert response.json()["data"]["createUser"]["userErrors"] == []
    return "done"
