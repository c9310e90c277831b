"""Relief from royalty: after-tax royalties that the owner saves, discounted over the remaining life.

V = TAB x sum over years t = 1, 2, ... of R (1 + g)^(t-1) x royalty x (1 - tax) x s^t / (1 + k)^t. With mid-year timing
the discount exponent is t - 1/2. TAB is the factor of the tax amortisation benefit, g the growth and k the discount
rate. R is the revenue of the coming year, with growth already applied. s^t is the probability that the IP asset still
earns in year t, so attrition applies from year 1. A partial last year counts in proportion. TAB always uses year ends,
because tax is settled at year end.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from valuation._typing import Bool, Float, Int
from valuation.checks import require
from valuation.flags import QualityFlag, UnknownReason
from valuation.ip.tax_amortisation import tax_amortisation_factor

LIFE_LIMIT_YEARS = 100.0
"""Later years are omitted and flagged; for a constant income discounted at 5 % they would add 1.05^-100 = 0.8 %."""

RATE_LIMIT = 2.0
"""Upper bound of growth and discount rate; a larger number is a percentage entered as a ratio."""

BLOCK_ROWS = 10_000
"""Rows per block; a block of LIFE_LIMIT_YEARS columns uses 8 MB."""


@dataclass(frozen=True)
class RoyaltyColumns:
    """IP assets [n] to be valued: revenue in the currency of the row, rates as ratios, NaN where unknown.

    ``next_year_revenue`` is the revenue of the coming year. ``annual_survival`` is one minus the yearly hazard.
    ``mid_year`` places income in the middle of each year instead of at its end. ``amortisation_years`` of 0 omits the
    tax benefit. ``operating_margin`` is an upper bound of the royalty rate; NaN omits that check.
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
        """Raises InvalidInput for a value out of range; the error names the field and the row."""
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
        affordable = ~(self.royalty_rate > self.operating_margin)
        require("royalty_rate", self.royalty_rate, affordable, "at most the operating_margin")
        diverges = (1.0 + self.growth) * self.annual_survival >= 1.0 + self.discount_rate
        converges = ~(np.isinf(self.remaining_life_years) & diverges)
        require("growth", self.growth, converges, "below the discount_rate, after attrition, for an infinite life")


@dataclass(frozen=True)
class RoyaltyValues:
    """Values [n] of IP assets in the currency of the row.

    ``undiscounted`` is the sum of expected after-tax royalties before discounting and tax benefit. ``quality`` and
    ``unknown`` are bit sets of valuation.flags; the value is NaN where an input is missing.
    """

    value: Float
    undiscounted: Float
    tax_amortisation_factor: Float
    quality: Int
    unknown: Int


def relief_from_royalty(columns: RoyaltyColumns) -> RoyaltyValues:
    """Values every IP asset [n]; 0 where no life remains, NaN where an input is missing."""
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
    """Returns the sum of first x (1 + f + f^2 + ...) over the years of each life [n].

    The sums are computed in blocks of rows.
    """
    total = np.empty(len(first))
    for start in range(0, len(first), BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        total[rows] = _sum_of_block(first[rows], yearly_factor[rows], np.minimum(life_years[rows], LIFE_LIMIT_YEARS))
    return total


def _sum_of_block(first: Float, yearly_factor: Float, life_years: Float) -> Float:
    """Returns the sum of one block [rows] by a matrix [rows, years].

    Products and sums are sequential, so that each row is independent of its neighbours to the last bit.
    """
    longest = np.max(life_years, initial=1.0, where=~np.isnan(life_years))
    year = np.arange(int(np.ceil(longest)), dtype=np.float64)
    amounts = np.repeat(yearly_factor[:, None], len(year), axis=1)
    amounts[:, 0] = first
    np.multiply.accumulate(amounts, axis=1, out=amounts)
    amounts *= np.clip(life_years[:, None] - year, 0.0, 1.0)
    return np.asarray(np.add.accumulate(amounts, axis=1)[:, -1], dtype=np.float64)
