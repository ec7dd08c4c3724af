"""The command line, as an operator meets it: in a process of its own."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.postgres import free_port, postgres_server
from tests.servers import delivering, environment_for, prepare_database
from tests.test_migrations import MIGRATIONS

SERVABLE = {
    "GATEWAY_SECRET_KEY": "a key for tests that is long enough",
    "GATEWAY_OIDC_ISSUER": "http://127.0.0.1:1",
    "GATEWAY_OIDC_CLIENT_ID": "gateway",
    "GATEWAY_OIDC_CLIENT_SECRET": "a secret for tests",
}

WITHIN_S = 120


@pytest.fixture
def run(tmp_path: Path) -> "Runner":
    """Runs `gateway` in an empty folder, with no setting but those given."""
    return Runner(tmp_path)


class Runner:
    """Starts the command as its operator would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        return subprocess.run(
            [sys.executable, "-m", "gateway", *arguments],
            cwd=self.folder,
            env=self.environment(settings),
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )

    def start(self, *arguments: str, **settings: str) -> subprocess.Popen[str]:
        """Start it, its output in one pipe."""
        return subprocess.Popen(
            [sys.executable, "-m", "gateway", *arguments],
            cwd=self.folder,
            env=self.environment(settings),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def environment(self, settings: dict[str, str]) -> dict[str, str]:
        """These settings and no others."""
        plain = {name: value for name, value in os.environ.items() if "GATEWAY" not in name}
        return plain | {"PYTHONPATH": str(Path.cwd())} | settings


def test_help_lists_the_commands_of_the_contract(run: Runner) -> None:
    said = run("--help").stdout
    commands = ("demo", "serve", "worker", "migrate", "catalog", "schema", "check")

    assert [name for name in commands if f"\n  {name} " not in said] == []


def test_the_version_is_the_one_installed(run: Runner) -> None:
    done = run("--version")

    assert (done.returncode, done.stdout) == (0, f"gateway {version('commerce-gateway')}\n")


def test_an_unknown_command_is_wrong_usage(run: Runner) -> None:
    done = run("nonsense")

    assert (done.returncode, done.stdout) == (2, "")


def test_a_wrong_setting_is_named_in_one_line_without_its_value(run: Runner) -> None:
    done = run("migrate", GATEWAY_DATABASE_URL="mysql://hunter2", GATEWAY_INVITATION_DAYS="90")

    assert done.returncode == 1
    assert [line.split(": ")[:2] for line in done.stderr.splitlines()] == [
        ["gateway", "GATEWAY_DATABASE_URL"],
        ["gateway", "GATEWAY_INVITATION_DAYS"],
    ]
    assert "hunter2" not in done.stderr


def test_migrating_is_checked_done_and_repeatable(run: Runner, empty_database: str) -> None:
    needed = run("migrate", "--check", GATEWAY_DATABASE_URL=empty_database)
    first = run("migrate", GATEWAY_DATABASE_URL=empty_database)
    again = run("migrate", GATEWAY_DATABASE_URL=empty_database)
    checked = run("migrate", "--check", GATEWAY_DATABASE_URL=empty_database)

    assert (needed.returncode, first.returncode) == (1, 0)
    assert needed.stdout.count("to be applied: models.") == first.stdout.count("applied: models.")
    assert again.stdout == "The database has the newest schema.\n"
    assert (checked.returncode, checked.stdout) == (0, again.stdout)


def test_rights_are_granted_only_where_there_are_roles(run: Runner, tmp_path: Path) -> None:
    file = f"sqlite://{tmp_path / 'roles.sqlite3'}"
    granted = run("migrate", "--grant-to", "gateway", GATEWAY_DATABASE_URL=file)
    both = run("migrate", "--check", "--grant-to", "gateway", GATEWAY_DATABASE_URL=file)

    assert (granted.returncode, granted.stderr) == (1, "gateway: --grant-to: SQLite has no roles\n")
    assert (both.returncode, "--check changes nothing" in both.stderr) == (2, True)


@pytest.mark.parametrize("trouble", ["absent", "garbage", "unreachable"])
def test_a_database_that_cannot_be_used_is_one_clear_line(
    run: Runner, tmp_path: Path, trouble: str
) -> None:
    (tmp_path / "garbage.sqlite3").write_bytes(b"\x01" * 9000)
    url = {
        "absent": f"sqlite://{tmp_path}/absent/gateway.sqlite3",
        "garbage": f"sqlite://{tmp_path}/garbage.sqlite3",
        "unreachable": f"postgres://gateway:hunter2@127.0.0.1:{free_port()}/gateway",
    }[trouble]
    done = run("migrate", GATEWAY_DATABASE_URL=url)

    assert done.returncode == 1
    assert done.stderr.startswith("gateway: GATEWAY_DATABASE_URL: ")
    assert len(done.stderr.splitlines()) == 1
    assert "hunter2" not in done.stderr


def test_the_catalogue_is_applied_shown_and_guarded(run: Runner, tmp_path: Path) -> None:
    before = run("catalog", "apply")
    run("migrate")
    first, again = run("catalog", "apply"), run("catalog", "apply")
    shown = run("catalog", "show")
    data = json.loads(run("catalog", "show", "--json").stdout)
    (tmp_path / "empty.toml").write_text("services = []\n")
    refused = run("catalog", "apply", "empty.toml")

    assert (before.returncode, before.stderr) == (
        1,
        "gateway: the database lacks migrations: run gateway migrate first\n",
    )
    assert "added service sites-services" in first.stdout.splitlines()
    assert again.stdout == "The catalogue is as the file says; nothing changed.\n"
    assert "Sites Services (sites-services)" in shown.stdout
    assert [service["code"] for service in data] == [
        "commerce-services",
        "sites-services",
        "payment-services",
        "rapidstart-services",
    ]
    assert (refused.returncode, refused.stderr) == (
        1,
        "gateway: the file: needs one [[services]] table or more\n",
    )


def test_the_schema_is_printed_as_it_is_committed(run: Runner) -> None:
    assert run("schema").stdout == Path("schema/schema.graphql").read_text()


def test_serving_names_everything_that_is_missing(run: Runner) -> None:
    done = run("serve", "--port", str(free_port()), GATEWAY_SMTP_URL="smtp://127.0.0.1")

    assert (done.returncode, done.stderr.splitlines()) == (
        1,
        [f"gateway: {name}: is needed to sign people in" for name in SERVABLE]
        + ["gateway: GATEWAY_MAIL_FROM: is needed for mail, as its other setting is there"],
    )


def test_several_processes_on_sqlite_are_refused(run: Runner) -> None:
    done = run("serve", "--no-mail", "--workers", "2", **SERVABLE)

    assert (done.returncode, done.stderr) == (
        1,
        "gateway: GATEWAY_DATABASE_URL: --workers 2 needs PostgreSQL, SQLite is for one process\n",
    )


def test_the_worker_needs_the_mail_settings(run: Runner) -> None:
    done = run("worker")

    assert (done.returncode, done.stderr.splitlines()) == (
        1,
        [
            "gateway: GATEWAY_SMTP_URL: is needed for mail",
            "gateway: GATEWAY_MAIL_FROM: is needed for mail",
        ],
    )


def test_the_check_says_what_is_wrong_of_everything(run: Runner) -> None:
    done = run("check")
    url = "smtp://someone:hunter2@127.0.0.1:1"
    full = run("check", **SERVABLE, GATEWAY_SMTP_URL=url, GATEWAY_MAIL_FROM="users@contoso.example")

    assert (done.returncode, done.stdout.splitlines()) == (
        1,
        [
            "✓ settings: browsers come to http://127.0.0.1:8000",
            "✓ proxies: none; X-Forwarded-For is never believed",
            "✗ settings: GATEWAY_SECRET_KEY is missing",
            "✓ database: answers",
            f"✗ database: {MIGRATIONS} migrations are to be applied, run gateway migrate",
            f"✗ sign-in: {', '.join([name for name in SERVABLE if 'OIDC' in name])} missing",
            "✗ mail: GATEWAY_SMTP_URL, GATEWAY_MAIL_FROM missing",
            "✓ rates: each process counts for itself",
        ],
    )
    assert full.returncode == 1
    assert "✗ sign-in: GATEWAY_OIDC_ISSUER: " in full.stdout
    assert "✗ mail: GATEWAY_SMTP_URL: " in full.stdout
    assert "hunter2" not in full.stdout + full.stderr


@pytest.fixture
def served(run: Runner, migrated_database: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The gateway in a process of its own: two workers on PostgreSQL, one on SQLite."""
    port = free_port()
    workers = "1" if migrated_database.startswith("sqlite") else "2"
    process = run.start(
        *("serve", "--no-mail", "--port", str(port), "--workers", workers),
        **SERVABLE,
        GATEWAY_DATABASE_URL=migrated_database,
    )
    yield f"http://127.0.0.1:{port}", process
    process.kill()
    process.communicate()


def test_it_serves_and_ends_in_peace(served: tuple[str, subprocess.Popen[str]]) -> None:
    address, process = served
    with until_answered(f"{address}/readyz") as answer:
        body, server = json.load(answer), answer.headers["server"]
    until_answered(f"{address}/").close()
    process.send_signal(signal.SIGTERM)
    written, _ = process.communicate(timeout=WITHIN_S)
    lines = [json.loads(line) for line in written.splitlines()]

    assert (body["status"], server) == ("ok", None)
    assert process.returncode in {0, -signal.SIGTERM}  # uvicorn hands the signal on at the end
    assert {"started", "stopped"} <= {line["event"] for line in lines}
    assert [line["route"] for line in lines if line.get("status") == 200] == ["/"]
    assert [line for line in lines if line["level"] in {"warning", "error", "critical"}] == []


def until_answered(address: str) -> "urllib.request._UrlopenRet":
    deadline = time.monotonic() + WITHIN_S
    while True:
        try:
            return urllib.request.urlopen(address, timeout=5)  # noqa: S310 - our own http
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_worker_ends_in_peace(run: Runner, migrated_database: str, number: int) -> None:
    process = run.start(
        "worker",
        GATEWAY_DATABASE_URL=migrated_database,
        GATEWAY_SMTP_URL=f"smtp://127.0.0.1:{free_port()}",
        GATEWAY_MAIL_FROM="users@contoso.example",
    )
    assert process.stdout is not None
    first = json.loads(process.stdout.readline())
    process.send_signal(number)
    written, _ = process.communicate(timeout=WITHIN_S)

    assert (first["event"], process.returncode) == ("delivering", 0)
    assert [json.loads(line)["event"] for line in written.splitlines()] == ["stopped"]


def test_the_worker_waits_for_a_database_that_is_away(tmp_path: Path) -> None:
    """As when a whole machine is started again: there need be nobody who restarts it."""
    with postgres_server() as server:
        url = server.create_database("away_at_first")
        environment = environment_for(
            "http://127.0.0.1:8000",
            url,
            GATEWAY_SMTP_URL="smtp://127.0.0.1:9",
            GATEWAY_MAIL_FROM="portal@gateway.example",
        )
        prepare_database(environment)
        server.kill()
        log = tmp_path / "worker.log"
        with delivering(environment, log=log) as process:
            waited = until_written(log, "worker_waits_for_database")
            server.start()
            delivers = until_written(log, '"event":"delivering"')
            process.terminate()
            code = process.wait(timeout=20)

    assert (waited, delivers, code) == (True, True, 0), log.read_text()


def until_written(log: Path, words: str) -> bool:
    """Whether a log says so within half a minute."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if words in log.read_text():
            return True
        time.sleep(0.1)
    return False
