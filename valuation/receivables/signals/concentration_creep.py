"""A debtor whose share of the sales grows."""

from __future__ import annotations

import numpy as np

from valuation._typing import Bool, Float
from valuation.receivables.ledgers.columns import Invoices
from valuation.receivables.ledgers.standing import Standing
from valuation.receivables.signals.reading import NONE, Reading

PERIOD_DAYS, BASE_DAYS = 90, 365
"""Days whose sales are compared, by the default of the specification, and days before them."""


def concentration_creep(standing: Standing, threshold: float) -> Reading:
    """Returns by how many percentage points a debtor's share of the sales of 90 days exceeds that of the year before.

    It is the largest growth of a debtor. The evidence is the debtor's invoices of the 90 days.
    """
    invoices = standing.ledger.invoices
    recent = invoices.entry_day > standing.day - PERIOD_DAYS
    base = ~recent & (invoices.entry_day > standing.day - PERIOD_DAYS - BASE_DAYS)
    if not recent.any() or not base.any():
        return Reading(0.0, threshold, NONE, NONE)
    growth = _shares(invoices, recent) - _shares(invoices, base)
    most = int(np.argmax(growth))
    return Reading(100.0 * float(growth[most]), threshold, np.flatnonzero(recent & (invoices.debtor == most)), NONE)


def _shares(invoices: Invoices, rows: Bool) -> Float:
    """Returns each debtor's share [d] of some invoices."""
    sums = np.bincount(
        invoices.debtor[rows], weights=invoices.amount_minor[rows], minlength=int(invoices.debtor.max()) + 1
    )
    return np.asarray(sums / sums.sum())
