"""Invented price series for the tests of prices."""

import numpy as np

DAYS = np.busday_offset("2010-01-04", np.arange(4000), roll="forward").astype("datetime64[D]")
"""Business days."""


def walk(returns, start=100.0):
    """Prices [n + 1] whose log returns are given."""
    return start * np.exp(np.concatenate([[0.0], np.cumsum(returns)]))


def noise(count, sd=0.01, seed=1):
    """Independent normal log returns."""
    return np.random.default_rng(seed).normal(0.0, sd, count)


def smoothed(true, coefficient):
    """What a smoother reports: R_t = (1 - a) R*_t + a R_{t-1}."""
    found = np.empty_like(true)
    before = 0.0
    for row, value in enumerate(true):
        before = found[row] = (1.0 - coefficient) * value + coefficient * before
    return found
