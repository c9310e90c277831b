"""Converts the prices and dates that callers pass to columns; other shapes and types raise InvalidInput.

Lists and columns of numpy, pandas, polars and Arrow are accepted. A day with a time zone is the day in that zone:
midnight in Shanghai is not the evening before in UTC. A period, such as a month, is its last day.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, SupportsFloat

import numpy as np
from numpy.typing import ArrayLike, NDArray

from valuation._typing import Dates, Float
from valuation.errors import InvalidInput

ISO_LENGTH = 10
SHOWN_LETTERS = 40


def quote_columns(prices: ArrayLike, dates: ArrayLike, field: str = "prices") -> tuple[Float, Dates]:
    """Returns prices and dates [n] as columns; NaN is a missing price.

    Raises InvalidInput for other shapes or types, NaT, or columns of different length.
    """
    numbers, days = number_column(field, prices), day_column("dates", dates)
    if len(numbers) != len(days):
        raise InvalidInput("dates", f"{len(days)} for {len(numbers)} {field}", "a date for each price")
    return numbers, days


def number_column(field: str, values: ArrayLike) -> Float:
    """Returns numbers [n] as a column; None and masked values become NaN.

    Raises InvalidInput for texts, dates, or another shape.
    """
    column = _one_dimension(field, values, "numbers")
    if column.dtype.kind in "iuf":
        return np.asarray(column, dtype=np.float64)
    if column.dtype.kind == "U" and isinstance(values, list | tuple):
        column = np.array(values, dtype=object)  # numpy makes texts of all values if one is a text
    if column.dtype.kind != "O":
        raise InvalidInput(field, f"an array of {column.dtype}", "numbers")
    numbers = np.empty(len(column), dtype=np.float64)
    for at, value in enumerate(column.tolist()):
        try:
            numbers[at] = np.nan if value is None else _number(value)
        except (TypeError, ValueError, OverflowError):
            raise InvalidInput(f"{field}[{at}]", repr(value)[:SHOWN_LETTERS], "a number") from None
    return numbers


def day_column(field: str, values: ArrayLike) -> Dates:
    """Returns dates [n] as a column of days; raises InvalidInput for numbers, NaT, or another shape."""
    column = _one_dimension(field, _local(values), "dates")
    if column.dtype.kind == "M":
        days = column.astype("datetime64[D]")
    elif column.dtype.kind in "OU":
        days = np.array([_day(field, at, value) for at, value in enumerate(column.tolist())], dtype="datetime64[D]")
    elif not len(column):
        days = np.array([], dtype="datetime64[D]")
    else:
        raise InvalidInput(field, f"an array of {column.dtype}", "dates")
    missing = np.isnat(days)
    if missing.any():
        raise InvalidInput(f"{field}[{int(np.argmax(missing))}]", "NaT", "a date")
    return days


def _one_dimension(field: str, values: ArrayLike, content: str) -> NDArray[Any]:
    """Returns an array with one dimension, None for masked values; raises InvalidInput for any other."""
    if isinstance(values, np.ma.MaskedArray):
        plain = np.array(values.data, dtype=object)
        plain[np.ma.getmaskarray(values)] = None
        values = plain
    try:
        column = np.asarray(values)
    except ValueError:
        raise InvalidInput(field, "rows of different length", f"a list of {content}") from None
    if column.ndim != 1:
        raise InvalidInput(field, f"{column.ndim} dimensions", f"a list of {content}")
    return column


def _local(values: ArrayLike) -> ArrayLike:
    """Returns dates without their time zone, at the same time of day; numpy would convert them to UTC.

    A period of pandas becomes its last day.
    """
    column: Any = values
    kind = getattr(column, "type", None) if getattr(column, "dtype", None) is None else column.dtype
    accessor = getattr(column, "dt", column)
    local: ArrayLike = values
    if hasattr(kind, "freq"):
        local = accessor.to_timestamp(how="end")
    elif hasattr(kind, "tz") and hasattr(accessor, "tz_localize"):  # pandas
        local = accessor.tz_localize(None)
    elif any(getattr(getattr(kind, "pyarrow_dtype", kind), name, None) for name in ("tz", "time_zone")):
        import pyarrow as pa  # noqa: PLC0415 - only Arrow's times with a zone need it
        import pyarrow.compute as pc  # noqa: PLC0415 - as above

        arrow = column if isinstance(column, pa.Array | pa.ChunkedArray) else pa.array(column)
        local = pc.local_timestamp(arrow)
    return local


def _number(value: object) -> float:
    if isinstance(value, str | bytes | bool | np.bool_ | date | np.datetime64 | np.timedelta64):
        raise TypeError
    if not isinstance(value, SupportsFloat):
        raise TypeError
    return float(value)


def _day(field: str, at: int, value: object) -> np.datetime64:
    """Returns the day of a value; a time of day and its zone are ignored."""
    if isinstance(value, np.datetime64):
        day: np.datetime64 = value.astype("datetime64[D]")
        return day
    try:
        if hasattr(value, "end_time"):  # a period of pandas
            value = value.end_time
        if isinstance(value, datetime):
            return np.datetime64(value.date(), "D")
        if isinstance(value, date):
            return np.datetime64(value, "D")
        if isinstance(value, str) and value[ISO_LENGTH : ISO_LENGTH + 1] in {"", "T", " "}:
            return np.datetime64(date.fromisoformat(value[:ISO_LENGTH]), "D")
    except (ValueError, TypeError):
        pass
    raise InvalidInput(f"{field}[{at}]", repr(value)[:SHOWN_LETTERS], "a date such as 2020-01-05")
