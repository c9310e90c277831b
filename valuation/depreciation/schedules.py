"""Book values by the schedules of accountants, in columns; the charge of a span is a difference of two book values.

Every function takes numbers or arrays that broadcast, gives the book value at an age, and stays at its last value
after the end of the life. Ages are in the periods of the life (years, months or days); between whole periods the book
value falls in a straight line. Each raises InvalidInput for a salvage outside 0 to the cost, a life or lifetime that is
not positive, or a negative age. NaN gives NaN.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import xlogy

from valuation._typing import Float
from valuation.checks import require


def straight_line(cost: ArrayLike, salvage: ArrayLike, life: ArrayLike, age: ArrayLike) -> Float:
    """A charge of (C - S) / n a period."""
    cost, salvage, life, age = _columns(cost, salvage, life, age)
    return _float(cost - (cost - salvage) * np.minimum(age / life, 1.0))


def sum_of_years(cost: ArrayLike, salvage: ArrayLike, life: ArrayLike, age: ArrayLike) -> Float:
    """A charge of (C - S) (n - t + 1) 2 / (n (n + 1)) in period t, which leaves (n - t) (n - t + 1) of n (n + 1)."""
    cost, salvage, life, age = _columns(cost, salvage, life, age)
    left = _along_periods(age, life, lambda end: (life - end) * (life - end + 1.0) / (life * (life + 1.0)))
    return _float(salvage + (cost - salvage) * left)


def declining_balance(
    cost: ArrayLike, salvage: ArrayLike, life: ArrayLike, age: ArrayLike, factor: float = 2.0
) -> Float:
    """A charge of min(BV f / n, BV - S) a period; with f = 2 the double-declining balance."""
    cost, salvage, life, age = _columns(cost, salvage, life, age)
    kept = np.maximum(1.0 - factor / life, 0.0)
    return _along_periods(age, life, lambda end: _float(np.maximum(cost * power(kept, end), salvage)))


def declining_balance_switch(
    cost: ArrayLike, salvage: ArrayLike, life: ArrayLike, age: ArrayLike, factor: float = 2.0
) -> Float:
    """A charge of max(BV f / n, (BV - S) / (n - t + 1)): to a straight line over the rest once that writes off more."""
    cost, salvage, life, age = _columns(cost, salvage, life, age)
    opening = cost.copy()
    book = cost.copy()
    for period in range(_periods(np.minimum(age, life))):
        left = life - period
        length = np.clip(left, 0.0, 1.0)
        straight = (opening - salvage) / np.maximum(left, 1.0)
        charge = np.minimum(np.maximum(opening * factor / life, straight), opening - salvage)
        book = book - charge * np.clip(age - period, 0.0, length) / np.where(length > 0.0, length, 1.0)
        opening = opening - charge
    return _float(np.where(np.isnan(salvage + life + age), np.nan, book))


def fixed_declining_balance(
    cost: ArrayLike, salvage: ArrayLike, life: ArrayLike, periods: ArrayLike, first_year_months: ArrayLike = 12
) -> Float:
    """Book value after whole years at the fixed rate 1 - (S / C)^(1/n), rounded to three decimals as spreadsheets do.

    A first year of m months charges m / 12 of the rate; the months it leaves are charged in year n + 1.
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
    """A charge of (C - S) / lifetime units for each unit produced: a straight line in units instead of years."""
    return straight_line(cost, salvage, units_lifetime, units)


def geometric(cost: ArrayLike, annual_rate: ArrayLike, age: ArrayLike) -> Float:
    """C (1 - d)^age, the curve Hulten and Wykoff fitted to prices of used assets (doi 10.1016/0304-4076(81)90101-9)."""
    cost, rate, age = (np.asarray(column, dtype=np.float64) for column in (cost, annual_rate, age))
    require("annual_rate", rate, (rate >= 0.0) & (rate <= 1.0), "0 to 1")
    require("age", age, age >= 0.0, "0 or more")
    return _float(cost * power(1.0 - rate, age))


def power(base: ArrayLike, exponent: ArrayLike) -> Float:
    """Base [n] >= 0 to the exponent [n], 0 to the 0 being 1.

    By logarithms, for the ** of numpy takes a shortcut where a column repeats one number in memory, so that a row
    would differ in its last bit from the same row of another batch.
    """
    return _float(np.exp(xlogy(exponent, base)))


def _along_periods(age: Float, life: Float, book: Callable[[Float], Float]) -> Float:
    """Straight lines between the values of ``book`` at whole periods and at the end of the life."""
    age = np.minimum(age, life)
    start = np.floor(age)
    end = np.minimum(start + 1.0, life)
    passed = (age - start) / np.where(end > start, end - start, 1.0)
    return _float(book(start) + passed * (book(end) - book(start)))


def _columns(cost: ArrayLike, salvage: ArrayLike, life: ArrayLike, age: ArrayLike) -> tuple[Float, ...]:
    """The four as arrays of one shape, checked."""
    given = (np.asarray(column, dtype=np.float64) for column in (cost, salvage, life, age))
    cost, salvage, life, age = np.broadcast_arrays(*given)
    require("salvage", salvage, (salvage >= 0.0) & ~(salvage > cost), "0 to the cost")
    require("life", life, life > 0.0, "more than 0")
    require("age", age, (age >= 0.0) & np.isfinite(age), "0 or more, finite")
    return cost, salvage, life, age


def _periods(age: Float) -> int:
    """Periods begun at the highest known age."""
    return int(np.ceil(np.max(age, initial=0.0, where=~np.isnan(age))))


def _float(book: ArrayLike) -> Float:
    return np.asarray(book, dtype=np.float64)
