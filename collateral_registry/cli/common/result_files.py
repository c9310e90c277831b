"""Writes CSV and the result files of the commands that need no server, and names them after series."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from collateral_registry.cli.common.client import print_error, print_line
from collateral_registry.exports.cells import CsvWriter
from valuation.errors import MissingExtra
from valuation.extras import check_installed


def write_rows(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Writes a header and rows as CSV; floats have eight significant digits, NaN and None are empty."""
    with path.open("w", encoding="utf-8", newline="") as file:
        CsvWriter(file).write(header, *([_text(value) for value in row] for row in rows))


def file_stem(series: str) -> str:
    """Returns the name of a series as a stem that is safe in a file name."""
    return "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in series)


def report_written(folder: Path, files: Sequence[str], charts: int) -> None:
    """Prints which files and how many charts were written; without the extra ``plots``, that no charts are drawn."""
    drawn = f" and {charts:,} {'chart' if charts == 1 else 'charts'}"
    try:
        check_installed("plots")
    except MissingExtra as missing:
        print_error(f"no charts are drawn: {missing}")
        drawn = ""
    print_line(f"wrote {', '.join(files)}{drawn} to {folder}", to_stderr=True)


def _text(value: object) -> str:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.8g}"
    return "" if value is None else str(value)
