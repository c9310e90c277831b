"""Log price level of the market over time, and its forecast after the last sale.

Trees cannot extrapolate, so a model trained on past sales undervalues machines when prices rise. Therefore the market
level is removed from log prices before the trees are fitted and added again for the valuation date. The level is a
local linear regression of the residuals. After the last sale, the forecast continues with the slope of the last
TREND_YEARS, which is bounded and decays, and reverts to the mean inflation-adjusted level. That mean includes only
points in time with sales, because a sale with a wrong date would create a long period without any. The error of the
forecast grows with time and is part of every interval.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from valuation._typing import Bool, Float

STEP_YEARS = 0.125
"""Distance between neighbouring points of the index."""

BANDWIDTH_YEARS = 0.25
"""Standard deviation of the kernel."""

PRIOR_SALES = 3.0
"""Number of assumed sales with a residual of 0, which shrink each point so that few sales cannot make it jump."""

TREND_YEARS = 1.5
"""Length of the period that determines the slope, and decay time of the slope."""

SLOPE_LIMIT_A_YEAR = 0.10
INFLATION_A_YEAR = 0.02
REVERSION_A_YEAR = 0.30
"""Rate of reversion to the mean inflation-adjusted level."""

REVERSION_SPAN_YEARS = 5.0
"""Minimum length of history for mean reversion."""

ERROR_FLOOR_A_YEAR = 0.03
"""Lower bound of the standard deviation of the level one year after the last sale."""


@dataclass(frozen=True)
class MarketIndex:
    """Log levels [k] at times [k] in decimal years, with a mean of 0 over the sales.

    ``error_a_year`` is the standard deviation of a one-year forecast. ``sold`` [k] is true where the point is the
    nearest one of at least one sale; None means all points.
    """

    times: Float
    levels: Float
    error_a_year: float
    sold: Bool | None = None

    @property
    def last_time(self) -> float:
        """Time of the last sale."""
        return float(self.times[-1])

    def at(self, time: Float) -> Float:
        """Returns log levels at times [n]: interpolated within the index, constant before it, and forecast after it."""
        ahead = np.maximum(time - self.last_time, 0.0)
        sold = np.ones(len(self.times), dtype=np.bool_) if self.sold is None else self.sold
        return np.asarray(np.interp(time, self.times, self.levels) + _drift(self.times, self.levels, sold, ahead))

    def error(self, time: Float) -> Float:
        """Returns the standard deviation of the log level at times [n]; 0 within the period of the sales.

        The deviation grows with the square root of time for one year and linearly after that, because market trends
        persist (docs/models/equipment-comparables.md).
        """
        outside = np.maximum(time - self.last_time, 0.0) + np.maximum(self.times[0] - time, 0.0)
        return np.asarray(self.error_a_year * np.maximum(np.sqrt(outside), outside))


def market_index(time: Float, residual: Float) -> MarketIndex:
    """Fits the index to log price residuals [n] at times [n]."""
    times = _grid(time)
    levels = _local_line(times, time, residual)
    levels = levels - np.average(np.interp(time, times, levels))
    sold = _sold(times, time)
    return MarketIndex(times, levels, _error_a_year(times, levels, sold), None if sold.all() else sold)


def _grid(time: Float) -> Float:
    """Returns evenly spaced points [k] from the first to the last sale."""
    first, last = float(np.min(time)), float(np.max(time))
    return np.linspace(first, last, max(2, round((last - first) / STEP_YEARS) + 1))


def _sold(times: Float, time: Float) -> Bool:
    """Returns whether each point [k] is the nearest one of at least one sale."""
    nearest = np.searchsorted((times[:-1] + times[1:]) / 2.0, time)
    return np.asarray(np.bincount(nearest, minlength=len(times)) > 0)


def _local_line(times: Float, time: Float, residual: Float) -> Float:
    """Returns a local linear regression of the residuals at each point [k], shrunk towards 0 where sales are few.

    A local mean would lag at the end of a trend.
    """
    distance = time[None, :] - times[:, None]
    weight = np.exp(-0.5 * (distance / BANDWIDTH_YEARS) ** 2)
    total, first = weight.sum(axis=1), (weight * distance).sum(axis=1)
    second = (weight * distance**2).sum(axis=1) + PRIOR_SALES * BANDWIDTH_YEARS**2
    value, moment = weight @ residual, (weight * distance) @ residual
    total = total + PRIOR_SALES
    return np.asarray((second * value - first * moment) / (second * total - first**2))


def _drift(times: Float, levels: Float, sold: Bool, ahead: Float) -> Float:
    """Returns the forecast change of the log level at times ``ahead`` [n] after the last point.

    The change is the decaying trend. If the history is long, inflation is added, and so is the reversion to the mean
    level of the points with sales.
    """
    recent = times >= times[-1] - TREND_YEARS
    span = float(times[-1] - times[0])
    slope = 0.0
    if span >= TREND_YEARS and recent.sum() > 1:
        slope = float(np.clip(np.polyfit(times[recent], levels[recent], 1)[0], -SLOPE_LIMIT_A_YEAR, SLOPE_LIMIT_A_YEAR))
    faded = TREND_YEARS * -np.expm1(-ahead / TREND_YEARS)
    drift = slope * faded
    if span >= REVERSION_SPAN_YEARS:
        real = levels - INFLATION_A_YEAR * (times - times[-1])
        gap = float(np.mean(real[sold]) - real[-1])
        drift = drift + gap * -np.expm1(-REVERSION_A_YEAR * ahead) + INFLATION_A_YEAR * ahead
    return np.asarray(drift, dtype=np.float64)


def _error_a_year(times: Float, levels: Float, sold: Bool) -> float:
    """Returns the root mean square error of one-year forecasts from past points with a slope, at least the floor."""
    step = float(times[1] - times[0])
    ahead = round(1.0 / step) if step > 0 else 0
    distance = np.array([ahead * step])
    errors = [
        levels[at + ahead] - levels[at] - float(_drift(times[: at + 1], levels[: at + 1], sold[: at + 1], distance)[0])
        for at in range(len(times) - ahead)
        if ahead and times[at] - times[0] >= TREND_YEARS
    ]
    found = float(np.sqrt(np.mean(np.square(errors)))) if errors else 0.0
    return max(found, ERROR_FLOOR_A_YEAR)
