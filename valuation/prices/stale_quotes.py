"""Detection of stale quotes: a price repeated for longer than is usual in its series means that its feed stopped."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from valuation._typing import Dates, Float, Int

MIN_RUN = 5
"""Most consecutive repetitions that are never stale: a week of exchange holidays quoted with the last price."""

USUAL_RUNS = 3
"""Number of runs of at least a given length that make this length usual for the series."""

RUN_TO_USUAL = 2
"""Multiple of the longest usual run beyond which a run is stale."""


@dataclass(frozen=True)
class Fresh:
    """Quotes that are not stale.

    ``places`` [m] are their indices. ``age_days`` is the number of business days from the last fresh quote to the last
    quote, and ``repetitions`` is the number of quotes after the last fresh one.
    """

    places: Int
    age_days: int
    repetitions: int


def fresh(dates: Dates, prices: Float) -> Fresh:
    """Selects the quotes of a series [n], in date order, that are not stale.

    The first quote in a run of equal quotes is kept.
    """
    repeats = np.diff(prices) == 0.0
    moved = np.flatnonzero(np.concatenate([[True], ~repeats]))
    runs = np.diff(moved, append=len(prices)) - 1
    usual = int(np.partition(runs[:-1], -USUAL_RUNS)[-USUAL_RUNS]) if len(runs) > USUAL_RUNS else 0
    limit = max(MIN_RUN, RUN_TO_USUAL * usual)
    if not len(prices) or runs.max() <= limit:
        return Fresh(np.arange(len(prices)), 0, 0)
    stale = np.repeat(runs > limit, runs + 1)
    stale[moved] = False
    places = np.flatnonzero(~stale)
    return Fresh(places, int(np.busday_count(dates[places[-1]], dates[-1])), len(prices) - 1 - int(places[-1]))
