"""What gaps of ledgers take from the claims of pledges where no reserve of a base deducts them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from valuation._typing import Int


@dataclass(frozen=True)
class GapDeduction:
    """An amount that the pledges of a loan on a pool bear once, by the rows of the pledges [p] in their order."""

    rows: tuple[int, ...]
    amount_minor: int


@dataclass(frozen=True)
class Gaps:
    """The deductions from the claims of pledges [p], in the currencies of their loans.

    ``unknown`` [p] are bits of UnknownReason of pledges of loans in another currency than the pool's.
    """

    deductions: tuple[GapDeduction, ...]
    unknown: Int

    @classmethod
    def none(cls, pledges: int) -> Gaps:
        """Returns the gaps of pledges on assets without any."""
        return cls((), np.zeros(pledges, dtype=np.int64))

    def deducted_from(self, claims: Int) -> Int:
        """Returns claims [p] less the gaps, each of which leaves at least 0."""
        left = claims.copy()
        for one in self.deductions:
            rest = one.amount_minor
            for row in one.rows:
                taken = min(rest, int(left[row]))
                left[row] -= taken
                rest -= taken
        return left
