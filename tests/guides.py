"""The blocks of a guide, and a place where what they say is done.

A block's first line says what becomes of it: `file=NAME` is written into that file, `console` is
typed in and what it prints is compared, `console serves` is started and its output compared in the
end, `run=NAME` with `variables=NAME` is an operation that a person sends.
"""

import json
import os
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

import pytest

from tests.servers import ROOT, Gateway, running

GUIDE = ROOT / "CLIENTS.md"
NODE_MODULES = ROOT / "gateway/portal/node_modules"
FENCE = re.compile(r"^```(\w+)(?: (\w+)(?:=(\S+))?)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEREDOC = re.compile(r"<<\s*(\w+)")
ANYTHING = "…"
COMMAND_WITHIN_S = 120.0
OUTPUT_WITHIN_S = 20.0


@dataclass(frozen=True)
class Block:
    """A block of a guide."""

    line: int
    language: str
    purpose: str
    """`file`, `run` or `variables`, with a name; `serves`; or empty."""
    name: str
    text: str

    @property
    def place(self) -> str:
        """Where it is, for messages."""
        return f"{GUIDE.name}:{self.line}"


def blocks() -> list[Block]:
    """The guide's blocks, in order."""
    text = GUIDE.read_text()
    found = [
        Block(
            text.count("\n", 0, match.start()) + 1,
            match[1],
            match[2] or "",
            match[3] or "",
            match[4],
        )
        for match in FENCE.finditer(text)
    ]
    fences = [line for line in text.splitlines() if line.lstrip().startswith(("```", "~~~"))]
    assert len(fences) == 2 * len(found), "a block begins in a way that nobody would run"
    return found


def commands(block: Block) -> Iterator[tuple[str, str]]:
    """The commands of a console block, each with what it should print."""
    lines = iter(block.text.splitlines())
    command, printed = "", ""
    for line in lines:
        if not line.startswith("$ "):
            assert command, f"{block.place}: output before any command"
            printed += f"{line}\n"
            continue
        if command:
            yield command, printed
        command, printed = line.removeprefix("$ "), ""
        while command.endswith("\\"):
            command += f"\n{next(lines)}"
        if heredoc := HEREDOC.search(command):
            while not command.endswith(f"\n{heredoc[1]}"):
                command += f"\n{next(lines)}"
    yield command, printed


def agrees(said: str, printed: str) -> bool:
    """Whether a command printed what the guide says, where `…` is anything."""
    pattern = ".*".join(re.escape(part) for part in said.strip().split(ANYTHING))
    return re.fullmatch(pattern, printed.strip(), re.DOTALL) is not None


@dataclass
class Workshop:
    """A folder in which a guide's files are written and its commands typed in."""

    folder: Path
    environment: dict[str, str]

    def write(self, block: Block) -> None:
        """Write the block's file."""
        (self.folder / block.name).write_text(block.text)

    def type_in(self, block: Block) -> None:
        """Run a console block's commands, and compare what they print."""
        for command, said in commands(block):
            printed = self.command(command, place=block.place)
            assert agrees(said, printed), f"{block.place}: {command}\n\n{printed}"

    def command(self, command: str, *, place: str = "") -> str:
        """What a command prints, which must succeed."""
        done = subprocess.run(  # noqa: S602 - as a reader of the guide would type it
            command,
            shell=True,
            executable="/bin/bash",
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_WITHIN_S,
            check=False,
        )
        assert done.returncode == 0, f"{place}: {command}\n\n{done.stdout}\n{done.stderr}"
        return done.stdout

    @contextmanager
    def serving(self, block: Block, *, port: int) -> Iterator[None]:
        """A server of the guide; once that is over, it must have printed what the guide says."""
        ((command, said),) = commands(block)
        log = self.folder / "server.log"
        with running(
            ["/bin/bash", "-c", f"exec {command}"],
            answers_at=None,
            log=log,
            environment=self.environment,
            folder=self.folder,
        ):
            _wait_until(lambda: _listens(port))
            yield
            _wait_until(lambda: agrees(said, log.read_text()))
            printed = log.read_text()
        assert agrees(said, printed), f"{block.place}:\n\n{printed}"

    def variables(self, block: Block) -> dict[str, Any]:
        """A block of variables, with values where a `$NAME` stands."""
        found: dict[str, Any] = json.loads(Template(block.text).substitute(self.environment))
        return found


def _wait_until(condition: Callable[[], bool]) -> None:
    """Until it holds, or for long enough."""
    deadline = time.monotonic() + OUTPUT_WITHIN_S
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def workshop(folder: Path, gateway: Gateway, **more: str) -> Workshop:
    """A workshop with the tools that the guide names, for clients of a running gateway.

    None of them may reach for the network: npm's are those of the portal.
    """
    if not (NODE_MODULES / ".installed").is_file():
        pytest.skip("the portal's packages are not installed: make portal")
    (folder / "node_modules").symlink_to(NODE_MODULES)
    programs = folder / "programs"
    programs.mkdir()
    ours = programs / "gateway"
    ours.write_text(_gateway_command(gateway.environment))
    ours.chmod(0o755)
    plain = {name: value for name, value in os.environ.items() if "GATEWAY_" not in name}
    environment = {
        **plain,
        "PATH": f"{programs}:{ROOT / '.venv/bin'}:{os.environ['PATH']}",
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        "npm_config_offline": "true",
        "GATEWAY": gateway.url,
        **more,
    }
    return Workshop(folder, environment)


def _gateway_command(settings: Mapping[str, str]) -> str:
    """A script that is the operator's `gateway`, with his settings."""
    lines = [f"export {name}='{value}'" for name, value in settings.items() if "GATEWAY_" in name]
    lines += [f"export PYTHONPATH='{ROOT}'", 'exec python -m gateway "$@"']
    return "\n".join(["#!/bin/sh", *lines, ""])
