"""Invoices that are paid in part although the ledger has no credit note for the rest."""

from __future__ import annotations

import numpy as np

from valuation.receivables.ledgers.columns import NO_DAY
from valuation.receivables.ledgers.standing import Standing
from valuation.receivables.signals.reading import NONE, Reading
from valuation.statistics.surprise import rise

GRACE_DAYS = 3
"""Days after a payment within which the rest should be explained. A design choice."""

SMALL_SHARE = 0.05
"""Share of an invoice up to which a rest is a deduction that debtors make in honest ledgers too. A design choice."""

PRIOR_RATE = 0.03
"""Share of payments that leave a rest in a typical ledger. A design choice."""


def short_payments(standing: Standing, threshold: float) -> Reading:
    """Returns the surprise at the number of invoices with an unexplained rest 3 days after their first payment."""
    invoices, payments = standing.ledger.invoices, standing.ledger.payments
    never = np.iinfo(np.int64).max // 2
    first = np.full(len(invoices.debtor), never)
    np.minimum.at(first, payments.invoice, payments.entry_day)
    known_day = np.where(first == never, NO_DAY, first + GRACE_DAYS)
    rest = invoices.amount_minor - standing.reduced_by(known_day)
    short = np.flatnonzero(
        (rest > SMALL_SHARE * invoices.amount_minor) & (known_day != NO_DAY) & (known_day <= standing.day)
    )
    found = rise(standing.day, known_day[short], known_day[known_day != NO_DAY], PRIOR_RATE)
    return Reading(found.surprise, threshold, short[known_day[short] >= found.since], NONE)
