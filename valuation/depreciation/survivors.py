"""Survivor curves of Iowa type S: how many machines of a class are left at an age, and for how long.

Retirements are spread symmetrically about the average life L with density proportional to (1 - x^2 / a^2)^m, a = L, so
the age at retirement over 2 L has the Beta(m + 1, m + 1) distribution.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincc

from valuation._typing import Float
from valuation.checks import require

S2_EXPONENT = 3.700
S3_EXPONENT = 6.902
"""Exponents m (OECD, Measuring Capital, annex on Winfrey's curves)."""


def surviving_share(age_to_life: ArrayLike, exponent: float) -> Float:
    """Share left at an age over the average life: 1 when new, 0 from twice the average life on.

    Raises InvalidInput for a negative age.
    """
    ratio = _checked(age_to_life)
    return _float(betaincc(exponent + 1.0, exponent + 1.0, np.minimum(ratio / 2.0, 1.0)))


def remaining_life(age_to_life: ArrayLike, exponent: float) -> Float:
    """Expected remaining life over the average life of a machine still in use at an age over the average life.

    The area under the curve beyond the age, over its height there. For a Beta variable U with mean 1/2 the area is
    E[(U - u)+] = 1/2 P(U' > u) - u P(U > u), U' being Beta(m + 2, m + 1). 0 from twice the average life on.
    """
    age = _checked(age_to_life)
    share = np.minimum(age / 2.0, 1.0)
    height = betaincc(exponent + 1.0, exponent + 1.0, share)
    area = 0.5 * betaincc(exponent + 2.0, exponent + 1.0, share) - share * height
    alive = height > 0.0
    # The mean excess cannot be negative; rounding can make it so where next to nothing is left.
    return _float(np.where(np.isnan(age), np.nan, 2.0 * np.maximum(area, 0.0) / np.where(alive, height, 1.0)))


def remaining_life_ratio(age_to_life: ArrayLike, exponent: float) -> Float:
    """Remaining over total expected life of a machine of that age: the newness ratio of the Chinese cost approach."""
    left = remaining_life(age_to_life, exponent)
    return _float(left / (left + np.asarray(age_to_life, dtype=np.float64)))


def _checked(age_to_life: ArrayLike) -> Float:
    age = np.asarray(age_to_life, dtype=np.float64)
    require("age_to_life", age, age >= 0.0, "0 or more")
    return age


def _float(column: ArrayLike) -> Float:
    return np.asarray(column, dtype=np.float64)
