"""Importing users from a file, and exporting them into one."""

import csv
import re
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import FilePayload, expect

from tests.browser.companies import Company
from tests.imported import VIEWER, file_of, row_of

MIXED = file_of(
    row_of("Dora"),
    row_of("Erin", account="no address"),
    row_of("Fred"),
    row_of("Gina", roles="commerce-services:nonsense"),
)


def chosen(text: str | bytes) -> FilePayload:
    content = text if isinstance(text, bytes) else text.encode()
    return FilePayload(name="users.csv", mimeType="text/csv", buffer=content)


def choose_file(contoso: Company, text: str | bytes) -> Any:
    """Open the dialog and choose a file; the dialog."""
    alice = contoso.administrator
    alice.open("/users")
    alice.button("Import").click()
    dialog = alice.page.get_by_role("dialog", name="Import users")
    dialog.get_by_label("File").set_input_files(chosen(text))
    return dialog


def check_file(contoso: Company, text: str | bytes) -> Any:
    """Choose a file and have it checked; the dialog."""
    dialog = choose_file(contoso, text)
    contoso.administrator.button("Check the file").click()
    return dialog


def test_a_good_file_is_checked_and_then_created_as_a_whole(contoso: Company) -> None:
    alice = contoso.administrator
    names = [f"User{number:03}" for number in range(300)]
    dialog = check_file(contoso, file_of(*map(row_of, names)))
    alice.sees("300 users can be created. Nothing has been created yet.")
    expect(alice.page.locator("table.users tbody tr")).to_have_count(1)
    alice.button("Create 300 users").click()
    alice.sees("300 users were created. No mail has been sent.")
    alice.button("Close").click()

    expect(dialog).to_have_count(0)
    alice.sees("301 users")
    expect(alice.row("User000 Doe")).to_be_visible()


@pytest.mark.parametrize("width", [1280, 390])
def test_a_dry_run_tells_of_refused_rows_and_the_good_ones_can_be_created(
    contoso: Company, width: int
) -> None:
    alice = contoso.administrator
    alice.page.set_viewport_size({"width": width, "height": 900})
    dialog = check_file(contoso, MIXED)
    alice.sees(re.compile("2 users can be created, 2 rows can.t. Nothing has been created yet"))
    rows = dialog.get_by_role("listitem")

    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("Line 3: no address")
    expect(rows.first).to_contain_text("Microsoft account is not an e-mail address")
    expect(rows.last).to_contain_text("Roles: No role has the code 'commerce-services:nonsense'")
    found = Axe().run(alice.page)
    assert found.violations_count == 0, found.generate_report()
    alice.button("Create the 2 good rows").click()
    alice.sees("2 users were created, 2 rows were refused. No mail has been sent.")
    alice.button("Close").click()
    alice.sees("Dora Doe")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("name,colour\nDora,red", "Line 1, column 1: 'name' is unknown"),
        ('firstName\n"Dora', "Line 2: the quotes don't match"),
    ],
    ids=["columns", "quotes"],
)
def test_what_is_wrong_with_a_file_is_told_and_another_can_be_chosen(
    contoso: Company, content: str, said: str
) -> None:
    alice = contoso.administrator
    dialog = check_file(contoso, content)
    expect(dialog.get_by_role("alert")).to_contain_text(said)
    dialog.get_by_label("File").set_input_files(chosen(file_of(row_of("Dora"))))
    alice.button("Check the file").click()

    expect(dialog.get_by_role("heading", name="Import users")).to_be_focused()
    alice.sees("1 user can be created. Nothing has been created yet.")


def test_a_file_in_another_encoding_is_refused_when_it_is_chosen(contoso: Company) -> None:
    dialog = choose_file(contoso, "Zoë".encode("latin-1"))

    expect(dialog.get_by_role("alert")).to_contain_text("The file is not in UTF-8.")
    expect(contoso.administrator.button("Check the file")).to_be_disabled()


def test_the_dialog_is_used_with_the_keyboard_and_closed_by_escape(contoso: Company) -> None:
    alice = contoso.administrator
    alice.open("/users")
    alice.button("Import").focus()
    alice.page.keyboard.press("Enter")
    dialog = alice.page.get_by_role("dialog", name="Import users")
    expect(dialog).to_be_visible()
    alice.page.keyboard.press("Tab")
    expect(dialog.get_by_label("File")).to_be_focused()
    found = Axe().run(alice.page)
    alice.page.keyboard.press("Escape")

    assert found.violations_count == 0, found.generate_report()
    expect(dialog).to_have_count(0)
    expect(alice.button("Import")).to_be_focused()


def test_an_export_is_downloaded_and_can_be_imported(contoso: Company, tmp_path: Path) -> None:
    alice = contoso.administrator
    contoso.add("=Dora Diaz")
    alice.open("/users")
    with alice.page.expect_download() as waiting:
        alice.page.get_by_role("link", name="Export").click()
    file = tmp_path / "users.csv"
    waiting.value.save_as(file)
    rows = list(csv.DictReader(file.read_text("utf-8-sig").splitlines()))
    dialog = check_file(contoso, file.read_bytes())
    alice.sees("2 rows are refused")

    assert waiting.value.suggested_filename.startswith("users")
    assert [row["firstName"] for row in rows] == ["Alice", "'=Dora"]
    assert rows[1]["roles"] == VIEWER
    expect(dialog.get_by_role("listitem").first).to_contain_text("Line 2:")


def test_who_administers_nothing_sees_neither(contoso: Company, person: Any) -> None:
    bob = person("bob@live.example")
    contoso.associate(contoso.add("Bob Baker", microsoftAccount="bob@live.example"), bob)
    bob.open("/users")
    bob.sees("Only a service administrator adds users and maintains their roles.")

    expect(bob.button("Import")).to_have_count(0)
    expect(bob.page.get_by_role("link", name="Export")).to_have_count(0)
