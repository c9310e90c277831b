"""Diebold-Mariano test: whether one forecast is significantly better than another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr

from valuation._typing import Float
from valuation.errors import InvalidInput


@dataclass(frozen=True)
class Comparison:
    """Mean loss difference, the test statistic, and its one-sided p-value if neither forecast is better."""

    mean_difference: float
    statistic: float
    p_value: float


def diebold_mariano(differences: Float, lags: int) -> Comparison:
    """Tests whether a forecast is better than another, based on the mean of their loss differences.

    ``differences`` [n] are the losses of the other forecast minus those of the tested one, in time order. The variance
    of the mean is estimated as in Newey and West (1987, doi 10.2307/1913610) with ``lags`` autocovariances. Use k lags
    if each window overlaps the next k windows. The statistic of Diebold and Mariano (1995, doi
    10.1080/07350015.1995.10524599) is corrected for small samples and compared with Student's t distribution with
    n - 1 degrees of freedom (Harvey, Leybourne and Newbold 1997, doi 10.1016/S0169-2070(96)00719-4). Losses that
    never differ have a statistic of 0 and a p-value of 0.5. Raises InvalidInput for fewer than two differences, or for
    more than n - 2 lags.
    """
    count = len(differences)
    if count < 2 or not 0 <= lags < count - 1:
        raise InvalidInput("differences, lags", (count, lags), "2 or more differences, and 0 to n - 2 lags")
    mean = float(differences.mean())
    variance = long_run_variance(differences, lags)
    if variance <= np.finfo(np.float64).eps * mean**2:
        sign = float(np.sign(mean))
        return Comparison(mean, sign * np.inf if sign else 0.0, 0.5 - 0.5 * sign)
    ahead = lags + 1
    correction = (count + 1 - 2 * ahead + ahead * (ahead - 1) / count) / count
    statistic = mean / np.sqrt(variance / count) * np.sqrt(correction)
    return Comparison(mean, float(statistic), float(stdtr(count - 1, -statistic)))


def long_run_variance(values: Float, lags: int) -> float:
    """Returns the long-run variance of values [n] with Bartlett weights on ``lags`` autocovariances, at least 0."""
    centred = values - values.mean()
    count = len(centred)
    total = float(centred @ centred) / count
    for lag in range(1, lags + 1):
        weight = 1.0 - lag / (lags + 1.0)
        total += 2.0 * weight * float(centred[lag:] @ centred[:-lag]) / count
    return max(total, 0.0)
