"""Probability that a collateral value falls to a level within a period, in closed form (Black and Cox)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import log_ndtr, ndtr

from valuation._typing import Float
from valuation.errors import InvalidInput

DISCRETE_MONITORING = 0.5826
"""Shift of a discretely monitored barrier, in standard deviations of one interval: -zeta(1/2) / sqrt(2 pi).

Source: Broadie, Glasserman and Kou, doi 10.1111/1467-9965.00035.
"""


def first_passage_probability(
    value: ArrayLike, barrier: ArrayLike, drift: ArrayLike, volatility: ArrayLike, years: ArrayLike
) -> Float:
    """Returns P(path minimum <= barrier) for a lognormal value; 1 if the value is already at or below the barrier.

    With a = ln(V/K) and nu = mu - sigma^2/2: Phi((-a - nu T)/(sigma sqrt T)) + exp(-2 nu a/sigma^2)
    Phi((-a + nu T)/(sigma sqrt T)) (Black and Cox, doi 10.2307/2326607). Drift and volatility are annual. Arguments
    broadcast. Raises InvalidInput for a value, barrier, volatility or time of 0 or less.
    """
    start, level, sigma, time = _positive(value, barrier, volatility, years)
    distance = np.log(start / level)
    nu = np.asarray(drift, dtype=np.float64) - sigma**2 / 2.0
    spread = sigma * np.sqrt(time)
    # Computed in logs, because the exponential overflows where the tail probability underflows.
    reflected = np.exp(-2.0 * nu * distance / sigma**2 + log_ndtr((-distance + nu * time) / spread))
    return np.where(distance <= 0.0, 1.0, np.minimum(ndtr((-distance - nu * time) / spread) + reflected, 1.0))[()]


def terminal_probability(
    value: ArrayLike, barrier: ArrayLike, drift: ArrayLike, volatility: ArrayLike, years: ArrayLike
) -> Float:
    """Returns P(value at the end of the period <= barrier), ignoring the path up to then.

    Arguments broadcast. Raises InvalidInput for a value, barrier, volatility or time of 0 or less.
    """
    start, level, sigma, time = _positive(value, barrier, volatility, years)
    nu = np.asarray(drift, dtype=np.float64) - sigma**2 / 2.0
    chance: Float = ndtr((np.log(level / start) - nu * time) / (sigma * np.sqrt(time)))
    return chance


def monitored_barrier(barrier: ArrayLike, volatility: ArrayLike, interval_years: ArrayLike) -> Float:
    """Returns the continuous barrier with the same hitting probability as a barrier that is monitored at intervals.

    The barrier is K exp(-0.5826 sigma sqrt dt) with an annual volatility sigma. Arguments broadcast.
    """
    level, sigma, interval = (np.asarray(given, dtype=np.float64) for given in (barrier, volatility, interval_years))
    shifted: Float = level * np.exp(-DISCRETE_MONITORING * sigma * np.sqrt(interval))
    return shifted


def _positive(*given: ArrayLike) -> tuple[Float, ...]:
    columns = tuple(np.asarray(column, dtype=np.float64) for column in given)
    for name, column in zip(("value", "barrier", "volatility", "years"), columns, strict=True):
        if (column <= 0.0).any():
            raise InvalidInput(name, float(column[column <= 0.0].flat[0]), "more than 0")
    return columns
