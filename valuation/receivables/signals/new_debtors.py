"""New debtors whose invoices are neither delivered nor paid as those of other debtors are."""

from __future__ import annotations

import numpy as np

from valuation.receivables.ledgers.columns import NO_DAY
from valuation.receivables.ledgers.standing import Standing
from valuation.receivables.ledgers.waiting import still_open, still_undelivered
from valuation.receivables.signals.reading import NONE, Reading
from valuation.statistics.mixture import evidence

NEW_DAYS = 90
"""Days after its first invoice during which a debtor is new. A design choice."""

MATERIAL_SHARE = 0.01
"""Share of the sales of four weeks from which a new debtor counts. A design choice."""

LARGEST_LATE = 2.0
"""Cap on the evidence of late payment: one debtor's habit is a single observation, however many invoices it has."""

SALES_DAYS = 28

FALSE_SHARE = 0.9
"""Share of the invoices of a fictitious debtor that are false. A design choice."""


def new_debtors(standing: Standing, threshold: float) -> Reading:
    """Returns the evidence against the most suspect new debtor: missing deliveries, late payment and size.

    Its invoices are compared with those of the other debtors. The evidence of its size is that of its rank by recent
    sales, if any debtor could have it. The rows are the debtor's invoices.
    """
    invoices = standing.ledger.invoices
    if not len(invoices.debtor) or invoices.entry_day[0] > standing.day - 2 * NEW_DAYS:
        return Reading(0.0, threshold, NONE, NONE)
    count = int(invoices.debtor.max()) + 1
    first = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(first, invoices.debtor, invoices.entry_day)
    recent = invoices.entry_day > standing.day - SALES_DAYS
    sales = np.bincount(invoices.debtor[recent], weights=invoices.amount_minor[recent], minlength=count)
    is_new = (first > standing.day - NEW_DAYS) & (sales > MATERIAL_SHARE * sales.sum())
    if not is_new.any():
        return Reading(0.0, threshold, NONE, NONE)
    undelivered, unpaid = standing.delivery_entry_day == NO_DAY, standing.settled_day == NO_DAY
    by_delivery, by_payment = (
        np.bincount(invoices.debtor, weights=evidence(np.where(waits, 1.0 / usual, 0.0), FALSE_SHARE), minlength=count)
        for waits, usual in ((undelivered, still_undelivered(standing)), (unpaid, still_open(standing)))
    )
    rank = np.argsort(np.argsort(-sales)) + 1.0
    size = np.log10(max(int((sales > 0.0).sum()), 1) / rank)
    value = np.maximum(by_delivery, 0.0) + np.clip(by_payment, 0.0, LARGEST_LATE) + size
    value = np.where(is_new, value, 0.0)
    worst = int(np.argmax(value))
    return Reading(float(value[worst]), threshold, np.flatnonzero(invoices.debtor == worst), NONE)
