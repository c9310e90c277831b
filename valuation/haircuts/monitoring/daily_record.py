"""What a model promised from each day to the next, against what came: the record that its light and its drift rest on.

One step ahead there are as many windows as prices, and none of them overlap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.special import ndtri

from valuation._typing import Float
from valuation.statistics.ewma import ewma_variance

DAYS = 250
"""Promises looked at, those of a year (Basel Committee 1996, part II)."""

LEAST_REFERENCE = 250
"""Residuals before a promise, below which neither its quantile nor a rank among them says much."""


@dataclass(frozen=True)
class DailyRecord:
    """One row for each of the newest ``DAYS`` returns, or none where the past is too short.

    ``exceeded`` [m] whether the price fell further than promised from the step before; ``scores`` [m] normal scores of
    the rank of each residual among those before it, of unit variance while the model is right, and ``variance`` of the
    next return by the model, where the model's drift is watched: else none and 0.
    """

    exceeded: NDArray[np.bool_]
    scores: Float
    variance: float


NO_RECORD = DailyRecord(np.zeros(0, dtype=np.bool_), np.zeros(0), 0.0)


def ewma_record(returns: Float, tail: float, *, decay: float, window: int) -> DailyRecord:
    """The record of filtered historical simulation of returns [n] on EWMA variance, floored as ``tier1`` floors it.

    The variance runs on from the oldest return instead of beginning anew in each window: after 250 steps that is a
    difference of 0.05 % of the start.
    """
    values = returns[-window - DAYS :]
    if len(values) < LEAST_REFERENCE + DAYS or not values.any():
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
    promised = shape * np.sqrt(np.maximum(variance[-DAYS - 1 : -1], floor))
    return DailyRecord(values[-DAYS:] < promised, _scores(residuals, before), float(variance[-1] * spread[-1] ** 2))


def surprises(residuals: Float) -> tuple[Float, float]:
    """Scores of the newest ``DAYS`` residuals [n] among those before, and the newest spread of a residual.

    No scores and 0 where too few are before, or where they do not move.
    """
    if len(residuals) < LEAST_REFERENCE + DAYS:
        return np.zeros(0), 0.0
    before = _before(residuals)
    spread = float(before[-1].std())
    return (_scores(residuals, before), spread) if spread else (np.zeros(0), 0.0)


def _before(values: Float) -> Float:
    """The values before each of the newest ``DAYS``, as many for each [DAYS, w]."""
    return np.asarray(sliding_window_view(values, len(values) - DAYS)[:DAYS])


def _scores(residuals: Float, before: Float) -> Float:
    """Normal scores of ranks: (rank - 3/8) / (n + 1/4), Blom 1958, Statistical Estimates."""
    newest = residuals[-DAYS:, None]
    rank = np.count_nonzero(before < newest, axis=1) + 0.5 * np.count_nonzero(before == newest, axis=1)
    return np.asarray(ndtri((rank + 1.0 - 0.375) / (before.shape[1] + 1.25)))
