"""Round amounts, and sales that crowd at the ends of months."""

from __future__ import annotations

import numpy as np

from valuation.receivables.ledgers.standing import Standing
from valuation.receivables.signals.reading import NONE, Reading
from valuation.statistics.surprise import rise

ROUND_MINOR = 10_000
"""An amount is round if it is a multiple of this: a hundred units of a currency with two digits. A design choice."""

PRIOR_ROUND = 0.02
"""Share of round amounts of a typical ledger. A design choice; the public open ledger has 0.1 %."""

LAST_DAYS = 5
"""Last days of a month in which sales crowd. A design choice."""

BASE_MONTHS = 12
SMALLEST_DEVIATION = 0.03
"""Standard deviation of the monthly share below which it is not trusted. A design choice."""


def round_amounts(standing: Standing, threshold: float) -> Reading:
    """Returns the surprise at the number of invoices with round amounts."""
    invoices = standing.ledger.invoices
    is_round = np.flatnonzero(invoices.amount_minor % ROUND_MINOR == 0)
    found = rise(standing.day, invoices.entry_day[is_round], invoices.entry_day, PRIOR_ROUND)
    recent = is_round[invoices.entry_day[is_round] >= found.since]
    return Reading(found.surprise, threshold, recent, NONE)


def month_end_sales(standing: Standing, threshold: float) -> Reading:
    """Returns by how many standard deviations the share of sales in the last days of a month exceeds its usual one.

    The month is the last one that is complete, the usual share that of the year before it.
    """
    invoices = standing.ledger.invoices
    month = invoices.issue_day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    following = (month + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    at_end = following - invoices.issue_day <= LAST_DAYS
    newest = int(np.datetime64(standing.day + 1, "D").astype("datetime64[M]").astype(np.int64)) - 1
    shares = []
    for one in range(newest - BASE_MONTHS, newest + 1):
        rows = month == one
        shares.append(at_end[rows].mean() if rows.any() else np.nan)
    usual, now = np.array(shares[:-1]), shares[-1]
    if np.isnan(usual).sum() > BASE_MONTHS // 2 or np.isnan(now):
        return Reading(0.0, threshold, NONE, NONE)
    value = (now - np.nanmean(usual)) / max(float(np.nanstd(usual, ddof=1)), SMALLEST_DEVIATION)
    return Reading(float(value), threshold, np.flatnonzero((month == newest) & at_end), NONE)
