"""Adjusts old prices to current prices by a published producer price index, and bounds machine values.

The replacement cost must be current, because after inflation an old cost undervalues a machine. The value of a machine
is between its scrap value and its replacement cost.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from valuation._typing import Float
from valuation.checks import require
from valuation.errors import InvalidInput


def indexed_price(price: ArrayLike, price_month: ArrayLike, month: int, months: ArrayLike, index: ArrayLike) -> Float:
    """Converts prices [n] as of ``price_month`` [n] to prices as of ``month``, by an index [k] at ascending months [k].

    A month is the integer 12 x year + month. A month without an index uses the last index before it. Raises
    InvalidInput for a negative price, an index that is not positive, months that do not ascend, or a month before the
    first month of the index.
    """
    old, at = np.asarray(price, dtype=np.float64), np.asarray(price_month, dtype=np.float64)
    known, level = np.asarray(months, dtype=np.float64), np.asarray(index, dtype=np.float64)
    require("price", old, old >= 0.0, "0 or more")
    require("index", level, level > 0.0, "more than 0")
    if len(known) == 0 or not bool(np.all(np.diff(known) > 0)):
        raise InvalidInput("months", f"{len(known)} months", "at least one, ascending")
    require("price_month", at, at >= known[0], f"not before {known[0]:g}")
    if month < known[0]:
        raise InvalidInput("month", month, f"not before {known[0]:g}")
    return np.asarray(old * level_at(month, known, level) / level_at(at, known, level), dtype=np.float64)


def level_at(time: ArrayLike, times: ArrayLike, index: ArrayLike) -> Float:
    """Returns the index at each time [n], or else the last index before that time.

    ``index`` [k] belongs to the ascending ``times`` [k]. The result is NaN for times before the first one and for NaN.
    All times are whole numbers, either of months or of days.
    """
    at, known = np.asarray(time, dtype=np.float64), np.asarray(times, dtype=np.float64)
    # A time before the first has place -1, which is the NaN appended at the end.
    level = np.append(np.asarray(index, dtype=np.float64), np.nan)
    place = np.searchsorted(known, at, side="right") - 1
    return np.asarray(np.where(np.isnan(at), np.nan, level[place]), dtype=np.float64)


def bounded_value(value: ArrayLike, scrap: ArrayLike, replacement_cost: ArrayLike) -> Float:
    """Limits values [n] to the range from scrap value to replacement cost.

    Raises InvalidInput for a negative scrap value or one above the replacement cost.
    """
    low, high = np.asarray(scrap, dtype=np.float64), np.asarray(replacement_cost, dtype=np.float64)
    require("scrap", low, (low >= 0.0) & ~(low > high), "0 to the replacement_cost")
    return np.asarray(np.clip(np.asarray(value, dtype=np.float64), low, high), dtype=np.float64)


def scrap_value(mass_t: ArrayLike, price_a_tonne: ArrayLike, removal_cost: ArrayLike) -> Float:
    """Returns the metal value of machines [n] less removal cost; at least 0.

    Raises InvalidInput for a negative mass, price or cost.
    """
    given = (("mass_t", mass_t), ("price_a_tonne", price_a_tonne), ("removal_cost", removal_cost))
    columns = [np.asarray(column, dtype=np.float64) for _, column in given]
    for (name, _), column in zip(given, columns, strict=True):
        require(name, column, column >= 0.0, "0 or more")
    mass, price, cost = columns
    return np.asarray(np.maximum(mass * price - cost, 0.0), dtype=np.float64)
