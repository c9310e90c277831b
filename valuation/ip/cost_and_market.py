"""Brackets of an income value: what it would cost to make the right again, what it earns in excess, what others paid.

Income values rest on forecasts. The cost of making the thing again is a floor for a right in use, the excess earnings
of the business a ceiling, and prices of comparable rights, where somebody enters them, lie wherever they lie.
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
    """Where an income value stands to its brackets; the numbers are stored."""

    NONE = 0
    BELOW_COST = 1 << 0
    ABOVE_EXCESS_EARNINGS = 1 << 1
    OUTSIDE_MARKET = 1 << 2
    BRACKETS_CROSS = 1 << 3


MARKET_TOLERANCE = 0.30
"""Distance from the middle market price beyond which an income value is flagged."""


def reproduction_cost(cost: ArrayLike, functional: ArrayLike, economic: ArrayLike) -> Float:
    """Cost x (1 - functional) x (1 - economic obsolescence) [n].

    Raises InvalidInput for a negative cost or an obsolescence outside 0 to 1.
    """
    made, useless, unwanted = (np.asarray(given, dtype=np.float64) for given in (cost, functional, economic))
    require("cost", made, made >= 0.0, "0 or more")
    for name, share in (("functional", useless), ("economic", unwanted)):
        require(name, share, (share >= 0.0) & (share <= 1.0), "0 to 1")
    return np.asarray(made * (1.0 - useless) * (1.0 - unwanted), dtype=np.float64)


def excess_earnings(
    earnings: ArrayLike, contributory_charges: ArrayLike, discount_rate: float, terminal_growth: float | None = None
) -> float:
    """Present value, at mid-year, of yearly earnings after tax [years] less charges for the other assets [years].

    With a terminal growth the last year goes on for ever at it. Years with less than the charges count as they are.
    Raises InvalidInput for columns of different lengths, a discount rate that is not above 0, or a growth that is not
    below it.
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
    """Yearly earnings [years] as far as a right lives: the year in which it ends counts by its part, later ones not.

    Raises InvalidInput for a life below 0.
    """
    earned = np.asarray(earnings, dtype=np.float64)
    if not life_years >= 0.0:
        raise InvalidInput("life_years", life_years, "0 or more")
    return np.asarray(earned * np.clip(life_years - np.arange(len(earned)), 0.0, 1.0))


@dataclass(frozen=True)
class Brackets:
    """Values [n] that an income value is set against; NaN where not known."""

    cost: Float
    excess_earnings: Float
    market: Float


def bracket_flags(income: Float, brackets: Brackets) -> Int:
    """BracketFlag bits of each income value [n]; the value itself is not moved."""
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
