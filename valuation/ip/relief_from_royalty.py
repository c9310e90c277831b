"""Relief from royalty: the royalties an owner does not have to pay, after tax, discounted over the remaining life.

V = TAB x sum over years t = 1, 2, ... of R (1 + g)^(t-1) x royalty x (1 - tax) x s^t / (1 + k)^t, the last factor with
t - 1/2 at mid-year. R is the revenue of the coming year, already grown to it; s^t is the chance that the right still
earns in year t, so attrition counts from year 1. A last year that is a part of a year counts in proportion. The tax
amortisation benefit TAB is taken at year ends whatever the timing of the royalties: tax is saved when it is settled.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from valuation._typing import Bool, Float, Int
from valuation.checks import require
from valuation.flags import QualityFlag, UnknownReason
from valuation.ip.tax_amortisation import tax_amortisation_factor

LIFE_LIMIT_YEARS = 100.0
"""Years after this one are left out and flagged: of a constant income at 5 % they are 1.05^-100 = 0.8 % of the sum."""

RATE_LIMIT = 2.0
"""Growth or discount above 200 % a year is a percentage given for a ratio."""

BLOCK_ROWS = 10_000
"""Rows worked on at once, so that a block of LIFE_LIMIT_YEARS columns takes 8 MB."""


@dataclass(frozen=True)
class RoyaltyColumns:
    """Rights [n]: revenue of the coming year in the currency of the row, rates as ratios, NaN where not known.

    ``annual_survival`` is one minus the yearly hazard; ``mid_year`` sets the income in the middle of each year instead
    of its end; ``amortisation_years`` 0 leaves the tax benefit out; ``operating_margin`` NaN skips the check that the
    royalty leaves the licensee something.
    """

    next_year_revenue: Float
    growth: Float
    royalty_rate: Float
    tax_rate: Float
    discount_rate: Float
    annual_survival: Float
    remaining_life_years: Float
    mid_year: Bool
    amortisation_years: Float
    operating_margin: Float

    def __post_init__(self) -> None:
        """Raises InvalidInput naming field and row for a number no right can have."""
        for name in ("royalty_rate", "annual_survival"):
            ratio = getattr(self, name)
            require(name, ratio, (ratio >= 0.0) & (ratio <= 1.0), "0 to 1")
        for name in ("next_year_revenue", "amortisation_years"):
            column = getattr(self, name)
            require(name, column, (column >= 0.0) & np.isfinite(column), "0 or more, finite")
        require("tax_rate", self.tax_rate, (self.tax_rate >= 0.0) & (self.tax_rate < 1.0), "0 to less than 1")
        require("growth", self.growth, (self.growth >= -1.0) & (self.growth <= RATE_LIMIT), f"-1 to {RATE_LIMIT:g}")
        discounted = (self.discount_rate >= 0.0) & (self.discount_rate <= RATE_LIMIT)
        require("discount_rate", self.discount_rate, discounted, f"0 to {RATE_LIMIT:g}")
        require("remaining_life_years", self.remaining_life_years, self.remaining_life_years >= 0.0, "0 or more")
        require("operating_margin", self.operating_margin, self.operating_margin <= 1.0, "at most 1")
        bearable = ~(self.royalty_rate > self.operating_margin)
        require("royalty_rate", self.royalty_rate, bearable, "at most the operating_margin")
        lasting = (1.0 + self.growth) * self.annual_survival >= 1.0 + self.discount_rate
        converges = ~(np.isinf(self.remaining_life_years) & lasting)
        require("growth", self.growth, converges, "below the discount_rate, after attrition, for a life without end")


@dataclass(frozen=True)
class RoyaltyValues:
    """Values [n] in the currency of the row.

    ``undiscounted`` is the sum of the expected royalties after tax, before discount and tax benefit. ``quality`` and
    ``unknown`` are bit sets of valuation.flags; the value is NaN where an input is missing.
    """

    value: Float
    undiscounted: Float
    tax_amortisation_factor: Float
    quality: Int
    unknown: Int


def relief_from_royalty(columns: RoyaltyColumns) -> RoyaltyValues:
    """Values every right; 0 where no life remains."""
    first = columns.next_year_revenue * columns.royalty_rate * (1.0 - columns.tax_rate) * columns.annual_survival
    yearly = (1.0 + columns.growth) * columns.annual_survival
    discount = 1.0 / (1.0 + columns.discount_rate)
    timing = np.where(columns.mid_year, np.sqrt(discount), discount)
    factor = tax_amortisation_factor(
        columns.tax_rate, columns.amortisation_years, columns.discount_rate, mid_year=False
    )
    value = factor * _sum_over_life(first * timing, yearly * discount, columns.remaining_life_years)
    shortened = columns.remaining_life_years > LIFE_LIMIT_YEARS
    return RoyaltyValues(
        value=value,
        undiscounted=_sum_over_life(first, yearly, columns.remaining_life_years),
        tax_amortisation_factor=factor,
        quality=np.where(shortened, int(QualityFlag.LIFE_TRUNCATED), 0).astype(np.int64),
        unknown=np.where(np.isnan(value), int(UnknownReason.MISSING_INPUT), 0).astype(np.int64),
    )


def _sum_over_life(first: Float, yearly_factor: Float, life_years: Float) -> Float:
    """Sum of first x (1 + f + f^2 + ...) over the years of each life [n], a block of rows at a time."""
    total = np.empty(len(first))
    for start in range(0, len(first), BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        total[rows] = _sum_of_block(first[rows], yearly_factor[rows], np.minimum(life_years[rows], LIFE_LIMIT_YEARS))
    return total


def _sum_of_block(first: Float, yearly_factor: Float, life_years: Float) -> Float:
    """The sum by a matrix [rows, years]; running products and sums, so a row does not depend on its neighbours."""
    longest = np.max(life_years, initial=1.0, where=~np.isnan(life_years))
    year = np.arange(int(np.ceil(longest)), dtype=np.float64)
    amounts = np.repeat(yearly_factor[:, None], len(year), axis=1)
    amounts[:, 0] = first
    np.multiply.accumulate(amounts, axis=1, out=amounts)
    amounts *= np.clip(life_years[:, None] - year, 0.0, 1.0)
    return np.asarray(np.add.accumulate(amounts, axis=1)[:, -1], dtype=np.float64)
