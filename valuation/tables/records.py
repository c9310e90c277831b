"""Splits text into a header and rows: CSV with any line ends, separated by comma, semicolon, tab or vertical bar."""

from __future__ import annotations

import csv
import io
import re

from valuation.errors import InvalidInput
from valuation.tables.grid import Grid
from valuation.tables.header import missing
from valuation.tables.schema import Schema

SEPARATORS = (",", ";", "\t", "|")
SEPARATOR_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}
SEPARATOR_LINE = re.compile(r'"?sep=(.)"?', re.IGNORECASE)
"""First line by which spreadsheets state the separator."""

LINE = re.compile(r"([^\r\n]*)(\r\n|\r|\n|\Z)")
NO_CELLS = frozenset(" ".join(SEPARATORS))
"""Characters of a line whose cells are all empty."""

COMMENT = "#"
TITLE_LINES = 20
"""Number of lines among which a header below a title is looked for."""

TEXT_FORMULA = re.compile(r'="([^"]*)"')
"""Cell by which programs keep spreadsheets from reading an identifier as a number, such as ``="007"``."""


def read_records(name: str, text: str, schema: Schema, separator: str = "") -> Grid:
    """Returns the header and the rows of a text, without blank rows; the separator is recognised unless it is stated.

    Lines before the header that begin with ``#`` are comments; after it they are data. Titles above the header are
    skipped. Raises InvalidInput for a quote that is not closed, or for more rows than the schema permits.
    """
    start, line, of_file = _start_of_header(text, schema)
    separator = separator or of_file or _separator(text[start:], schema)
    grid = Grid(name, [], separator=separator)
    reader = csv.reader(io.StringIO(text[start:], newline=""), delimiter=separator, strict=True)
    last, has_formulas = line - 1, '="' in text
    try:
        grid.header.extend(cell.strip() for cell in next(reader, []))
        last = line - 1 + reader.line_num
        for cells in reader:
            first, last = last + 1, line - 1 + reader.line_num
            if last > first:
                _check_line_breaks(grid, cells, first, last)
            if not "".join(cells).strip():
                continue
            grid.rows.append([_without_formula(cell) for cell in cells] if has_formulas else cells)
            grid.lines.append(first)
            if len(grid.rows) > schema.max_rows:
                raise InvalidInput(name, f"more than {schema.max_rows} rows", "a shorter file; divide it")
    except csv.Error as error:
        want = "each quote closed, and quotes inside a cell doubled"
        raise InvalidInput(f"{name}:{last + 1}", str(error), want) from None
    return grid


def _start_of_header(text: str, schema: Schema) -> tuple[int, int, str]:
    """Returns position and line of the header, and the separator if a line states it."""
    separator, at, line = "", 0, 1
    while at < len(text):
        content, after = _line(text, at)
        stated = SEPARATOR_LINE.fullmatch(content.strip(" ")) if not separator else None
        if stated:
            separator = stated[1]
        elif not NO_CELLS.issuperset(content) and not (
            content.startswith(COMMENT) and not _has_columns(content, schema)
        ):
            break
        at, line = after, line + 1
    at, skipped = _below_titles(text, at, schema)
    return at, line + skipped, separator


def _line(text: str, at: int) -> tuple[str, int]:
    """Returns the line at a position, and the position after it."""
    found = LINE.match(text, at)
    return (found[1], found.end()) if found else ("", len(text))


def _has_columns(content: str, schema: Schema) -> bool:
    """Returns whether a line has the required columns."""
    return not all(missing(_first_record(content, separator), schema) for separator in SEPARATORS)


def _below_titles(text: str, at: int, schema: Schema) -> tuple[int, int]:
    """Returns the position of the header and the number of lines that are skipped to it.

    Only lines with fewer cells than there are required columns are skipped, which can be no rows. Without a header
    below them, the first of them is the header.
    """
    position = at
    for skipped in range(TITLE_LINES):
        content, after = _line(text, position)
        if _has_columns(content, schema):
            return position, skipped
        if after >= len(text) or any(_filled(content, one) >= len(schema.required) for one in SEPARATORS):
            break
        position = after
    return at, 0


def _filled(content: str, separator: str) -> int:
    return sum(bool(cell.strip()) for cell in _first_record(content, separator))


def _without_formula(cell: str) -> str:
    found = TEXT_FORMULA.fullmatch(cell.strip())
    return found[1] if found else cell


def _separator(text: str, schema: Schema) -> str:
    """Returns the separator under which the header has the required columns; otherwise the most frequent one."""
    headers = {separator: _first_record(text, separator) for separator in SEPARATORS}
    by_length = sorted(SEPARATORS, key=lambda separator: -len(headers[separator]))
    return min(by_length, key=lambda separator: len(missing(headers[separator], schema)))


def _first_record(text: str, separator: str) -> list[str]:
    try:
        return next(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True), [])
    except csv.Error:
        return []


def _check_line_breaks(grid: Grid, cells: list[str], first: int, last: int) -> None:
    """Raises InvalidInput if a cell with line breaks contains what looks like whole rows: its quote is not closed."""
    for cell in cells:
        if ("\n" in cell or "\r" in cell) and cell.count(grid.separator) >= len(grid.header) - 1:
            got = f"a quote that is open until line {last}, over the cells of other rows"
            raise InvalidInput(f"{grid.name}:{first}", got, "each quote closed in its row")
