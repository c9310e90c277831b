"""Share of cost that the book schedules leave at an age, between whole years in proportion."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from valuation.depreciation.schedules import declining_with_switch, macrs_class_of, macrs_table, sum_of_years

Float = NDArray[np.float64]


def retained_share(schedule: str, age_years: Float, life_years: Float, salvage_share: Float) -> Float:
    """Share left at each age [n] by straight line, declining balance with switch, sum of years, or the IRS table.

    Rows with the same life and salvage share one curve. NaN inputs give NaN.
    """
    retained = np.full(len(age_years), np.nan)
    kinds = np.stack([life_years, salvage_share], axis=1)
    for life, salvage in np.unique(kinds[~np.isnan(kinds).any(axis=1)], axis=0):
        rows = (life_years == life) & (salvage_share == salvage)
        curve = book_values(schedule, float(life), float(salvage))
        retained[rows] = np.interp(age_years[rows], np.arange(len(curve)), curve)
    return np.where(np.isnan(age_years), np.nan, retained)


def book_values(schedule: str, life: float, salvage: float) -> Float:
    """Book value of a cost of 1 after 0, 1, ... whole years to the end of its life."""
    years = max(round(life), 1)
    if schedule == "STRAIGHT_LINE":
        charges = [(1.0 - salvage) / years] * years
    elif schedule == "DECLINING_BALANCE_SWITCH":
        charges = [declining_with_switch(1.0, salvage, years, year, year + 1) for year in range(years)]
    elif schedule == "SUM_OF_YEARS":
        charges = [sum_of_years(1.0, salvage, years, year) for year in range(1, years + 1)]
    else:
        charges = [percent / 100.0 for percent in macrs_table()[macrs_class_of(life)]]
    return np.maximum(1.0 - np.concatenate([[0.0], np.cumsum(charges)]), 0.0)
