"""Running means of a price series: all that the pooled-scale model knows of its past, each updated in O(1)."""

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
"""Of what each row is the mean, and its half-life: squared returns, those of falls only, or returns themselves."""

TREND_LIMIT = 4.0
"""Standard deviations beyond which a trend counts no more."""

BLOCK = 50
"""Returns taken at once: a recursion in matrices, many times faster than one return after the other."""

LEAST_VARIANCE = 1e-14
"""Daily variance of a price that does not move, so that ratios stay finite."""


@dataclass(frozen=True)
class Running:
    """Weighted sums [7] of ``MEANS`` and sums of their weights [7] after some returns, a step of days apart."""

    sums: Float
    weights: Float
    step_days: int

    def after(self, log_return: float) -> Running:
        """The sums one return later."""
        decay = decays(self.step_days)
        parts = _parts(np.array([log_return]))[:, 0]
        return Running(decay * self.sums + (1.0 - decay) * parts, decay * self.weights + 1.0 - decay, self.step_days)

    @property
    def means(self) -> Float:
        """The means [7]."""
        return self.sums / self.weights


@dataclass(frozen=True)
class Terms:
    """What widens the tail [5, n], in the order of ``TERM_NAMES``, and the long run's ``log_volatility`` [n]."""

    values: Float
    log_volatility: Float


TERM_NAMES = ("recent", "level", "downside", "trend_month", "trend_year")

USUAL_DAILY_VOLATILITY = 0.015
"""That of the usual commodity; wilder ones calm down on average, calmer ones do not stay so."""


def decays(step_days: int) -> Float:
    """Decay a step of each mean [7]."""
    half_lives = np.array([half_life for _, half_life in MEANS])
    return np.asarray(0.5 ** (step_days / half_lives), dtype=np.float64)


def running_means(returns: Float, step_days: int) -> Float:
    """The means [7, n] after each log return [n]; the weights of the returns seen so far sum to 1.

    Raises InvalidInput for no returns or a step under a day.
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
    """The sums after the last return."""
    weights = 1.0 - decays(step_days) ** len(returns)
    return Running(running_means(returns, step_days)[:, -1] * weights, weights, step_days)


def terms(means: Float, step_days: int) -> Terms:
    """The terms of means [7, n], per business day.

    ``recent``: log volatility of half a month over the long run's. ``level``: log long-run volatility over the usual.
    ``downside``: share of falls in the recent squares less a half. ``trend_month``, ``trend_year``: ln(1 + |trend|),
    a trend being the mean return over its standard error.
    """
    recent, long_run, month, year, fallen, drift_month, drift_year = means
    squares = np.stack([recent, long_run, month, year]) + LEAST_VARIANCE
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
    """What the returns of a block add to each mean [7, BLOCK, BLOCK], and what is left of the block before."""
    decay = decays(step_days)[:, None, None]
    lag = np.arange(BLOCK)[None, :] - np.arange(BLOCK)[:, None]
    triangle = np.where(lag >= 0, (1.0 - decay) * decay ** np.maximum(lag, 0), 0.0)
    return triangle, decay[:, :, 0] ** np.arange(1, BLOCK + 1)


def _parts(returns: Float) -> Float:
    squares = returns**2
    of = {"square": squares, "fallen": np.where(returns < 0.0, squares, 0.0), "plain": returns}
    return np.stack([of[name] for name, _ in MEANS])
