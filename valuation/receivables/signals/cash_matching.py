"""Payments of the ledger and cash on the collection account, matched by debtor, amount and reference, each once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from valuation._typing import Int
from valuation.receivables.ledgers.columns import NO_INVOICE
from valuation.receivables.ledgers.standing import Standing
from valuation.receivables.signals.reading import NONE, Reading
from valuation.statistics.surprise import rise

LAG_DAYS = 8
"""Days after which cash should be posted in the ledger. A design choice above the 3 business days of the finding."""

LEAD_DAYS = 5
"""Days by which a posting may precede the cash. A design choice above the 3 business days of the finding."""

PRIOR_LAG, PRIOR_LEAD = 0.02, 0.005
"""Shares of cash posted late and of postings without cash in a typical ledger. Design choices."""

UNMATCHED = np.iinfo(np.int64).max
"""Day of a counterpart that is missing."""


@dataclass(frozen=True)
class Matched:
    """For each payment [p] the day of its cash, for each receipt [k] that of its posting; UNMATCHED where none is."""

    cash_day: Int
    posted_day: Int


def unposted_cash(standing: Standing, threshold: float) -> Reading:
    """Returns the surprise at cash that was not posted within 8 days: late application, or lapping."""
    receipts = standing.ledger.receipts
    known_day = receipts.entry_day + LAG_DAYS
    late = np.flatnonzero((match(standing).posted_day > known_day) & (known_day <= standing.day))
    found = rise(standing.day, known_day[late], known_day, PRIOR_LAG)
    recent = late[known_day[late] >= found.since]
    named = receipts.invoice[recent]
    return Reading(found.surprise, threshold, np.unique(named[named != NO_INVOICE]), recent)


def posted_without_cash(standing: Standing, threshold: float) -> Reading:
    """Returns the surprise at postings without cash on the account within 5 days: payments that are diverted."""
    payments = standing.ledger.payments
    known_day = payments.entry_day + LEAD_DAYS
    bare = (match(standing).cash_day > known_day) & (known_day <= standing.day) & (payments.amount_minor > 0)
    events = np.flatnonzero(bare)
    found = rise(standing.day, known_day[events], known_day, PRIOR_LEAD)
    recent = events[known_day[events] >= found.since]
    return Reading(found.surprise, threshold, np.unique(payments.invoice[recent]), NONE)


@lru_cache(maxsize=1)
def match(standing: Standing) -> Matched:
    """Matches payments with receipts: by invoice and amount, by debtor and amount, then by the debtor's running sums.

    Reversed payments need no cash. The first of equal records match first.
    """
    ledger = standing.ledger
    payments, receipts = ledger.payments, ledger.receipts
    debtor = ledger.invoices.debtor[payments.invoice]
    cash = np.full(len(payments.invoice), -1)
    posting = np.full(len(receipts.invoice), -1)
    free = ~_reversed(payments.invoice, payments.amount_minor)
    for key, other in ((payments.invoice, receipts.invoice), (debtor, receipts.debtor)):
        left, right = np.flatnonzero(free & (cash < 0)), np.flatnonzero((posting < 0) & (other != NO_INVOICE))
        pairs = paired(key[left], payments.amount_minor[left], other[right], receipts.amount_minor[right])
        cash[left[pairs[0]]], posting[right[pairs[1]]] = right[pairs[1]], left[pairs[0]]
    cash_day = np.where(cash >= 0, receipts.entry_day[cash] if len(receipts.invoice) else UNMATCHED, UNMATCHED)
    posted_day = np.where(posting >= 0, payments.entry_day[posting] if len(payments.invoice) else UNMATCHED, UNMATCHED)
    cash_day[~free] = payments.entry_day[~free]
    rest, sums = np.flatnonzero(free & (cash < 0)), np.flatnonzero((posting < 0) & (receipts.invoice == NO_INVOICE))
    for one in np.intersect1d(debtor[rest], receipts.debtor[sums]).tolist():
        left, right = rest[debtor[rest] == one], sums[receipts.debtor[sums] == one]
        paid, received = np.cumsum(payments.amount_minor[left]), np.cumsum(receipts.amount_minor[right])
        cash_day[left] = _reached(paid, received, receipts.entry_day[right])
        posted_day[right] = _reached(received, paid, payments.entry_day[left])
    return Matched(cash_day, posted_day)


def paired(left: Int, left_amount: Int, right: Int, right_amount: Int) -> tuple[Int, Int]:
    """Returns rows of both sides with equal key and amount: the first of one side with the first of the other."""
    keys = np.concatenate([left, right])
    amounts = np.concatenate([left_amount, right_amount])
    order = np.lexsort((amounts, keys))
    new = np.ones(len(order), dtype=np.bool_)
    new[1:] = (np.diff(keys[order]) != 0) | (np.diff(amounts[order]) != 0)
    group = np.empty(len(order), dtype=np.int64)
    group[order] = np.cumsum(new)
    ours, theirs = group[: len(left)], group[len(left) :]
    our_order, their_order = np.argsort(ours, kind="stable"), np.argsort(theirs, kind="stable")
    ours_sorted, theirs_sorted = ours[our_order], theirs[their_order]
    rank = np.arange(len(ours)) - np.searchsorted(ours_sorted, ours_sorted)
    place = np.searchsorted(theirs_sorted, ours_sorted) + rank
    there = place < np.searchsorted(theirs_sorted, ours_sorted, side="right")
    return our_order[there], their_order[place[there]]


def _reversed(invoice: Int, amount: Int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Returns the payments [p] that reverse another, and those that they reverse."""
    negative, positive = np.flatnonzero(amount < 0), np.flatnonzero(amount > 0)
    pairs = paired(invoice[negative], -amount[negative], invoice[positive], amount[positive])
    found = amount < 0
    found[positive[pairs[1]]] = True
    return found


def _reached(level: Int, sums: Int, day: Int) -> Int:
    """Returns the day on which running sums reach each level, UNMATCHED where they do not."""
    place = np.searchsorted(sums, level)
    return np.where(place < len(sums), day[np.minimum(place, len(sums) - 1)], UNMATCHED)
