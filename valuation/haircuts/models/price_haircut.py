"""The haircut of one series at one horizon, or of many, from raw quotes: the way in for a notebook and a program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from valuation.flags import QualityFlag
from valuation.haircuts.models import arithmetic as signed
from valuation.haircuts.models import class_memory, pooled, tier2
from valuation.haircuts.models.arithmetic import arithmetic
from valuation.haircuts.models.class_memory import NOTHING_LEARNED, ClassMemory
from valuation.haircuts.models.monitored_curve import watched_tier1
from valuation.haircuts.models.pooled import NOTHING_COMMON, class_floor, pooled_scale
from valuation.haircuts.models.tier1 import DEFAULT, MODEL, VERSION, HaircutCurve, Tier1Settings, no_opinion
from valuation.haircuts.monitoring.model_monitor import UNWATCHED, Watch
from valuation.prices.cleaning import Cleaned, Defect, clean, clean_signed
from valuation.prices.returns import true_value_share
from valuation.prices.stale_quotes import fresh


class HaircutModel(Enum):
    """Which model: POOLED is what ``auto`` chooses, EWMA_FHS simulates from the series alone, TIER2 averages three.

    ARITHMETIC simulates differences instead of log returns, for prices that can be 0 or less.
    """

    POOLED = f"{pooled.MODEL}/{pooled.VERSION}"
    EWMA_FHS = f"{MODEL}/{VERSION}"
    ARITHMETIC = f"{signed.MODEL}/{signed.VERSION}"
    TIER2 = f"{tier2.MODEL}/{tier2.VERSION}"


@dataclass(frozen=True)
class PriceHaircut:
    """Share of the price lost by the horizon, not exceeded with the confidence; NaN where there is no opinion.

    ``path_minimum`` and ``path_shortfall`` are loss and shortfall of a sale on the worst day; ``class_floor`` is
    what to lend by where there is no opinion. ``standard_error`` and ``shortfall_error`` are the simulation errors of
    ``loss`` and ``expected_shortfall``, 0 for a model that simulates nothing. ``watch`` is the light of the model's
    record on the series, whose multiplier is in all four losses; ``model`` is the one that spoke, and ``fallen_back``
    why it is not the one asked for, empty where it is. ``model``, ``seed`` and ``cleaned`` are what it takes to get the
    same number again.
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
    watch: Watch = UNWATCHED
    fallen_back: str = ""

    @property
    def has_opinion(self) -> bool:
        """Whether the history was enough for an estimate."""
        return not np.isnan(self.loss)

    @property
    def value_correction(self) -> float:
        """What a smoothed last quote is multiplied by to be a value: exp(hidden gap) after a fall, at most 1."""
        return true_value_share(self.hidden_gap)


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

    ``seed`` is of the models that simulate, ``settings`` of EWMA_FHS and ARITHMETIC, ``memory`` is what the class has
    told POOLED before the last date. A newest quote of 0 or less, which has no logarithm, leaves no opinion but
    ARITHMETIC's; so do quotes that have stopped moving, but for POOLED, which looks from the day they did. Raises
    InvalidInput for a confidence outside (0.5, 1), a horizon under 1 day, or dates and prices of different length;
    MissingExtra for TIER2 without arch.
    """
    sort_out = clean_signed if model is HaircutModel.ARITHMETIC else clean
    days = np.asarray(dates, dtype="datetime64[D]")
    cleaned = sort_out(days, np.asarray(prices, dtype=np.float64))
    if _ends_below_zero(cleaned, days):
        curve, spoke, why = no_opinion(horizon_days, len(cleaned.prices), QualityFlag.NONE), model.value, ""
    elif model is HaircutModel.POOLED:
        curve, spoke, why = _pooled(cleaned, horizon_days, confidence, memory)
    else:
        curve, spoke, why = _simulated(cleaned, horizon_days, confidence, model, seed, settings)
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
        model=spoke,
        seed=seed,
        cleaned=cleaned,
        watch=curve.watch,
        fallen_back=why,
    )


def haircut_batch(
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


def _ends_below_zero(cleaned: Cleaned, days: NDArray[np.datetime64]) -> bool:
    """Whether the newest quote was left out because it is not positive."""
    left_out = cleaned.defects.get(Defect.NOT_POSITIVE)
    return left_out is not None and bool((days[left_out].max() > cleaned.dates[-1:]).all())


Spoken = tuple[HaircutCurve, str, str]
"""A curve, the model that made it, and why that is not the one asked for."""


def _pooled(cleaned: Cleaned, horizon_days: int, confidence: float, memory: ClassMemory) -> Spoken:
    common = memory.before(cleaned.dates[-1]) if len(cleaned.dates) else NOTHING_COMMON
    curve = pooled_scale(
        cleaned.dates, cleaned.prices, max_horizon_days=horizon_days, confidence=confidence, common=common
    )
    learned = f"+{class_memory.MODEL}/{class_memory.VERSION}" if len(memory.days) else ""
    return curve, f"{HaircutModel.POOLED.value}{learned}", ""


def _simulated(
    cleaned: Cleaned,
    horizon_days: int,
    confidence: float,
    model: HaircutModel,
    seed: int,
    settings: Tier1Settings,
) -> Spoken:
    dates, prices = cleaned.dates, cleaned.prices
    if fresh(dates, prices).repetitions:
        return no_opinion(horizon_days, len(prices), QualityFlag.STALE_SERIES), model.value, ""
    if model is HaircutModel.TIER2:
        found = tier2.tier2(dates, prices, max_horizon_days=horizon_days, confidence=confidence, seed=seed)
        return found.curve, found.model, found.why
    simulated = arithmetic if model is HaircutModel.ARITHMETIC else watched_tier1
    curve = simulated(dates, prices, max_horizon_days=horizon_days, confidence=confidence, seed=seed, settings=settings)
    return curve, model.value, ""
