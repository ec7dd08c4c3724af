"""The Dockerfile and compose.yaml, as far as they can be held without a Docker daemon."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.settings import PREFIX, Settings

COMPOSE: dict[str, Any] = yaml.safe_load(Path("compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {"migrate", "catalog", "gateway-1", "gateway-2", "worker"}
DOCKERFILE = Path("Dockerfile").read_text()


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
    assert SERVICES["catalog"]["depends_on"]["migrate"] == {
        "condition": "service_completed_successfully"
    }
    assert all("catalog" in waits[name] for name in ("gateway-1", "gateway-2", "worker"))
    assert waits["proxy"] == {"gateway-1", "gateway-2"}


def test_a_replica_has_time_to_leave() -> None:
    grace_s = int(SERVICES["gateway-1"]["stop_grace_period"].removesuffix("s"))
    drain_s = float(SERVICES["gateway-1"]["environment"]["GATEWAY_DRAIN_SECONDS"])

    assert grace_s > drain_s + 20 + 20


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


def test_the_proxy_hides_what_is_for_those_who_watch() -> None:
    shipped = Path("gateway/deploy/haproxy.cfg").read_text()

    assert "http-request deny deny_status 404 if { path /metrics }" in shipped
    assert "GET uri /readyz" in shipped
    assert not re.search(r"retry-on.*(?:empty-response|all-retryable|50\d)", shipped)
