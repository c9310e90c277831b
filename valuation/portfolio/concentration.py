"""Concentration of a set of exposures."""

from __future__ import annotations

import numpy as np

from valuation._typing import Float
from valuation.errors import InvalidInput


def herfindahl(weights: Float) -> float:
    """Returns the Herfindahl index of weights [n], the sum of their squared shares: 1 / n (all equal) to 1 (only one).

    Raises InvalidInput for a weight that is negative or NaN, or a sum of 0.
    """
    if not (weights >= 0.0).all() or not weights.sum() > 0.0:
        raise InvalidInput("weights", weights.tolist(), "0 or more with a positive sum")
    shares = weights / weights.sum()
    return float(np.sum(shares**2))


def effective_number(weights: Float) -> float:
    """Returns the number of equal parts with the same concentration: 1 / Herfindahl index of weights [n].

    Raises InvalidInput as herfindahl does.
    """
    return 1.0 / herfindahl(weights)
