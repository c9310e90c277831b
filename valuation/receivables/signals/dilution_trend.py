"""A rising share of sales that is credited: a one-sided cumulative sum over periods of four weeks."""

from __future__ import annotations

import numpy as np

from valuation._typing import Int
from valuation.receivables.dilution import dilution_ratios
from valuation.receivables.ledgers.standing import Standing
from valuation.receivables.signals.reading import NONE, Reading

PERIOD_DAYS = 28
BASE_PERIODS, SUMMED_PERIODS = 9, 3
"""Periods that state the usual ratio, and the newest ones over which deviations are summed. Design choices."""

SLACK, LARGEST_SCORE = 0.5, 3.0
"""A deviation of half a standard deviation is usual (the specification); one large credit note is no trend."""


def dilution_trend(standing: Standing, threshold: float) -> Reading:
    """Returns the sum, never below 0, of the standardised ratios of the last periods less 0.5 each.

    A ratio divides the credit notes entered in a period by the sales of the period before. The evidence is the invoices
    credited in the summed periods.
    """
    notes, invoices = standing.ledger.credit_notes, standing.ledger.invoices
    periods = BASE_PERIODS + SUMMED_PERIODS + 1
    credited = _sums(standing.day, periods, notes.entry_day, notes.amount_minor)
    sold = _sums(standing.day, periods, invoices.entry_day, invoices.amount_minor)
    ratios = dilution_ratios(credited, sold, 1)
    base = ratios[:BASE_PERIODS]
    if np.isnan(ratios).any() or not base.any():
        return Reading(0.0, threshold, NONE, NONE)
    scores = np.minimum((ratios[BASE_PERIODS:] - base.mean()) / float(base.std(ddof=1)), LARGEST_SCORE)
    total = 0.0
    for score in scores.tolist():
        total = max(0.0, total + score - SLACK)
    recent = notes.entry_day > standing.day - SUMMED_PERIODS * PERIOD_DAYS
    return Reading(total, threshold, np.unique(notes.invoice[recent]), NONE)


def _sums(day: int, periods: int, entry_day: Int, amount: Int) -> Int:
    """Returns the amounts of consecutive periods [p], of which the last ends with ``day``."""
    place = periods - 1 - (day - entry_day) // PERIOD_DAYS
    rows = (place >= 0) & (entry_day <= day)
    sums = np.zeros(periods, dtype=np.int64)
    np.add.at(sums, place[rows], amount[rows])
    return sums
