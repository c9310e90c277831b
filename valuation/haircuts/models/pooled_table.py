"""Parameters of the pooled-scale model: term weights and tail multiples at any horizon and confidence.

They are fitted to many series together and are the same for every series (docs/models/pooled-scale.md).
"""

from __future__ import annotations

from functools import cache, lru_cache

import numpy as np

from valuation._typing import Float
from valuation.packaged import read_table
from valuation.statistics.running_moments import TERM_NAMES

PACKAGE = "valuation.haircuts.models"

CENTRE_DAYS = 20.0
LONGEST_FITTED_DAYS = 120.0
"""Horizon at which the slopes are centred, and the longest fitted horizon; beyond it quantiles grow only with the root
of time."""

PIVOT_TAIL = 0.05
"""Tail probability from which the depth of the other tails is measured."""

SHORTFALL_POINTS = 64
"""Number of quantiles averaged for the expected shortfall; more do not change it noticeably."""


CACHED = 128
MAX_CACHED_HORIZONS = 250
"""Number of cached results, and largest number of horizons in a request that is cached. Most series need the same
horizons and tails. The cache takes about 17 MB at most."""


def term_weights(horizons: Float) -> Float:
    """Returns the weights [5, H] of the terms at horizons [H] in business days; the array is read-only."""
    days = np.ascontiguousarray(horizons, dtype=np.float64)
    return (_term_weights if days.size <= MAX_CACHED_HORIZONS else _term_weights.__wrapped__)(days.tobytes())


@lru_cache(CACHED)
def _term_weights(horizons: bytes) -> Float:
    constant, slope = _weights()
    return _read_only(constant[:, None] + slope[:, None] * _time(np.frombuffer(horizons)))


def log_multiples(horizons: Float, tails: Float, deepening_days: float = LONGEST_FITTED_DAYS) -> Float:
    """Returns log tail multiples [A, H] at tail probabilities [A] and horizons [H]; the array is read-only.

    They increase as the tail probability decreases. Between and beyond the fitted tails they are linear in the log of
    the probability. Beyond a horizon of ``deepening_days`` the ratios to the multiple at ``PIVOT_TAIL`` are constant.
    """
    days, at = (np.ascontiguousarray(one, dtype=np.float64) for one in (horizons, tails))
    compute = _log_multiples if days.size <= MAX_CACHED_HORIZONS else _log_multiples.__wrapped__
    if not (days > deepening_days).any():
        return compute(days.tobytes(), at.tobytes())
    shape, pivot = np.minimum(days, deepening_days), np.array([PIVOT_TAIL]).tobytes()
    since = compute(days.tobytes(), pivot) - compute(shape.tobytes(), pivot)
    return _read_only(compute(shape.tobytes(), at.tobytes()) + since)


@lru_cache(CACHED)
def _log_multiples(horizons: bytes, tails: bytes) -> Float:
    at, constant, slope, curve = _tails()
    time = _time(np.frombuffer(horizons))
    fitted = constant[:, None] + slope[:, None] * time + curve[:, None] * time**2
    # The fits of the tails are independent: enforce that a smaller tail never has a smaller multiple.
    fitted = np.maximum.accumulate(fitted[::-1], axis=0)[::-1]
    logs, wanted = np.log(at), np.log(np.frombuffer(tails))
    left = np.clip(np.searchsorted(logs, wanted) - 1, 0, len(at) - 2)
    share = ((wanted - logs[left]) / (logs[left + 1] - logs[left]))[:, None]
    return _read_only(fitted[left] + share * (fitted[left + 1] - fitted[left]))


def _read_only(numbers: Float) -> Float:
    """Makes an array read-only, because callers share the cached copy."""
    numbers.setflags(write=False)
    return numbers


def shortfall_tails(tail: float) -> Float:
    """Returns evenly spaced tail probabilities [64] below ``tail``.

    The expected shortfall is the mean of the losses at these probabilities.
    """
    return np.asarray(tail * (np.arange(SHORTFALL_POINTS) + 0.5) / SHORTFALL_POINTS, dtype=np.float64)


def _time(horizons: Float) -> Float:
    return np.asarray(np.log(np.minimum(horizons, LONGEST_FITTED_DAYS) / CENTRE_DAYS), dtype=np.float64)


@cache
def _weights() -> tuple[Float, Float]:
    rows = {row["term"]: row for row in read_table(PACKAGE, "pooled_scale.csv")}
    ordered = [rows[name] for name in TERM_NAMES]
    return _column(ordered, "constant"), _column(ordered, "slope")


@cache
def _tails() -> tuple[Float, Float, Float, Float]:
    rows = list(read_table(PACKAGE, "pooled_tail.csv"))
    return _column(rows, "tail"), _column(rows, "constant"), _column(rows, "slope"), _column(rows, "curve")


def _column(rows: list[dict[str, str]], name: str) -> Float:
    return np.array([float(row[name]) for row in rows])
