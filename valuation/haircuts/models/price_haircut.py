"""Entry points of the haircut models: haircuts of one or many series of raw quotes at one horizon."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import ArrayLike

from valuation._typing import Dates
from valuation.errors import InvalidInput
from valuation.flags import QualityFlag
from valuation.haircuts.models import arithmetic as signed, class_memory, pooled, tier2
from valuation.haircuts.models.arithmetic import arithmetic
from valuation.haircuts.models.class_memory import NOTHING_LEARNED, ClassMemory
from valuation.haircuts.models.monitored_curve import watched_tier1
from valuation.haircuts.models.own_history import floor_of_series
from valuation.haircuts.models.pooled import NOTHING_COMMON, pooled_scale
from valuation.haircuts.models.tier1 import (
    DEFAULT,
    MODEL,
    VERSION,
    HaircutCurve,
    Tier1Settings,
    no_opinion,
    require_valid_request,
)
from valuation.haircuts.monitoring.model_monitor import UNWATCHED, Watch
from valuation.prices.cleaning import Cleaned, Defect, clean, clean_signed
from valuation.prices.price_adjustment import adjustment_flag, newest_adjustment
from valuation.prices.returns import true_value_share
from valuation.prices.stale_quotes import fresh
from valuation.quotes import quote_columns
from valuation.statistics.simulation import last_losses


class HaircutModel(Enum):
    """Haircut models.

    POOLED is the default (``auto``). EWMA_FHS simulates from the series alone. ARITHMETIC simulates price differences
    instead of log returns, for prices that can be 0 or less. TIER2 averages three models.
    """

    POOLED = f"{pooled.MODEL}/{pooled.VERSION}"
    EWMA_FHS = f"{MODEL}/{VERSION}"
    ARITHMETIC = f"{signed.MODEL}/{signed.VERSION}"
    TIER2 = f"{tier2.MODEL}/{tier2.VERSION}"


MODELS = {
    "auto": HaircutModel.POOLED,
    "tier1": HaircutModel.POOLED,
    "pooled": HaircutModel.POOLED,
    "ewma-fhs": HaircutModel.EWMA_FHS,
    "arithmetic": HaircutModel.ARITHMETIC,
    "tier2": HaircutModel.TIER2,
}
"""Models by the names that notebooks and the command line use."""


@dataclass(frozen=True)
class PriceHaircut:
    """Haircut of a price series: the share of the price lost by the horizon, not exceeded at the given confidence.

    - All losses are NaN if the model gives no estimate; ``class_floor`` is the haircut to use in that case. It is then
      the deeper of the floor of the class and the series' own history.
    - ``path_minimum`` and ``path_shortfall`` are loss and shortfall of a sale on the worst day of the path.
    - ``standard_error`` and ``shortfall_error`` are the simulation errors of ``loss`` and ``expected_shortfall``, 0 for
      a model without simulation.
    - ``price_adjustment`` is the factor, at most 1, by which a price counts that has risen beyond the level that its
      earlier quotes support.
    - ``watch`` is the monitoring result of the model on the series, whose multiplier is included in all four losses.
    - ``model`` is the model used. ``fallen_back`` is the reason if another model was requested, and empty otherwise.
    - ``model``, ``seed`` and ``cleaned`` allow the result to be reproduced.
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
    price_adjustment: float
    observations: int
    flags: QualityFlag
    model: str
    seed: int
    cleaned: Cleaned
    watch: Watch = UNWATCHED
    fallen_back: str = ""

    @property
    def has_opinion(self) -> bool:
        """Whether the history is sufficient for an estimate."""
        return not np.isnan(self.loss)

    @property
    def value_correction(self) -> float:
        """Factor that corrects a smoothed last quote: exp(hidden gap) after a fall, at most 1."""
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
    """Computes the haircut of dated quotes [n] at a horizon in business days.

    ``seed`` applies to models that simulate, ``settings`` to EWMA_FHS and ARITHMETIC, and ``memory`` to POOLED. If the
    newest quote is 0 or less, only ARITHMETIC has an estimate. If the newest quotes are stale, the simulated models
    give no estimate, and POOLED starts its horizon at the last move. Raises InvalidInput for a confidence outside
    (0.5, 1), a horizon below 1 day, or prices and dates that are no columns of equal length; raises MissingExtra for
    TIER2 without arch.
    """
    clean_quotes = clean_signed if model is HaircutModel.ARITHMETIC else clean
    require_valid_request(horizon_days, confidence, "horizon_days")
    if not isinstance(model, HaircutModel):
        raise InvalidInput("model", repr(model), "a HaircutModel")
    quotes, days = quote_columns(prices, dates)
    cleaned = clean_quotes(days, quotes)
    if _ends_below_zero(cleaned, days):
        curve, used, why = no_opinion(horizon_days, len(cleaned.prices), QualityFlag.NONE), model.value, ""
    elif model is HaircutModel.POOLED:
        curve, used, why = _pooled(cleaned, horizon_days, confidence, memory)
    else:
        curve, used, why = _simulated(cleaned, horizon_days, confidence, model, seed, settings)
    adjusted = newest_adjustment(days, quotes, cleaned)
    broke = QualityFlag.LEVEL_BREAK if Defect.LEVEL_BREAK in cleaned.defects else QualityFlag.NONE
    return PriceHaircut(
        **last_losses(curve),
        class_floor=floor_of_series(float(curve.loss[-1]), cleaned.dates, cleaned.prices, horizon_days, confidence),
        horizon_days=horizon_days,
        confidence=confidence,
        daily_volatility=curve.daily_volatility,
        hidden_gap=curve.hidden_gap,
        price_adjustment=adjusted,
        observations=curve.observations,
        flags=curve.flags | broke | adjustment_flag(adjusted),
        model=used,
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
    """Computes the haircut of each series [n], given as prices and dates, as ``haircut`` does.

    Raises InvalidInput as ``haircut`` does.
    """
    if not isinstance(series, Iterable):
        raise InvalidInput("series", type(series).__name__, "pairs of prices and dates")
    found = []
    for at, one in enumerate(series):
        if not isinstance(one, tuple | list) or len(one) != 2:
            raise InvalidInput(f"series[{at}]", type(one).__name__, "a pair of prices and dates")
        found.append(haircut(one[0], one[1], horizon_days, confidence, model=model, memory=memory))
    return found


def _ends_below_zero(cleaned: Cleaned, days: Dates) -> bool:
    """Returns whether the newest quote was left out because it is not positive."""
    left_out = cleaned.defects.get(Defect.NOT_POSITIVE)
    return left_out is not None and bool((days[left_out].max() > cleaned.dates[-1:]).all())


ModelCurve = tuple[HaircutCurve, str, str]
"""A curve, the model that computed it, and the reason if that is not the requested model."""


def _pooled(cleaned: Cleaned, horizon_days: int, confidence: float, memory: ClassMemory) -> ModelCurve:
    common = memory.before(cleaned.dates[-1]) if len(cleaned.dates) else NOTHING_COMMON
    curve = pooled_scale(
        cleaned.dates, cleaned.prices, max_horizon_days=horizon_days, confidence=confidence, common=common
    )
    learned = f"+{class_memory.MODEL}/{class_memory.VERSION}" if len(memory.days) else ""
    return curve, f"{HaircutModel.POOLED.value}{learned}", ""


def _simulated(
    cleaned: Cleaned, horizon_days: int, confidence: float, model: HaircutModel, seed: int, settings: Tier1Settings
) -> ModelCurve:
    dates, prices = cleaned.dates, cleaned.prices
    if fresh(dates, prices).repetitions:
        return no_opinion(horizon_days, len(prices), QualityFlag.STALE_SERIES), model.value, ""
    if model is HaircutModel.TIER2:
        result = tier2.tier2(dates, prices, max_horizon_days=horizon_days, confidence=confidence, seed=seed)
        return result.curve, result.model, result.why
    simulated = arithmetic if model is HaircutModel.ARITHMETIC else watched_tier1
    curve = simulated(dates, prices, max_horizon_days=horizon_days, confidence=confidence, seed=seed, settings=settings)
    return curve, model.value, ""
