"""A CSV file of price histories, whatever its column names and its way to write dates and numbers.

What one cell leaves open the column tells: 5/1/2020 is in May if another cell says 5/13/2020, and 9,825 is less than
ten if another says 98,25. What the column leaves open too is refused.
"""

from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

FIRST_YEAR, LAST_YEAR = "1600", "2200"
"""Years of prices; a number outside of them is no year."""

ISO_LENGTH = 10
"""Characters of a day such as 2020-01-05, which most files have and numpy reads fastest."""

UNMARKED = re.compile(r"(\d{4})(\d{2})(\d{2})")
YEAR_FIRST = re.compile(r"(\d{4})(?:[-/.年M](\d{1,2})(?:[-/.月](\d{1,2})日?)?月?)?")
"""Year, month and day, unpadded too; a month, a year is its first day. 2020M01 is how the World Bank writes January."""

YEAR_LAST = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})")
WORD_FORMS = ("%d-%b-%y", "%d-%b-%Y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y")
MONTHS_OF_YEAR = 12

THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?")
DECIMAL_COMMA = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d*),\d+")

DOUBTFUL_SHARE = 0.05
"""Rows without a readable date beyond which the others are no history."""

NO_DAY = np.datetime64("NaT", "D")


@dataclass(frozen=True)
class PriceColumns:
    """Names of the columns; a file without the series column holds one series, named as the file."""

    series: str = "series"
    date: str = "date"
    price: str = "price"


@dataclass
class History:
    """One series as read: dates and prices [n] in the order of the file, and rows whose date cannot be read.

    ``first_unreadable`` is the date of the first of them as it is written.
    """

    dates: list[np.datetime64] = field(default_factory=list)
    prices: list[float] = field(default_factory=list)
    unreadable: int = 0
    first_unreadable: str = ""

    @property
    def doubtful(self) -> bool:
        """Whether so many rows have no readable date that the others are no history."""
        return self.unreadable > DOUBTFUL_SHARE * (self.unreadable + len(self.dates))

    def columns(self) -> tuple[NDArray[np.datetime64], NDArray[np.float64]]:
        """The dates and prices as arrays; a price that is no number is NaN."""
        return np.array(self.dates, dtype="datetime64[D]"), np.array(self.prices, dtype=np.float64)


@dataclass
class _Open:
    """Cells that leave open what they mean, by their place: dates with the year last, prices with a comma."""

    days: list[tuple[History, int, tuple[int, int, int]]] = field(default_factory=list)
    numbers: list[tuple[History, int, str]] = field(default_factory=list)

    def settle(self, columns: PriceColumns) -> None:
        """Reads them as their column is written; raises ValueError where it does not tell."""
        if self.days:
            self._settle_days(columns.date)
        decimal = any(not THOUSANDS.fullmatch(text) and DECIMAL_COMMA.fullmatch(text) for _, _, text in self.numbers)
        form, plain = (DECIMAL_COMMA, str.maketrans(",", ".", ".")) if decimal else (THOUSANDS, {ord(","): None})
        for history, place, text in self.numbers:
            history.prices[place] = float(text.translate(plain)) if form.fullmatch(text) else float("nan")

    def _settle_days(self, column: str) -> None:
        day_first = any(first > MONTHS_OF_YEAR for _, _, (first, _, _) in self.days)
        month_first = any(second > MONTHS_OF_YEAR for _, _, (_, second, _) in self.days)
        if day_first == month_first:
            first, second, year = self.days[0][2]
            why = "both the day and the month come first" if day_first else "nothing tells whether the day comes first"
            raise ValueError(f"{column}: got {first}/{second}/{year}, and {why}: want dates such as 2020-01-05")
        for history, place, (first, second, year) in self.days:
            history.dates[place] = _day(year, second, first) if day_first else _day(year, first, second)


def read_histories(path: Path, columns: PriceColumns) -> dict[str, History]:
    """Every series of the file, in the order in which they begin.

    Raises ValueError for a missing column, and for dates of which nothing tells whether the day or the month is first.
    """
    histories: dict[str, History] = {}
    left_open = _Open()
    with _opened(path) as file:
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
            _take(history, (row[columns.date] or "").strip(), (row[columns.price] or "").strip(), left_open)
    left_open.settle(columns)
    return histories


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
        yield file


def _take(history: History, written: str, price: str, left_open: _Open) -> None:
    day, year_last = parse_day(written), YEAR_LAST.match(written)
    if np.isnat(day) and not year_last:
        history.first_unreadable = history.first_unreadable or repr(written[:40])
        history.unreadable += 1
        return
    if np.isnat(day) and year_last:
        first, second, year = (int(part) for part in year_last.groups())
        left_open.days.append((history, len(history.dates), (first, second, year)))
    if "," in price:
        left_open.numbers.append((history, len(history.prices), price))
    history.dates.append(day)
    history.prices.append(_number(price))


def parse_day(text: str) -> np.datetime64:
    """A day with the year first, as words, or as a time of it, or a month or a year; NaT for anything else."""
    given = text.strip()
    if len(given) == ISO_LENGTH and given[4] == given[7] == "-":
        try:
            return np.datetime64(given, "D") if FIRST_YEAR <= given[:4] <= LAST_YEAR else NO_DAY
        except ValueError:
            return NO_DAY
    marked = UNMARKED.fullmatch(given) or YEAR_FIRST.fullmatch(given.split("T")[0].split(" ")[0])
    if marked:
        year, month, day = (int(part or 1) for part in marked.groups())
        return _day(year, month, day)
    return _day_in_words(given)


def _day_in_words(text: str) -> np.datetime64:
    for form in WORD_FORMS:
        try:
            found = datetime.strptime(text, form)  # noqa: DTZ007 - a day has no time zone
        except ValueError:
            continue
        return _day(found.year, found.month, found.day)
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
