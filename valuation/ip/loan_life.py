"""Compares the remaining life of an IP asset with the term of a loan that it secures."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from valuation.checks import require

MARGIN_YEARS = 2.0
"""Default margin: years of life beyond loan maturity that allow a sale."""


class LoanLife(IntEnum):
    """Remaining life compared with the loan term; the numeric values are stored.

    ENOUGH means that the life lasts at least the loan term plus the margin. SHORT means that it outlasts the loan by
    less than the margin. ENDS_BEFORE means that it ends before the loan.
    """

    UNKNOWN = 0
    ENOUGH = 1
    SHORT = 2
    ENDS_BEFORE = 3


def life_against_loan(
    remaining_life_years: ArrayLike, loan_years: ArrayLike, margin_years: ArrayLike = MARGIN_YEARS
) -> NDArray[np.int8]:
    """Returns the LoanLife of each IP asset [n]; UNKNOWN where an argument is NaN.

    Raises InvalidInput for a negative number of years.
    """
    life, loan, margin = (
        np.asarray(given, dtype=np.float64) for given in (remaining_life_years, loan_years, margin_years)
    )
    for name, column in (("remaining_life_years", life), ("loan_years", loan), ("margin_years", margin)):
        require(name, column, column >= 0.0, "0 or more")
    found = np.where(life < loan + margin, LoanLife.SHORT, LoanLife.ENOUGH)
    found = np.where(life < loan, LoanLife.ENDS_BEFORE, found)
    return np.where(np.isnan(life + loan + margin), LoanLife.UNKNOWN, found).astype(np.int8)
