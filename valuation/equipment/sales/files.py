"""Reads comparable sales and machines from CSV files, plain or gzipped, by a column mapping."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from itertools import islice
from pathlib import Path

import numpy as np

from valuation._typing import Float
from valuation.calendar import DAYS_PER_YEAR
from valuation.equipment.sales.mapping import ColumnMap
from valuation.equipment.sales.observations import Observations, observe
from valuation.errors import InvalidInput

GZIP_MAGIC = b"\x1f\x8b"
BLOCK_ROWS = 2_000
FIRST_DAY = date(1970, 1, 1).toordinal()


def read_comparables(path: Path, mapping: ColumnMap, today: date) -> tuple[Observations, str]:
    """Returns the sales in a file and the SHA-256 hash of its uncompressed content.

    Sale dates before the oldest year of the mapping or after today count as unknown. Raises InvalidInput for a mapping
    without price or sale date, a column missing from the file, or a cell that is not a number or date.
    """
    for name in ("price", "sale_date"):
        if not getattr(mapping, name):
            raise InvalidInput(f"columns.{name}", "nothing", "the name of a column")
    content = _bytes(path)
    table, count = _table(content, path, mapping.needed((mapping.price, mapping.sale_date)))
    days = days_of(mapping.sale_date, table[mapping.sale_date], mapping.unknown)
    time = years_of_days(_possible(days, mapping.oldest_sale_year, today))
    return observe(table, mapping, time, count), hashlib.sha256(content).hexdigest()


def read_assets(path: Path, mapping: ColumnMap, as_of: date | None, date_column: str) -> Observations:
    """Returns machines to be valued on the day ``as_of`` or, if it is None, each on the date in a column.

    ``date_column`` defaults to the sale date of the mapping. Prices are read if the file has them. Raises InvalidInput
    if there is no date, for a column missing from the file, or for a cell that is not a number or date.
    """
    column = "" if as_of else date_column or mapping.sale_date
    if not as_of and not column:
        raise InvalidInput("as_of", "no date", "a date, or a column of dates")
    table, count = _table(_bytes(path), path, mapping.needed((column,)), also=(mapping.price,))
    days = days_of(column, table[column], mapping.unknown) if column else np.full(count, day_number(as_of or date.min))
    return observe(table, mapping, years_of_days(np.asarray(days, dtype=np.float64)), count)


def _possible(days: Float, oldest_year: int, today: date) -> Float:
    """Returns the days with those before the oldest year or after today set to NaN."""
    oldest, newest = day_number(date(oldest_year, 1, 1)), day_number(today)
    return np.where((days < oldest) | (days > newest), np.nan, days)


def day_number(day: date) -> float:
    """Returns the number of days since 1970-01-01."""
    return float(day.toordinal() - FIRST_DAY)


def years_of_days(days: Float) -> Float:
    """Converts days since 1970-01-01 to decimal years."""
    return np.asarray(1970.0 + days / DAYS_PER_YEAR, dtype=np.float64)


def date_of_years(time: float) -> date:
    """Converts decimal years to a date."""
    return date.fromordinal(FIRST_DAY + round((time - 1970.0) * DAYS_PER_YEAR))


def days_of(column: str, cells: Sequence[str], unknown: Sequence[str]) -> Float:
    """Converts ISO 8601 dates or timestamps to days since 1970-01-01 [n]; NaN for cells listed as unknown.

    Raises InvalidInput for any other cell.
    """
    days: dict[str, float] = dict.fromkeys(unknown, np.nan)
    for at, cell in enumerate(cells):
        if cell not in days and cell.strip() not in days:
            days[cell] = _day(column, at, cell.strip())
    return np.array([days[cell] if cell in days else days[cell.strip()] for cell in cells], dtype=np.float64)


def _day(column: str, at: int, cell: str) -> float:
    try:
        return day_number(datetime.fromisoformat(cell).date())
    except ValueError:
        raise InvalidInput(f"{column}[{at}]", repr(cell[:40]), "a date such as 2011-05-26") from None


def _bytes(path: Path) -> bytes:
    """Returns the content of a file, decompressed if it is gzipped."""
    content = path.read_bytes()
    if not content.startswith(GZIP_MAGIC):
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise InvalidInput(path.name, str(error), "a complete gzip file") from None


def _table(content: bytes, path: Path, needed: set[str], also: Sequence[str] = ()) -> tuple[dict[str, list[str]], int]:
    """Returns the needed columns of a CSV file, any columns in ``also`` that it has, and the number of rows."""
    try:
        reader = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        header = [name.strip() for name in next(reader, [])]
        _check_header(path, header, needed)
        columns = _columns(path, header, reader)
    except UnicodeDecodeError as error:
        raise InvalidInput(path.name, str(error), "text in UTF-8") from None
    except csv.Error as error:
        raise InvalidInput(path.name, str(error), "CSV") from None
    wanted = [name for name in header if name in needed or name in also]
    return {name: columns[header.index(name)] for name in wanted}, len(columns[0])


def _columns(path: Path, header: Sequence[str], reader: Iterator[list[str]]) -> list[list[str]]:
    """Returns the cells by column.

    Rows are transposed in blocks, because keeping all rows would need twice the memory.
    """
    columns: list[list[str]] = [[] for _ in header]
    rows = filter(None, reader)
    while block := list(islice(rows, BLOCK_ROWS)):
        if set(map(len, block)) != {len(header)}:
            at, row = next((at, row) for at, row in enumerate(block) if len(row) != len(header))
            number = len(columns[0]) + at + 1
            raise InvalidInput(f"{path.name} row {number}", f"{len(row)} cells", f"{len(header)} as in the header")
        for column, cells in zip(columns, zip(*block, strict=True), strict=True):
            column.extend(cells)
    return columns


def _check_header(path: Path, header: Sequence[str], needed: set[str]) -> None:
    missing = sorted(needed - set(header))
    if missing:
        raise InvalidInput(f"{path.name} header", f"no column {missing[0]!r}", "every column named in the mapping")
