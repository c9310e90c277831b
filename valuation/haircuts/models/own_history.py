"""Haircut of a series without an estimate: never below what its own earlier quotes show.

A jump of the price ends the history that the models use, so that a series may have no estimate just when it is most
dangerous. Its earlier quotes still show how far it falls.
"""

from __future__ import annotations

import numpy as np

from valuation._typing import Dates, Float, Int
from valuation.haircuts.models.pooled import MIN_OBSERVATIONS, class_floor, of_volatility, pooled_scale
from valuation.prices.jumps import MIN_SIGMA_RETURNS
from valuation.prices.returns import level_breaks, usual_step_days
from valuation.prices.stale_quotes import fresh


def floor_of_series(loss: float, dates: Dates, prices: Float, horizon_days: int, confidence: float) -> float:
    """Returns the loss to use for a series [n] whose estimate ``loss`` is NaN: the deeper of class and own history.

    With an estimate it is the floor of the class. Prices that are not positive are left out.
    """
    floor = class_floor(horizon_days, confidence)
    if not np.isnan(loss):
        return floor
    kept = prices > 0.0
    own = own_history_loss(dates[kept], prices[kept], max_horizon_days=horizon_days, confidence=confidence)
    return float(np.fmax(floor, own[-1]))


def own_history_loss(dates: Dates, prices: Float, *, max_horizon_days: int, confidence: float) -> Float:
    """Returns the losses [H] at horizons of 1, 2, ... business days that the quotes [n] of a series show.

    Each is the deeper of two: the estimate from the newest part of the series that is long enough for one, and the loss
    of a series with the volatility of all its moves. Moves that break the level belong to neither. Losses are NaN for a
    series with too few moves. Prices are positive and in date order.
    """
    places = fresh(dates, prices).places
    days, quotes = dates[places], prices[places]
    moves = np.diff(np.log(quotes))
    broken = level_breaks(moves)
    before = _estimate_of_parts(days, quotes, broken, max_horizon_days, confidence)
    return np.fmax(before, _loss_of_moves(days, np.delete(moves, broken), max_horizon_days, confidence))


def _estimate_of_parts(dates: Dates, prices: Float, broken: Int, max_horizon_days: int, confidence: float) -> Float:
    """Returns the curve of the newest part between two level breaks that has an estimate; NaN if none has one."""
    ends = [*(broken + 1).tolist(), len(prices)]
    for begin, end in reversed(list(zip([0, *ends], ends, strict=False))):
        if end - begin >= MIN_OBSERVATIONS:
            part = slice(begin, end)
            curve = pooled_scale(dates[part], prices[part], max_horizon_days=max_horizon_days, confidence=confidence)
            if not np.isnan(curve.loss[-1]):
                return curve.loss
    return np.full(max_horizon_days, np.nan)


def _loss_of_moves(dates: Dates, moves: Float, max_horizon_days: int, confidence: float) -> Float:
    if np.count_nonzero(moves) < MIN_SIGMA_RETURNS:
        return np.full(max_horizon_days, np.nan)
    volatility = float(np.sqrt(np.mean(moves**2) / usual_step_days(dates)))
    horizons = np.arange(1, max_horizon_days + 1, dtype=np.float64)
    quantiles = of_volatility(volatility, trend=0.0).log_quantiles(horizons, np.array([1.0 - confidence]))[0]
    return np.asarray(-np.expm1(quantiles), dtype=np.float64)
