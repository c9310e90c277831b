"""Running means of returns, the inputs of the pooled-scale model; each return updates them in O(1)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from valuation._typing import Float
from valuation.errors import InvalidInput

RECENT_DAYS, LONG_RUN_DAYS, MONTH_DAYS, YEAR_DAYS = 11.0, 700.0, 22.0, 350.0
"""Half-lives in business days: half a month, three years, a month, a year and a half."""

MEANS = (
    ("square", RECENT_DAYS),
    ("square", LONG_RUN_DAYS),
    ("square", MONTH_DAYS),
    ("square", YEAR_DAYS),
    ("fallen", RECENT_DAYS),
    ("plain", MONTH_DAYS),
    ("plain", YEAR_DAYS),
)
"""Quantity and half-life of each mean: squared returns, squares of negative returns only, or returns themselves."""

TREND_LIMIT = 4.0
"""Cap on the size of a trend, in standard errors."""

BLOCK = 50
"""Number of returns in a block: matrix products over blocks are faster than a loop over returns."""

MIN_VARIANCE = 1e-14
"""Variance added to every mean square, so that ratios stay finite for a price that does not move."""


@dataclass(frozen=True)
class Running:
    """Weighted sums [7] for ``MEANS`` and sums of their weights [7]; a return spans ``step_days`` business days."""

    sums: Float
    weights: Float
    step_days: int

    def after(self, log_return: float) -> Running:
        """Returns the sums after one more return."""
        decay = decays(self.step_days)
        parts = _parts(np.array([log_return]))[:, 0]
        return Running(decay * self.sums + (1.0 - decay) * parts, decay * self.weights + 1.0 - decay, self.step_days)

    @property
    def means(self) -> Float:
        """The weighted means [7]."""
        return self.sums / self.weights


@dataclass(frozen=True)
class Terms:
    """Terms that widen the tail [5, n], in the order of ``TERM_NAMES``, and the long-run ``log_volatility`` [n]."""

    values: Float
    log_volatility: Float


TERM_NAMES = ("recent", "level", "downside", "trend_month", "trend_year")

USUAL_DAILY_VOLATILITY = 0.015
"""Daily volatility of a typical commodity, to which higher and lower volatilities revert on average."""


def decays(step_days: int) -> Float:
    """Returns the decay of each mean [7] over one step."""
    half_lives = np.array([half_life for _, half_life in MEANS])
    return np.asarray(0.5 ** (step_days / half_lives), dtype=np.float64)


def running_means(returns: Float, step_days: int) -> Float:
    """Returns the means [7, n] after each log return [n]; the weights of all returns so far sum to 1.

    Raises InvalidInput for no returns or a step below one day.
    """
    if not len(returns) or step_days < 1:
        raise InvalidInput("returns, step_days", (len(returns), step_days), "one or more each")
    parts, decay = _parts(returns), decays(step_days)
    count = parts.shape[1]
    whole = -(-count // BLOCK)
    padded = np.zeros((len(parts), whole * BLOCK))
    padded[:, :count] = parts
    triangle, powers = _block(step_days)
    sums = padded.reshape(len(parts), whole, BLOCK) @ triangle
    for block in range(1, whole):
        sums[:, block] += sums[:, block - 1, -1:] * powers
    weights = 1.0 - decay[:, None] ** np.arange(1, count + 1)
    return np.asarray(sums.reshape(len(parts), -1)[:, :count] / weights, dtype=np.float64)


def running(returns: Float, step_days: int) -> Running:
    """Returns the running sums after all log returns [n]."""
    weights = 1.0 - decays(step_days) ** len(returns)
    return Running(running_means(returns, step_days)[:, -1] * weights, weights, step_days)


def terms(means: Float, step_days: int) -> Terms:
    """Computes the terms from means [7, n].

    - ``recent``: log of the half-month volatility over the long-run volatility.
    - ``level``: log of the long-run daily volatility over ``USUAL_DAILY_VOLATILITY``.
    - ``downside``: share of negative returns in the recent squares, minus one half.
    - ``trend_month``, ``trend_year``: ln(1 + |trend|), where a trend is the mean return over its standard error.
    """
    recent, long_run, month, year, fallen, drift_month, drift_year = means
    squares = np.stack([recent, long_run, month, year]) + MIN_VARIANCE
    logs = 0.5 * np.log(squares[:2] / step_days)
    downside = np.clip(fallen / squares[0] - 0.5, -0.5, 0.5)
    trends = [
        np.log1p(np.minimum(np.abs(drift) * np.sqrt(days / step_days / square), TREND_LIMIT))
        for drift, square, days in ((drift_month, squares[2], MONTH_DAYS), (drift_year, squares[3], YEAR_DAYS))
    ]
    values = np.stack([logs[0] - logs[1], logs[1] - np.log(USUAL_DAILY_VOLATILITY), downside, *trends])
    return Terms(values, logs[1])


@cache
def _block(step_days: int) -> tuple[Float, Float]:
    """Returns the weights [7, BLOCK, BLOCK] of a block's returns in each mean, and the decay of the previous block."""
    decay = decays(step_days)[:, None, None]
    lag = np.arange(BLOCK)[None, :] - np.arange(BLOCK)[:, None]
    triangle = np.where(lag >= 0, (1.0 - decay) * decay ** np.maximum(lag, 0), 0.0)
    return triangle, decay[:, :, 0] ** np.arange(1, BLOCK + 1)


def _parts(returns: Float) -> Float:
    squares = returns**2
    columns = {"square": squares, "fallen": np.where(returns < 0.0, squares, 0.0), "plain": returns}
    return np.stack([columns[name] for name, _ in MEANS])
