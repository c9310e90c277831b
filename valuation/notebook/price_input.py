"""Reads one or many price series from what a notebook holds: Series, data frames, dicts, or arrays with dates.

pandas and polars are recognised by their attributes and never imported; any other table is read by its Arrow stream.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import ArrayLike

from valuation._typing import Dates, Float
from valuation.errors import InvalidInput
from valuation.quotes import day_column, number_column, quote_columns

ANY_PRICES = "a Series, a data frame, a dict of series, or a list of prices"
ANY_DATES = "a Series with an index of dates, a column of dates named by date_column, or the parameter dates"


TABLE_ATTRIBUTES = ("column_names", "columns", "schema")
"""Attributes by which a table differs from a column; both export an Arrow stream."""


@dataclass(frozen=True)
class PriceColumns:
    """Names of the columns of a data frame, as in the files of the command line."""

    series: str = "series"
    date: str = "date"
    price: str = "price"


@dataclass(frozen=True)
class PriceInput:
    """Prices and dates of each series by name.

    ``many`` is False for a single series, whose name may be empty.
    """

    series: Mapping[str, tuple[Float, Dates]]
    many: bool


def read_prices(field: str, prices: object, dates: object, columns: PriceColumns) -> PriceInput:
    """Returns the series of an argument; ``field`` is its parameter's name in errors.

    - A Series with an index of dates, or an array or list with ``dates``, is one series.
    - Levels of an index of pandas that have the names of columns are columns.
    - A data frame with a column of dates, or an index of dates, has its prices in the column ``columns.price``, by
      series if it has the column ``columns.series``. Without a column of that name each other column is a series.
    - A dict has a series by name: anything of the above, or a pair of prices and dates.

    Raises InvalidInput for other shapes and types.
    """
    if isinstance(prices, Mapping) and columns.date not in prices:
        return PriceInput(
            {str(name): _named(field, str(name), one, dates, columns) for name, one in prices.items()}, many=True
        )
    frame = _frame_columns(field, prices, columns)
    if frame is not None:
        if dates is not None and columns.date in frame:
            raise InvalidInput("dates", f"dates and the column {columns.date!r}", "one of them")
        return _of_frame(field, frame, _dates_of(prices, dates), columns)
    return PriceInput({_name_of(prices): _of_values(field, prices, dates)}, many=False)


def read_single(field: str, prices: object, dates: object, columns: PriceColumns) -> tuple[Float, Dates]:
    """Returns the prices and dates of one series; raises InvalidInput for several."""
    found = read_prices(field, prices, dates, columns)
    if len(found.series) != 1:
        raise InvalidInput(field, f"{len(found.series)} series", "one series")
    return next(iter(found.series.values()))


def read_many(field: str, series: object, dates: object, columns: PriceColumns) -> Mapping[str, tuple[Float, Dates]]:
    """Returns the series of an argument by name.

    A list holds pairs of prices and dates, or Series with an index of dates; they are named by their own names, or by
    position unless all have different ones.
    """
    if isinstance(series, list | tuple):
        for at, one in enumerate(series):
            if not _is_pair(one) and _index(one) is None:
                raise InvalidInput(
                    f"{field}[{at}]",
                    type(one).__name__,
                    "a pair of prices and dates, or a Series with an index of dates",
                )
        names = [_name_of(one) for one in series]
        own = all(names) and len(set(names)) == len(names)
        return {names[at] if own else str(at): _named(field, at, one, None, columns) for at, one in enumerate(series)}
    return read_prices(field, series, dates, columns).series


def _named(field: str, name: object, value: object, dates: object, columns: PriceColumns) -> tuple[Float, Dates]:
    path = f"{field}[{name!r}]"
    if _is_pair(value):
        return _pair(path, value)
    if isinstance(value, Mapping) or _frame_columns(path, value, columns) is not None:
        return read_single(path, value, dates, columns)
    return _of_values(path, value, dates)


def _is_pair(value: object) -> TypeGuard[Sequence[object]]:
    """Returns whether a value is a pair of columns; a pair of numbers is a short list of prices."""
    if not isinstance(value, list | tuple) or len(value) != 2:
        return False
    return all(hasattr(one, "__len__") and not isinstance(one, str) for one in value)


def _pair(path: str, value: Sequence[object]) -> tuple[Float, Dates]:
    return quote_columns(_plain(value[0]), _plain(value[1]), path)


def _of_values(field: str, prices: object, dates: object) -> tuple[Float, Dates]:
    """Returns the prices and dates of a Series, an array or a list."""
    if isinstance(prices, str | bytes) or not isinstance(prices, Iterable):
        raise InvalidInput(field, type(prices).__name__, ANY_PRICES)
    days = _dates_of(prices, dates)
    if days is None:
        raise InvalidInput("dates", _without_dates(prices), ANY_DATES)
    return quote_columns(_plain(prices), _plain(days), field)


def _of_frame(field: str, frame: Mapping[str, ArrayLike], dates: object, columns: PriceColumns) -> PriceInput:
    _require_stated(frame, columns)
    days = day_column(f"{field}[{columns.date!r}]", frame[columns.date]) if columns.date in frame else None
    if days is None:
        if dates is None:
            names = ", ".join(frame) or "none"
            raise InvalidInput(field, f"the columns {names}", f"a column {columns.date!r}; name it by date_column")
        days = day_column("dates", _plain(dates))
    others = {name: column for name, column in frame.items() if name not in {columns.date, columns.series}}
    if columns.price not in frame:
        if not others:
            raise InvalidInput(field, "no column of prices", f"a column {columns.price!r}; name it by price_column")
        found = {name: quote_columns(column, days, f"{field}[{name!r}]") for name, column in others.items()}
        return PriceInput(found, many=len(found) > 1)
    quotes = number_column(f"{field}[{columns.price!r}]", frame[columns.price])
    if len(quotes) != len(days):
        raise InvalidInput("dates", f"{len(days)} for {len(quotes)} prices", "a date for each price")
    if columns.series not in frame:
        _require_one_series(days, others, columns)
        return PriceInput({"": (quotes, days)}, many=False)
    held = np.asarray(frame[columns.series], dtype=object)
    nameless = np.flatnonzero([not isinstance(name, str | int) for name in held.tolist()])
    if len(nameless):
        row = int(nameless[0])
        raise InvalidInput(f"{field}[{columns.series!r}][{row}]", repr(held[row]), "the name of a series")
    series = held.astype(str)
    groups = {str(name): np.flatnonzero(series == name) for name in dict.fromkeys(series.tolist())}
    found = {name: (quotes[rows], days[rows]) for name, rows in groups.items()}
    return PriceInput(found, many=len(found) != 1)


def _require_stated(frame: Mapping[str, ArrayLike], columns: PriceColumns) -> None:
    """Raises InvalidInput for a column that is stated by a name of its own and is not in the frame."""
    for part, usual in vars(PriceColumns()).items():
        name = getattr(columns, part)
        if name != usual and name not in frame:
            raise InvalidInput(f"{part}_column", repr(name), f"one of the columns {', '.join(frame) or '(none)'}")


def _require_one_series(days: Dates, others: Mapping[str, ArrayLike], columns: PriceColumns) -> None:
    """Raises InvalidInput if dates come more than once and a column of texts tells their rows apart.

    Such a frame holds several series, whose prices must not be mixed.
    """
    if len(np.unique(days)) == len(days):
        return
    for name, column in others.items():
        texts = np.asarray(column, dtype=object).tolist() if name != columns.price else []
        if not texts or not all(isinstance(text, str) for text in texts):
            continue
        if len(set(zip(days.tolist(), texts, strict=True))) == len(days):
            got = f"no column {columns.series!r}, and dates that come more than once"
            raise InvalidInput("series_column", got, f"the column of series names, or a frame without {name!r}")


def _frame_columns(field: str, prices: object, columns: PriceColumns) -> dict[str, ArrayLike] | None:
    """Returns the columns of a data frame or a dict of columns by name; None for other values."""
    if isinstance(prices, Mapping):
        return {str(name): _plain(column) for name, column in prices.items()}
    table: Any = prices
    if hasattr(prices, "iloc") or hasattr(prices, "get_column"):  # pandas and polars
        return _columns_of_frame(field, table, columns)
    if not hasattr(prices, "__arrow_c_stream__") or not any(hasattr(prices, name) for name in TABLE_ATTRIBUTES):
        if hasattr(prices, "collect"):  # a query of polars
            raise InvalidInput(field, type(prices).__name__, "a data frame with rows, such as the result of collect()")
        return None
    import pyarrow as pa  # noqa: PLC0415 - only foreign tables need it

    arrow = pa.table(prices)
    return {name: arrow.column(name) for name in _names_of(field, arrow.column_names)}


def _columns_of_frame(field: str, table: Any, columns: PriceColumns) -> dict[str, ArrayLike] | None:  # noqa: ANN401 - pandas or polars
    """Returns the columns of a frame of pandas or polars; those of a Series if its index has several levels."""
    index: Any = getattr(table, "index", None)
    if hasattr(table, "columns"):
        found = {
            name: _plain(table[of]) for name, of in zip(_names_of(field, table.columns), table.columns, strict=True)
        }
    elif getattr(index, "nlevels", 1) > 1:
        found = {columns.price: _plain(table)}
    else:
        return None
    for level in getattr(index, "names", ()):
        if level in {columns.series, columns.date} and level not in found:
            found[level] = _plain(index.get_level_values(level))
    return found


def _names_of(field: str, names: Iterable[object]) -> list[str]:
    """Returns the names of columns as texts; raises InvalidInput for a name that comes twice."""
    texts = [str(name) for name in names]
    if len(set(texts)) < len(texts):
        twice = next(name for name in texts if texts.count(name) > 1)
        raise InvalidInput(field, f"the column {twice!r} more than once", "one column of each name")
    return texts


def _dates_of(prices: object, dates: object) -> object:
    """Returns the dates that are stated, or those of the index; None if there are none.

    Raises InvalidInput if both are there and differ.
    """
    indexed = _index(prices)
    if dates is None or indexed is None:
        return indexed if dates is None else dates
    if not np.array_equal(day_column("dates", _plain(dates)), indexed):
        raise InvalidInput("dates", "other dates than those of the index", "one of them")
    return indexed


def _index(prices: object) -> Dates | None:
    """Returns the index of a pandas object if it holds dates, else None."""
    index = getattr(prices, "index", None)
    if callable(index) or index is None:  # list.index is a method
        return None
    try:
        return day_column("dates", index)
    except InvalidInput:
        if getattr(getattr(index, "dtype", None), "kind", "") == "M":  # dates of which one is missing
            raise
        return None


def _without_dates(prices: object) -> str:
    """Describes what there is in place of dates, for an error."""
    index: Any = getattr(prices, "index", None)
    if callable(index) or index is None:
        return "nothing"
    example = f" such as {index[:1].tolist()[0]!r}" if len(index) else ""
    return f"an index of {index.dtype}{example}"


def _name_of(prices: object) -> str:
    name = getattr(prices, "name", None)
    return name if isinstance(name, str) else ""


def _plain(column: object) -> ArrayLike:
    """Returns a column without the missing values of pandas, which numpy does not read."""
    of_any: Any = column
    dtype = getattr(column, "dtype", None)
    if hasattr(column, "isna") and not isinstance(dtype, np.dtype) and getattr(dtype, "kind", "") in {*"iufb"}:
        without: ArrayLike = of_any.to_numpy(dtype=object, na_value=None)
        return without
    same: ArrayLike = of_any
    return same
