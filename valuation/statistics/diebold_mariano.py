"""Which of two forecasts is better, and how likely the lead is luck."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr

from valuation._typing import Float
from valuation.errors import InvalidInput


@dataclass(frozen=True)
class Comparison:
    """Mean lead, the statistic, and the chance of as large a lead when neither is better; one-sided."""

    lead: float
    statistic: float
    p_value: float


def diebold_mariano(lead: Float, lags: int) -> Comparison:
    """Tests the mean of differences of two losses [n] in order of time, loss of the other less loss of one.

    The variance of the mean is Newey and West's (1987, doi 10.2307/1913610) with so many ``lags``: windows that overlap
    by k of their neighbours need k. The statistic of Diebold and Mariano (1995, doi 10.1080/07350015.1995.10524599)
    is corrected for small samples and held against Student's law with n - 1 degrees (Harvey, Leybourne and Newbold
    1997, doi 10.1016/S0169-2070(96)00719-4). Losses that never differ have a statistic of 0 and a p-value of 0.5.
    Raises InvalidInput for fewer than two differences, or as many lags as differences less one.
    """
    count = len(lead)
    if count < 2 or not 0 <= lags < count - 1:
        raise InvalidInput("lead, lags", (count, lags), "2 or more, and fewer lags than differences less one")
    mean = float(lead.mean())
    spread = long_run_variance(lead, lags)
    if spread <= np.finfo(np.float64).eps * mean**2:
        sign = float(np.sign(mean))
        return Comparison(mean, sign * np.inf if sign else 0.0, 0.5 - 0.5 * sign)
    ahead = lags + 1
    correction = (count + 1 - 2 * ahead + ahead * (ahead - 1) / count) / count
    statistic = mean / np.sqrt(spread / count) * np.sqrt(correction)
    return Comparison(mean, float(statistic), float(stdtr(count - 1, -statistic)))


def long_run_variance(values: Float, lags: int) -> float:
    """Variance of the root-n mean with Bartlett's weights on so many autocovariances; never negative."""
    centred = values - values.mean()
    count = len(centred)
    total = float(centred @ centred) / count
    for lag in range(1, lags + 1):
        weight = 1.0 - lag / (lags + 1.0)
        total += 2.0 * weight * float(centred[lag:] @ centred[:-lag]) / count
    return max(total, 0.0)
