"""Dated prices to the log returns that a haircut is simulated from, with what was found on the way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from valuation.errors import InvalidInput
from valuation.flags import QualityFlag

Float = NDArray[np.float64]

ZERO_SHARE_LIMIT = 0.20
"""More unchanged quotes than this mean a stale or stepwise series."""

AUTOCORRELATION_LIMIT = 0.15
"""First autocorrelation beyond this means smoothed quotes."""

UNSMOOTHED_AUTOCORRELATION_LIMIT = 0.90
"""Beyond it the smoothing model has no solution to speak of; the returns are left as they are and flagged."""

BREAK_LOG_MOVE = 1.0
"""A move by a factor of e is a level break: what lies before it is another series."""

GAP_TO_MEDIAN = 3.0


@dataclass(frozen=True)
class Returns:
    """Log returns [m] a step apart, oldest first; ``step_days`` is business days a step."""

    values: Float
    step_days: int
    observations: int
    flags: QualityFlag


def log_returns(dates: NDArray[np.datetime64], prices: Float, window: int) -> Returns:
    """The newest ``window`` log returns of a series, unsmoothed where the quotes are smoothed.

    Smoothing model R_t = (1 - a) R*_t + a R_{t-1} (Geltner): R*_t = (R_t - a R_{t-1}) / (1 - a). Raises InvalidInput
    for prices that are not positive and finite, or dates that do not increase.
    """
    if not (np.isfinite(prices) & (prices > 0)).all():
        bad = prices[~(np.isfinite(prices) & (prices > 0))][0]
        raise InvalidInput("price", float(bad), "positive and finite")
    days = dates.astype("datetime64[D]")
    if (np.diff(days) <= np.timedelta64(0, "D")).any():
        raise InvalidInput("dates", "not increasing", "each later than the one before")
    days, prices = days[-window - 1 :], prices[-window - 1 :]
    flags = QualityFlag.NONE
    values = np.diff(np.log(prices))
    broken = np.flatnonzero(np.abs(values) > BREAK_LOG_MOVE)
    if len(broken):
        flags |= QualityFlag.LEVEL_BREAK
        days, values = days[broken[-1] + 1 :], values[broken[-1] + 1 :]
    if not len(values):
        return Returns(values, 1, len(days), flags)
    gaps = np.busday_count(days[:-1], days[1:])
    step = max(int(np.median(gaps)), 1)
    if step > 1:
        flags |= QualityFlag.IRREGULAR_DATES
    if (gaps > GAP_TO_MEDIAN * step).any():
        flags |= QualityFlag.GAPS
    if np.mean(values == 0.0) > ZERO_SHARE_LIMIT:
        flags |= QualityFlag.STALE_SERIES
    smoothing = _autocorrelation(values)
    if smoothing > AUTOCORRELATION_LIMIT:
        flags |= QualityFlag.SMOOTHED
        if smoothing < UNSMOOTHED_AUTOCORRELATION_LIMIT:
            values = unsmoothed(values, smoothing)
    return Returns(values, step, len(days), flags)


def unsmoothed(returns: Float, smoothing: float) -> Float:
    """R*_t = (R_t - a R_{t-1}) / (1 - a); the first return is left as it is."""
    if not 0.0 <= smoothing < 1.0:
        raise InvalidInput("smoothing", smoothing, "0 or more and less than 1")
    true = returns.copy()
    true[1:] = (returns[1:] - smoothing * returns[:-1]) / (1.0 - smoothing)
    return true


def hidden_gap(last_return: float, smoothing: float) -> float:
    """Log P* - log P = a / (1 - a) R_t: how far the true price is from the smoothed quote."""
    return smoothing / (1.0 - smoothing) * last_return


def _autocorrelation(values: Float) -> float:
    centred = values - values.mean()
    power = float(np.sum(centred**2))
    return float(np.sum(centred[1:] * centred[:-1])) / power if power > 0 else 0.0
