"""Roll rates: how debtors move between classes of lateness from month to month.

The rate at which a class of debtors reaches more than 90 days past due within a year stands in for the probability of
default of a debtor that has no rating.
"""

from __future__ import annotations

import numpy as np

from valuation._typing import Float, Int
from valuation.checks import require

LATENESS_LIMITS = (0, 30, 60, 90)
"""Last days past due of the buckets: not due or due today, to 30, to 60, to 90; the last bucket is more than 90."""

BUCKETS = len(LATENESS_LIMITS) + 1
MONTHS_PER_YEAR = 12


def lateness_bucket(days_past_due: Int) -> Int:
    """Returns the bucket of each debtor [n] by its days past due, which are 0 or negative before the due day."""
    return np.searchsorted(LATENESS_LIMITS, days_past_due).astype(np.int64)


def roll_rates(before: Int, after: Int, weight: Float) -> Float:
    """Returns the share of each bucket that is in each bucket a month later [bucket, bucket].

    ``before`` and ``after`` are buckets of debtors at the start and the end of a month [n], ``weight`` is 1 or an
    amount. The row of a bucket without observations is NaN. Raises InvalidInput for a weight that is not positive.
    """
    require("weight", weight, weight > 0.0, "more than 0")
    sums = np.bincount(before * BUCKETS + after, weights=weight, minlength=BUCKETS**2).reshape(BUCKETS, BUCKETS)
    rows = sums.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(sums, rows, out=np.full(sums.shape, np.nan), where=rows > 0.0), dtype=np.float64)


def rolled_amounts(rates: Float, amount: Float) -> Float:
    """Returns the amounts [bucket] that are expected in each bucket a month later."""
    return np.asarray(amount @ rates)


def default_rates(rates: Float, months: int = MONTHS_PER_YEAR) -> Float:
    """Returns the probability [bucket] of more than 90 days past due within some months, by today's bucket.

    A debtor that was once in the last bucket stays there. A bucket without observations is taken to lead there, so that
    missing data never lowers the rate; its own rate is NaN. A class without a single roll has the rate 0: the caller
    applies a least PD.
    """
    observed = np.asarray(np.isfinite(rates).all(axis=1))
    steps = np.where(observed[:, None], rates, 0.0)
    steps[~observed, -1] = 1.0
    steps[-1] = np.eye(BUCKETS)[-1]
    reached = np.linalg.matrix_power(steps, months)[:, -1]
    return np.where(observed | (np.arange(BUCKETS) == BUCKETS - 1), reached, np.nan)
