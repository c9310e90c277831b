"""Excel workbooks: numbers as numbers, dates as dates, ids as text, and no cell that is a formula."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from datetime import date, datetime, time
from decimal import Decimal
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from collateral_registry.exports.levels import MARKS, UNKNOWN_LINE
from collateral_registry.exports.report import Column, Kind, Report, Row, Table
from collateral_registry.exports.rows import Advance, Rows

SHEET_NAME_LIMIT = 31
ADVANCE_ROWS = 1_000

WIDTHS = {
    Kind.TEXT: 24,
    Kind.CODE: 14,
    Kind.LEVEL: 16,
    Kind.LABELS: 30,
    Kind.COUNT: 10,
    Kind.AMOUNT: 18,
    Kind.SHARE: 11,
    Kind.DATE: 12,
    Kind.FLAG: 9,
}
FORMATS = {Kind.TEXT: "@", Kind.COUNT: "0", Kind.SHARE: "0.00%", Kind.DATE: "yyyy-mm-dd"}
AMOUNT_FORMATS = ("#,##0.00", "#,##0.00", "#,##0.00", "#,##0.000", "#,##0.0000")
"""Formats of amounts by the number of their decimals."""

RIGHT = frozenset({Kind.COUNT, Kind.AMOUNT, Kind.SHARE, Kind.DATE})
INK = "#17212b"
INFINITY = "\u221e"

Put = Callable[[int, int, object], None]
"""Writes a cell that is not empty at a row and a column."""


def write_workbook(rows: Rows, out: Path, advance: Advance) -> None:
    """Writes a sheet for the rows, one for each section, and one that states what the figures are of."""
    with TemporaryDirectory(dir=out.parent) as folder:
        part = Path(folder, "workbook.xlsx")
        with xlsxwriter.Workbook(part, {"constant_memory": True, "tmpdir": folder}) as book:
            _Book(book, rows.report).write(rows, advance)
        _pack(part, out, rows.report.dated)


class _Book:
    """A workbook with the formats of its cells."""

    def __init__(self, book: xlsxwriter.Workbook, report: Report) -> None:
        self._book, self._report = book, report
        created = datetime.combine(report.dated, time())
        book.set_properties({"title": report.title, "author": report.labels.product, "created": created})
        self._plain = book.add_format({"font_color": INK})
        self._head = book.add_format({"bold": True, "bottom": 2, "valign": "top", "text_wrap": True, "font_color": INK})
        self._head_right = book.add_format(
            {"bold": True, "bottom": 2, "valign": "top", "text_wrap": True, "align": "right", "font_color": INK}
        )
        self._kinds = {kind: book.add_format({"num_format": shown}) for kind, shown in FORMATS.items()}
        self._amounts = [book.add_format({"num_format": shown}) for shown in AMOUNT_FORMATS]
        self._infinite = book.add_format({"align": "right"})
        self._levels = {name: book.add_format(_look(name)) for name in MARKS}

    def write(self, rows: Rows, advance: Advance) -> None:
        """Writes all sheets."""
        self._write_table(rows.report.table, rows, rows.count, advance)
        for section in rows.report.sections:
            self._write_table(section.table, section.rows, len(section.rows), _uncounted)
        self._write_about(rows)

    def _write_table(self, table: Table, rows: Iterable[Row], count: int, advance: Advance) -> None:
        sheet = self._book.add_worksheet(table.title[:SHEET_NAME_LIMIT])
        sheet.freeze_panes(1, 1)
        sheet.repeat_rows(0)
        sheet.set_landscape()
        sheet.set_paper(9)  # A4
        sheet.fit_to_pages(1, 0)
        for place, column in enumerate(table.columns):
            sheet.set_column(place, place, WIDTHS[column.kind], self._plain)
        sheet.autofilter(0, 0, max(count, 1), len(table.columns) - 1)
        for place, column in enumerate(table.columns):
            sheet.write_string(0, place, column.title, self._head_right if column.kind in RIGHT else self._head)
        puts = [self._put(sheet, column) for column in table.columns]
        for number, row in enumerate(rows, 1):
            for place, cell in enumerate(table.for_people(row)):
                if cell is not None:
                    puts[place](number, place, cell)
            if number % ADVANCE_ROWS == 0 or number == count:
                advance(ADVANCE_ROWS if number % ADVANCE_ROWS == 0 else number % ADVANCE_ROWS)

    def _put(self, sheet: Worksheet, column: Column) -> Put:
        """Returns what writes the cells of a column; texts are never read for formulas, numbers or links."""
        writers = {
            Kind.LEVEL: self._put_level,
            Kind.LABELS: self._put_labels,
            Kind.COUNT: self._put_number,
            Kind.SHARE: self._put_number,
            Kind.AMOUNT: self._put_amount,
            Kind.DATE: self._put_date,
            Kind.FLAG: self._put_flag,
        }
        return partial(writers.get(column.kind, self._put_text), sheet, column)

    def _put_text(self, sheet: Worksheet, column: Column, row: int, place: int, cell: object) -> None:
        sheet.write_string(row, place, column.word(cell), self._kinds.get(column.kind))

    def _put_level(self, sheet: Worksheet, column: Column, row: int, place: int, cell: object) -> None:
        sheet.write_string(row, place, column.word(cell), self._levels.get(str(cell)))

    def _put_labels(self, sheet: Worksheet, column: Column, row: int, place: int, cell: object) -> None:
        if isinstance(cell, list) and cell:
            sheet.write_string(row, place, ", ".join(map(column.word, cell)))

    def _put_number(self, sheet: Worksheet, column: Column, row: int, place: int, cell: object) -> None:
        if isinstance(cell, float) and math.isinf(cell):
            sheet.write_string(row, place, INFINITY, self._infinite)
        elif isinstance(cell, int | float):
            sheet.write_number(row, place, cell, self._kinds[column.kind])

    def _put_amount(self, sheet: Worksheet, _: Column, row: int, place: int, cell: object) -> None:
        if isinstance(cell, Decimal):
            decimals = -int(cell.normalize().as_tuple().exponent)
            sheet.write_number(row, place, float(cell), self._amounts[max(decimals, 0)])

    def _put_date(self, sheet: Worksheet, _: Column, row: int, place: int, cell: object) -> None:
        if isinstance(cell, date):
            sheet.write_datetime(row, place, datetime.combine(cell, time()), self._kinds[Kind.DATE])

    def _put_flag(self, sheet: Worksheet, _: Column, row: int, place: int, cell: object) -> None:
        sheet.write_string(row, place, self._report.labels.yes if cell else self._report.labels.no)

    def _write_about(self, rows: Rows) -> None:
        sheet: Worksheet = self._book.add_worksheet(self._report.labels.about[:SHEET_NAME_LIMIT])
        sheet.set_column(0, 0, 24, self._plain)
        sheet.set_column(1, 1, 70, self._plain)
        sheet.write_string(0, 0, self._report.title, self._head)
        sheet.write_blank(0, 1, None, self._head)
        facts = [fact for fact in self._report.about(rows.count, rows.digest) if fact.label]
        for number, fact in enumerate(facts, 1):
            sheet.write_string(number, 0, fact.label)
            if fact.name == "as_of" and self._report.day:
                left = self._book.add_format({"num_format": FORMATS[Kind.DATE], "align": "left"})
                sheet.write_datetime(number, 1, datetime.combine(self._report.day, time()), left)
            else:
                sheet.write_string(number, 1, fact.value, self._kinds[Kind.TEXT])


def _look(name: str) -> dict[str, object]:
    """Returns the format of the cells of a level; those without a breach have no colour."""
    mark = MARKS[name]
    if mark.quarters is None:
        return {"font_color": mark.ink, "border": 3, "border_color": UNKNOWN_LINE}
    return {"bg_color": mark.fill, "font_color": mark.ink} if mark.quarters else {"font_color": mark.ink}


def _uncounted(_: int) -> None:
    """Reports no progress."""


def _pack(part: Path, out: Path, day: date) -> None:
    """Packs a workbook with the day of its report as the time of its parts, and no other trace of this machine."""
    moment = (day.year, day.month, day.day, 0, 0, 0)
    with ZipFile(part) as source, ZipFile(out, "w", ZIP_DEFLATED) as target:
        for name in source.namelist():
            info = ZipInfo(name, moment)
            info.compress_type = ZIP_DEFLATED
            info.create_system = 3  # Unix, whatever the machine
            with source.open(name) as read, target.open(info, "w", force_zip64=False) as written:
                while piece := read.read(1 << 20):
                    written.write(piece)
