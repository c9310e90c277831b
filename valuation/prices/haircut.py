"""The haircut of one series at one horizon, from raw quotes: the way in for a notebook."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from valuation.flags import QualityFlag
from valuation.prices.clean import Cleaned, Defect, clean
from valuation.prices.tier1 import DEFAULT, MODEL, VERSION, Tier1Settings, tier1


@dataclass(frozen=True)
class PriceHaircut:
    """Share of the price lost by the horizon, not exceeded with the confidence; NaN where there is no opinion.

    ``standard_error`` is the simulation error of ``loss``; ``model``, ``seed`` and ``cleaned`` are what it takes to get
    the same number again.
    """

    loss: float
    expected_shortfall: float
    standard_error: float
    horizon_days: int
    confidence: float
    observations: int
    flags: QualityFlag
    model: str
    seed: int
    cleaned: Cleaned


def haircut(
    prices: ArrayLike,
    dates: ArrayLike,
    horizon_days: int,
    confidence: float = 0.99,
    *,
    seed: int = 0,
    settings: Tier1Settings = DEFAULT,
) -> PriceHaircut:
    """Cleans dated quotes [n] and reads the Tier 1 curve at a horizon in business days.

    Raises InvalidInput for a confidence outside (0.5, 1), a horizon under 1 day, or dates and prices of different
    length.
    """
    cleaned = clean(np.asarray(dates, dtype="datetime64[D]"), np.asarray(prices, dtype=np.float64))
    curve = tier1(
        cleaned.dates,
        cleaned.prices,
        max_horizon_days=horizon_days,
        confidence=confidence,
        seed=seed,
        settings=settings,
    )
    broke = QualityFlag.LEVEL_BREAK if Defect.LEVEL_BREAK in cleaned.defects else QualityFlag.NONE
    return PriceHaircut(
        loss=float(curve.loss[-1]),
        expected_shortfall=float(curve.expected_shortfall[-1]),
        standard_error=float(curve.standard_error[-1]),
        horizon_days=horizon_days,
        confidence=confidence,
        observations=curve.observations,
        flags=curve.flags | broke,
        model=f"{MODEL}/{VERSION}",
        seed=seed,
        cleaned=cleaned,
    )
