"""Quotes that only repeat the last price for longer than the series ever does: a feed that stands still, no calm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from valuation._typing import Dates, Float

LEAST_RUN = 5
"""Repetitions in a row that any series may show: a week's exchange holiday quoted as prices."""

USUAL_RUNS = 3
"""A run that came so often is the way of the series."""

RUN_TO_USUAL = 2
"""A run is stale beyond so many times the longest usual one."""


@dataclass(frozen=True)
class Fresh:
    """Places of the quotes [m] that tell something, business days since the last of them, and repetitions after it."""

    places: NDArray[np.int64]
    age_days: int
    repetitions: int


def fresh(dates: Dates, prices: Float) -> Fresh:
    """Leaves stale repetitions out of a series [n] in order of dates; the first quote of each run stays."""
    repeats = np.diff(prices) == 0.0
    moved = np.flatnonzero(np.concatenate([[True], ~repeats]))
    runs = np.diff(moved, append=len(prices)) - 1
    usual = int(np.partition(runs[:-1], -USUAL_RUNS)[-USUAL_RUNS]) if len(runs) > USUAL_RUNS else 0
    limit = max(LEAST_RUN, RUN_TO_USUAL * usual)
    if not len(prices) or runs.max() <= limit:
        return Fresh(np.arange(len(prices)), 0, 0)
    stale = np.repeat(runs > limit, runs + 1)
    stale[moved] = False
    places = np.flatnonzero(~stale)
    return Fresh(places, int(np.busday_count(dates[places[-1]], dates[-1])), len(prices) - 1 - int(places[-1]))
