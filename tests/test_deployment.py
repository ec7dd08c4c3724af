"""The Dockerfile and compose.yaml, as far as they can be held without a Docker daemon.

OPERATIONS.md says how they were seen to run with one.
"""

import os
import re
import shutil
import subprocess
import sys
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import yaml

from gateway.app import DRAIN_WITHIN_S
from gateway.server import GRACEFUL_SHUTDOWN_S
from gateway.settings import PREFIX, Settings
from tests.postgres import PROGRAMS_FOLDER, PostgresServer, free_port, postgres_server
from tests.programs import haproxy, pgbouncer
from tests.servers import environment_for, serving

COMPOSE: dict[str, Any] = yaml.safe_load(Path("compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {"migrate", "catalog", "gateway-1", "gateway-2", "worker"}
DOCKERFILE = Path("Dockerfile").read_text()


OWNED_BY_OTHERS = """
DO $$ BEGIN
    ASSERT (SELECT count(*) > 20 AND bool_and(tableowner <> 'gateway') FROM pg_tables
            WHERE schemaname = 'public');
    ASSERT has_table_privilege('gateway', 'audit_events', 'INSERT');
    ASSERT NOT has_table_privilege('gateway', 'audit_events', 'UPDATE, DELETE, TRUNCATE, TRIGGER');
END $$
"""


def instructions(text: str) -> list[tuple[str, str]]:
    """The instructions of a Dockerfile, continued lines joined."""
    plain = re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    return [
        (word, rest.strip())
        for line in plain.splitlines()
        if line.strip()
        for word, _, rest in [line.partition(" ")]
    ]


def stages(text: str) -> dict[str, list[tuple[str, str]]]:
    """The instructions of each stage, by its name."""
    found: dict[str, list[tuple[str, str]]] = {}
    for word, rest in instructions(text):
        if word == "FROM":
            current = found.setdefault(rest.rpartition(" AS ")[2], [])
        current.append((word, rest))
    return found


def test_the_image_runs_as_nobody_in_particular_and_brings_no_tools() -> None:
    final = stages(DOCKERFILE)["gateway"]

    assert [*stages(DOCKERFILE)][-1] == "gateway", "what `docker build .` makes"
    assert ("USER", "10001:10001") in final
    assert not [rest for word, rest in final if word in {"RUN", "ADD"}]
    assert [rest for word, rest in final if word == "ENTRYPOINT"] == ['["gateway"]']
    assert [word for word, _ in final][-1] == "CMD"


def test_everything_that_the_dockerfile_copies_is_there() -> None:
    sources = [
        source
        for word, rest in instructions(DOCKERFILE)
        if word == "COPY" and not rest.startswith("--from")
        for source in rest.split()[:-1]
    ]

    assert sources
    assert [source for source in sources if not Path(source).exists()] == []


def test_the_image_takes_locked_requirements_alone() -> None:
    installs = re.findall(r"pip install ([^&\n]*(?:\\\n[^&\n]*)*)", DOCKERFILE)

    assert len(installs) == 3
    assert all("--require-hashes" in each or "--no-deps" in each for each in installs)


@pytest.mark.parametrize("name", sorted(OURS))
def test_our_services_can_write_nowhere_but_to_temporary_files(name: str) -> None:
    service = SERVICES[name]

    assert (service["read_only"], service["tmpfs"]) == (True, ["/tmp"])  # noqa: S108 - in the image
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_nothing_is_put_into_a_service_that_can_not_be_written_to() -> None:
    """Compose takes no inlined config or secret for one: "`file` is the sole supported option"."""
    read_only = {name for name, service in SERVICES.items() if service.get("read_only")}
    given = [
        COMPOSE[kind][each["source"] if isinstance(each, dict) else each]
        for kind in ("configs", "secrets")
        for name in read_only
        for each in SERVICES[name].get(kind, [])
    ]

    assert read_only == OURS | {"pgbouncer", "proxy"}
    assert [each for each in given if "file" not in each] == []
    assert {name for name in read_only if SERVICES[name].get("tmpfs") != ["/tmp"]} == set()  # noqa: S108 - in the image


async def test_pgbouncer_lets_in_by_the_password_that_compose_gives_it(
    engine_server: PostgresServer, tmp_path: Path
) -> None:
    told: dict[str, object] = {"user": "gateway", "database": "postgres", "host": "127.0.0.1"}
    assert SERVICES["pgbouncer"]["environment"].keys() == {"DATABASE_PASSWORD"}

    with pgbouncer(engine_server, tmp_path, password="fa1ce") as port:
        connection = await asyncpg.connect(
            **told, port=port, password="fa1ce", statement_cache_size=0
        )
        answer = await connection.fetchval("SELECT 6 * 7")
        await connection.close()
        with pytest.raises(asyncpg.PostgresError, match="authentication failed"):
            await asyncpg.connect(**told, port=port, password="another")

    assert answer == 42
    assert [file.stat().st_mode & 0o077 for file in engine_server.folder.glob("*.users")] == [0]


def test_the_gateways_run_as_a_role_that_owns_nothing() -> None:
    told = SERVICES["postgres"]["environment"]
    _, _, mounted = SERVICES["postgres"]["volumes"][1].partition(":")
    roles = {
        name: SERVICES[name]["environment"]["GATEWAY_DATABASE_URL"].split("/")[2].split(":")[0]
        for name in OURS
    }
    with postgres_server() as server:
        server.query(f"CREATE ROLE {told['POSTGRES_USER']} LOGIN SUPERUSER")
        database = server.create_database(told["POSTGRES_DB"])
        script = {
            **os.environ,
            "PATH": f"{PROGRAMS_FOLDER}:{os.environ['PATH']}",
            "PGHOST": "127.0.0.1",
            "PGPORT": str(server.port),
            "POSTGRES_USER": told["POSTGRES_USER"],
            "POSTGRES_DB": told["POSTGRES_DB"],
            "DATABASE_PASSWORD": 'it\'s a "password"',
        }
        subprocess.run(["/bin/sh", "gateway/deploy/roles.sh"], env=script, check=True)
        for name in ("migrate", "catalog"):
            url = database.replace("postgres@", f"{roles[name]}@")
            command = [sys.executable, "-m", "gateway", *SERVICES[name]["command"]]
            subprocess.run(command, env=environment_for("http://127.0.0.1:1", url), check=True)
        server.query(OWNED_BY_OTHERS, told["POSTGRES_DB"])

    assert mounted == "/docker-entrypoint-initdb.d/roles.sh:ro"
    assert (roles.pop("migrate"), set(roles.values())) == ("owner", {"gateway"})


def test_postgresql_counts_as_ready_only_by_tcp() -> None:
    """Its image makes the database with a server that listens at the socket alone."""
    for name, role in (("postgres", "owner"), ("pgbouncer", "gateway")):
        test = SERVICES[name]["healthcheck"]["test"]

        assert test[test.index("--host") + 1] == "127.0.0.1"
        assert test[test.index("--username") + 1] == role


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_no_service_writes_logs_without_end(name: str) -> None:
    assert SERVICES[name]["logging"] == {
        "driver": "json-file",
        "options": {"max-size": "50m", "max-file": "5"},
    }


def test_compose_names_settings_that_exist_and_leaves_no_secret_to_a_default() -> None:
    known = {PREFIX + name.upper(): field for name, field in Settings.model_fields.items()}
    given = {
        name: str(value)
        for service in OURS
        for name, value in SERVICES[service]["environment"].items()
    }
    defaults = re.findall(r"\$\{(\w*(?:SECRET|PASSWORD|TOKEN|URL)\w*):-([^}]+)\}", str(SERVICES))

    assert given.keys() <= known.keys()
    assert {"GATEWAY_DATABASE_URL", "GATEWAY_SECRET_KEY", "GATEWAY_OIDC_ISSUER"} <= given.keys()
    assert defaults == []


def test_nothing_is_served_before_the_database_is_migrated() -> None:
    waits = {name: {*SERVICES[name].get("depends_on", {})} for name in SERVICES}

    assert SERVICES["migrate"]["depends_on"]["postgres"] == {"condition": "service_healthy"}
    assert SERVICES["catalog"]["depends_on"] == {
        "migrate": {"condition": "service_completed_successfully"},
        "pgbouncer": {"condition": "service_healthy"},
    }
    assert all("catalog" in waits[name] for name in ("gateway-1", "gateway-2", "worker"))
    assert waits["proxy"] == {"gateway-1", "gateway-2"}


def test_a_replica_has_time_to_leave() -> None:
    grace_s = int(SERVICES["gateway-1"]["stop_grace_period"].removesuffix("s"))
    drain_s = float(SERVICES["gateway-1"]["environment"]["GATEWAY_DRAIN_SECONDS"])

    assert grace_s > drain_s + GRACEFUL_SHUTDOWN_S + DRAIN_WITHIN_S


def test_the_gateways_believe_the_proxy_alone_about_addresses_and_outlast_its_connections() -> None:
    shipped = Path("gateway/deploy/haproxy.cfg").read_text()
    environment = SERVICES["gateway-1"]["environment"]
    kept_s = [
        int(each) for each in re.findall(r"timeout (?:http-keep-alive|server) (\d+)s", shipped)
    ]

    assert COMPOSE["networks"]["outside"]["ipam"]["config"] == [
        {"subnet": environment["GATEWAY_TRUSTED_PROXIES"]}
    ]
    assert "http-request set-header X-Forwarded-For %[src]" in shipped
    assert len(kept_s) == 2
    assert float(environment["GATEWAY_IDLE_TIMEOUT_S"]) > max(kept_s)


def test_the_proxy_repeats_nothing_that_may_have_been_begun() -> None:
    shipped = Path("gateway/deploy/haproxy.cfg").read_text()

    assert "GET uri /readyz" in shipped
    assert not re.search(r"retry-on.*(?:empty-response|all-retryable|50\d)", shipped)


def test_the_proxy_hides_what_is_for_those_who_watch(migrated_file: Path, tmp_path: Path) -> None:
    backend, port = free_port(), free_port()
    environment = environment_for(
        f"http://127.0.0.1:{backend}",
        f"sqlite://{shutil.copy(migrated_file, tmp_path)}",
        GATEWAY_METRICS_TOKEN="a token of a test",
    )
    found = {}
    with (
        serving(environment, "--no-mail", log=tmp_path / "gateway.log"),
        haproxy(port, (backend, backend), tmp_path),
    ):
        for path in ("/healthz", "/readyz", "/%72eadyz", "/metrics", "/%6d%65trics", "/metric%73"):
            with closing(HTTPConnection("127.0.0.1", port)) as connection:
                connection.request("GET", path)
                found[path] = connection.getresponse().status

    assert found.pop("/healthz") == 200
    assert set(found.values()) == {404}
