"""Survivor curves of Iowa type S: share of machines surviving to an age, and their expected remaining life.

The retirement density is symmetric about the average life L and proportional to (1 - x^2 / L^2)^m, where x is age - L.
Therefore age at retirement / (2 L) follows the Beta(m + 1, m + 1) distribution. Ages are stated as a multiple of L.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincc

from valuation._typing import Float
from valuation.checks import require

S2_EXPONENT = 3.700
S3_EXPONENT = 6.902
"""Exponents m of the S2 and S3 curves (OECD, Measuring Capital, annex on Winfrey's curves)."""


def surviving_share(age_to_life: ArrayLike, exponent: float) -> Float:
    """Returns the share of machines that survive to a given ratio of age to average life.

    The share is 1 for a new machine and 0 from twice the average life.

    Raises InvalidInput for a negative age.
    """
    ratio = _checked(age_to_life)
    return _float(betaincc(exponent + 1.0, exponent + 1.0, np.minimum(ratio / 2.0, 1.0)))


def remaining_life(age_to_life: ArrayLike, exponent: float) -> Float:
    """Returns the ratio of expected remaining life to average life at a given ratio of age to average life.

    The ratio applies to a machine that is still in use. The expected remaining life is the area under the survivor
    curve beyond the age, divided by the height of the curve at that age. With u = age / (2 L), U ~ Beta(m + 1, m + 1)
    and U' ~ Beta(m + 2, m + 1), the area in units of 2 L is

        E[(U - u)+] = 1/2 P(U' > u) - u P(U > u).

    The result is 0 from twice the average life. Raises InvalidInput for a negative age.
    """
    age = _checked(age_to_life)
    share = np.minimum(age / 2.0, 1.0)
    height = betaincc(exponent + 1.0, exponent + 1.0, share)
    area = 0.5 * betaincc(exponent + 2.0, exponent + 1.0, share) - share * height
    alive = height > 0.0
    # The area cannot be negative, but rounding errors can make it so near the end of the curve.
    return _float(np.where(np.isnan(age), np.nan, 2.0 * np.maximum(area, 0.0) / np.where(alive, height, 1.0)))


def remaining_life_ratio(age_to_life: ArrayLike, exponent: float) -> Float:
    """Returns remaining life / (age + remaining life), the newness ratio of the Chinese cost approach.

    Raises InvalidInput for a negative age.
    """
    left = remaining_life(age_to_life, exponent)
    return _float(left / (left + np.asarray(age_to_life, dtype=np.float64)))


def _checked(age_to_life: ArrayLike) -> Float:
    age = np.asarray(age_to_life, dtype=np.float64)
    require("age_to_life", age, age >= 0.0, "0 or more")
    return age


def _float(column: ArrayLike) -> Float:
    return np.asarray(column, dtype=np.float64)
