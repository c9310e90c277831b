"""Depreciation by the US MACRS percentage table for personal property, with the half-year convention.

The table is stored as data because its last digits are adjusted to make each column sum to 100.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike

from valuation._typing import Float
from valuation.checks import require
from valuation.packaged import read_table


@cache
def macrs_percentages() -> Mapping[int, tuple[float, ...]]:
    """Returns the percentages of cost written off in each tax year, by recovery period (IRS Pub. 946, Table A-1)."""
    table: dict[int, list[float]] = {}
    for row in read_table("valuation.depreciation", "macrs_half_year.csv"):
        table.setdefault(int(row["recovery_years"]), []).append(float(row["pct"]))
    return MappingProxyType({years: tuple(percentages) for years, percentages in table.items()})


def recovery_period(life_years: ArrayLike) -> Float:
    """Returns the longest recovery period that does not exceed the life; NaN gives NaN.

    For a life below the shortest period, the shortest period is returned. Between two periods of the table
    the shorter one is used, so that depreciation is never too slow.
    """
    life = np.asarray(life_years, dtype=np.float64)
    periods = np.array(sorted(macrs_percentages()), dtype=np.float64)
    at = np.maximum(np.searchsorted(periods, life, side="right") - 1, 0)
    return np.asarray(np.where(np.isnan(life), np.nan, periods[at]), dtype=np.float64)


def macrs_half_year(cost: ArrayLike, recovery_years: ArrayLike, age: ArrayLike) -> Float:
    """Returns the book value at an age in tax years, interpolated linearly within a year, without salvage value.

    Raises InvalidInput for a recovery period that is not in the table, or for a negative age.
    """
    given = (np.asarray(column, dtype=np.float64) for column in (cost, recovery_years, age))
    cost, recovery, age = np.broadcast_arrays(*given)
    known = sorted(macrs_percentages())
    require("recovery_years", recovery, np.isin(recovery, known), "one of " + ", ".join(map(str, known)))
    require("age", age, age >= 0.0, "0 or more")
    left = np.full(age.shape, np.nan)
    for years, percentages in macrs_percentages().items():
        rows = recovery == years
        curve = 1.0 - np.cumsum((0.0, *percentages)) / 100.0
        left[rows] = np.interp(age[rows], np.arange(len(curve)), curve)
    return np.asarray(cost * np.maximum(left, 0.0), dtype=np.float64)
