"""Has the size of surprises changed since the model was fitted? A cumulative sum that says so as soon as it can."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from valuation._typing import Float
from valuation.errors import InvalidInput

SPREAD_RATIO = 1.5
"""The change that is looked for: surprises half as large again. Smaller ones are found later, larger ones sooner."""

STEPS_BETWEEN_FALSE_ALARMS = 2_500
"""Ten years of daily prices."""

THRESHOLD = float(np.log(STEPS_BETWEEN_FALSE_ALARMS))
"""Lorden's bound: with it a right model is called wrong no more often than once in so many steps."""

LARGEST_SCORE = 3.0
"""Scores beyond count as this: one wild day is a shock, which has a rule of its own, and no drift."""


@dataclass(frozen=True)
class Drift:
    """The sum after the last score, and at which scores it passed the threshold (and began again at 0)."""

    statistic: float
    alarms: tuple[int, ...]


def drift(scores: Float, statistic: float = 0.0) -> Drift:
    """Page's cumulative sum of log likelihood ratios of scores [n] with spread ``SPREAD_RATIO`` against 1.

    S = max(0, S + z^2 / 2 (1 - 1 / s^2) - ln s): Page, Biometrika 41 (1954), doi 10.1093/biomet/41.1-2.100; the
    threshold by Lorden, Annals of Mathematical Statistics 42 (1971), doi 10.1214/aoms/1177693055. ``statistic`` is the
    sum before the first score, so that each new price costs one step.
    """
    capped = np.clip(scores, -LARGEST_SCORE, LARGEST_SCORE)
    now, alarms = statistic, []
    for row, gain in enumerate(_gains(capped).tolist()):
        now = max(0.0, now + gain)
        if now > THRESHOLD:
            now = 0.0
            alarms.append(row)
    return Drift(now, tuple(alarms))


def may_alarm(statistic: float, steps: int) -> bool:
    """Whether so many scores to come could make an alarm at all, each as large as one may count."""
    return statistic + steps * float(_gains(np.array([LARGEST_SCORE]))[0]) > THRESHOLD


def scores_since(returns: Float, variance: float, decay: float) -> Float:
    """New returns [n] over the volatility expected of each, the EWMA variance following them.

    ``variance`` is that of the first by the model (``DailyRecord``). Raises InvalidInput for one that is not positive.
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
