"""graphql-core's own execution tests, with the compiling executor as the default class.

`python -m tests.execution.conformance [pytest arguments]` gets the source distribution of the
installed version, which carries the tests, into `build/conformance/`, with the two pytest plugins
that they need, and runs them twice with this module as a further plugin: each document is compiled
at first sight, so that the tests meet compiled plans, and then before it is begun, as if it was
seen before.
"""

import os
import subprocess
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import graphql.execution
from graphql import GraphQLError
from graphql.execution.collect_fields import collect_fields
from graphql.execution.executor_throwing_on_incremental import ExecutorThrowingOnIncremental

from gateway.execution.executor import Compiling, CompilingExecutor
from gateway.execution.selections import Compiler, Selection

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "conformance"
PLUGINS = ["pytest-describe>=3.2,<4", "pytest-timeout>=2.4,<3"]


class CompilingThrowingOnIncremental(Compiling, ExecutorThrowingOnIncremental):
    """What `subscribe` uses by default, compiling."""


BEFORE = "CONFORMANCE_BEFORE"
"""Whether documents are compiled before they are begun."""

compiled: list[Selection] = []


def plan_ahead(self: Compiling) -> Selection | None:
    """Compile what would be compiled at the roots; None where graphql-core has to have its say."""
    root = self.schema.get_root_type(self.operation.operation)
    if root is None:
        return None
    try:
        collected = collect_fields(
            self.schema,
            self.fragments,
            self.variable_values,
            root,
            self.operation,
            self.hide_suggestions,
        )
    except (GraphQLError, RecursionError):
        return None
    return self.find_plan(root, collected.grouped_field_set)


def pytest_configure() -> None:
    """Put the compiling executors in the place of the stock ones, and count what they compile."""
    Compiling.patience = 0
    if BEFORE in os.environ:
        setattr(Compiling, "known_plan", plan_ahead)  # noqa: B010 - mypy minds the plain assignment
    module: Any = sys.modules[graphql.execution.execute.__module__]
    module.IncrementalExecutor = CompilingExecutor
    module.ExecutorThrowingOnIncremental = CompilingThrowingOnIncremental
    compile_selection = Compiler.selection

    def selection(self: Compiler, *arguments: Any) -> Selection:
        compiled.append(compile_selection(self, *arguments))
        return compiled[-1]

    setattr(Compiler, "selection", selection)  # noqa: B010 - mypy minds the plain assignment


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say how much was compiled: nothing compiled would prove nothing."""
    terminalreporter.write_line(f"{len(compiled)} selection sets compiled")


def pip(*arguments: str) -> None:
    """Run pip for the interpreter in use."""
    subprocess.run([sys.executable, "-m", "pip", "--quiet", *arguments], check=True)


def main(arguments: list[str]) -> int:
    """Get the tests and run them; gives the worse of pytest's exit codes."""
    name = f"graphql_core-{version('graphql-core')}"
    tests = BUILD / name
    if not tests.exists():
        pip(
            "download",
            "--no-deps",
            "--no-binary=graphql-core",
            f"--dest={BUILD}",
            f"graphql-core=={version('graphql-core')}",
        )
        with tarfile.open(BUILD / f"{name}.tar.gz") as archive:
            archive.extractall(BUILD, filter="data")
        pip("install", "--no-deps", f"--target={BUILD / 'plugins'}", *PLUGINS)
    path = os.pathsep.join(map(str, [ROOT, Path(__file__).parent, BUILD / "plugins"]))
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        Path(__file__).stem,
        "-o",
        "addopts=",
        *(arguments or ["-q", "tests/execution"]),
    ]
    codes = [
        subprocess.run(
            command, cwd=tests, env=os.environ | {"PYTHONPATH": path} | more, check=False
        ).returncode
        for more in ({}, {BEFORE: "1"})
    ]
    return max(codes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
