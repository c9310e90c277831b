"""Reads the sheet of an Excel workbook (xlsx) that has the required columns."""

from __future__ import annotations

import io
import warnings
import zipfile
import zlib
from collections.abc import Iterable
from datetime import date, datetime, time
from xml.etree.ElementTree import ParseError

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet._read_only import ReadOnlyWorksheet

from valuation.errors import InvalidInput
from valuation.tables.grid import Grid, text_of_float
from valuation.tables.header import missing
from valuation.tables.schema import Schema
from valuation.tables.source import Source

MIDNIGHT = time()

LINES_LIMIT, COLUMNS_LIMIT = 1_048_576, 1_024
"""The lines that a sheet of Excel has, and the columns that a table may have."""

DAMAGED = (InvalidFileException, zipfile.BadZipFile, zlib.error, ParseError, LookupError, ValueError, TypeError,
           AttributeError, ArithmeticError, EOFError, OSError, RuntimeError)  # fmt: skip
"""Errors that openpyxl raises for damaged parts; RuntimeError for those with a password or an unknown compression."""


def read_workbook(source: Source, schema: Schema) -> Grid:
    """Returns the one sheet whose first row has the required columns; lines are the row numbers of the sheet.

    Raises InvalidInput if no sheet or several sheets have them, or if the workbook is damaged.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl warns of styles and extensions that it does not keep
            book = load_workbook(io.BytesIO(source.content), read_only=True, data_only=True, keep_links=False)
            grids = [_grid(source.name, sheet.title, _rows(sheet), schema) for sheet in book]
    except InvalidInput:
        raise
    except DAMAGED as error:
        want = 'a complete workbook, or the table saved as "CSV UTF-8"'
        raise InvalidInput(source.name, f"a damaged workbook ({error})", want) from None
    filled = [grid for grid in grids if grid.header]
    fitting = [grid for grid in filled if not missing(grid.header, schema)]
    if len(fitting) > 1:
        names = ", ".join(repr(grid.name) for grid in fitting)
        raise InvalidInput(source.name, f"several sheets with the columns ({names})", "one such sheet; save it alone")
    return (fitting or filled or [Grid(source.name, [])])[0]


def _rows(sheet: ReadOnlyWorksheet) -> Iterable[tuple[object, ...]]:
    """Returns the values of all rows; some programs state too small a range of cells or none, so it is ignored."""
    sheet.reset_dimensions()
    rows: Iterable[tuple[object, ...]] = sheet.iter_rows(values_only=True)
    return rows


def _grid(name: str, title: str, rows: Iterable[tuple[object, ...]], schema: Schema) -> Grid:
    grid = Grid(f"{name} {title}", [])
    for line, values in enumerate(rows, start=1):
        _check_place(name, line, values)
        cells = [_text(value) for value in values[:COLUMNS_LIMIT]]
        if not any(cells):
            continue
        if not grid.header:
            grid = Grid(grid.name, cells)
            continue
        grid.rows.append(cells + [""] * (len(grid.header) - len(cells)))
        grid.lines.append(line)
        grid.binary.update(at for at, value in enumerate(values) if isinstance(value, float) and value % 1)
        if len(grid.rows) > schema.max_rows:
            raise InvalidInput(name, f"more than {schema.max_rows} rows", "a shorter file; divide it")
    return grid


def _check_place(name: str, line: int, values: tuple[object, ...]) -> None:
    """Raises InvalidInput for a line or a cell that is too far out: all before it would have to be filled."""
    if line > LINES_LIMIT:
        raise InvalidInput(name, f"a line after {LINES_LIMIT}", "a sheet of a workbook; save the table again")
    if any(value is not None for value in values[COLUMNS_LIMIT:]):
        want = f"at most {COLUMNS_LIMIT} columns; delete the cells to the right of the table"
        raise InvalidInput(name, f"a cell in column {len(values)} of line {line}", want)


def _text(value: object) -> str:
    """Returns the value of a cell as text: dates in ISO form, numbers in plain digits."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == MIDNIGHT else value.isoformat(" ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return text_of_float(float(value))
    return str(value).strip()
