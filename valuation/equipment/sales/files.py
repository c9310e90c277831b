"""Reads comparable sales and machines from files by a column mapping."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np

from valuation._typing import Float
from valuation.calendar import DAYS_PER_YEAR
from valuation.equipment.sales.mapping import ColumnMap
from valuation.equipment.sales.observations import Observations, observe
from valuation.errors import InvalidInput
from valuation.tables.reader import Table, read_source
from valuation.tables.schema import BYTES_LIMIT, ROWS_LIMIT, CellKind, Schema
from valuation.tables.source import load

FIRST_DAY = date(1970, 1, 1).toordinal()

INDEXED = re.compile(r"(.+)\[([0-9]+)\]")
"""Field of an error about one cell of a column: the column and the index of the row."""


def read_comparables(
    path: Path, mapping: ColumnMap, today: date, max_bytes: int = BYTES_LIMIT, max_rows: int = ROWS_LIMIT
) -> tuple[Observations, str]:
    """Returns the sales in a file and the SHA-256 hash of its uncompressed content.

    Sale dates before the oldest year of the mapping or after today count as unknown. Raises InvalidInput for a mapping
    without price or sale date, a file with more uncompressed bytes or rows, a column missing from the file, or a cell
    that is not a number or date.
    """
    for name in ("price", "sale_date"):
        if not getattr(mapping, name):
            raise InvalidInput(f"columns.{name}", "nothing", "the name of a column")
    source = load(path, max_bytes)
    schema = replace(_schema(mapping, mapping.sale_date, mapping.price), max_rows=max_rows, max_bytes=max_bytes)
    table = read_source(source, schema).complete()
    time = years_of_days(_possible(_days(table.columns[mapping.sale_date]), mapping.oldest_sale_year, today))
    return _observed(table, mapping, time), hashlib.sha256(source.content).hexdigest()


def read_assets(path: Path, mapping: ColumnMap, as_of: date | None, date_column: str) -> Observations:
    """Returns machines to be valued on the day ``as_of`` or, if it is None, each on the date in a column.

    ``date_column`` defaults to the sale date of the mapping. Prices are read if the file has them. Raises InvalidInput
    if there is no date, for a column missing from the file, or for a cell that is not a number or date.
    """
    column = "" if as_of else date_column or mapping.sale_date
    if not as_of and not column:
        raise InvalidInput("as_of", "no date", "a date, or a column of dates")
    table = read_source(load(path), _schema(mapping, column)).complete()
    days = _days(table.columns[column]) if column else np.full(len(table.lines), day_number(as_of or date.min))
    return _observed(table, mapping, years_of_days(days))


def _schema(mapping: ColumnMap, dates: str, price: str = "") -> Schema:
    """Returns the columns of a mapping with the given columns of dates and prices; other prices are optional."""
    numbers = {mapping.build_year, mapping.hours, mapping.reference, *mapping.numbers}
    numbers |= set() if mapping.condition_order else {mapping.condition}
    kinds = dict.fromkeys(sorted(mapping.needed((dates, price))), CellKind.TEXT)
    kinds |= {name: CellKind.NUMBER for name in kinds if name in numbers}
    kinds |= {name: kind for name, kind in ((dates, CellKind.PAST_DATE), (price, CellKind.PRICE)) if name}
    optional = {mapping.price: CellKind.PRICE} if mapping.price and not price else {}
    return Schema(kinds, optional, closed=False, unknown=frozenset(mapping.unknown))


def _observed(table: Table, mapping: ColumnMap, time: Float) -> Observations:
    """Returns the machines of a table; an error about a cell names its line."""
    try:
        return observe(table.columns, mapping, time, len(table.lines))
    except InvalidInput as error:
        found = INDEXED.fullmatch(error.field)
        if not found:
            raise
        place = f"{table.name}:{table.lines[int(found[2])]}: {found[1]}"
        raise InvalidInput(place, error.got, error.want) from None


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


def _days(cells: Sequence[str]) -> Float:
    """Converts dates in ISO form to days since 1970-01-01 [n]; NaN for empty cells."""
    days = np.array(cells, dtype="datetime64[D]")
    return np.where(np.isnat(days), np.nan, days.astype(np.int64))
