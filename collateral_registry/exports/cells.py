"""Cells as text: numbers without loss, and no text that a spreadsheet runs as a formula."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import IO

_FORMULA = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
"""Begin of a text that a spreadsheet may run as a formula, in ASCII or full width; apostrophes may come before it."""

_NUMBER = re.compile(r"-?[0-9][0-9,]*(\.[0-9]+)?([eE][+-]?[0-9]+)?")

AMOUNT_SHOWN_DECIMALS = 2


def escape_formula(cell: str) -> str:
    """Prefixes a text cell with an apostrophe if a spreadsheet would read it as a formula.

    A cell that already has apostrophes before such a text gets one more, so that a reader restores every text by
    removing one apostrophe where the text after the apostrophes begins like a formula.
    """
    return "'" + cell if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell


class CsvWriter:
    """Writes rows of CSV in which no text is run as a formula by a spreadsheet; every CSV of the program is its work.

    Floats have all their digits; None is empty.
    """

    def __init__(self, file: IO[str]) -> None:
        self._writer = csv.writer(file, lineterminator="\n")

    def write(self, *rows: Iterable[object]) -> None:
        """Writes rows in the order given."""
        for row in rows:
            self._writer.writerow([escape_formula(cell) if isinstance(cell, str) else cell for cell in row])


def decimal_text(value: Decimal, decimals: int) -> str:
    """Returns all digits of a number, with at least so many decimals."""
    value = value.normalize()
    return f"{value:.{max(decimals, -int(value.as_tuple().exponent))}f}"


def csv_cell(cell: object) -> object:
    """Returns a cell of CSV as a program reads it: lists separated by spaces, flags in words."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return " ".join(cell) if isinstance(cell, list) else cell
