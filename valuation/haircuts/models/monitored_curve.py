"""Monitored haircut curves: losses are raised where the traffic-light status of the model's record requires it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from valuation._typing import Dates, Float
from valuation.haircuts.models.tier1 import DEFAULT, HaircutCurve, Tier1Settings, tier1
from valuation.haircuts.monitoring.daily_record import DAYS, ewma_record
from valuation.haircuts.monitoring.model_monitor import WATCHED_TAIL, Watch, watch
from valuation.prices.returns import log_returns

RAISED = ("loss", "expected_shortfall", "path_minimum", "path_shortfall")
"""Columns of a curve that are losses."""


def watched_tier1(
    dates: Dates,
    prices: Float,
    *,
    max_horizon_days: int,
    confidence: float,
    seed: int,
    settings: Tier1Settings = DEFAULT,
) -> HaircutCurve:
    """Computes the ``tier1`` curve of dated prices [n] and applies the multiplier from its record of the last year.

    Raises InvalidInput as ``tier1`` does.
    """
    curve = tier1(dates, prices, max_horizon_days=max_horizon_days, confidence=confidence, seed=seed, settings=settings)
    returns = log_returns(dates, prices, settings.window + DAYS).values
    record = ewma_record(returns, WATCHED_TAIL, decay=settings.decay, window=settings.window)
    return raised(curve, watch(record))


def raised(curve: HaircutCurve, watched: Watch) -> HaircutCurve:
    """Raises each loss of a curve to 1 - (1 - loss)^k, where k is the multiplier, and adds the status to the flags.

    Loss and shortfall are raised in this way, both for the last day and for the worst day on the path. The simulation
    errors are scaled by the slope of the transformation.
    """
    flags = curve.flags | watched.flags
    if watched.multiplier == 1.0:
        return replace(curve, flags=flags, watch=watched)
    factor = watched.multiplier
    losses: dict[str, Any] = {name: _raised_loss(getattr(curve, name), factor) for name in RAISED}
    return replace(
        curve,
        **losses,
        standard_error=_slope(curve.loss, factor) * curve.standard_error,
        shortfall_error=_slope(curve.expected_shortfall, factor) * curve.shortfall_error,
        flags=flags,
        watch=watched,
    )


def _raised_loss(loss: Float, factor: float) -> Float:
    return np.asarray(1.0 - (1.0 - loss) ** factor)


def _slope(loss: Float, factor: float) -> Float:
    """Returns the derivative of the raised loss with respect to the original loss."""
    return np.asarray(factor * (1.0 - loss) ** (factor - 1.0))
