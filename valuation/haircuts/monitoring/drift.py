"""Drift detection: a cumulative sum that detects an increase in the size of surprises."""

from __future__ import annotations

import numpy as np

from valuation._typing import Float
from valuation.errors import InvalidInput
from valuation.statistics.cusum import Cusum, cusum

SPREAD_RATIO = 1.5
"""Increase in standard deviation to detect. Smaller increases are detected later and larger ones sooner."""

STEPS_BETWEEN_FALSE_ALARMS = 2_500
"""Fewest expected steps between false alarms: ten years of daily prices."""

THRESHOLD = float(np.log(STEPS_BETWEEN_FALSE_ALARMS))
"""Lorden's bound: with this threshold, a correct model has at most one false alarm in that many steps on average."""

LARGEST_SCORE = 3.0
"""Cap on scores: a single extreme day is a shock, which another rule handles, not drift."""


def drift(scores: Float, statistic: float = 0.0) -> Cusum:
    """Computes the cumulative sum of the log-likelihood ratios of scores [n].

    The ratio compares a spread of ``SPREAD_RATIO`` with a spread of 1.

    S = max(0, S + z^2 / 2 (1 - 1 / s^2) - ln s) for each score z, where s is ``SPREAD_RATIO``. The threshold is that of
    Lorden, Annals of Mathematical Statistics 42 (1971), doi 10.1214/aoms/1177693055. ``statistic`` is the sum before
    the first score. A caller that keeps the last sum can therefore add a new price in a single update.
    """
    return cusum(_gains(np.clip(scores, -LARGEST_SCORE, LARGEST_SCORE)), THRESHOLD, statistic)


def may_alarm(statistic: float, steps: int) -> bool:
    """Returns whether ``steps`` more scores can raise an alarm if each of them is as large as the cap."""
    return statistic + steps * float(_gains(np.array([LARGEST_SCORE]))[0]) > THRESHOLD


def scores_since(returns: Float, variance: float, decay: float) -> Float:
    """Divides new returns [n] by their expected volatility; the EWMA variance is updated after each return.

    ``variance`` is the model's variance of the first return (``DailyRecord``). Raises InvalidInput if it is not
    positive.
    """
    if not variance > 0.0:
        raise InvalidInput("variance", variance, "more than 0")
    scores, now = np.empty(len(returns)), variance
    for row, value in enumerate(returns.tolist()):
        scores[row] = value / np.sqrt(now)
        now = decay * now + (1.0 - decay) * value * value
    return scores


def _gains(capped: Float) -> Float:
    return np.asarray(0.5 * capped**2 * (1.0 - SPREAD_RATIO**-2) - np.log(SPREAD_RATIO))
