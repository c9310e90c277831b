"""Writes a report in one of the formats, within their bounds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from collateral_registry.exports.document import write_document
from collateral_registry.exports.program_files import write_csv, write_parquet
from collateral_registry.exports.report import Form, Report
from collateral_registry.exports.rows import Advance, Rows, measured
from collateral_registry.exports.workbook import write_workbook
from valuation.errors import InvalidInput

ROWS_LIMIT = 1_000_000
"""Rows of a file of CSV and Parquet."""

XLSX_ROWS_LIMIT = 250_000
"""Rows of a workbook, which takes the most time: a minute or more for so many."""

PDF_ROWS_LIMIT = 2_000
"""Rows of a PDF, whose layout needs 0.3 MB a row: about 100 pages."""

MEDIA_TYPES = {
    Form.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    Form.PDF: "application/pdf",
    Form.CSV: "text/csv; charset=utf-8",
    Form.PARQUET: "application/vnd.apache.parquet",
}

LIMITS = {
    Form.PDF: (PDF_ROWS_LIMIT, ", or take xlsx, csv or parquet"),
    Form.XLSX: (XLSX_ROWS_LIMIT, ", or take csv or parquet"),
    Form.CSV: (ROWS_LIMIT, ""),
    Form.PARQUET: (ROWS_LIMIT, ""),
}
"""Most rows of each format, and what an error suggests instead."""

WRITERS: dict[Form, Callable[[Rows, Path, Advance], None]] = {
    Form.XLSX: write_workbook,
    Form.PDF: write_document,
    Form.CSV: write_csv,
    Form.PARQUET: write_parquet,
}


def check_rows(form: Form, count: int) -> None:
    """Raises InvalidInput for more rows than a file of the format has."""
    limit, instead = LIMITS[form]
    if count > limit:
        raise InvalidInput("rows", f"{count:,}", f"at most {limit:,} in a file of {form}; narrow the filter{instead}")


def write_file(form: Form, report: Report, rows: Path, out: Path, advance: Advance = lambda _: None) -> int:
    """Writes a report, whose rows are in an Arrow file, and returns their number; raises InvalidInput for too many.

    ``advance`` is called with each number of further rows.
    """
    found = measured(report, rows)
    check_rows(form, found.count)
    WRITERS[form](found, out, advance)
    return found.count


def file_name(form: Form, report: Report) -> str:
    """Returns the name of a file, which states the moment of the report."""
    commit = next(fact.value for fact in report.facts if fact.name == "commit")
    return f"collateral-{report.name}-{report.dated.isoformat()}-{commit}.{form}"
