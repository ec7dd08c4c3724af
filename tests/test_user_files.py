"""Files of users: what is written, and what of it is read back."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers.refusals import Code, Problems
from resolvers.user_files import COLUMNS, MAX_LINE_CHARACTERS, neutral, original, read_file, written

HEADER = ",".join(COLUMNS)
DORA = "Dora,Diaz,dora@live.example,dora@contoso.example,commerce-services:viewer"
CELLS = dict(zip(COLUMNS, DORA.split(","), strict=True))

NO_TEXT = "this is no text. The file must be in UTF-8; save it as CSV UTF-8."

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1", "'=1", "''=1"]


def problems_in(text: str) -> list[tuple[Code, str, tuple[str, ...]]]:
    problems = Problems()
    read_file(problems, text)
    return [(each.code, each.message, each.path) for each in problems.found]


def rows_of(text: str) -> list[tuple[int, dict[str, str], str | None]]:
    problems = Problems()
    rows = read_file(problems, text)
    assert problems.found == []
    return [(row.line, dict(row.cells), row.problem) for row in rows]


@pytest.mark.parametrize("cell", FORMULAS)
def test_a_formula_is_neutralised_and_comes_back_as_it_was(cell: str) -> None:
    assert neutral(cell) == f"'{cell}"
    assert original(neutral(cell)) == cell


@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00\ufffd"), max_size=20))
def test_every_cell_comes_back_as_it_was_and_none_is_a_formula(cell: str) -> None:
    line = written([[cell, "x"]])
    (read,) = list(csv.reader(io.StringIO(line, newline="")))

    assert [original(each) for each in read] == [cell, "x"]
    assert read[0][:1] not in set("=+-@\t\r\n＝＋－＠")


def test_an_apostrophe_alone_stays() -> None:
    assert [neutral(cell) for cell in ("'Abd", "O'Neill", "")] == ["'Abd", "O'Neill", ""]
    assert original("'Abd") == "'Abd"


@pytest.mark.parametrize(
    "text",
    [
        f"{HEADER}\r\n{DORA}\r\n",
        f"\ufeff{HEADER}\n{DORA}",
        f"{HEADER}\r{DORA}\r",
        f"{HEADER}\n{DORA}".replace(",", ";"),
        f"{HEADER}\n{DORA}".replace(",", "\t"),
        f"First name,last_name,MICROSOFT ACCOUNT,Primary e-mail address,Roles\n{DORA}".replace(
            "e-mail address", "email-address"
        ),
        f"{HEADER},status,createdAt\n{DORA},ASSOCIATED,2026",
        f'{HEADER}\n"Dora",{DORA[5:]}',
    ],
    ids=["crlf", "mark", "cr", "semicolons", "tabs", "spelling", "further", "quoted"],
)
def test_what_spreadsheets_write_is_read(text: str) -> None:
    assert rows_of(text) == [(2, CELLS, None)]


def test_lines_are_counted_as_an_editor_counts_them() -> None:
    text = f'{HEADER}\n\n"Do\nra",{DORA[5:]}\n,,,,\n{DORA},more\n{DORA[:4]}\n'

    assert rows_of(text) == [
        (3, {**CELLS, "firstName": "Do\nra"}, None),
        (6, CELLS, "Line 6 has 6 columns; the header has 5."),
        (7, {**dict.fromkeys(COLUMNS, ""), "firstName": "Dora"},
         "Line 7 has 1 columns; the header has 5."),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [(Code.REQUIRED, "The file is empty.", ("csv",))]),
        ("\n\n", [(Code.REQUIRED, "The file is empty.", ("csv",))]),
        (HEADER, [(Code.REQUIRED, "The file has no row below its header.", ("csv",))]),
        (
            f"{HEADER},Colour,roles\n{DORA},red,x",
            [
                (
                    Code.INVALID,
                    f"Line 1, column 6: 'Colour' is unknown; known are {', '.join(COLUMNS)}.",
                    ("csv", "1", "6"),
                ),
                (
                    Code.INVALID,
                    "Line 1, column 7: roles is in column 5 already.",
                    ("csv", "1", "7"),
                ),
            ],
        ),
        (
            f"{HEADER.removesuffix(',roles')}\nDora,Diaz,a@b.example,a@b.example",
            [(Code.REQUIRED, "Line 1: the column roles is missing.", ("csv", "1"))],
        ),
        (
            f"{HEADER}\n{DORA}\nD\ufffdra{DORA[4:]}\nDora\x00{DORA[4:]}\n\ud800{DORA}",
            [
                (
                    Code.INVALID,
                    f"Line {line}, character {place}: {NO_TEXT}",
                    ("csv", str(line)),
                )
                for line, place in ((3, 2), (4, 5), (5, 1))
            ],
        ),
        (
            f"{HEADER}\n{'x' * (MAX_LINE_CHARACTERS + 1)}",
            [(Code.TOO_LONG, "Line 2 has more than 10000 characters.", ("csv", "2"))],
        ),
        (
            f'{HEADER}\n{DORA}\n"Dora,Diaz\n',
            [
                (
                    Code.INVALID,
                    "Line 3: the quotes don't match (unexpected end of data).",
                    ("csv", "3"),
                )
            ],
        ),
        (
            f'{HEADER}\n"Do"ra{DORA[4:]}\n',
            [
                (
                    Code.INVALID,
                    "Line 2: the quotes don't match (',' expected after '\"').",
                    ("csv", "2"),
                )
            ],
        ),
        (
            "\n".join([HEADER, *[DORA] * 10_001]),
            [
                (
                    Code.BATCH_TOO_LARGE,
                    "The file has 10001 rows; at most 10000 can be in one.",
                    ("csv",),
                )
            ],
        ),
        (
            f"{HEADER}\n" + f"{DORA}\n" * 60_000,
            [(Code.TOO_LONG, "The file has more than 4194304 characters.", ("csv",))],
        ),
    ],
    ids=["empty", "blank", "header", "columns", "missing", "encoding", "long", "open", "quote",
         "rows", "size"],
)  # fmt: skip
def test_what_keeps_a_file_from_being_read_is_told_by_line_and_column(
    text: str, expected: list[tuple[Code, str, tuple[str, ...]]]
) -> None:
    assert problems_in(text) == expected
