"""Daily record of a model: its one-step predictions and their outcomes, from which status and drift are computed.

Every price ends a window of one step, and such windows do not overlap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.special import ndtri

from valuation._typing import Bool, Float
from valuation.statistics.ewma import ewma_variance

DAYS = 250
"""Number of predictions in a record, one year (Basel Committee 1996, part II)."""

MIN_REFERENCE = 250
"""Fewest residuals before a prediction; with fewer, quantiles and ranks are too uncertain."""


@dataclass(frozen=True)
class DailyRecord:
    """One row for each of the newest ``DAYS`` returns; empty if the history is too short.

    ``exceeded`` [m] states whether the price fell further than was predicted one step earlier. ``scores`` [m] are
    normal scores: each is computed from the rank of a residual among the earlier residuals. Their variance is 1 while
    the model is correct. ``variance`` is the model's variance of the next return. If drift is not monitored, ``scores``
    is empty and ``variance`` is 0.
    """

    exceeded: Bool
    scores: Float
    variance: float


NO_RECORD = DailyRecord(np.zeros(0, dtype=np.bool_), np.zeros(0), 0.0)


def ewma_record(returns: Float, tail: float, *, decay: float, window: int) -> DailyRecord:
    """Returns the record of filtered historical simulation on EWMA variance for returns [n].

    The variance is floored as in ``tier1``. It is computed in one pass from the oldest return and is not restarted for
    each window. After 250 steps the start value has no noticeable weight.
    """
    values = returns[-window - DAYS :]
    if len(values) < MIN_REFERENCE + DAYS or not values.any():
        return NO_RECORD
    variance = ewma_variance(values, decay)
    if not variance.all():
        return NO_RECORD
    residuals = values / np.sqrt(variance[:-1])
    before = _before(residuals)
    spread = before.std(axis=1)
    if not spread.all():
        return NO_RECORD
    floor = np.mean(_before(values) ** 2, axis=1)
    shape = (np.quantile(before, tail, axis=1) - before.mean(axis=1)) / spread
    predicted = shape * np.sqrt(np.maximum(variance[-DAYS - 1 : -1], floor))
    return DailyRecord(values[-DAYS:] < predicted, _scores(residuals, before), float(variance[-1] * spread[-1] ** 2))


def surprises(residuals: Float) -> tuple[Float, float]:
    """Returns the scores of the newest ``DAYS`` residuals [n], and the newest standard deviation of residuals.

    Scores are empty and the standard deviation is 0 if there are too few earlier residuals or they are constant.
    """
    if len(residuals) < MIN_REFERENCE + DAYS:
        return np.zeros(0), 0.0
    before = _before(residuals)
    spread = float(before[-1].std())
    return (_scores(residuals, before), spread) if spread else (np.zeros(0), 0.0)


def _before(values: Float) -> Float:
    """Returns the w values before each of the newest ``DAYS`` values, as an array [DAYS, w]."""
    return np.asarray(sliding_window_view(values, len(values) - DAYS)[:DAYS])


def _scores(residuals: Float, before: Float) -> Float:
    """Returns the normal quantiles of (rank - 3/8) / (n + 1/4) (Blom, Statistical Estimates, 1958)."""
    newest = residuals[-DAYS:, None]
    rank = np.count_nonzero(before < newest, axis=1) + 0.5 * np.count_nonzero(before == newest, axis=1)
    return np.asarray(ndtri((rank + 1.0 - 0.375) / (before.shape[1] + 1.25)))
