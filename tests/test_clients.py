"""What CLIENTS.md says is so: its files are written, its commands typed in, at a real gateway."""

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests import documents
from tests.guides import Block, Workshop, agrees, blocks, commands, workshop
from tests.plain_browser import PlainBrowser
from tests.postgres import free_port
from tests.servers import Gateway, gateway
from tests.webhook_receiver import certify

ALICE = "alice@live.example"
IN_THE_BROWSER = {"session.ts", "users.ts", "live.ts", "persisted.ts"}
"""What tests/browser/test_clients.py runs, in a real browser."""

READ_BY = {"package.json": "node ", "tsconfig.json": "tsc", "graphql.config.yaml": "turms"}
"""Files that a tool finds by their names."""

SHOWN_BY = {"create-token": "TOKEN", "create-webhook": "WEBHOOK_SECRET"}
"""The operations that show a secret, and what the guide calls it from then on."""

IMPORTS = re.compile(r"from '\./([\w.]+)'|^from (\w+) import", re.MULTILINE)


@dataclass
class Reading:
    """Someone who does what the guide says, line by line."""

    alice: PlainBrowser
    gateway: Gateway
    workshop: Workshop
    port: int
    """Where the guide's own server listens."""
    servers: ExitStack
    operations: dict[str, str] = field(default_factory=dict)

    def do(self, block: Block) -> None:
        """Do what one block says."""
        match block.purpose, block.language:
            case "file", _:
                self.workshop.write(block)
            case "serves", "console":
                self.servers.enter_context(self.workshop.serving(block, port=self.port))
            case "", "console":
                self.workshop.type_in(block)
            case "run", "graphql":
                self.operations[block.name] = block.text
            case "variables", "json":
                self._send(block)
            case _:
                pytest.fail(f"{block.place}: nothing says how this is run")

    def _send(self, block: Block) -> None:
        payload = self.alice.do(self.operations.pop(block.name), **self.workshop.variables(block))
        assert payload["userErrors"] == [], block.place
        self.workshop.environment[SHOWN_BY[block.name]] = payload["secret"]


@pytest.fixture
def reading(tmp_path: Path) -> Iterator[Reading]:
    """Alice, who administers Contoso; a token's rate is low enough that programs have to wait."""
    certify(tmp_path)
    port = free_port()
    with (
        gateway(
            tmp_path,
            GATEWAY_TOKEN_COST_RATE="1000 per 1 second",
            GATEWAY_WEBHOOK_NETWORKS="127.0.0.0/8, ::1/128",
            SSL_CERT_FILE=str(tmp_path / "ca.pem"),
        ) as running,
        PlainBrowser(running) as alice,
        ExitStack() as servers,
    ):
        running.provider.knows(ALICE, name="Alice Archer")
        alice.sign_in(ALICE, return_to="/me")
        services = alice.ask(documents.CATALOGUE)["services"]
        signed_up = alice.manage(
            documents.SIGN_UP,
            serviceId=next(each["id"] for each in services if each["code"] == "commerce-services"),
            newOrganization=documents.CONTOSO,
        )
        clients = workshop(
            tmp_path,
            running,
            ORGANIZATION=signed_up["user"]["organization"]["id"],
            EXPIRES_AT=(datetime.now(UTC) + timedelta(days=90)).isoformat(),
            PORT=str(port),
            WEBHOOK_URL=f"https://localhost:{port}/hook",
        )
        yield Reading(alice, running, clients, port, servers)


def test_every_example_does_what_the_guide_says(reading: Reading) -> None:
    for block in blocks():
        reading.do(block)
    reading.servers.close()

    assert reading.operations == {}
    log = "".join(file.read_text() for file in reading.gateway.logs)
    assert '"status":429' in log.replace(" ", ""), "no program had to wait"


def test_every_file_of_the_guide_is_run() -> None:
    unused = Block(0, "ts", "file", "unused.ts", "")

    assert never_run(blocks()) == set()
    assert never_run([*blocks(), unused]) == {"unused.ts"}


def never_run(guide: Sequence[Block]) -> set[str]:
    """The files that no command names or reads, and that no file imports that is run."""
    files = {block.name: block.text for block in guide if block.purpose == "file"}
    typed = [
        command for block in guide if block.language == "console" for command, _ in commands(block)
    ]
    used = {name for name in files if any(_names(command, name) for command in typed)}
    used |= {name for name, tool in READ_BY.items() if any(tool in command for command in typed)}
    used |= {"operations.graphql"} if "operations.graphql" in files["codegen.json"] else set()
    used |= IN_THE_BROWSER
    while more := {name for user in used for name in _imported(files[user])} & set(files) - used:
        used |= more
    return set(files) - used


def _names(command: str, file: str) -> bool:
    """Whether a command names a file, or the module in it."""
    return re.search(rf"(^|\s){re.escape(file)}(\s|$)", command) is not None or (
        f" {file.removesuffix('.py')}:app " in command
    )


def _imported(text: str) -> set[str]:
    return {script or f"{module}.py" for script, module in IMPORTS.findall(text)}


def test_what_is_printed_is_compared_to_the_letter() -> None:
    assert agrees("one\nt…o\n", "one\ntwo\n")
    assert not agrees("one", "one\ntwo")
    assert not agrees("", "one")
