"""The haircut of one series at one horizon, or of many, from raw quotes: the way in for a notebook and a program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import ArrayLike

from valuation.flags import QualityFlag
from valuation.prices import arithmetic as signed
from valuation.prices import class_memory, pooled
from valuation.prices.arithmetic import arithmetic
from valuation.prices.class_memory import NOTHING_LEARNED, ClassMemory
from valuation.prices.clean import Cleaned, Defect, clean, clean_signed
from valuation.prices.pooled import NOTHING_COMMON, class_floor, pooled_scale
from valuation.prices.tier1 import DEFAULT, MODEL, VERSION, HaircutCurve, Tier1Settings, tier1


class HaircutModel(Enum):
    """Which model: POOLED is what ``auto`` chooses, EWMA_FHS simulates from the series alone.

    ARITHMETIC simulates differences instead of log returns, for prices that can be 0 or less.
    """

    POOLED = f"{pooled.MODEL}/{pooled.VERSION}"
    EWMA_FHS = f"{MODEL}/{VERSION}"
    ARITHMETIC = f"{signed.MODEL}/{signed.VERSION}"


@dataclass(frozen=True)
class PriceHaircut:
    """Share of the price lost by the horizon, not exceeded with the confidence; NaN where there is no opinion.

    ``path_minimum`` and ``path_shortfall`` are loss and shortfall of a sale on the worst day; ``class_floor`` is
    what to lend by where there is no opinion. ``standard_error`` and ``shortfall_error`` are the simulation errors of
    ``loss`` and ``expected_shortfall``, 0 for a model that simulates nothing; ``model``, ``seed`` and ``cleaned`` are
    what it takes to get the same number again.
    """

    loss: float
    expected_shortfall: float
    path_minimum: float
    path_shortfall: float
    standard_error: float
    shortfall_error: float
    class_floor: float
    horizon_days: int
    confidence: float
    daily_volatility: float
    hidden_gap: float
    observations: int
    flags: QualityFlag
    model: str
    seed: int
    cleaned: Cleaned

    @property
    def has_opinion(self) -> bool:
        """Whether the history was enough for an estimate."""
        return not np.isnan(self.loss)

    @property
    def value_correction(self) -> float:
        """What a smoothed last quote is multiplied by to be a value: exp(hidden gap) after a fall, at most 1."""
        return float(np.exp(min(self.hidden_gap, 0.0)))


def haircut(
    prices: ArrayLike,
    dates: ArrayLike,
    horizon_days: int,
    confidence: float = 0.99,
    *,
    model: HaircutModel = HaircutModel.POOLED,
    seed: int = 0,
    settings: Tier1Settings = DEFAULT,
    memory: ClassMemory = NOTHING_LEARNED,
) -> PriceHaircut:
    """Cleans dated quotes [n] and reads the curve of the model at a horizon in business days.

    ``seed`` and ``settings`` are those of the models that simulate, ``memory`` is what the class has told POOLED before
    the last date. Raises InvalidInput for a confidence outside
    (0.5, 1), a horizon under 1 day, or dates and prices of different length.
    """
    sort_out = clean_signed if model is HaircutModel.ARITHMETIC else clean
    cleaned = sort_out(np.asarray(dates, dtype="datetime64[D]"), np.asarray(prices, dtype=np.float64))
    if model is HaircutModel.POOLED:
        curve = _pooled(cleaned, horizon_days, confidence, memory)
    else:
        curve = _simulated(cleaned, horizon_days, confidence, model, seed, settings)
    broke = QualityFlag.LEVEL_BREAK if Defect.LEVEL_BREAK in cleaned.defects else QualityFlag.NONE
    return PriceHaircut(
        loss=float(curve.loss[-1]),
        expected_shortfall=float(curve.expected_shortfall[-1]),
        path_minimum=float(curve.path_minimum[-1]),
        path_shortfall=float(curve.path_shortfall[-1]),
        standard_error=float(curve.standard_error[-1]),
        shortfall_error=float(curve.shortfall_error[-1]),
        class_floor=class_floor(horizon_days, confidence),
        horizon_days=horizon_days,
        confidence=confidence,
        daily_volatility=curve.daily_volatility,
        hidden_gap=curve.hidden_gap,
        observations=curve.observations,
        flags=curve.flags | broke,
        model=f"{model.value}+{class_memory.MODEL}/{class_memory.VERSION}" if len(memory.days) else model.value,
        seed=seed,
        cleaned=cleaned,
    )


def haircuts(
    series: Sequence[tuple[ArrayLike, ArrayLike]],
    horizon_days: int,
    confidence: float = 0.99,
    *,
    model: HaircutModel = HaircutModel.POOLED,
    memory: ClassMemory = NOTHING_LEARNED,
) -> list[PriceHaircut]:
    """The haircut of each series [n] of prices and dates; the same as ``haircut`` of one after the other.

    Raises InvalidInput as ``haircut`` does.
    """
    return [haircut(prices, dates, horizon_days, confidence, model=model, memory=memory) for prices, dates in series]


def _pooled(cleaned: Cleaned, horizon_days: int, confidence: float, memory: ClassMemory) -> HaircutCurve:
    common = memory.before(cleaned.dates[-1]) if len(cleaned.dates) else NOTHING_COMMON
    return pooled_scale(
        cleaned.dates, cleaned.prices, max_horizon_days=horizon_days, confidence=confidence, common=common
    )


def _simulated(
    cleaned: Cleaned,
    horizon_days: int,
    confidence: float,
    model: HaircutModel,
    seed: int,
    settings: Tier1Settings,
) -> HaircutCurve:
    simulated = arithmetic if model is HaircutModel.ARITHMETIC else tier1
    return simulated(
        cleaned.dates,
        cleaned.prices,
        max_horizon_days=horizon_days,
        confidence=confidence,
        seed=seed,
        settings=settings,
    )
