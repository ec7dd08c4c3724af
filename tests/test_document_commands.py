"""`gateway documents`, in a process of its own."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.test_commands import Runner

SERVICES = "query Services { services { code } }"
WHO = "query Who {\n  viewer {\n    microsoftAccount\n  }\n}"


@pytest.fixture
def run(tmp_path: Path) -> Runner:
    runner = Runner(tmp_path)
    done = runner("migrate")
    assert done.returncode == 0, done.stderr
    return runner


def manifest(folder: Path, content: Any, name: str = "manifest.json") -> str:
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / name).write_text(text)
    return name


def apollo(*operations: dict[str, str], **changed: Any) -> dict[str, Any]:
    return {
        "format": "apollo-persisted-query-manifest",
        "version": 1,
        "operations": list(operations),
        **changed,
    }


@pytest.mark.parametrize(
    "content",
    [
        {"a1": SERVICES, "b2": WHO},
        apollo(
            {"id": "a1", "name": "Services", "type": "query", "body": SERVICES},
            {"id": "b2", "name": "Who", "type": "query", "body": WHO},
        ),
    ],
    ids=["relay-and-codegen", "apollo"],
)
def test_a_manifest_is_applied_once_shown_and_removed_but_for_what_another_keeps(
    run: Runner, tmp_path: Path, content: Any
) -> None:
    name = manifest(tmp_path, content)
    kept = manifest(tmp_path, {"b2": WHO, "c3": SERVICES}, "kept.json")
    first = run("documents", "apply", name).stdout.splitlines()
    second = run("documents", "apply", name).stdout.splitlines()
    shown = json.loads(run("documents", "show", "--json").stdout)
    listed = run("documents", "show").stdout
    removed = run("documents", "remove", "--manifest", name, "--keep", kept).stdout.splitlines()
    again = run("documents", "remove", "a1").stdout.splitlines()
    checked = run("documents", "check")

    assert first == ["added document a1", "added document b2"]
    assert second == ["All 2 documents were trusted already; nothing changed."]
    assert {key: text for key, text in shown.items() if ":" not in key} == {
        "a1": SERVICES,
        "b2": WHO,
    }
    assert "a1  query Services { services { code } }\n" in listed
    assert "b2  query Who { viewer { microsoftAccount } }\n" in listed
    assert removed == ["removed document a1"]
    assert again == ["None of them was trusted; nothing changed."]
    assert checked.returncode == 0


DEEP = "{ services { roles " + "{ service { roles " * 10 + "{ id }" + " } }" * 10 + " } }"
DEAR = "{ services { roles " + "{ service { roles " * 5 + "{ id }" + " } }" * 5 + " } }"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            {"a1": SERVICES, "b2": "query Who {\n  viewer { colour }\n}"},
            "document b2: Cannot query field 'colour' on type 'Viewer'. at line 2, column 12",
        ),
        ({"a1": "query {"}, "document a1: Syntax Error: Expected Name, found <EOF>. at line 1"),
        ({"a1": "fragment F on User { id }"}, "document a1: Fragment 'F' is never used."),
        ({"a1": DEEP}, "document a1: Too complex: depth 23, more than the limit of 20"),
        ({"a1": DEAR}, "document a1: query: Too complex: nodes "),
        ({"a1": 3}, "manifest.json: document a1: must be text"),
        ({"a 1": SERVICES}, "document 'a 1': an id has 1 to 255 letters"),
        ({"sha256:00": SERVICES}, "document 'sha256:00': the hash is not that of its text"),
        ({"md5:00": SERVICES}, "document 'md5:00': ids with a colon begin with sha256: or x-"),
        ({}, "manifest.json: has no documents"),
        ([], "manifest.json: must be an object"),
        ("{", "manifest.json is not JSON: Expecting property name enclosed in double quotes"),
        ('{"a1": "{ x }", "a1": "{ y }"}', "manifest.json: a1 is there more than once"),
        (apollo(format="other"), "manifest.json: format is 'other', known is"),
        (apollo(version=2), "manifest.json: version is 2, known is 1"),
        (apollo(), "manifest.json: operations must be a list of one or more"),
        (apollo({"id": "a1"}), "manifest.json: operation no. 1: id and body must be text"),
        (
            apollo({"id": "a1", "body": SERVICES}, {"id": "a1", "body": WHO}),
            "manifest.json: operation no. 2: a1 is there more than once",
        ),
    ],
)
def test_what_is_wrong_is_said_with_document_and_place_and_nothing_is_applied(
    tmp_path: Path, content: Any, said: str
) -> None:
    run = Runner(tmp_path)
    done = run("documents", "apply", manifest(tmp_path, content))

    assert done.returncode == 1
    assert said in done.stderr
    assert not (tmp_path / "gateway.sqlite3").exists()


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = Runner(tmp_path)("documents", "apply", "missing.json")

    assert done.returncode == 1
    assert done.stderr.startswith("gateway: missing.json can't be read: ")


def test_removing_needs_to_be_told_what(tmp_path: Path) -> None:
    done = Runner(tmp_path)("documents", "remove")

    assert (done.returncode, done.stderr) == (
        1,
        "gateway: name ids, or a manifest by --manifest\n",
    )
