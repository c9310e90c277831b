"""Relief from royalty: the royalties an owner does not have to pay, after tax, discounted over the remaining life.

V = TAB x sum over years t of Rev_t x royalty x (1 - tax) x survival_t / (1 + k)^(t - 0.5 at mid-year). Revenue grows
from year to year, survival falls by the same factor from the first year on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from valuation.errors import InvalidInput
from valuation.flags import UnknownReason
from valuation.ip.tax_amortisation import tax_amortisation_factor

Float = NDArray[np.float64]

LIFE_LIMIT_YEARS = 100.0
BLOCK_ROWS = 10_000


@dataclass(frozen=True)
class RoyaltyColumns:
    """Rights [n]: revenue of the coming year, rates as ratios, NaN where not known.

    ``annual_survival`` is one minus the yearly hazard; ``amortisation_years`` 0 leaves the tax benefit out;
    ``operating_margin`` NaN skips the check that the royalty leaves the licensee something.
    """

    next_year_revenue: Float
    growth: Float
    royalty_rate: Float
    tax_rate: Float
    discount_rate: Float
    annual_survival: Float
    remaining_life_years: Float
    mid_year: NDArray[np.bool_]
    amortisation_years: Float
    operating_margin: Float


@dataclass(frozen=True)
class RoyaltyValues:
    """Values [n] with the factor of the tax benefit inside them."""

    value: Float
    tax_amortisation_factor: Float
    quality: NDArray[np.int64]
    unknown: NDArray[np.int64]


def relief_from_royalty(columns: RoyaltyColumns) -> RoyaltyValues:
    """Values every right; the last part of a year counts in proportion.

    Raises InvalidInput for rates outside [0, 1], a discount rate that is not positive, a negative life, or a royalty
    above the operating margin.
    """
    _check(columns)
    years = int(np.ceil(np.nanmax(np.minimum(columns.remaining_life_years, LIFE_LIMIT_YEARS), initial=0.0)))
    value = np.empty(len(columns.growth))
    for start in range(0, len(value), BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        value[rows] = _present_value(columns, rows, years)
    factor = tax_amortisation_factor(
        columns.tax_rate, columns.amortisation_years, columns.discount_rate, columns.mid_year
    )
    value = value * factor
    unknown = np.where(np.isnan(value), int(UnknownReason.MISSING_INPUT), 0).astype(np.int64)
    return RoyaltyValues(value, factor, np.zeros(len(value), dtype=np.int64), unknown)


def _present_value(columns: RoyaltyColumns, rows: slice, years: int) -> Float:
    year = np.arange(1, years + 1, dtype=np.float64)[None, :]
    column = {name: getattr(columns, name)[rows, None] for name in columns.__dataclass_fields__}
    counted = np.clip(column["remaining_life_years"] - (year - 1.0), 0.0, 1.0)
    revenue = column["next_year_revenue"] * (1.0 + column["growth"]) ** (year - 1.0)
    saved = revenue * column["royalty_rate"] * (1.0 - column["tax_rate"]) * column["annual_survival"] ** year
    when = year - np.where(column["mid_year"], 0.5, 0.0)
    present: Float = (saved * counted / (1.0 + column["discount_rate"]) ** when).sum(axis=1)
    return present


def _check(columns: RoyaltyColumns) -> None:
    bounds = {
        "royalty_rate": (0.0, 1.0),
        "tax_rate": (0.0, 1.0),
        "annual_survival": (0.0, 1.0),
        "discount_rate": (1e-9, np.inf),
        "remaining_life_years": (0.0, np.inf),
        "growth": (-1.0, np.inf),
        "next_year_revenue": (0.0, np.inf),
    }
    for name, (low, high) in bounds.items():
        column = getattr(columns, name)
        outside = (column < low) | (column > high)
        if outside.any():
            row = int(np.argmax(outside))
            raise InvalidInput(f"{name}[{row}]", float(column[row]), f"{low:g} to {high:g}")
    dear = columns.royalty_rate > columns.operating_margin
    if dear.any():
        row = int(np.argmax(dear))
        raise InvalidInput(f"royalty_rate[{row}]", float(columns.royalty_rate[row]), "at most the operating margin")
