"""A price of some year as a price of today, by a published index of producer prices; and the bounds of a value.

Replacement cost new must be of today: an old one undervalues after inflation. What a machine is worth lies between its
scrap and the price new, wherever a curve would put it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from valuation._typing import Float
from valuation.checks import require
from valuation.errors import InvalidInput


def indexed_price(price: ArrayLike, price_month: ArrayLike, month: int, months: ArrayLike, index: ArrayLike) -> Float:
    """Prices [n] of their months as prices of another month, by an index [k] at months [k] that rise.

    A month is a whole number, 12 x year + month. The index of a month without one is that of the last before it.
    Raises InvalidInput for a negative price, an index that is not more than 0, or a month before the first.
    """
    old, at = np.asarray(price, dtype=np.float64), np.asarray(price_month, dtype=np.float64)
    known, level = np.asarray(months, dtype=np.float64), np.asarray(index, dtype=np.float64)
    require("price", old, old >= 0.0, "0 or more")
    require("index", level, level > 0.0, "more than 0")
    if len(known) == 0 or not bool(np.all(np.diff(known) > 0)):
        raise InvalidInput("months", f"{len(known)} months", "at least one, rising")
    require("price_month", at, at >= known[0], f"not before {known[0]:g}")
    if month < known[0]:
        raise InvalidInput("month", month, f"not before {known[0]:g}")
    return np.asarray(old * level_at(month, known, level) / level_at(at, known, level), dtype=np.float64)


def level_at(time: ArrayLike, times: ArrayLike, index: ArrayLike) -> Float:
    """The index [k] of each time [n], or of the last before it, at times [k] that rise; NaN before the first.

    Times are whole numbers of one unit, months or days; NaN is not known.
    """
    asked, known = np.asarray(time, dtype=np.float64), np.asarray(times, dtype=np.float64)
    level = np.append(np.asarray(index, dtype=np.float64), np.nan)
    place = np.searchsorted(known, asked, side="right") - 1
    return np.asarray(np.where(np.isnan(asked), np.nan, level[place]), dtype=np.float64)


def bounded_value(value: ArrayLike, scrap: ArrayLike, replacement_cost: ArrayLike) -> Float:
    """Values [n] not below scrap and not above replacement cost new.

    Raises InvalidInput for a negative scrap value or one above the replacement cost.
    """
    low, high = np.asarray(scrap, dtype=np.float64), np.asarray(replacement_cost, dtype=np.float64)
    require("scrap", low, (low >= 0.0) & ~(low > high), "0 to the replacement_cost")
    return np.asarray(np.clip(np.asarray(value, dtype=np.float64), low, high), dtype=np.float64)


def scrap_value(mass_t: ArrayLike, price_a_tonne: ArrayLike, removal_cost: ArrayLike) -> Float:
    """What the metal of a machine [n] brings after it is taken out; never below 0.

    Raises InvalidInput for a negative mass, price or cost.
    """
    given = (("mass_t", mass_t), ("price_a_tonne", price_a_tonne), ("removal_cost", removal_cost))
    columns = [np.asarray(column, dtype=np.float64) for _, column in given]
    for (name, _), column in zip(given, columns, strict=True):
        require(name, column, column >= 0.0, "0 or more")
    mass, price, cost = columns
    return np.asarray(np.maximum(mass * price - cost, 0.0), dtype=np.float64)
