"""Exponentially weighted moving average (EWMA) of the variance of returns."""

from __future__ import annotations

import numpy as np

from valuation._typing import Float
from valuation.errors import InvalidInput


def ewma_variance(returns: Float, decay: float) -> Float:
    """Returns the variance forecast before each return [n] and after the last one, n + 1 values.

    s2 = decay s2 + (1 - decay) r2, starting from the mean square of all returns (RiskMetrics Technical Document 1996).
    Raises InvalidInput for a decay outside (0, 1) or for no returns.
    """
    if not 0.0 < decay < 1.0:
        raise InvalidInput("decay", decay, "more than 0 and less than 1")
    if not len(returns):
        raise InvalidInput("returns", "none", "at least one")
    squares = returns**2
    variance = np.empty(len(returns) + 1)
    variance[0] = now = float(squares.mean())
    for row, square in enumerate(squares.tolist(), start=1):
        now = decay * now + (1.0 - decay) * square
        variance[row] = now
    return variance
