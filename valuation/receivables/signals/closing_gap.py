"""A difference between the borrower's accounts and its ledger at the end of a month."""

from __future__ import annotations

import numpy as np

from valuation.receivables.ledgers.standing import Standing, standing_of
from valuation.receivables.signals.reading import NONE, Reading


def closing_gap(standing: Standing, threshold: float) -> Reading:
    """Returns the difference of the newest closing total from the ledger's open amount of that day, as a share of it.

    The evidence is the invoices that were entered in that month.
    """
    closings = standing.ledger.closings
    if not len(closings.day):
        return Reading(0.0, threshold, NONE, NONE)
    then = standing_of(standing.ledger, int(closings.day[-1]))
    total = int(then.open_minor.sum())
    gap = abs(int(closings.amount_minor[-1]) - total) / max(total, 1)
    entered = then.ledger.invoices.entry_day
    month = np.datetime64(then.day, "D").astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    return Reading(gap, threshold, np.flatnonzero(entered >= month), NONE)
