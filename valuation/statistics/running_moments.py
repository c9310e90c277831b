"""Running means of returns, the inputs of the pooled-scale model; each return updates them in O(1)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np

from valuation._typing import Float
from valuation.errors import InvalidInput

RECENT_DAYS, LONG_RUN_DAYS, MONTH_DAYS, YEAR_DAYS = 11.0, 700.0, 22.0, 350.0
"""Half-lives in business days: half a month, three years, a month, a year and a half. RECENT_DAYS applies to daily
returns; ``recent_days`` gives the half-life for longer steps."""

QUANTITIES = ("square", "square", "square", "square", "fallen", "plain", "plain")
"""Quantity of each mean: squared returns, squares of negative returns only, or returns themselves."""

TREND_LIMIT = 4.0
"""Cap on the size of a trend, in standard errors."""

BLOCK = 50
"""Number of returns in a block: matrix products over blocks are faster than a loop over returns."""

INDEPENDENT: Float = np.ones(2)
"""Inflation of the variance of mean returns that have no autocorrelation."""

MIN_VARIANCE = 1e-14
"""Variance added to every mean square, so that ratios stay finite for a price that does not move."""


@dataclass(frozen=True)
class Running:
    """Weighted sums [7] of ``QUANTITIES`` and sums of their weights [7]; a return spans ``step_days`` business days."""

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


def recent_days(step_days: int) -> float:
    """Returns the half-life of recent squares in business days: it grows with the root of the step.

    A level that moves as a random walk and is observed with noise is followed best with a gain in proportion to the
    root of its variance per observation, hence to the root of the step (J. Muth, Journal of the American Statistical
    Association 55 (1960), doi 10.1080/01621459.1960.10482064). In steps, the half-life is 11 at one day, 5 at a week
    and 2.4 at a month (docs/models/pooled-scale.md).
    """
    return RECENT_DAYS * math.sqrt(step_days)


def decays(step_days: int) -> Float:
    """Returns the decay of each mean [7] over one step."""
    recent = recent_days(step_days)
    half_lives = np.array([recent, LONG_RUN_DAYS, MONTH_DAYS, YEAR_DAYS, recent, MONTH_DAYS, YEAR_DAYS])
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


def trend_decays(step_days: int) -> Float:
    """Returns the decay of the monthly and of the yearly mean return [2] over one step."""
    return decays(step_days)[-2:]


def terms(means: Float, step_days: int, inflation: Float = INDEPENDENT) -> Terms:
    """Computes the terms from means [7, n].

    - ``recent``: log of the recent volatility over the long-run volatility.
    - ``level``: log of the long-run daily volatility over ``USUAL_DAILY_VOLATILITY``.
    - ``downside``: share of negative returns in the recent squares, minus one half.
    - ``trend_month``, ``trend_year``: ln(1 + |trend|), where a trend is the mean return over its standard error.

    ``inflation`` [2] are the variances of the two mean returns, in those of independent returns.
    """
    recent, long_run, month, year, fallen, drift_month, drift_year = means
    prior = _long_run_share(step_days)
    blended = (1.0 - prior) * recent + prior * long_run
    squares = np.stack([blended, long_run, month, year]) + MIN_VARIANCE
    logs = 0.5 * np.log(squares[:2] / step_days)
    downside = np.clip(fallen / (recent + MIN_VARIANCE) - 0.5, -0.5, 0.5)
    trends = [
        np.log1p(np.minimum(np.abs(drift) * np.sqrt(days / step_days / (inflated * square)), TREND_LIMIT))
        for drift, square, days, inflated in (
            (drift_month, squares[2], MONTH_DAYS, inflation[0]),
            (drift_year, squares[3], YEAR_DAYS, inflation[1]),
        )
    ]
    values = np.stack([logs[0] - logs[1], logs[1] - np.log(USUAL_DAILY_VOLATILITY), downside, *trends])
    return Terms(values, logs[1])


def _long_run_share(step_days: int) -> float:
    """Returns the weight of the long-run variance in the recent one: 0 for daily returns, 0.10 for monthly.

    A mean over fewer returns is noisier than that of daily returns, for which its weight was fitted. The long-run
    variance is a prior of as many returns as the shorter mean is more uncertain: in prior means of one return,
    (root of the step - 1) / effective number of daily returns in the mean.
    """
    prior = (math.sqrt(step_days) - 1.0) * math.log(2.0) / (2.0 * RECENT_DAYS)
    return prior / (1.0 + prior)


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
    return np.stack([columns[name] for name in QUANTITIES])
