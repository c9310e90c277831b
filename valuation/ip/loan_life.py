"""Whether a right outlives a loan by enough: one that ends before the loan secures nothing when it is needed."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from valuation.checks import require

MARGIN_YEARS = 2.0
"""Life that a right should have beyond the loan, to be sold in."""


class LoanLife(IntEnum):
    """How the life of a right stands to a loan; the numbers are stored."""

    UNKNOWN = 0
    ENOUGH = 1
    SHORT = 2
    ENDS_BEFORE = 3


def life_against_loan(
    remaining_life_years: ArrayLike, loan_years: ArrayLike, margin_years: ArrayLike = MARGIN_YEARS
) -> NDArray[np.int8]:
    """The LoanLife of each right [n]: a policy refuses what ends before the loan and flags what is short of the margin.

    Raises InvalidInput for a negative number of years. NaN is unknown.
    """
    life, loan, margin = (
        np.asarray(given, dtype=np.float64) for given in (remaining_life_years, loan_years, margin_years)
    )
    for name, column in (("remaining_life_years", life), ("loan_years", loan), ("margin_years", margin)):
        require(name, column, column >= 0.0, "0 or more")
    found = np.where(life < loan + margin, LoanLife.SHORT, LoanLife.ENOUGH)
    found = np.where(life < loan, LoanLife.ENDS_BEFORE, found)
    return np.where(np.isnan(life + loan + margin), LoanLife.UNKNOWN, found).astype(np.int8)
