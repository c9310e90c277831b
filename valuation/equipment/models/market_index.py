"""The market's level over time, and where it is taken to stand after the last sale that was seen.

A model that was trained on past sales is low when prices rise: trees cannot go beyond what they saw. So the level of
the market is taken out before they learn, by a local straight line through the residuals, and put back for the day that
is asked for. After the last sale it goes on with the slope of the last TREND_YEARS, which is bounded and dies away, and
is drawn back to where prices have stood after inflation, at the points in time that have sales: one sale with an odd
date leaves a long stretch without any, and there is no level there. Its error grows with time and is part of every
interval.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from valuation._typing import Bool, Float

STEP_YEARS = 0.125
BANDWIDTH_YEARS = 0.25
"""Standard deviation of the weights about each point."""

PRIOR_SALES = 3.0
"""Sales without a drift that each point is blended with, so that a thin quarter does not jump."""

TREND_YEARS = 1.5
"""Span of the slope that is carried on, and the time in which it dies away."""

SLOPE_LIMIT_A_YEAR = 0.10
INFLATION_A_YEAR = 0.02
REVERSION_A_YEAR = 0.30
"""Share of the distance from the usual level, after inflation, that closes in a year."""

REVERSION_SPAN_YEARS = 5.0
"""A shorter history has no usual level to return to."""

ERROR_FLOOR_A_YEAR = 0.03
"""Least standard deviation of the level a year after the last sale."""


@dataclass(frozen=True)
class MarketIndex:
    """Log level [k] at times in years [k], 0 on average over the sales; ``error_a_year`` of a forecast by one year.

    ``sold`` says which of the times are the nearest one of a sale; None means all of them.
    """

    times: Float
    levels: Float
    error_a_year: float
    sold: Bool | None = None

    @property
    def last_time(self) -> float:
        """The time of the last sale."""
        return float(self.times[-1])

    def at(self, time: Float) -> Float:
        """Log level at times [n]: between sales as found, before the first as then, after the last as forecast."""
        ahead = np.maximum(time - self.last_time, 0.0)
        sold = np.ones(len(self.times), dtype=np.bool_) if self.sold is None else self.sold
        return np.asarray(np.interp(time, self.times, self.levels) + _drift(self.times, self.levels, sold, ahead))

    def error(self, time: Float) -> Float:
        """Standard deviation of the log level at times [n]; 0 within the span of the sales.

        It grows with the root of time for a year, and with time itself after that, for a market that turns goes on
        (docs/models/equipment-comparables.md).
        """
        outside = np.maximum(time - self.last_time, 0.0) + np.maximum(self.times[0] - time, 0.0)
        return np.asarray(self.error_a_year * np.maximum(np.sqrt(outside), outside))


def market_index(time: Float, residual: Float) -> MarketIndex:
    """The index of log prices [n] from which all else was taken, at their times [n]."""
    times = _grid(time)
    levels = _local_line(times, time, residual)
    levels = levels - np.average(np.interp(time, times, levels))
    sold = _sold(times, time)
    return MarketIndex(times, levels, _error_a_year(times, levels, sold), None if sold.all() else sold)


def _grid(time: Float) -> Float:
    """Points from the first to the last sale."""
    first, last = float(np.min(time)), float(np.max(time))
    return np.linspace(first, last, max(2, round((last - first) / STEP_YEARS) + 1))


def _sold(times: Float, time: Float) -> Bool:
    """Whether each point [k] is the nearest one of a sale."""
    nearest = np.searchsorted((times[:-1] + times[1:]) / 2.0, time)
    return np.asarray(np.bincount(nearest, minlength=len(times)) > 0)


def _local_line(times: Float, time: Float, residual: Float) -> Float:
    """A weighted straight line through the residuals about each point, bent towards none where sales are few.

    A line and not a mean: at the end of a rise the mean would lag behind.
    """
    distance = time[None, :] - times[:, None]
    weight = np.exp(-0.5 * (distance / BANDWIDTH_YEARS) ** 2)
    total, first = weight.sum(axis=1), (weight * distance).sum(axis=1)
    second = (weight * distance**2).sum(axis=1) + PRIOR_SALES * BANDWIDTH_YEARS**2
    value, moment = weight @ residual, (weight * distance) @ residual
    total = total + PRIOR_SALES
    return np.asarray((second * value - first * moment) / (second * total - first**2))


def _drift(times: Float, levels: Float, sold: Bool, ahead: Float) -> Float:
    """Change of the log level at distances [n] after the last point; the usual level is that of points with sales."""
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
    """Root mean square error of one-year forecasts from each earlier point at which a slope can be had."""
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
