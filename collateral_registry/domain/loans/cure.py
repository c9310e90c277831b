"""What would bring a loan back under its limit (rules.md section 4), in columns of minor units."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal

import numpy as np
from numpy.typing import NDArray

from valuation._typing import Int
from valuation.money import PPM, mul_div_ceil, mul_div_floor


def cash_cure(exposure: Int, pool: Int, target_ppm: Int) -> Int:
    """max(0, E - theta C): cash that brings LTV to the target ratio, rounded up."""
    cash: Int = np.maximum(exposure - mul_div_floor(pool, target_ppm, PPM), 0)
    return cash


def collateral_cure(exposure: Int, pool: Int, target_ppm: Int) -> Int:
    """max(0, E / theta - C): claim value that brings LTV to the target ratio, rounded up."""
    needed = mul_div_ceil(exposure, np.full_like(exposure, PPM), target_ppm)
    missing: Int = np.maximum(needed - pool, 0)
    return missing


def largest_release(exposure: Int, pool: Int, claim: Int, target_ppm: Int) -> Int:
    """The most claim value that may leave the pool so that E <= theta (C - release); never negative."""
    needed = mul_div_ceil(exposure, np.full_like(exposure, PPM), target_ppm)
    release: Int = np.clip(pool - needed, 0, claim)
    return release


def largest_draw(exposure: int, pool: int, target_ppm: int) -> int:
    """The most that may be owed beside the exposure so that E <= theta C; never negative."""
    return max(pool * target_ppm // PPM - exposure, 0)


def price_fall_to(exposure: Int, pool: Int, level_ppm: Int) -> NDArray[np.float64]:
    """1 - E / (level C): fall of the whole pool that reaches the level; negative when beyond it, NaN when C is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        fall = 1.0 - exposure / (level_ppm / PPM * pool)
    return np.where(pool > 0, fall, np.nan)


def market_value_for(claim_minor: int, market_minor: int, lendable_minor: int) -> int:
    """Market value of goods whose claim is wanted, from a lot of the same: claim / lendable share, rounded up."""
    return -(-claim_minor * market_minor // lendable_minor)


def quantity_for(value_minor: int, market_minor: int, quantity: Decimal, step: Decimal) -> Decimal:
    """Quantity worth a value at the price of a lot of the same, rounded up to the step of its unit."""
    steps = (Decimal(value_minor) * quantity / Decimal(market_minor) / step).to_integral_value(ROUND_CEILING)
    return steps * step
