"""Open invoices that are verified because something about them is unusual, in addition to a random sample."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from valuation._typing import Bool, Float, Int, Texts
from valuation.receivables.ledgers.columns import NO_DAY
from valuation.receivables.ledgers.numbers import parsed
from valuation.receivables.signals.amounts import LAST_DAYS
from valuation.receivables.signals.new_debtors import NEW_DAYS
from valuation.receivables.signals.numbering import irregular_numbers_of

READ_LIMIT = 100_000
"""Newest invoices whose numbers are read, which bounds the time that a plan takes. A design choice."""


class TargetReason(IntEnum):
    """Why an invoice is verified."""

    NEW_DEBTOR = 1
    """The first invoice of its debtor is at most NEW_DAYS old, in a ledger of twice that age."""
    ROUND_AMOUNT = 2
    """Its amount is a multiple of a hundred units of the currency."""
    PERIOD_END = 3
    """It was issued in the last days of a month."""
    RE_INVOICED = 4
    """It was credited and invoiced again."""
    IRREGULAR_NUMBER = 5
    """Its number has an unusual form, was used before, or is far from those before it."""


@dataclass(frozen=True)
class TargetLedger:
    """Invoices [n] of a ledger, settled ones included; ``debtor`` numbers the debtors.

    A day that is not stated is NO_DAY. ``unit_minor`` is the amount of which a round amount is a multiple.
    """

    debtor: Int
    number: Texts
    face_minor: Int
    issue_day: Int
    is_open: Bool
    is_re_invoiced: Bool
    unit_minor: int

    def reasons(self, day: int) -> Bool:
        """Returns which reasons [reason - 1, n] hold of each invoice on a day."""
        return np.array(
            [
                self._is_of_new_debtor(day),
                self.face_minor % self.unit_minor == 0,
                self._is_of_period_end(),
                self.is_re_invoiced,
                self._has_irregular_number(),
            ],
            dtype=np.bool_,
        )

    def suspicion(self, reasons: Bool) -> Float:
        """Returns how unusual each open invoice [n] is; 0 for a settled one.

        A reason adds the logarithm of how rare it is among the open invoices: one that holds of all adds nothing.
        """
        held = reasons & self.is_open
        share = held.sum(axis=1) / max(int(self.is_open.sum()), 1)
        weight = -np.log10(np.where(share > 0.0, share, 1.0))
        return np.asarray(weight @ held)

    def _is_of_new_debtor(self, day: int) -> Bool:
        stated = self.issue_day != NO_DAY
        if not stated.any() or self.issue_day[stated].min() > day - 2 * NEW_DAYS:
            return np.zeros(len(self.debtor), dtype=np.bool_)
        first = np.full(int(self.debtor.max()) + 1, np.iinfo(np.int64).max)
        np.minimum.at(first, self.debtor[stated], self.issue_day[stated])
        return np.asarray((first > day - NEW_DAYS)[self.debtor])

    def _is_of_period_end(self) -> Bool:
        stated = self.issue_day != NO_DAY
        days = np.where(stated, self.issue_day, 0).astype("datetime64[D]")
        following = (days.astype("datetime64[M]") + 1).astype("datetime64[D]")
        return np.asarray(stated & ((following - days).astype(np.int64) <= LAST_DAYS))

    def _has_irregular_number(self) -> Bool:
        """Reads the numbers in the order of their days of issue; of a day, in their own order."""
        newest = np.argsort(self.issue_day, kind="stable")[-READ_LIMIT:]
        parts = parsed(self.number[newest])
        order = np.lexsort((parts[-1], self.issue_day[newest]))
        found = np.zeros(len(self.debtor), dtype=np.bool_)
        found[newest[order]] = irregular_numbers_of(*(part[order] for part in parts))
        return found
