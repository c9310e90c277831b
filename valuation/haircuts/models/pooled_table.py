"""The numbers of the pooled-scale model: weights of its terms and tail multiples, at any horizon and confidence.

They were fitted once to many series (docs/models/pooled-scale.md) and are the same for every series.
"""

from __future__ import annotations

from functools import cache, lru_cache

import numpy as np

from valuation._typing import Float
from valuation.statistics.running_moments import TERM_NAMES
from valuation.tables import read_table

PACKAGE = "valuation.haircuts.models"

CENTRE_DAYS = 20.0
LONGEST_FITTED_DAYS = 120.0
"""Horizon at which the slopes count from, and the longest that was fitted; beyond it only the square root of time."""

SHORTFALL_POINTS = 64
"""Quantiles in the mean beyond a quantile; doubling them moves it by less than 0.1 %."""


KEPT = 128
KEPT_HORIZONS = 250
"""Questions whose answers are kept, and the horizons of the longest of them: some 17 MB at most. The numbers are the
same for every series, and so are most horizons and tails."""


def term_weights(horizons: Float) -> Float:
    """Weights [5, H] of the terms at horizons in business days."""
    days = np.ascontiguousarray(horizons, dtype=np.float64)
    return (_term_weights if days.size <= KEPT_HORIZONS else _term_weights.__wrapped__)(days.tobytes())


@lru_cache(KEPT)
def _term_weights(horizons: bytes) -> Float:
    constant, slope = _weights()
    return _kept(constant[:, None] + slope[:, None] * _time(np.frombuffer(horizons)))


def log_multiples(horizons: Float, tails: Float) -> Float:
    """Log tail multiples [A, H] at tail probabilities [A]; the deeper the tail, the larger.

    Between the fitted tails, and beyond them, linear in the log of the probability.
    """
    days, at = (np.ascontiguousarray(one, dtype=np.float64) for one in (horizons, tails))
    found = _log_multiples if days.size <= KEPT_HORIZONS else _log_multiples.__wrapped__
    return found(days.tobytes(), at.tobytes())


@lru_cache(KEPT)
def _log_multiples(horizons: bytes, tails: bytes) -> Float:
    at, constant, slope, curve = _tails()
    time = _time(np.frombuffer(horizons))
    fitted = constant[:, None] + slope[:, None] * time + curve[:, None] * time**2
    fitted = np.maximum.accumulate(fitted[::-1], axis=0)[::-1]
    logs, wanted = np.log(at), np.log(np.frombuffer(tails))
    left = np.clip(np.searchsorted(logs, wanted) - 1, 0, len(at) - 2)
    share = ((wanted - logs[left]) / (logs[left + 1] - logs[left]))[:, None]
    return _kept(fitted[left] + share * (fitted[left + 1] - fitted[left]))


def _kept(numbers: Float) -> Float:
    """Numbers that nobody changes by mistake."""
    numbers.setflags(write=False)
    return numbers


def shortfall_tails(tail: float) -> Float:
    """Tail probabilities whose losses average to the expected shortfall beyond ``tail``."""
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
