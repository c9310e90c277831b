"""Marks implausible price moves that stay in the series: contract rolls, currency switches, genuine shocks.

Prices alone cannot distinguish a currency switch of ten percent from a genuine fall of ten percent. Such moves
therefore stay in the risk estimate and are marked for the lender to review.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import bdtrc

from valuation._typing import Bool, Dates, Float
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
    probability is binomial over the months, multiplied by the number of possible windows (Bonferroni).
    """
    chosen = np.zeros(len(days), dtype=np.bool_)
    place = np.flatnonzero(sudden)
    if len(place) < MIN_ROLLS:
        return chosen
    months = days[place].astype("datetime64[M]")
    of_month = (days[place] - months.astype("datetime64[D]")).astype(np.int64) + 1
    inside = [(of_month >= first) & (of_month < first + ROLL_WINDOW_DAYS) for first in range(1, DAYS_OF_MONTH + 1)]
    counts = [len(np.unique(months[window])) for window in inside]
    best = int(np.argmax(counts))
    share = ROLL_WINDOW_DAYS / DAYS_OF_MONTH
    if DAYS_OF_MONTH * bdtrc(counts[best] - 1, len(np.unique(months)), share) < ROLL_CHANCE:
        chosen[place[inside[best]]] = True
    return chosen
