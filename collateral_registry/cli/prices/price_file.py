"""Reads price histories from files with any column names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from collateral_registry.cli.common.client import print_line
from valuation.notebook.price_input import PriceColumns
from valuation.tables.reader import RefusedRow, Table, latest_day, read_file
from valuation.tables.schema import CellKind, Schema

SHOWN_PROBLEMS = 50

NO_QUOTE = frozenset(
    {
        "", ".", "..", "...", "-", "--", "---", "\N{EN DASH}", "\N{EM DASH}", "NA", "N/A", "n/a", "N.A.", "n.a.",
        "#N/A", "#N/A N/A", "ND", "NaN", "nan", "null", "NULL", "None",
    }
)  # fmt: skip
"""Cells that sources of prices write for a day without a quote."""

HINT = "--date-column, --price-column and --series-column name other ones"

DOUBTFUL_SHARE = 0.05
"""Largest share of refused rows with which the other rows are still used as a history."""


@dataclass
class History:
    """One series: dates and prices [n] in file order, and the number of rows that were refused.

    ``seed_name`` is the name by which the series is simulated: that in the file, none if it is named after its file, so
    that renaming a file changes no figure. A day without a quote is not counted, because its row hides no price.
    """

    dates: NDArray[np.datetime64] = field(default_factory=lambda: np.array([], dtype="datetime64[D]"))
    prices: NDArray[np.float64] = field(default_factory=lambda: np.array([], dtype=np.float64))
    refused: int = 0
    seed_name: str = ""

    @property
    def doubtful(self) -> bool:
        """Whether too many rows were refused for the other rows to be used."""
        return self.refused > DOUBTFUL_SHARE * (self.refused + len(self.dates))

    def reliable(self) -> tuple[NDArray[np.datetime64], NDArray[np.float64]]:
        """Returns dates and prices; raises ValueError if too many rows were refused for them to be used."""
        if self.doubtful:
            rows = self.refused + len(self.dates)
            raise ValueError(f"rows: got {self.refused} refused of {rows}, want at most {DOUBTFUL_SHARE:.0%}")
        return self.dates, self.prices


@dataclass(frozen=True)
class PriceFile:
    """The series of a file in order of first appearance, and the refused rows."""

    name: str
    histories: Mapping[str, History]
    refused: Sequence[RefusedRow]

    def report(self) -> None:
        """Prints the refused rows to standard error, up to SHOWN_PROBLEMS of them."""
        for row in self.refused[:SHOWN_PROBLEMS]:
            print_line(f"{self.name}:{row.line}: {row.reason}", to_stderr=True)
        if len(self.refused) > SHOWN_PROBLEMS:
            print_line(f"... and {len(self.refused) - SHOWN_PROBLEMS} more", to_stderr=True)


def read_histories(path: Path, columns: PriceColumns) -> PriceFile:
    """Reads all series of a file.

    A row without series, date or price, or with a date in the future, is refused. Raises InvalidInput if the file is
    refused as a whole, and OSError if it cannot be read.
    """
    table = _without_future(read_file(path, _schema(columns)), columns.date)
    single = path.name.split(".")[0]
    has_names = columns.series in table.columns
    names = table.columns[columns.series] if has_names else [single] * len(table.lines)
    groups: dict[str, list[int]] = {}
    for at, name in enumerate(names):
        groups.setdefault(name, []).append(at)
    dates = np.array(table.columns[columns.date], dtype="datetime64[D]")
    prices = np.array(table.columns[columns.price], dtype=np.float64)
    histories = {
        name: History(dates[rows], prices[rows], seed_name=name if has_names else "") for name, rows in groups.items()
    }
    _count_refused(histories, table, columns, single)
    return PriceFile(path.name, histories, table.refused)


def _schema(columns: PriceColumns) -> Schema:
    required = {columns.date: CellKind.QUOTE_DATE, columns.price: CellKind.PRICE}
    series = {columns.series: CellKind.TEXT}
    filled = frozenset({*required, *series})
    if columns.series == PriceColumns.series:
        return Schema(required, series, closed=False, filled=filled, unknown=NO_QUOTE, hint=HINT)
    return Schema(series | required, closed=False, filled=filled, unknown=NO_QUOTE, hint=HINT)


def _without_future(table: Table, column: str) -> Table:
    latest, days = latest_day().isoformat(), table.columns[column]
    reason = f"{column}: got {{}}, want a date that is not in the future"
    return table.without({at: reason.format(day) for at, day in enumerate(days) if day > latest})


def _count_refused(histories: Mapping[str, History], table: Table, columns: PriceColumns, single: str) -> None:
    """Counts the refused rows of each series, without those of days that have no quote.

    A refused row belongs to the series that it names. A misaligned row that names no series of the file may be of any
    series and counts for each.
    """
    for row in table.refused:
        if row.cells.get(columns.price) in NO_QUOTE and row.cells.get(columns.date) not in NO_QUOTE:
            continue
        name = row.cells.get(columns.series, "") if columns.series in table.columns else single
        if name in histories:
            histories[name].refused += 1
        elif row.misaligned:
            for history in histories.values():
                history.refused += 1
