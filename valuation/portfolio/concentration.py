"""How concentrated a pool is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from valuation.errors import InvalidInput


def herfindahl(weights: NDArray[np.float64]) -> float:
    """Sum of squared shares of weights that are not negative."""
    if (weights < 0).any() or weights.sum() <= 0:
        raise InvalidInput("weights", weights.tolist(), "0 or more with a positive sum")
    shares = weights / weights.sum()
    return float(np.sum(shares**2))


def effective_number(weights: NDArray[np.float64]) -> float:
    """How many equal parts would be as concentrated: one over the Herfindahl index."""
    return 1.0 / herfindahl(weights)
