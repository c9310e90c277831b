"""Numbers of invoices that do not fit the borrower's own series: another form, used twice, out of order; and gaps."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from valuation._typing import Bool, Int
from valuation.receivables.ledgers.standing import Standing
from valuation.receivables.signals.reading import NONE, Reading
from valuation.statistics.surprise import BASE_DAYS, WINDOWS, rise, surprise

USUAL_FORM_SHARE = 0.02
"""Share of the invoices so far from which a form of number is one of the borrower's own. A design choice."""

NEIGHBOURS, DISTANT = 15, 100
"""A number is far from its series if it differs by more than 100 from the median of the 15 before. Design choices."""

PRIOR_IRREGULAR, PRIOR_SKIPPED = 0.001, 0.01
"""Irregular and skipped numbers an invoice in a typical ledger. Design choices."""

LARGEST_GAP = 50
"""Numbers skipped at once that are counted; more is the beginning of another series. A design choice."""


def irregular_numbers(standing: Standing, threshold: float) -> Reading:
    """Returns the surprise at numbers of a new form, used before, or far from those before them."""
    invoices = standing.ledger.invoices
    irregular = np.flatnonzero(_irregular(standing))
    found = rise(standing.day, invoices.entry_day[irregular], invoices.entry_day, PRIOR_IRREGULAR)
    recent = irregular[invoices.entry_day[irregular] >= found.since]
    return Reading(found.surprise, threshold, recent, NONE)


def skipped_numbers(standing: Standing, threshold: float) -> Reading:
    """Returns the surprise at the numbers skipped in four weeks; the evidence is the invoices after the gaps.

    Irregular numbers neither make gaps nor fill them.
    """
    invoices = standing.ledger.invoices
    regular = np.flatnonzero(~_irregular(standing))
    order = regular[np.lexsort((invoices.place[regular], invoices.series[regular]))]
    gap = np.zeros(len(invoices.number), dtype=np.int64)
    step = np.diff(invoices.place[order])
    gap[order[1:]] = np.where((np.diff(invoices.series[order]) == 0) & (step > 1) & (step <= LARGEST_GAP), step - 1, 0)
    recent = invoices.entry_day > standing.day - WINDOWS[3]
    base = (invoices.entry_day <= standing.day - WINDOWS[-1]) & (
        invoices.entry_day > standing.day - WINDOWS[-1] - BASE_DAYS
    )
    value = surprise(gap[recent].sum(), recent.sum(), gap[base].sum(), base.sum(), PRIOR_SKIPPED)
    return Reading(float(value), threshold, np.flatnonzero(recent & (gap > 0)), NONE)


@lru_cache(maxsize=1)
def _irregular(standing: Standing) -> Bool:
    invoices = standing.ledger.invoices
    return irregular_numbers_of(invoices.form, invoices.series, invoices.place)


def irregular_numbers_of(form: Int, series: Int, place: Int) -> Bool:
    """Returns whether each number [n] has an unusual form, was used before, or is far from those before it.

    The numbers are in the order in which they were given, by their parts.
    """
    count = len(form)
    distant, used = np.zeros(count, dtype=np.bool_), np.zeros(count, dtype=np.bool_)
    order = np.argsort(series, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(series[order])) + 1):
        own = place[rows]
        used[rows] = _order_within(own) > 1
        if len(rows) > NEIGHBOURS:
            usual = np.median(np.lib.stride_tricks.sliding_window_view(own, NEIGHBOURS), axis=1)[:-1]
            distant[rows[NEIGHBOURS:]] = np.abs(own[NEIGHBOURS:] - usual) > DISTANT
    return (_order_within(form) < USUAL_FORM_SHARE * np.arange(1, count + 1)) | used | distant


def _order_within(key: Int) -> Int:
    """Returns how many rows up to each row [n] have its key."""
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    found = np.empty(len(key), dtype=np.int64)
    found[order] = np.arange(len(key)) - np.searchsorted(ordered, ordered) + 1
    return found
