"""How concentrated a pool is."""

from __future__ import annotations

import numpy as np

from valuation._typing import Float
from valuation.errors import InvalidInput


def herfindahl(weights: Float) -> float:
    """Sum of squared shares of weights [n], from 1 / n (all alike) to 1 (one has all).

    Raises InvalidInput for a weight below 0 or NaN, or a sum of 0.
    """
    if not (weights >= 0.0).all() or not weights.sum() > 0.0:
        raise InvalidInput("weights", weights.tolist(), "0 or more with a positive sum")
    shares = weights / weights.sum()
    return float(np.sum(shares**2))


def effective_number(weights: Float) -> float:
    """How many equal parts would be as concentrated: one over the Herfindahl index."""
    return 1.0 / herfindahl(weights)
