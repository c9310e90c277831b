"""Marks implausible price moves that stay in the series: contract rolls, currency switches, genuine shocks.

Prices alone cannot distinguish a currency switch of ten percent from a genuine fall of ten percent. Such moves
therefore stay in the risk estimate and are marked for the lender to review.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import bdtrc

from valuation._typing import Bool, Dates, Float, Int
from valuation.prices.jumps import JUMP_SIGMAS, MAD_TO_SIGMA, MIN_SIGMA_RETURNS

REVERT_SIGMAS = 3.0
"""A step is undone if the next move reverts it to within this many standard deviations; it was not a real price."""

ROLL_WINDOW_DAYS = 5
DAYS_OF_MONTH = 31
ROLL_CHANCE = 0.01
MIN_ROLLS = 3
"""Futures contracts expire on similar days of the month. These constants are the width of a window of the month in
days, the days of a month, the probability below which steps inside a window are no coincidence, and the fewest steps to
test."""


@dataclass(frozen=True)
class Steps:
    """Which moves [n] are steps that revert at once, which are contract rolls, and which are other sudden steps."""

    and_back: Bool
    rolls: Bool
    others: Bool


def usual_sigma(moves: Float) -> float:
    """Returns the MAD-sigma of moves [n]; 0 for too few moves."""
    if len(moves) < MIN_SIGMA_RETURNS:
        return 0.0
    return MAD_TO_SIGMA * float(np.median(np.abs(moves - np.median(moves))))


def sudden_steps(days: Dates, moves: Float, limit: float) -> Steps:
    """Classifies moves [n], which end on ``days`` [n], larger than 8 MAD-sigma of the series and at most ``limit``.

    Moves beyond ``limit`` are level breaks and are not classified here.
    """
    sigma = usual_sigma(moves)
    sudden = (np.abs(moves) > JUMP_SIGMAS * sigma) & (np.abs(moves) <= limit) & (sigma > 0.0)
    back = np.zeros(len(moves), dtype=np.bool_)
    undone = sudden[:-1] & sudden[1:] & (np.abs(moves[:-1] + moves[1:]) <= REVERT_SIGMAS * sigma)
    back[:-1] |= undone
    back[1:] |= undone
    rolls = roll_days(days, sudden & ~back)
    return Steps(back, rolls, sudden & ~back & ~rolls)


def roll_days(days: Dates, sudden: Bool) -> Bool:
    """Returns which sudden moves are contract rolls.

    They fall on the same five days of the month more often than chance explains. Each month counts once. The
    probability is binomial over the months, multiplied by the number of possible windows (Bonferroni). Quotes that are
    all on these days, such as those of a month's last day, prove nothing.
    """
    chosen = np.zeros(len(days), dtype=np.bool_)
    place = np.flatnonzero(sudden)
    if len(place) < MIN_ROLLS:
        return chosen
    months, of_month = days[place].astype("datetime64[M]"), _days_of_month(days[place])
    inside = [_is_within(of_month, first) for first in range(1, DAYS_OF_MONTH + 1)]
    counts = [len(np.unique(months[window])) for window in inside]
    best = int(np.argmax(counts))
    share = max(ROLL_WINDOW_DAYS / DAYS_OF_MONTH, float(np.mean(_is_within(_days_of_month(days), best + 1))))
    if DAYS_OF_MONTH * bdtrc(counts[best] - 1, len(np.unique(months)), share) < ROLL_CHANCE:
        chosen[place[inside[best]]] = True
    return chosen


def _days_of_month(days: Dates) -> Int:
    return np.asarray((days - days.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64) + 1)


def _is_within(of_month: Int, first: int) -> Bool:
    """Returns which days of the month are among the five days from ``first`` on."""
    return np.asarray((of_month >= first) & (of_month < first + ROLL_WINDOW_DAYS), dtype=np.bool_)
