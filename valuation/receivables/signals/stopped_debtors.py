"""Debtors that stop paying as they used to; open invoices count, and moved due days do not help."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from valuation._typing import Bool, Float
from valuation.receivables.ledgers.columns import NO_DAY
from valuation.receivables.ledgers.standing import Standing
from valuation.receivables.ledgers.waiting import still_open
from valuation.receivables.signals.reading import NONE, Reading
from valuation.statistics.mixture import evidence

WINDOWS = (14, 28, 42)
"""Days within which invoices were due. A design choice."""

STOPPED_SHARE = 0.9
"""Share of its invoices that a debtor leaves open once it has stopped paying. A design choice."""

USUAL = 0.2
"""Probability up to which an honest invoice that is still open is shown as evidence. A design choice."""


@dataclass(frozen=True)
class Stopped:
    """The evidence [d] that each debtor has stopped paying, and whether each invoice [n] is later than usual."""

    value: Float
    is_late: Bool


def late_debtor(standing: Standing, threshold: float) -> Reading:
    """Returns the evidence against the debtor that most likely stopped paying; its late invoices show it."""
    stopped = stopped_paying(standing)
    worst = int(np.argmax(stopped.value))
    own = np.flatnonzero(stopped.is_late & (standing.ledger.invoices.debtor == worst))
    return Reading(float(stopped.value[worst]), threshold, own, NONE)


def late_ledger(standing: Standing, threshold: float) -> Reading:
    """Returns the sum of the evidence against all debtors but the worst one.

    Honest ledgers have one slow debtor at a time; that several stop together is another matter.
    """
    stopped = stopped_paying(standing)
    against = np.maximum(stopped.value, 0.0)
    among = against > 0.0
    own = np.flatnonzero(stopped.is_late & among[standing.ledger.invoices.debtor])
    return Reading(float(against.sum() - against.max()), threshold, own, NONE)


@lru_cache(maxsize=1)
def stopped_paying(standing: Standing) -> Stopped:
    """Returns the evidence against each debtor by the invoices that were due in the windows.

    The logarithm of the number of debtors is deducted, because the largest of many values is larger.
    """
    invoices = standing.ledger.invoices
    usual, still = still_open(standing), standing.settled_day == NO_DAY
    each = evidence(np.where(still, 1.0 / usual, 0.0), STOPPED_SHARE)
    count = int(invoices.debtor.max(initial=0)) + 1
    value = np.full(count, -np.inf)
    for days in WINDOWS:
        due = (invoices.due_day > standing.day - days) & (invoices.due_day <= standing.day)
        value = np.maximum(value, np.bincount(invoices.debtor[due], weights=each[due], minlength=count))
    recent = (invoices.due_day > standing.day - WINDOWS[-1]) & (invoices.due_day <= standing.day)
    debtors = max(len(np.unique(invoices.debtor[recent])), 1)
    return Stopped(value - np.log10(debtors), still & recent & (usual < USUAL))
