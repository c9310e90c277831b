"""Factors by which a quote changes when only its unit changes: per hundred, per tonne, per pound, per ounce."""

from __future__ import annotations

from functools import cache

import numpy as np

from valuation._typing import Bool, Float
from valuation.packaged import read_table

MIN_LOG_WIDTH = 0.02
WIDTH_SIGMAS = 3.0
"""Greatest distance of a log move from a factor: three daily standard deviations, at least 0.02."""


def is_unit_factor(moves: Float, sigma: float) -> Bool:
    """Returns whether log moves [n] match a unit factor; ``sigma`` is the daily standard deviation of the series."""
    width = max(MIN_LOG_WIDTH, WIDTH_SIGMAS * sigma)
    return np.asarray((np.abs(np.abs(moves)[:, None] - _log_factors()) <= width).any(axis=1), dtype=np.bool_)


@cache
def _log_factors() -> Float:
    return np.log([float(row["factor"]) for row in read_table("valuation.prices", "unit_factors.csv")])
