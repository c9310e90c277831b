"""Moves too large for their series that are not held aside: rolls, currency switches, or true days, named for a look.

From prices alone a change of currency by a tenth and a true fall by a tenth are the same number. So nothing is taken
out: such a day stays in the risk, and whoever lends is told of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import bdtrc

from valuation._typing import Bool, Dates, Float
from valuation.prices.jumps import JUMP_SIGMAS, MAD_TO_SIGMA, RETURNS_FOR_SIGMA

BACK_SIGMAS = 3.0
"""A step that the next move undoes to within so many standard deviations never was a price."""

ROLL_WINDOW_DAYS = 5
DAYS_OF_MONTH = 31
ROLL_CHANCE = 0.01
LEAST_ROLLS = 3
"""Contracts expire on the same days of the month: so many days, the chance below which it is no coincidence, and how
many it takes at least."""


@dataclass(frozen=True)
class Steps:
    """Which moves [n] step and come back at once, fall on the days of a contract's roll, or are neither."""

    and_back: Bool
    rolls: Bool
    others: Bool


def usual_sigma(moves: Float) -> float:
    """MAD-sigma of moves [n]; 0 where there are too few to tell."""
    if len(moves) < RETURNS_FOR_SIGMA:
        return 0.0
    return MAD_TO_SIGMA * float(np.median(np.abs(moves - np.median(moves))))


def sudden_steps(days: Dates, moves: Float, limit: float) -> Steps:
    """Moves [n] that end on ``days`` [n], beyond 8 MAD-sigma of the whole series and within the limit of a break."""
    sigma = usual_sigma(moves)
    sudden = (np.abs(moves) > JUMP_SIGMAS * sigma) & (np.abs(moves) <= limit) & (sigma > 0.0)
    back = np.zeros(len(moves), dtype=np.bool_)
    undone = sudden[:-1] & sudden[1:] & (np.abs(moves[:-1] + moves[1:]) <= BACK_SIGMAS * sigma)
    back[:-1] |= undone
    back[1:] |= undone
    rolls = roll_days(days, sudden & ~back)
    return Steps(back, rolls, sudden & ~back & ~rolls)


def roll_days(days: Dates, sudden: Bool) -> Bool:
    """Those of the sudden moves that share five days of the month too often for chance, each month counted once.

    The chance is that of a binomial law over the months, times the windows that could have been the one.
    """
    chosen = np.zeros(len(days), dtype=np.bool_)
    place = np.flatnonzero(sudden)
    if len(place) < LEAST_ROLLS:
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
