"""Corporate risk weights of the internal ratings-based approach, as a reference."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from valuation._typing import Float
from valuation.errors import InvalidInput
from valuation.statistics.closed_forms import conditional_default_probability

MIN_CORRELATION, MAX_CORRELATION = 0.12, 0.24
CORRELATION_DECAY = 50.0
"""Asset correlation of the riskiest and of the safest companies, and its rate of decline with PD (CRE31.5)."""

MATURITY_LEVEL, MATURITY_SLOPE = 0.11852, 0.05478
"""Coefficients of the maturity adjustment b = (0.11852 - 0.05478 ln PD)^2 (CRE31.5)."""

STANDARD_YEARS = 2.5
CAPITAL_CONFIDENCE = 0.999
WEIGHT_OF_CAPITAL = 12.5
"""Maturity in years without an adjustment, confidence level of the loss, and reciprocal of 8 % capital (CRE31.5)."""

MATURITY_RANGE = (1.0, 5.0)
"""Smallest and largest maturity in years (CRE32.46)."""


def corporate_risk_weight(pd: ArrayLike, lgd: ArrayLike, maturity_years: ArrayLike = STANDARD_YEARS) -> Float:
    """Returns the risk weight 12.5 K of a non-defaulted company, as a share of exposure at default.

    K = (LGD N[(N^-1(PD) + sqrt(R) N^-1(0.999)) / sqrt(1 - R)] - LGD PD) (1 + (M - 2.5) b) / (1 - 1.5 b), without the
    factor 1.06 of Basel II and the first CRR (CRE31.5; CRR Art. 153(1)). Arguments broadcast; the caller applies floors
    of PD and LGD. Raises InvalidInput for a PD outside (0, 1), an LGD outside 0 to 1 or a maturity outside 1 to 5
    years.
    """
    chance = np.asarray(pd, dtype=np.float64)
    if not ((chance > 0.0) & (chance < 1.0)).all():
        raise InvalidInput("pd", pd, "more than 0 and less than 1")
    loss, years = _within("lgd", lgd, 0.0, 1.0), _within("maturity_years", maturity_years, *MATURITY_RANGE)
    correlation = _correlation(chance)
    stressed = conditional_default_probability(chance, correlation, -ndtri(CAPITAL_CONFIDENCE))
    slope = (MATURITY_LEVEL - MATURITY_SLOPE * np.log(chance)) ** 2
    adjustment = (1.0 + (years - STANDARD_YEARS) * slope) / (1.0 - (STANDARD_YEARS - 1.0) * slope)
    weight: Float = WEIGHT_OF_CAPITAL * loss * (stressed - chance) * adjustment
    return weight


def _correlation(pd: Float) -> Float:
    """Returns the asset correlation R, from 0.24 for a PD near 0 to 0.12 for a large PD."""
    share = -np.expm1(-CORRELATION_DECAY * pd) / -np.expm1(-CORRELATION_DECAY)
    correlation: Float = MIN_CORRELATION * share + MAX_CORRELATION * (1.0 - share)
    return correlation


def _within(field: str, given: ArrayLike, least: float, most: float) -> Float:
    column = np.asarray(given, dtype=np.float64)
    if not ((column >= least) & (column <= most)).all():
        raise InvalidInput(field, given, f"{least:g} to {most:g}")
    return column
