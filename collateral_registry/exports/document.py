"""Reports as PDF: facts, totals, pictures and rows."""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

import pyarrow as pa

from collateral_registry.exports.cells import AMOUNT_SHOWN_DECIMALS, decimal_text
from collateral_registry.exports.levels import MARKS, UNKNOWN_LINE
from collateral_registry.exports.report import Column, Kind, Labels, Printed, Row, Table
from collateral_registry.exports.rows import Advance, Rows, schema_of
from collateral_registry.exports.typesetting import REGIONS, dated_values, is_printable, printable, typeset

PART_ROWS = 500
"""Rows of a table in the file; a longer listing has several, whose memory is returned one by one."""

MINUS, NO_BREAK, DASH, INFINITY = "\u2212", "\u00a0", "\u2014", "\u221e"
RIGHT = frozenset({Kind.COUNT, Kind.AMOUNT, Kind.SHARE, Kind.DATE})


def write_document(rows: Rows, out: Path, advance: Advance) -> None:
    """Writes the report as a PDF; raises RuntimeError if Typst cannot."""
    typeset("report.typ", _data(rows), rows.report.dated, out)
    advance(rows.count)


def _data(rows: Rows) -> dict[str, object]:
    """Returns the values of the template."""
    report, about = rows.report, rows.report.about(rows.count, rows.digest)
    everything = pa.Table.from_batches(rows.batches(), schema_of(report.table))
    values = list(zip(*(column.to_pylist() for column in everything.columns), strict=True))
    listed = _cells(report.table, values, report.labels)
    return {
        "title": printable(report.title),
        "product": report.labels.product,
        "language": report.labels.language,
        "region": REGIONS.get(report.labels.language),
        "date": dated_values(report.dated),
        "subtitle": printable(report.labels.as_of),
        "footer": printable(f"{report.title} \u00b7 {report.labels.as_of} \u00b7 SHA-256 {rows.digest[:16]}"),
        "page": report.labels.page,
        "facts": [(fact.label, printable(fact.value)) for fact in about if fact.label and fact.value],
        "marks": {
            name: {"quarters": mark.quarters, "fill": mark.fill, "ink": mark.ink} for name, mark in MARKS.items()
        },
        "unknown_line": UNKNOWN_LINE,
        "sections": [
            {
                "title": section.table.title,
                "columns": _columns(section.table),
                "rows": _cells(section.table, section.rows, report.labels),
            }
            for section in report.sections
        ],
        "charts": [
            {"title": chart.title, "svg": printable(chart.svg), "text": printable(chart.text)}
            for chart in report.charts(everything)
        ],
        "heading": report.table.title,
        "columns": _columns(report.table),
        "parts": [listed[start : start + PART_ROWS] for start in range(0, max(len(listed), 1), PART_ROWS)],
        "rows_text": report.labels.missing if _lacks_characters(everything) else "",
    }


def _columns(table: Table) -> list[dict[str, object]]:
    """Returns the printed columns; one that is printed below another belongs to it."""
    return [
        {"title": column.title, "right": column.kind in RIGHT, "wide": column.kind in {Kind.TEXT, Kind.LABELS}}
        for column in table.columns
        if column.printed is Printed.YES
    ]


def _cells(table: Table, rows: Iterable[Row], labels: Labels) -> list[list[object]]:
    """Returns the printed cells of rows."""
    places = [(place, column) for place, column in enumerate(table.columns) if column.printed is not Printed.NO]
    printed = []
    for row in map(table.for_people, rows):
        cells: list[object] = []
        for place, column in places:
            shown = _shown(column, row[place], labels)
            if column.printed is Printed.BELOW:
                if shown != DASH:
                    cells[-1] = {"text": cells[-1], "below": shown}
            elif column.kind is Kind.LEVEL and row[place] in MARKS:
                cells.append({"mark": row[place], "text": shown})
            else:
                cells.append(shown)
        printed.append(cells)
    return printed


def _shown(column: Column, cell: object, labels: Labels) -> str:
    """Returns a cell as a reader sees it."""
    match cell:
        case None:
            shown = DASH
        case bool():
            shown = labels.yes if cell else labels.no
        case Decimal():
            shown = _signed(f"{Decimal(decimal_text(cell, AMOUNT_SHOWN_DECIMALS)):,f}")
        case float():
            shown = INFINITY if math.isinf(cell) else f"{_signed(f'{cell * 100:,.2f}')}{NO_BREAK}%"
        case int():
            shown = f"{cell:,}"
        case list():
            shown = printable(", ".join(column.word(one) for one in cell))
        case _:
            shown = printable(column.word(cell))
    return shown or DASH


def _signed(number: str) -> str:
    return number.replace("-", MINUS)


def _lacks_characters(rows: pa.Table) -> bool:
    """Returns whether a text of the rows has a character that the fonts lack."""
    texts = (column.to_pylist() for column in rows.columns if pa.types.is_string(column.type))
    return any(not is_printable(text) for column in texts for text in column if text)
