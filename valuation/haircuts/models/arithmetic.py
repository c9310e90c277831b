"""Haircuts of prices that can be 0 or less, from price differences instead of log returns.

Such prices have no logarithm, so models of log returns must leave them out; WTI settled at -36.98 on 2020-04-20. The
model is filtered historical simulation as in Tier 1 (Barone-Adesi, Giannopoulos and Vosper 1999) on P_t - P_{t-1}. The
loss is a share of the last price, at most 1 (docs/models/arithmetic.md).
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from valuation._typing import Dates, Float
from valuation.haircuts.models.tier1 import DEFAULT, HaircutCurve, Tier1Settings, require_valid_request, simulated_curve
from valuation.prices.returns import price_moves

MODEL = "arithmetic-fhs"
VERSION = "1"


def arithmetic(
    dates: Dates,
    prices: Float,
    *,
    max_horizon_days: int,
    confidence: float,
    seed: int,
    settings: Tier1Settings = DEFAULT,
) -> HaircutCurve:
    """Computes the haircut curve of a series of dated prices [n] of any sign, in date order.

    ``daily_volatility`` is a share of the last price; ``hidden_gap`` is not computed. A last price of 0 or less gives a
    loss of 1. The curve is NaN in the same cases as the curve of ``tier1``. Raises InvalidInput for a confidence
    outside (0.5, 1), a horizon below 1 day, prices that are not finite, or dates that do not increase.
    """
    require_valid_request(max_horizon_days, confidence)
    moves = price_moves(dates, prices, settings.window)
    last = float(prices[-1]) if len(prices) else 0.0

    def loss_of(sums: Float) -> Float:
        return np.minimum(-sums / last, 1.0) if last > 0.0 else np.ones_like(sums)

    curve = simulated_curve(moves, max_horizon_days, confidence, seed, settings, loss_of)
    volatility = curve.daily_volatility / last if last > 0.0 else math.inf
    return replace(curve, daily_volatility=volatility, hidden_gap=0.0)
