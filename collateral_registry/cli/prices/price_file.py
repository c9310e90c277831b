"""Reads price histories from CSV files with any column names and common formats of dates and numbers.

An ambiguous cell is read like the other cells of its column: 5/1/2020 is in May if another cell is 5/13/2020, and 9,825
is less than ten if another cell is 98,25. A date column that stays ambiguous is refused.
"""

from __future__ import annotations

import csv
import gzip
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

FIRST_YEAR, LAST_YEAR = "1600", "2200"
"""Range of years; a number outside it is not read as a year."""

ISO_LENGTH = 10
"""Length of an ISO date such as 2020-01-05, the most common form, which numpy parses fastest."""

UNMARKED = re.compile(r"(\d{4})(\d{2})(\d{2})")
YEAR_FIRST = re.compile(r"(\d{4})(?:[-/.年M](\d{1,2})(?:[-/.月](\d{1,2})日?)?月?)?")
"""Year, month and day, padded or not; a month or year stands for its first day. 2020M01 is the World Bank's form."""

YEAR_LAST = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})")
WORD_FORMS = ("%d-%b-%y", "%d-%b-%Y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y")
MONTHS_OF_YEAR = 12

THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?")
DECIMAL_COMMA = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d*),\d+")

DOUBTFUL_SHARE = 0.05
"""Largest share of unreadable dates with which the other rows are still used as a history."""

NO_DAY = np.datetime64("NaT", "D")


@dataclass(frozen=True)
class PriceColumns:
    """The names of the columns; a file without a series column holds one series, named after the file."""

    series: str = "series"
    date: str = "date"
    price: str = "price"


@dataclass
class History:
    """One series: dates and prices [n] in file order, and the number of rows with an unreadable date.

    ``first_unreadable`` is the first unreadable date as written.
    """

    dates: list[np.datetime64] = field(default_factory=list)
    prices: list[float] = field(default_factory=list)
    unreadable: int = 0
    first_unreadable: str = ""

    @property
    def doubtful(self) -> bool:
        """Whether too many rows have an unreadable date for the other rows to be used."""
        return self.unreadable > DOUBTFUL_SHARE * (self.unreadable + len(self.dates))

    def columns(self) -> tuple[NDArray[np.datetime64], NDArray[np.float64]]:
        """Returns dates and prices [n] as arrays; an invalid price is NaN."""
        return np.array(self.dates, dtype="datetime64[D]"), np.array(self.prices, dtype=np.float64)


@dataclass
class _AmbiguousCells:
    """Ambiguous cells with their positions: dates that end with the year, and prices with a comma."""

    days: list[tuple[History, int, tuple[int, int, int]]] = field(default_factory=list)
    numbers: list[tuple[History, int, str]] = field(default_factory=list)

    def resolve(self, columns: PriceColumns) -> None:
        """Parses the cells in the format of their column; raises ValueError if the date format remains ambiguous."""
        if self.days:
            self._resolve_days(columns.date)
        # A comma is decimal if any cell cannot be read with commas between thousands.
        decimal_comma = any(
            not THOUSANDS.fullmatch(text) and DECIMAL_COMMA.fullmatch(text) for _, _, text in self.numbers
        )
        form, to_plain = (
            (DECIMAL_COMMA, str.maketrans(",", ".", ".")) if decimal_comma else (THOUSANDS, {ord(","): None})
        )
        for history, place, text in self.numbers:
            history.prices[place] = float(text.translate(to_plain)) if form.fullmatch(text) else float("nan")

    def _resolve_days(self, column: str) -> None:
        day_first = any(first > MONTHS_OF_YEAR for _, _, (first, _, _) in self.days)
        month_first = any(second > MONTHS_OF_YEAR for _, _, (_, second, _) in self.days)
        if day_first == month_first:
            first, second, year = self.days[0][2]
            both = "both day-first and month-first dates occur"
            reason = both if day_first else "day and month cannot be distinguished"
            raise ValueError(f"{column}: got {first}/{second}/{year}, but {reason}; want dates such as 2020-01-05")
        for history, place, (first, second, year) in self.days:
            history.dates[place] = _day(year, second, first) if day_first else _day(year, first, second)


def read_histories(path: Path, columns: PriceColumns) -> dict[str, History]:
    """Reads all series of a file, in order of first appearance.

    Raises ValueError for a missing column, or if day and month cannot be distinguished in the dates.
    """
    histories: dict[str, History] = {}
    ambiguous = _AmbiguousCells()
    with _open_text(path) as file:
        reader = csv.DictReader(line for line in file if not line.startswith("#"))
        header = [name.strip() for name in reader.fieldnames or []]
        reader.fieldnames = header
        for name in (columns.date, columns.price):
            if name not in header:
                raise ValueError(f"header: got {', '.join(header)[:80]!r}, want a column {name!r}")
        if columns.series not in header and columns.series != PriceColumns.series:
            raise ValueError(f"header: got {', '.join(header)[:80]!r}, want a column {columns.series!r}")
        for row in reader:
            name = (row.get(columns.series) or "").strip() or path.name.split(".")[0]
            history = histories.setdefault(name, History())
            _add_row(history, (row[columns.date] or "").strip(), (row[columns.price] or "").strip(), ambiguous)
    ambiguous.resolve(columns)
    return histories


@contextmanager
def _open_text(path: Path) -> Iterator[TextIO]:
    open_file = gzip.open if path.suffix == ".gz" else open
    with open_file(path, "rt", encoding="utf-8-sig", newline="") as file:
        yield file


def _add_row(history: History, date_text: str, price: str, ambiguous: _AmbiguousCells) -> None:
    day, year_last = parse_day(date_text), YEAR_LAST.match(date_text)
    if np.isnat(day) and not year_last:
        history.first_unreadable = history.first_unreadable or repr(date_text[:40])
        history.unreadable += 1
        return
    if np.isnat(day) and year_last:
        first, second, year = (int(part) for part in year_last.groups())
        ambiguous.days.append((history, len(history.dates), (first, second, year)))
    if "," in price:
        ambiguous.numbers.append((history, len(history.prices), price))
    history.dates.append(day)
    history.prices.append(_number(price))


def parse_day(text: str) -> np.datetime64:
    """Parses a date with the year first or the month in words; a time of day is ignored.

    A month or a year means its first day. Returns NaT if the string has no such form.
    """
    text = text.strip()
    if len(text) == ISO_LENGTH and text[4] == text[7] == "-":
        try:
            return np.datetime64(text, "D") if FIRST_YEAR <= text[:4] <= LAST_YEAR else NO_DAY
        except ValueError:
            return NO_DAY
    marked = UNMARKED.fullmatch(text) or YEAR_FIRST.fullmatch(text.split("T")[0].split(" ")[0])
    if marked:
        year, month, day = (int(part or 1) for part in marked.groups())
        return _day(year, month, day)
    return _day_in_words(text)


def _day_in_words(text: str) -> np.datetime64:
    for form in WORD_FORMS:
        try:
            parsed = time.strptime(text, form)
        except ValueError:
            continue
        return _day(parsed.tm_year, parsed.tm_mon, parsed.tm_mday)
    return NO_DAY


def _day(year: int, month: int, day: int) -> np.datetime64:
    try:
        found = date(year, month, day)
    except ValueError:
        return NO_DAY
    return np.datetime64(found, "D") if FIRST_YEAR <= f"{year:04}" <= LAST_YEAR else NO_DAY


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
