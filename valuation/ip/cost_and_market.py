"""Brackets of an income value: reproduction cost, excess earnings and market price.

An income value rests on forecasts and is therefore compared with independent values. The reproduction cost is a floor
for an IP asset in use. The excess earnings of the business are a ceiling. Prices of comparable IP assets are used where
they were entered.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag

import numpy as np
from numpy.typing import ArrayLike

from valuation._typing import Float, Int
from valuation.checks import require
from valuation.errors import InvalidInput


class BracketFlag(IntFlag):
    """Position of an income value relative to its brackets; the numeric values are stored."""

    NONE = 0
    BELOW_COST = 1 << 0
    ABOVE_EXCESS_EARNINGS = 1 << 1
    OUTSIDE_MARKET = 1 << 2
    BRACKETS_CROSS = 1 << 3


MARKET_TOLERANCE = 0.30
"""Relative distance from the market price beyond which an income value is flagged."""


def reproduction_cost(cost: ArrayLike, functional: ArrayLike, economic: ArrayLike) -> Float:
    """Returns cost x (1 - functional) x (1 - economic obsolescence) [n].

    Raises InvalidInput for a negative cost or an obsolescence outside 0 to 1.
    """
    gross, functional_share, economic_share = (
        np.asarray(given, dtype=np.float64) for given in (cost, functional, economic)
    )
    require("cost", gross, gross >= 0.0, "0 or more")
    for name, share in (("functional", functional_share), ("economic", economic_share)):
        require(name, share, (share >= 0.0) & (share <= 1.0), "0 to 1")
    return np.asarray(gross * (1.0 - functional_share) * (1.0 - economic_share), dtype=np.float64)


def excess_earnings(
    earnings: ArrayLike, contributory_charges: ArrayLike, discount_rate: float, terminal_growth: float | None = None
) -> float:
    """Returns the present value of yearly excess earnings: after-tax earnings less contributory asset charges [years].

    Cash flows are discounted at mid-year. If ``terminal_growth`` is given, the excess earnings of the last year grow at
    that rate in perpetuity. Years with negative excess earnings reduce the value. Raises InvalidInput for columns of
    different lengths, a discount rate outside (0, 2], or a terminal growth that is below -1 or not below the discount
    rate.
    """
    earned, charged = (np.asarray(given, dtype=np.float64) for given in (earnings, contributory_charges))
    if earned.shape != charged.shape or earned.ndim != 1 or not len(earned):
        raise InvalidInput("contributory_charges", charged.shape, f"a charge for each of {len(earned)} years")
    if not 0.0 < discount_rate <= 2.0:
        raise InvalidInput("discount_rate", discount_rate, "more than 0, at most 2")
    if terminal_growth is not None and not -1.0 <= terminal_growth < discount_rate:
        raise InvalidInput("terminal_growth", terminal_growth, f"below the discount_rate {discount_rate:g}")
    excess = earned - charged
    factor = (1.0 + discount_rate) ** -(np.arange(len(excess)) + 0.5)
    value = float(np.sum(excess * factor))
    if terminal_growth is not None:
        value += float(excess[-1]) * (1.0 + terminal_growth) / (discount_rate - terminal_growth) * float(factor[-1])
    return value


def earnings_within(earnings: ArrayLike, life_years: float) -> Float:
    """Returns yearly earnings [years] limited to the life of an IP asset.

    The year in which the life ends counts in proportion, and later years are 0. Raises InvalidInput for a negative
    life.
    """
    earned = np.asarray(earnings, dtype=np.float64)
    if not life_years >= 0.0:
        raise InvalidInput("life_years", life_years, "0 or more")
    return np.asarray(earned * np.clip(life_years - np.arange(len(earned)), 0.0, 1.0))


@dataclass(frozen=True)
class Brackets:
    """Values [n] that income values are compared with; NaN where unknown."""

    cost: Float
    excess_earnings: Float
    market: Float


def bracket_flags(income: Float, brackets: Brackets) -> Int:
    """Returns the BracketFlag bits of each income value [n]; the values themselves are not changed."""
    with np.errstate(invalid="ignore", divide="ignore"):
        from_market = np.abs(income / brackets.market - 1.0)
    found = (
        (income < brackets.cost, BracketFlag.BELOW_COST),
        (income > brackets.excess_earnings, BracketFlag.ABOVE_EXCESS_EARNINGS),
        (from_market > MARKET_TOLERANCE, BracketFlag.OUTSIDE_MARKET),
        (brackets.cost > brackets.excess_earnings, BracketFlag.BRACKETS_CROSS),
    )
    flags = np.zeros(len(income), dtype=np.int64)
    for crossed, flag in found:
        flags |= np.where(crossed, int(flag), 0)
    return flags
