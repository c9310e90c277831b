"""Survivor curves of Iowa type S: how many machines of a class are left at an age."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc

Float = NDArray[np.float64]

S2_EXPONENT = 3.700
S3_EXPONENT = 6.902
"""Exponents m of the density (1 - x^2/a^2)^m (OECD, Measuring Capital, annex on Winfrey curves)."""


def surviving_share(age_to_life: Float, exponent: float) -> Float:
    """Share left at an age over average life [n]: the upper tail of Beta(m + 1, m + 1) at half that ratio."""
    ratio = np.clip(age_to_life / 2.0, 0.0, 1.0)
    return np.asarray(1.0 - betainc(exponent + 1.0, exponent + 1.0, ratio), dtype=np.float64)


def remaining_life(age_to_life: float, exponent: float, steps: int = 20_000) -> float:
    """Expected remaining life over average life at an age: the area of the curve beyond it over its height."""
    grid = np.linspace(age_to_life, 2.0, steps)
    survivors = surviving_share(grid, exponent)
    return float(np.trapezoid(survivors, grid) / survivors[0])
