"""Users as files of comma-separated values (RFC 4180), read and written by the same rules.

A cell that a spreadsheet would take for a formula is written with an apostrophe before it, and
that apostrophe is taken away again when such a file is read, so that nothing is lost on the way
there and back.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from resolvers.refusals import Code, Problems

COLUMNS = ("firstName", "lastName", "microsoftAccount", "primaryEmailAddress", "roles")
"""What an import needs."""

FURTHER_COLUMNS = ("status", "createdAt", "lastSignInAt")
"""What an export tells besides; an import takes no notice of them."""

MAX_ROWS = 10_000
MAX_FILE_CHARACTERS = 4_194_304
MAX_LINE_CHARACTERS = 10_000
MAX_FILE_PROBLEMS = 20

DELIMITERS = (",", ";", "\t")
"""Spreadsheets of many countries write semicolons."""

FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")  # noqa: RUF001 - full-width signs begin formulas too
"""How a cell begins that could be taken for a formula (OWASP, CSV Injection)."""

BYTE_ORDER_MARK = "\ufeff"
LINE_END = re.compile(r"\r\n|\r|\n")
UNREADABLE = re.compile("[\x00\ufffd\ud800-\udfff]")
"""What no text has: U+FFFD is what decoders put where the bytes are not of the encoding."""


@dataclass(frozen=True, slots=True)
class FileRow:
    """A row of a file, its cells by the names of `COLUMNS`."""

    line: int
    """Where it begins; the file's first line is 1."""
    cells: Mapping[str, str]
    problem: str | None = None
    """Why its cells can't be told apart."""


def neutral(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if FORMULA.match(cell) else cell


def original(cell: str) -> str:
    """What `neutral` was given."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell) else cell


def written(rows: Iterable[Sequence[str]]) -> str:
    """Rows of cells as text, each cell neutral, lines ending as RFC 4180 says."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(
        [neutral(cell) for cell in row] for row in rows
    )
    return text.getvalue()


def read_file(problems: Problems, text: str) -> list[FileRow]:
    """The rows of a file; notes what keeps it from being read, by line and column.

    The first row names the columns, in any order; case, space and signs in the names don't matter.
    """
    text = text.removeprefix(BYTE_ORDER_MARK)
    if len(text) > MAX_FILE_CHARACTERS:
        message = f"The file has more than {MAX_FILE_CHARACTERS} characters."
        problems.add(Code.TOO_LONG, message, "csv")
        return []
    _check_lines(problems, text)
    if problems.found:
        return []
    records = _records(problems, text)
    if problems.found:
        return []
    if not records:
        problems.add(Code.REQUIRED, "The file is empty.", "csv")
        return []
    (header_line, header), *body = records
    places = _places(problems, header_line, header)
    rows = [_row(line, record, places, len(header)) for line, record in body]
    if not rows:
        problems.add(Code.REQUIRED, "The file has no row below its header.", "csv")
    if len(rows) > MAX_ROWS:
        message = f"The file has {len(rows)} rows; at most {MAX_ROWS} can be in one."
        problems.add(Code.BATCH_TOO_LARGE, message, "csv")
    return rows


def _check_lines(problems: Problems, text: str) -> None:
    """What would make the parser, or the database, stumble."""
    for number, line in enumerate(LINE_END.split(text), 1):
        if len(problems.found) >= MAX_FILE_PROBLEMS:
            return
        if len(line) > MAX_LINE_CHARACTERS:
            message = f"Line {number} has more than {MAX_LINE_CHARACTERS} characters."
            problems.add(Code.TOO_LONG, message, "csv", str(number))
        elif (found := UNREADABLE.search(line)) is not None:
            message = (
                f"Line {number}, character {found.start() + 1}: this is no text. The file must be "
                "in UTF-8; save it as CSV UTF-8."
            )
            problems.add(Code.INVALID, message, "csv", str(number))


def _records(problems: Problems, text: str) -> list[tuple[int, list[str]]]:
    """The records with the lines that they begin on; lines without anything are none."""
    first_line = text.lstrip("\r\n").partition("\n")[0]
    delimiter = max(DELIMITERS, key=first_line.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    records: list[tuple[int, list[str]]] = []
    while True:
        begins = reader.line_num + 1
        try:
            record = next(reader)
        except StopIteration:
            return records
        except csv.Error as error:
            place = begins if "end of data" in str(error) else reader.line_num
            message = f"Line {place}: the quotes don't match ({error})."
            problems.add(Code.INVALID, message, "csv", str(place))
            return records
        if any(cell.strip() for cell in record):
            records.append((begins, record))


def _places(problems: Problems, line: int, header: Sequence[str]) -> dict[str, int]:
    """Where each column is; notes unknown, repeated and missing ones."""
    known = {name.lower(): name for name in (*COLUMNS, *FURTHER_COLUMNS)}
    places: dict[str, int] = {}
    for number, cell in enumerate(header, 1):
        name = known.get(re.sub(r"[\W_]", "", original(cell)).lower())
        path = ("csv", str(line), str(number))
        where = f"Line {line}, column {number}"
        if name is None:
            shown = cell.strip()[:MAX_SHOWN]
            message = f"{where}: {shown!r} is unknown; known are {', '.join(COLUMNS)}."
            problems.add(Code.INVALID, message, *path)
        elif name in places:
            message = f"{where}: {name} is in column {places[name] + 1} already."
            problems.add(Code.INVALID, message, *path)
        else:
            places[name] = number - 1
        if len(problems.found) >= MAX_FILE_PROBLEMS:
            return places
    for name in COLUMNS:
        if name not in places:
            problems.add(Code.REQUIRED, f"Line {line}: the column {name} is missing.", "csv", "1")
    return places


MAX_SHOWN = 40


def _row(line: int, record: Sequence[str], places: Mapping[str, int], width: int) -> FileRow:
    cells = {
        name: original(record[place]) if place < len(record) else ""
        for name, place in places.items()
        if name in COLUMNS
    }
    problem = None
    if len(record) != width:
        problem = f"Line {line} has {len(record)} columns; the header has {width}."
    return FileRow(line, cells, problem)
