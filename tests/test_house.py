"""The house: what each floor may do, read from its source."""

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

QUERIES = {
    *("all", "filter", "exclude", "get", "get_or_none", "get_or_create", "first", "in_bulk"),
    *("annotate", "values", "values_list", "exists", "count", "raw", "create", "bulk_create"),
    *("update_or_create", "bulk_update", "select_for_update"),
}
"""What runs or begins a query when it is called on a table's class."""

ROW_QUERIES = {"save", "delete", "fetch_related", "refresh_from_db"}
"""What runs a query when it is called on a row."""

FETCHES = {"get", "get_or_none", "filter", "in_bulk", "get_or_create"}

GUARDED = {"User", "Organization", "ServiceSubscription"}

CLOCKS = {"now", "utcnow", "today"}

Finder = Callable[[ast.Module], Iterator[ast.AST]]


def sources(*floors: str) -> list[Path]:
    return [file for floor in floors for file in sorted(Path(floor).rglob("*.py"))]


def found(finder: Finder, *files: Path) -> list[str]:
    """Where the finder finds something, as `file:line: code`."""
    return [
        f"{file}:{getattr(node, 'lineno', 0)}: {ast.unparse(node).splitlines()[0]}"
        for file in files
        for node in finder(ast.parse(file.read_text()))
    ]


def in_code(finder: Finder, code: str) -> list[str]:
    return [ast.unparse(node) for node in finder(ast.parse(code))]


def names_from(tree: ast.Module, package: str) -> set[str]:
    """The names that a module imports from a package or from a module of it."""
    return {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == package
        for alias in node.names
    }


def method_calls(tree: ast.Module) -> Iterator[tuple[ast.Call, ast.expr, str]]:
    """Each call of a method, with what it is called on and its name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node, node.func.value, node.func.attr


def queries(tree: ast.Module) -> Iterator[ast.AST]:
    tables = names_from(tree, "models")
    for call, target, method in method_calls(tree):
        on_table = isinstance(target, ast.Name) and target.id in tables and method in QUERIES
        if on_table or method in ROW_QUERIES:
            yield call
    yield from imports_of(tree, {"tortoise"})


def imports_of(tree: ast.Module, packages: set[str]) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = [node.module or ""]
        else:
            continue
        if packages & {module.split(".")[0] for module in modules}:
            yield node


def fetches_past_the_gate(tree: ast.Module) -> Iterator[ast.AST]:
    """Fetches of a guarded row by an id that is not that of a row already in hand.

    Such an id may come from anyone, so only `resolvers/permissions.py` may fetch by it. `x.id` and
    `x.user_id` are ids of a row that was fetched before. A queryset that updates or deletes gives
    nothing to read.
    """
    writes = {
        id(target)
        for _, target, method in method_calls(tree)
        if method in {"update", "delete", "exists"}
    }
    for call, target, method in method_calls(tree):
        if (
            isinstance(target, ast.Name)
            and target.id in GUARDED
            and method in FETCHES
            and id(call) not in writes
            and any(_is_id(keyword) for keyword in call.keywords)
        ):
            yield call


def _is_id(keyword: ast.keyword) -> bool:
    named = keyword.arg in {"id", "id__in", "pk", "pk__in"} or keyword.arg is None
    return named and not isinstance(keyword.value, ast.Attribute)


def environment_and_clock(tree: ast.Module) -> Iterator[ast.AST]:
    yield from imports_of(tree, {"os", "time", "dotenv", "pydantic_settings"})
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            owner = node.value.id
            if owner in {"datetime", "date"} and node.attr in CLOCKS:
                yield node


def test_each_floor_imports_only_from_those_below() -> None:
    command = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command as run; run()",
    ]
    done = subprocess.run([*command, "--no-cache"], capture_output=True, text=True, check=False)

    assert (done.returncode, "0 broken" in done.stdout) == (0, True), done.stdout + done.stderr


def test_schema_runs_no_query() -> None:
    assert found(queries, *sources("schema")) == []


def test_organizations_users_and_subscriptions_are_fetched_by_id_through_the_gate_alone() -> None:
    gate = Path("resolvers/permissions.py")
    others = [file for file in sources("resolvers", "schema", "gateway") if file != gate]

    assert found(fetches_past_the_gate, *others) == []
    assert found(fetches_past_the_gate, gate) != []


def test_users_are_read_without_models_through_the_gate_alone() -> None:
    """`resolvers/seen.py` writes its statements by hand; only the gate may ask it by id."""
    homes = {Path("resolvers/permissions.py"), Path("resolvers/seen.py")}
    users = [
        str(file)
        for file in sources("resolvers", "schema", "gateway")
        if file not in homes and re.search(r"\b(visible_users|UserList)\(", file.read_text())
    ]

    assert users == []


def test_only_the_gateway_reads_the_environment_or_the_clock() -> None:
    assert found(environment_and_clock, *sources("models", "resolvers", "schema")) == []
    assert found(environment_and_clock, *sources("gateway")) != []


@pytest.mark.parametrize(
    ("finder", "code"),
    [
        (queries, "from models.users import User\nUser.filter(id=1)"),
        (queries, "import tortoise.transactions"),
        (queries, "from tortoise.transactions import in_transaction"),
        (queries, "user.save()"),
        (fetches_past_the_gate, "User.get(id=user_id)"),
        (fetches_past_the_gate, "Organization.filter(id__in=[one, two]).values('name')"),
        (fetches_past_the_gate, "ServiceSubscription.get_or_none(pk=ids[0])"),
        (fetches_past_the_gate, "User.get(**wanted)"),
        (environment_and_clock, "datetime.now(UTC)"),
        (environment_and_clock, "from os import environ"),
        (environment_and_clock, "import time"),
    ],
)
def test_these_tests_do_find_what_they_look_for(finder: Finder, code: str) -> None:
    assert in_code(finder, code) != []


@pytest.mark.parametrize(
    ("finder", "code"),
    [
        (queries, "from models.users import UserStatus\nUserStatus('INVITED')"),
        (queries, "context.users.get(1)"),
        (fetches_past_the_gate, "User.get(id=membership.user_id)"),
        (fetches_past_the_gate, "Organization.filter(id__in=ids).update(name='x')"),
        (fetches_past_the_gate, "User.filter(organization_id=organization_id)"),
        (environment_and_clock, "datetime.fromisoformat(text)"),
    ],
)
def test_these_tests_let_everything_else_pass(finder: Finder, code: str) -> None:
    assert in_code(finder, code) == []


def pins(file: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", Path(file).read_text(), re.MULTILINE))


def test_the_locks_agree_and_name_neither_index_nor_path() -> None:
    runtime, development = pins("requirements.txt"), pins("requirements-dev.txt")
    texts = [Path(name).read_text() for name in ("requirements.txt", "requirements-dev.txt")]

    assert {name: development.get(name) for name in runtime} == runtime
    assert [text for text in texts if "://" in text or re.search(r"(^|\s)/", text)] == []
    assert '"resolved"' not in Path("gateway/graphiql/package-lock.json").read_text()
