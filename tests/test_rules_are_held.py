"""Every numbered rule of the document has a test that names it."""

import ast
import re
from pathlib import Path

RULES = range(1, 44)
CITED = re.compile(r"[Rr]ules? (\d+(?:(?:, | and | to )\d+)*)")


def cited_rules(text: str) -> set[int]:
    """The numbers that a docstring cites: `Rule 7`, `Rules 7 and 9`, `Rules 7, 8 and 9`."""
    numbers: set[int] = set()
    for citation in CITED.findall(text):
        for part in re.split(r", | and ", citation):
            first, _, last = part.partition(" to ")
            numbers.update(range(int(first), int(last or first) + 1))
    return numbers


def rules_with_tests(folder: Path) -> set[int]:
    """The numbers that the docstrings of the test functions below a folder cite."""
    found: set[int] = set()
    for file in folder.rglob("test_*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith(
                "test_"
            ):
                found |= cited_rules(ast.get_docstring(node) or "")
    return found


def test_every_rule_has_a_test() -> None:
    missing = sorted(set(RULES) - rules_with_tests(Path(__file__).parent))

    assert missing == []


def test_a_rule_without_a_test_is_found(tmp_path: Path) -> None:
    (tmp_path / "test_some.py").write_text(
        'def test_a():\n    """Rules 1 to 3 and 5, but not the sixth."""\n'
    )

    assert rules_with_tests(tmp_path) == {1, 2, 3, 5}
