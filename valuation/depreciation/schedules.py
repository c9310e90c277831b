"""Computes columns of book values by accounting depreciation schedules.

Every function takes numbers or arrays that broadcast and returns the book value at an age. The charge of an interval is
the difference of two book values. Life and age have the same unit (years, months or days). The book value falls
linearly within a period, except in ``declining_balance_switch``, and is constant after the end of life. Every function
raises InvalidInput for a salvage value that is negative or exceeds the cost, a life or lifetime that is not positive,
or a negative age. NaN gives NaN.

The symbols are C for cost, S for salvage value, n for life, t for period, BV for book value at the start of the period,
and f for declining-balance factor.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import xlogy

from valuation._typing import Float
from valuation.checks import require


def straight_line(cost: ArrayLike, salvage: ArrayLike, life: ArrayLike, age: ArrayLike) -> Float:
    """Returns book values for a charge of (C - S) / n in each period."""
    cost, salvage, life, age = _columns(cost, salvage, life, age)
    return _float(cost - (cost - salvage) * np.minimum(age / life, 1.0))


def sum_of_years(cost: ArrayLike, salvage: ArrayLike, life: ArrayLike, age: ArrayLike) -> Float:
    """Returns book values for a charge of (C - S) (n - t + 1) 2 / (n (n + 1)) in period t.

    The share of C - S left after period t is (n - t) (n - t + 1) / (n (n + 1)).
    """
    cost, salvage, life, age = _columns(cost, salvage, life, age)
    left = _along_periods(age, life, lambda end: (life - end) * (life - end + 1.0) / (life * (life + 1.0)))
    return _float(salvage + (cost - salvage) * left)


def declining_balance(
    cost: ArrayLike, salvage: ArrayLike, life: ArrayLike, age: ArrayLike, factor: float = 2.0
) -> Float:
    """Returns book values for a charge of min(BV f / n, BV - S) in each period; f = 2 is double-declining balance."""
    cost, salvage, life, age = _columns(cost, salvage, life, age)
    kept = np.maximum(1.0 - factor / life, 0.0)
    return _along_periods(age, life, lambda end: _float(np.maximum(cost * power(kept, end), salvage)))


def declining_balance_switch(
    cost: ArrayLike, salvage: ArrayLike, life: ArrayLike, age: ArrayLike, factor: float = 2.0
) -> Float:
    """Returns book values for a charge of max(BV f / n, (BV - S) / remaining life) in each period, down to salvage.

    The schedule switches from declining balance to straight line once the latter charges more. The partial period of a
    fractional age is the first one, and whole periods follow, as in the half-year convention of tax tables: a machine
    bought within a year is charged for the rest of that year. The charge between two ages with the same fraction is
    that of VDB in spreadsheets.
    """
    cost, salvage, life, age = _columns(cost, salvage, life, age)
    age = np.minimum(age, life)
    whole = np.floor(age)
    first = age - whole

    def charge(book: Float, begin: Float | float) -> Float:
        straight = (book - salvage) / np.maximum(life - begin, 1.0)
        return _float(np.minimum(np.maximum(book * factor / life, straight), book - salvage))

    book = cost - charge(cost, 0.0) * first / np.minimum(life, 1.0)
    for period in range(_periods(whole)):
        book = np.where(period < whole, book - charge(book, first + period), book)
    return _float(np.where(np.isnan(salvage + life + age), np.nan, book))


def fixed_declining_balance(
    cost: ArrayLike, salvage: ArrayLike, life: ArrayLike, periods: ArrayLike, first_year_months: ArrayLike = 12
) -> Float:
    """Returns the book value after whole years at the fixed rate 1 - (S / C)^(1/n).

    The rate is rounded to three decimals, as in spreadsheets. A first year of m months charges m / 12 of the rate, and
    year n + 1 charges the remaining 12 - m months. Also raises InvalidInput for fractional years, or for months outside
    1 to 12.
    """
    cost, salvage, life, periods = _columns(cost, salvage, life, periods)
    months = np.asarray(first_year_months, dtype=np.float64)
    require("periods", periods, periods == np.floor(periods), "whole years")
    require("first_year_months", months, (months >= 1.0) & (months <= 12.0), "1 to 12")
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = np.round(np.where(cost > 0.0, 1.0 - power(salvage / cost, 1.0 / life), 0.0), 3)
    first = np.where(periods >= 1.0, 1.0 - rate * months / 12.0, 1.0)
    full = power(1.0 - rate, np.clip(np.minimum(periods, life) - 1.0, 0.0, None))
    last = np.where(periods > life, 1.0 - rate * (12.0 - months) / 12.0, 1.0)
    return _float(cost * first * full * last)


def units_of_production(cost: ArrayLike, salvage: ArrayLike, units_lifetime: ArrayLike, units: ArrayLike) -> Float:
    """Returns book values for a charge of (C - S) / lifetime units for each unit produced."""
    return straight_line(cost, salvage, units_lifetime, units)


def geometric(cost: ArrayLike, annual_rate: ArrayLike, age: ArrayLike) -> Float:
    """Returns C (1 - d)^age, the curve that Hulten and Wykoff fitted to prices of used assets.

    Source: doi 10.1016/0304-4076(81)90101-9. Raises InvalidInput for a rate outside [0, 1] or a negative age.
    """
    cost, rate, age = (np.asarray(column, dtype=np.float64) for column in (cost, annual_rate, age))
    require("annual_rate", rate, (rate >= 0.0) & (rate <= 1.0), "0 to 1")
    require("age", age, age >= 0.0, "0 or more")
    return _float(cost * power(1.0 - rate, age))


def power(base: ArrayLike, exponent: ArrayLike) -> Float:
    """Returns base [n], which must be 0 or more, to the power of exponent [n]; 0 to the power of 0 is 1.

    The power is computed by logarithms. The ** operator of numpy takes a different code path for broadcast columns,
    which would make the last bit of a row depend on its batch.
    """
    return _float(np.exp(xlogy(exponent, base)))


def _along_periods(age: Float, life: Float, book: Callable[[Float], Float]) -> Float:
    """Interpolates ``book`` linearly between whole periods and the end of life."""
    age = np.minimum(age, life)
    start = np.floor(age)
    end = np.minimum(start + 1.0, life)
    passed = (age - start) / np.where(end > start, end - start, 1.0)
    return _float(book(start) + passed * (book(end) - book(start)))


def _columns(cost: ArrayLike, salvage: ArrayLike, life: ArrayLike, age: ArrayLike) -> tuple[Float, ...]:
    """Returns the four arguments as arrays of one shape, after checking their ranges."""
    given = (np.asarray(column, dtype=np.float64) for column in (cost, salvage, life, age))
    cost, salvage, life, age = np.broadcast_arrays(*given)
    require("salvage", salvage, (salvage >= 0.0) & ~(salvage > cost), "0 to the cost")
    require("life", life, life > 0.0, "more than 0")
    require("age", age, (age >= 0.0) & np.isfinite(age), "0 or more, finite")
    return cost, salvage, life, age


def _periods(age: Float) -> int:
    """Returns the number of periods begun at the highest known age."""
    return int(np.ceil(np.max(age, initial=0.0, where=~np.isnan(age))))


def _float(book: ArrayLike) -> Float:
    return np.asarray(book, dtype=np.float64)
