"""Invoices that are hollow: no carrier or warehouse has reported a delivery, and nothing settles them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from valuation._typing import Bool, Float
from valuation.receivables.ledgers.columns import NO_DAY, Answer
from valuation.receivables.ledgers.standing import Standing
from valuation.receivables.ledgers.waiting import still_open, still_undelivered
from valuation.receivables.signals.reading import NONE, Reading
from valuation.statistics.mixture import evidence

WINDOWS = (14, 21, 28, 42)
"""Days within which the invoices were entered. A design choice."""

SHARES = (0.05, 0.1, 0.2)
"""Shares of false invoices that are looked for. A design choice."""

SHOWN = 0.3
"""Probability up to which an honest invoice that still waits is shown as evidence. A design choice."""

ANSWER_RATIOS = {Answer.DENIED: 50.0, Answer.DIFFERS: 2.0, Answer.CONFIRMED: 0.1}
"""How much more likely an answer is if the invoice is false. Design choices: debtors err, and some collude."""


def hollow_invoices(standing: Standing, threshold: float) -> Reading:
    """Returns the evidence that a share of the recent invoices is false, by deliveries, cash and answers to letters.

    The value is the decimal logarithm of the largest likelihood ratio over the windows and the shares.
    """
    entry = standing.ledger.invoices.entry_day
    ratio = hollowness(standing)
    best, since = 0.0, standing.day
    for days in WINDOWS:
        recent = entry > standing.day - days
        for share in SHARES:
            value = float(evidence(ratio[recent], share).sum())
            if value > best:
                best, since = value, standing.day - days
    shown = np.flatnonzero((entry > since) & (ratio > 1.0 / SHOWN))
    return Reading(best, threshold, shown, NONE)


@lru_cache(maxsize=1)
def hollowness(standing: Standing) -> Float:
    """Returns how much more likely what is known of each invoice [n] is if it is false; 0 once it is delivered."""
    ratio = np.where(is_hollow(standing), 1.0 / (still_undelivered(standing) * still_open(standing)), 0.0)
    letters = standing.ledger.letters
    for answer, factor in ANSWER_RATIOS.items():
        ratio[letters.invoice[letters.answer == answer]] *= factor
    return ratio


def is_hollow(standing: Standing) -> Bool:
    """Returns whether each invoice [n] is neither delivered nor settled."""
    return np.asarray((standing.delivery_entry_day == NO_DAY) & (standing.settled_day == NO_DAY))
