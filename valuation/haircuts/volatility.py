"""The haircut of a normal price with known volatility."""

from __future__ import annotations

import math

from scipy.special import ndtri

from valuation.errors import InvalidInput


def volatility_haircut(daily_volatility: float, horizon_days: float, confidence: float) -> float:
    """1 - exp(-z sigma sqrt(T)): the fall of a driftless lognormal price not exceeded with the confidence."""
    if not 0.0 < confidence < 1.0:
        raise InvalidInput("confidence", confidence, "between 0 and 1")
    if daily_volatility < 0.0 or horizon_days < 0.0:
        raise InvalidInput("daily_volatility, horizon_days", (daily_volatility, horizon_days), "0 or more")
    return -math.expm1(-float(ndtri(confidence)) * daily_volatility * math.sqrt(horizon_days))
