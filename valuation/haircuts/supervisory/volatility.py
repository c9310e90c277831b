"""Haircut of a lognormal price with known volatility."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from valuation._typing import Float
from valuation.errors import InvalidInput


def volatility_haircut(daily_volatility: ArrayLike, horizon_days: ArrayLike, confidence: ArrayLike) -> Float:
    """Returns 1 - exp(-z sigma sqrt(T)), the loss quantile of a driftless lognormal price at the given confidence.

    Arguments broadcast; NaN gives NaN. Raises InvalidInput for a confidence outside [0.5, 1) or a volatility or horizon
    below 0.
    """
    volatility, days = np.asarray(daily_volatility, dtype=np.float64), np.asarray(horizon_days, dtype=np.float64)
    level = np.asarray(confidence, dtype=np.float64)
    if ((level < 0.5) | (level >= 1.0)).any():
        raise InvalidInput("confidence", confidence, "0.5 or more and less than 1")
    if (volatility < 0.0).any() or (days < 0.0).any():
        raise InvalidInput("daily_volatility, horizon_days", (daily_volatility, horizon_days), "0 or more")
    loss: Float = -np.expm1(-ndtri(level) * volatility * np.sqrt(days))
    return loss
