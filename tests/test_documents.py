"""What the documents say is so."""

import re
from pathlib import Path

from gateway.settings import PREFIX, Settings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
OPERATIONS = (ROOT / "OPERATIONS.md").read_text()
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text()


def test_the_settings_table_names_every_setting_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `(GATEWAY_\w+)` \| (.*?) \|", README, re.MULTILINE))
    settings = {PREFIX + name.upper(): field for name, field in Settings.model_fields.items()}

    assert rows.keys() == settings.keys()
    for variable, shown in rows.items():
        default = settings[variable].default
        plain = default.get_secret_value() if hasattr(default, "get_secret_value") else default
        match plain:
            case None:
                assert shown == "none", variable
            case frozenset():
                assert shown == (", ".join(f"`{each}`" for each in plain) or "empty"), variable
            case bool():
                assert shown == f"`{str(plain).lower()}`", variable
            case _:
                assert shown == f"`{plain}`", variable


def test_every_test_that_the_architecture_names_is_there() -> None:
    named = set(re.findall(r"`(test_\w+)`", ARCHITECTURE))

    assert sorted(name for name in named if not (ROOT / "tests" / f"{name}.py").is_file()) == []


def test_every_path_that_the_documents_link_is_there() -> None:
    links = re.findall(r"\]\(((?!http)[^)#]+)\)", README + ARCHITECTURE + OPERATIONS)

    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_make_target_that_the_readme_names_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"(?:`|\$ )make ([a-z-]+)", README + OPERATIONS))

    assert [target for target in sorted(targets) if f"\n{target}:" not in makefile] == []


def test_every_table_has_its_place_where_the_data_is_sharded() -> None:
    tables = {
        match
        for file in (ROOT / "models").glob("*.py")
        for match in re.findall(r'^        table = "(\w+)"', file.read_text(), re.MULTILINE)
    }
    rows = re.findall(r"^\| (`[^|]+`) \| (?:distributed|reference|local)", OPERATIONS, re.MULTILINE)
    placed = {name for row in rows for name in re.findall(r"`(\w+)`", row)}

    assert placed == tables | {"tortoise_migrations"}
