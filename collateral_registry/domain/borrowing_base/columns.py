"""Borrowing bases of many loans by the claims of their pledges, in columns.

The base of a loan is computed by :func:`borrowing_base` for conservative, last good and decision values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from collateral_registry.domain.borrowing_base.base import Owed, Reserve, borrowing_base
from collateral_registry.domain.borrowing_base.dilution_reserves import dilution_reserve, reserved_minor
from collateral_registry.domain.borrowing_base.terms import BorrowingBaseTerms
from valuation._typing import Int

NO_BASE = -1
"""Value of the columns of a base where the loan has none."""

Values = NDArray[np.int64]


@dataclass(frozen=True)
class LoanBase:
    """What the base of a loan is computed from besides its claims: its terms, and the reserves that have not ended."""

    terms: BorrowingBaseTerms
    reserves: Sequence[Reserve] = ()


@dataclass(frozen=True)
class BaseInputs:
    """The loans with a base by their rows [l], and the asset class of each pledge [p]; empty for other loans.

    ``unknown`` [p] are bits of UnknownReason of pledges that count nothing because of a term of their loan.
    """

    bases: Mapping[int, LoanBase]
    asset_class: NDArray[np.object_]
    unknown: Int

    @classmethod
    def none(cls, pledges: int) -> BaseInputs:
        """Returns the inputs of loans none of which has a base."""
        return cls({}, np.full(pledges, "", dtype=object), np.zeros(pledges, dtype=np.int64))

    def of(self, chosen: NDArray[np.bool_]) -> BaseInputs:
        """Returns the inputs for the chosen pledges [p]."""
        return BaseInputs(self.bases, self.asset_class[chosen], self.unknown[chosen])


@dataclass(frozen=True)
class Bases:
    """Used amount and base of each loan [l] by three values; NO_BASE where the loan has no base."""

    used: Int
    base: Int
    good: Int
    decision: Int

    @property
    def present(self) -> NDArray[np.bool_]:
        """Whether each loan [l] has a base."""
        found: NDArray[np.bool_] = self.base != NO_BASE
        return found


def bases_of(
    inputs: BaseInputs,
    pledge_loan: Int,
    claims: Sequence[Int],
    dilution_ppm: Sequence[Int],
    loans: Mapping[str, Values],
    day: date,
) -> Bases:
    """Returns the bases of loans [l] by the lendable claims [p] of their pledges.

    ``claims`` are conservative, last good and decision claims, and ``dilution_ppm`` their shares that are reserved for
    dilution. The decision base never exceeds the conservative one, nor that the last good one: each reserve is rounded
    up by itself, so that more claims may lower a base by a minor unit.
    """
    count = len(loans["loan_key"])
    used, base, good, decision = (np.full(count, NO_BASE, dtype=np.int64) for _ in range(4))
    rows = _rows_by_loan(pledge_loan, inputs.bases)
    reserved = [reserved_minor(claim, ppm) for claim, ppm in zip(claims, dilution_ppm, strict=True)]
    for loan, one in inputs.bases.items():
        mine = rows.get(loan, [])
        classes = [inputs.asset_class[row] for row in mine]
        amounts = [
            (tuple(claim[mine].tolist()), tuple(taken[mine].tolist()))
            for claim, taken in zip(claims, reserved, strict=True)
        ]
        owed = Owed(int(loans["exposure_minor"][loan]), int(loans["contingent_minor"][loan]))
        found = {
            (values, taken): borrowing_base(
                one.terms.amounts(classes, values),
                [*one.reserves, *(dilution_reserve("", part, day) for part in taken if part)],
                one.terms.base_terms(None),
                owed,
                day,
            )
            for values, taken in {*amounts}
        }
        safe, last_good, decided = (found[values].base_minor for values in amounts)
        used[loan], base[loan] = found[amounts[0]].used_minor, safe
        good[loan], decision[loan] = max(safe, last_good), min(safe, decided)
    return Bases(used, base, good, decision)


def _rows_by_loan(pledge_loan: Int, wanted: Mapping[int, object]) -> dict[int, list[int]]:
    """Returns the rows of the pledges of each wanted loan."""
    found: dict[int, list[int]] = {}
    if wanted:
        for row in np.flatnonzero(np.isin(pledge_loan, list(wanted))).tolist():
            found.setdefault(int(pledge_loan[row]), []).append(row)
    return found
