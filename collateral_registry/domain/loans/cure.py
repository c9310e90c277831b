"""Cures: cash or collateral that brings a loan back to its target LTV (rules.md section 4), in minor units.

E is the exposure, C the collateral value of the loan (``pool``) and theta the target ratio.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal

import numpy as np
from numpy.typing import NDArray

from valuation._typing import Int
from valuation.money import PPM, mul_div_ceil, mul_div_floor


def cash_cure(exposure: Int, pool: Int, target_ppm: Int) -> Int:
    """Returns max(0, E - theta C): the repayment that brings the LTV to the target, rounded up.

    It never exceeds E, because theta is positive: every limit exceeds the buffer.
    """
    cash: Int = np.maximum(exposure - mul_div_floor(pool, target_ppm, PPM), 0)
    return cash


def collateral_cure(exposure: Int, pool: Int, target_ppm: Int) -> Int:
    """Returns max(0, E / theta - C): the added claim value that brings the LTV to the target, rounded up."""
    needed = mul_div_ceil(exposure, np.full_like(exposure, PPM), target_ppm)
    missing: Int = np.maximum(needed - pool, 0)
    return missing


def largest_release(exposure: Int, pool: Int, claim: Int, target_ppm: Int) -> Int:
    """Returns the largest release of claim value for which E <= theta (C - release). It is never negative."""
    needed = mul_div_ceil(exposure, np.full_like(exposure, PPM), target_ppm)
    release: Int = np.clip(pool - needed, 0, claim)
    return release


def largest_draw(exposure: int, pool: int, target_ppm: int) -> int:
    """Returns the largest draw for which E + draw <= theta C. It is never negative."""
    return max(pool * target_ppm // PPM - exposure, 0)


def largest_owed_below(pool: int, limit_ppm: int) -> int:
    """Returns the largest amount owed whose LTV is below a limit, by the division with which loans are judged."""
    owed = max(-(-pool * limit_ppm // PPM) - 1, 0)
    # The quotients of two close fractions may be one float.
    while owed and float(owed) / float(pool) >= limit_ppm / PPM:
        owed -= 1
    return owed


def price_fall_to(exposure: Int, pool: Int, level_ppm: Int) -> NDArray[np.float64]:
    """Returns 1 - E / (level C), the fall in the value of all collateral at which the LTV reaches a level.

    The result is 0 if the LTV has reached the level already, and NaN if C is 0.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        fall = np.maximum(1.0 - exposure / (level_ppm / PPM * pool), 0.0)
    return np.where(pool > 0, fall, np.nan)


def market_value_for(claim_minor: int, market_minor: int, counted_minor: int) -> int:
    """Returns the market value needed for a claim: claim x market value / counted value of the same lot.

    The counted value is the lendable or the adjusted value, by the basis of the loan. The result is rounded up.
    """
    return -(-claim_minor * market_minor // counted_minor)


def quantity_for(value_minor: int, market_minor: int, quantity: Decimal, step: Decimal) -> Decimal:
    """Returns the quantity that has a given value at the lot's own unit price, rounded up to a step of its unit."""
    steps = (Decimal(value_minor) * quantity / Decimal(market_minor) / step).to_integral_value(ROUND_CEILING)
    return steps * step
