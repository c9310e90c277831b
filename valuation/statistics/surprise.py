"""How surprising a number of events is, given how often they happened before in the same ledger.

Events are counted against an exposure, such as the invoices that could have had one. Their rate has a gamma
distribution: what a typical ledger has, updated by the ledger's own year before. The predictive distribution of a
count is then negative binomial, and its tail a regularised incomplete beta function (Gelman et al., Bayesian Data
Analysis, 3rd ed. 2013, section 2.6).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import betainc

from valuation._typing import Float, Int

WINDOWS = (7, 14, 21, 28, 42)
"""Days over which events are counted. A design choice: the shortest finds strong frauds, the longest weak ones."""

BASE_DAYS = 365
"""Days before the longest window that state the usual rate: a year, because of seasons."""

PRIOR_EXPOSURE = 50.0
"""Exposure that the rate of a typical ledger counts for. A design choice."""

LARGEST_EXPOSURE = 800.0
"""Cap on the exposure of the base: rates differ from month to month, so a long base does not state them exactly."""

LARGEST_SURPRISE = 99.0


def surprise(events: Int, exposure: Int, base_events: Int, base_exposure: Int, prior_rate: float) -> Float:
    """Returns minus the decimal logarithm of the probability of at least so many events: 4 is one in ten thousand."""
    known = PRIOR_EXPOSURE + base_exposure
    rate = (prior_rate * PRIOR_EXPOSURE + base_events) / known
    weight = np.minimum(known, LARGEST_EXPOSURE)
    tail = betainc(np.maximum(events, 1), rate * weight, exposure / (exposure + weight))
    with np.errstate(divide="ignore"):
        value = np.where(np.asarray(events) > 0, -np.log10(tail), 0.0)
    return np.clip(value, 0.0, LARGEST_SURPRISE)


@dataclass(frozen=True)
class Rise:
    """The most surprising of the windows: its surprise, and the first day of it."""

    surprise: float
    since: int


def rise(day: int, event_day: Int, exposure_day: Int, prior_rate: float) -> Rise:
    """Returns the most surprising window up to ``day``, given the days of the events and of what is exposed to them."""
    since = day - np.array(WINDOWS)
    longest = day - WINDOWS[-1]
    events, exposure = (_between(days, since, day) for days in (event_day, exposure_day))
    base = [_between(days, np.array([longest - BASE_DAYS]), longest)[0] for days in (event_day, exposure_day)]
    values = surprise(events, exposure, base[0], base[1], prior_rate)
    best = int(np.argmax(values))
    return Rise(float(values[best]), int(since[best]) + 1)


def _between(days: Int, after: Int, until: int) -> Int:
    """Returns how many days are after each of ``after`` and not after ``until``."""
    return np.asarray(((days[None, :] > after[:, None]) & (days[None, :] <= until)).sum(axis=1))
