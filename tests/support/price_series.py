"""Synthetic price series for tests."""

import numpy as np

DAYS = np.busday_offset("2010-01-04", np.arange(4000), roll="forward").astype("datetime64[D]")
"""Consecutive business days."""


def walk(returns, start=100.0):
    """Returns prices [n + 1] with the given log returns [n]."""
    return start * np.exp(np.concatenate([[0.0], np.cumsum(returns)]))


def noise(count, sd=0.01, seed=1):
    """Returns independent normal log returns [count]."""
    return np.random.default_rng(seed).normal(0.0, sd, count)


def smoothed(true, coefficient):
    """Returns smoothed returns R_t = (1 - a) R*_t + a R_{t-1} of true returns R*."""
    reported = np.empty_like(true)
    previous = 0.0
    for row, value in enumerate(true):
        previous = reported[row] = (1.0 - coefficient) * value + coefficient * previous
    return reported
