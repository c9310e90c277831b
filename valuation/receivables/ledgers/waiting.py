"""How likely it is that an honest invoice still has no delivery, or is still open, given how long it has been so.

The probabilities are the shares of the ledger's own older invoices that waited longer. An invoice that never had a
delivery counts as waiting longer than any other.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from valuation._typing import Float, Int
from valuation.receivables.ledgers.columns import NO_DAY
from valuation.receivables.ledgers.standing import Standing

RECENT_DAYS = 42
"""Days within which a fraud may have begun: newer invoices do not state what is usual. A design choice."""

BASE_DAYS = 365
"""Days before them that state what is usual: a year, because of seasons."""

DEBTOR_PRIOR = 10.0
"""Number of a debtor's own invoices that count as much as all others. A design choice."""

SMALLEST = 0.01
"""Least probability: a single invoice is never stronger evidence than this. A design choice."""


@lru_cache(maxsize=1)
def still_undelivered(standing: Standing) -> Float:
    """Returns for each invoice [n] the share of older ones without a report of delivery as long after their entry."""
    entry, reported = standing.ledger.invoices.entry_day, standing.delivery_entry_day
    waited = np.where(reported == NO_DAY, np.inf, reported - entry)
    return _longer(np.sort(waited[_base(standing, entry)]), standing.day - entry)


@lru_cache(maxsize=1)
def still_open(standing: Standing) -> Float:
    """Returns for each invoice [n] the share of its debtor's older ones, or of all, open as long after the due day."""
    invoices, settled = standing.ledger.invoices, standing.settled_day
    late = np.where(settled == NO_DAY, np.inf, settled - invoices.due_day)
    base = _base(standing, invoices.due_day)
    now = standing.day - invoices.due_day
    found = _longer(np.sort(late[base]), now)
    by_debtor = np.argsort(invoices.debtor, kind="stable")
    first = np.searchsorted(invoices.debtor[by_debtor], np.arange(int(invoices.debtor.max(initial=0)) + 2))
    for start, end in zip(first[:-1].tolist(), first[1:].tolist(), strict=True):
        rows = by_debtor[start:end]
        own = np.sort(late[rows[base[rows]]])
        if len(own):
            longer = len(own) - np.searchsorted(own, now[rows], side="right")
            found[rows] = (longer + DEBTOR_PRIOR * found[rows]) / (len(own) + DEBTOR_PRIOR)
    return np.maximum(found, SMALLEST)


def _base(standing: Standing, day: Int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    newest = standing.day - RECENT_DAYS
    return (day <= newest) & (day > newest - BASE_DAYS)


def _longer(waited: Float, now: Int) -> Float:
    """Returns the share of sorted waits that are longer than each of ``now``, 1 without any."""
    longer = len(waited) - np.searchsorted(waited, now, side="right")
    return np.clip((longer + 1.0) / (len(waited) + 1.0), SMALLEST, 1.0)
