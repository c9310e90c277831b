"""A CSV file of price histories, whatever its column names: series with their dates and prices as they stand."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

DATE_LENGTHS = (4, 7, 10)
"""Characters of a year, a month and a day in ISO form."""


@dataclass(frozen=True)
class PriceColumns:
    """Names of the columns; a file without the series column holds one series, named as the file."""

    series: str = "series"
    date: str = "date"
    price: str = "price"


@dataclass
class History:
    """One series as read: dates and prices [n] in the order of the file, and rows whose date cannot be read."""

    dates: list[np.datetime64] = field(default_factory=list)
    prices: list[float] = field(default_factory=list)
    unreadable: int = 0

    def columns(self) -> tuple[NDArray[np.datetime64], NDArray[np.float64]]:
        """The dates and prices as arrays; a price that is no number is NaN."""
        return np.array(self.dates, dtype="datetime64[D]"), np.array(self.prices, dtype=np.float64)


def read_histories(path: Path, columns: PriceColumns) -> dict[str, History]:
    """Every series of the file, in the order in which they begin; raises ValueError for a missing column."""
    histories: dict[str, History] = {}
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
            _take(histories.setdefault(name, History()), row[columns.date], row[columns.price])
    return histories


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
        yield file


def _take(history: History, date: str | None, price: str | None) -> None:
    day = parse_day(date or "")
    if np.isnat(day):
        history.unreadable += 1
        return
    history.dates.append(day)
    history.prices.append(_number(price or ""))


def parse_day(text: str) -> np.datetime64:
    """A day from an ISO date, with slashes or without any mark, from a time of it, or from a month; NaT otherwise."""
    given = text.strip().replace("/", "-").split("T")[0].split(" ")[0]
    if given.isdigit() and len(given) == 8:
        given = f"{given[:4]}-{given[4:6]}-{given[6:]}"
    try:
        return np.datetime64(given, "D") if len(given) in DATE_LENGTHS else np.datetime64("NaT", "D")
    except ValueError:
        return np.datetime64("NaT", "D")


def _number(text: str) -> float:
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return float("nan")
