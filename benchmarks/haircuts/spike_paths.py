"""Generates daily price paths with upward spikes, with and without reversion.

Each path is a random walk whose log returns are Student-t with 4 degrees of freedom. Its daily volatility is drawn
log-uniformly from 0.8 % to 4 %. On day ``HISTORY_DAYS`` the price rises by a factor that is drawn log-uniformly from
``SIZES``. The rise takes 1 to 5 days, the price stays up until its ``duration`` is over (1 to 15 days from the first
day of the rise), and then, in half of the paths, falls back within 1 to 5 days; in the other half it stays up. Half of
the paths also had an earlier spike of that kind, which reverted, so that the rule meets a history with a spike in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from valuation._typing import Bool, Dates, Float, Int

HISTORY_DAYS, DAYS_AFTER = 470, 60
"""Days before the spike and from its first day on."""

SIZES, DURATIONS, SLOPE_DAYS = (2.0, 10.0), (1, 15), (1, 5)
"""Factor of the rise, days from its first day until the fall, and days of the rise and of the fall."""

VOLATILITIES = (0.008, 0.04)
TAIL_DEGREES = 4
EARLIER_DAYS = (210, 430)
FIRST_DAY = "2015-01-01"
SEED = 17


@dataclass(frozen=True)
class SpikePaths:
    """Prices [p, n] on business days [n] and properties of their last spike [p]."""

    dates: Dates
    prices: Float
    size: Float
    duration: Int
    reverts: Bool


def spike_paths(count: int, seed: int = SEED) -> SpikePaths:
    """Generates paths; equal arguments give equal paths."""
    generator = np.random.Generator(np.random.PCG64(seed))
    days = HISTORY_DAYS + DAYS_AFTER
    volatility = np.exp(generator.uniform(*np.log(VOLATILITIES), count))
    unit_variance = np.sqrt(1.0 - 2.0 / TAIL_DEGREES)
    logs = np.cumsum(volatility[:, None] * generator.standard_t(TAIL_DEGREES, (count, days)) * unit_variance, axis=1)
    earlier = np.where(generator.random(count) < 0.5, generator.integers(*EARLIER_DAYS, count), days)
    logs += _spike(generator, earlier, days, np.ones(count, dtype=np.bool_))[0]
    reverts = generator.random(count) < 0.5
    spike, size, duration = _spike(generator, np.full(count, HISTORY_DAYS), days, reverts)
    dates = np.busday_offset(FIRST_DAY, np.arange(days), roll="forward").astype("datetime64[D]")
    return SpikePaths(dates, 100.0 * np.exp(logs + spike), size, duration, reverts)


def _spike(generator: np.random.Generator, begin: Int, days: int, reverts: Bool) -> tuple[Float, Float, Int]:
    """Returns the log height [p, n] of a spike that begins on a day [p], with its size [p] and duration [p]."""
    size = np.exp(generator.uniform(*np.log(SIZES), len(begin)))
    duration = generator.integers(DURATIONS[0], DURATIONS[1] + 1, len(begin))
    rise, fall = (generator.integers(SLOPE_DAYS[0], SLOPE_DAYS[1] + 1, len(begin)) for _ in range(2))
    since = np.arange(days) - begin[:, None] + 1
    up = np.clip(since / np.minimum(rise, duration)[:, None], 0.0, 1.0)
    down = np.clip((since - duration[:, None]) / fall[:, None], 0.0, 1.0) * reverts[:, None]
    return np.log(size)[:, None] * (up - down), size, duration
