"""Finds claims that may have been withdrawn and issued again as younger ones (rule RE_AGED)."""

from __future__ import annotations

import numpy as np

from collateral_registry.domain.receivables.ledger import PoolLedger
from collateral_registry.domain.receivables.ledgers.ledger_state import RE_INVOICED_DAYS
from collateral_registry.domain.shared.days import NO_DAY
from valuation._typing import Bool, Int

_DAYS = 1 << 24
"""More than all days that an entry may state, so that a place and a day make one number."""

_SLOTS, _SPREAD = 1 << 18, 40_503
"""Numbers of slots, a power of two, and what moves the amounts of each debtor to other slots."""


def issued_again(ledger: PoolLedger, debtor: Int, counted: Bool) -> Bool:
    """Returns which of the counted invoices [n] of a ledger may be an earlier claim of their debtor again.

    Such an invoice has the amount that was withdrawn from another one by credit notes, write-offs or corrections, and
    was issued up to 30 days after. If the other one was past due when it was withdrawn, or has no due day, it may also
    have been issued up to 30 days before, but later than the other one. Of one that was not past due only credit notes
    count, because a new invoice after an error or a small write-off is normal business.
    """
    found = np.zeros(len(debtor), dtype=np.bool_)
    old = np.flatnonzero(counted & (ledger.withdrawn_day != NO_DAY) & (ledger.withdrawn_minor > 0))
    first, last = _days_of_issue(ledger, old)
    old, first, last = (column[first <= last] for column in (old, first, last))
    if not len(old):
        return found
    # Slots drop nearly all invoices whose debtor and amount have no withdrawn one, without a search for each.
    is_wanted = np.zeros(_SLOTS, dtype=np.bool_)
    is_wanted[_slot(debtor[old], ledger.withdrawn_minor[old])] = True
    may_be = is_wanted[_slot(debtor, ledger.face_minor)]
    rows = np.flatnonzero(may_be & counted & (ledger.open_minor > 0) & (ledger.issue_day != NO_DAY))
    amounts, of_old = np.unique(ledger.withdrawn_minor[old], return_inverse=True)
    rows, amount = _known(amounts, ledger.face_minor[rows], rows)
    pairs, of_old = np.unique(debtor[old] * len(amounts) + of_old, return_inverse=True)
    rows, pair = _known(pairs, debtor[rows] * len(amounts) + amount, rows)
    begun, ended = np.sort(of_old * _DAYS + first), np.sort(of_old * _DAYS + last)
    issued = pair * _DAYS + ledger.issue_day[rows]
    found[rows] = np.searchsorted(begun, issued, "right") > np.searchsorted(ended, issued, "left")
    return found


def _slot(debtor: Int, amount_minor: Int) -> Int:
    return (amount_minor + debtor * _SPREAD) & (_SLOTS - 1)


def _known(known: Int, wanted: Int, rows: Int) -> tuple[Int, Int]:
    """Returns the rows [n] whose wanted number is among the known ones, which ascend, and the place of each."""
    place = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    is_known = known[place] == wanted
    return rows[is_known], place[is_known]


def _days_of_issue(ledger: PoolLedger, old: Int) -> tuple[Int, Int]:
    """Returns the first and the last day of issue of an invoice that may be each withdrawn one [n] again."""
    day, due = ledger.withdrawn_day[old], ledger.due_day[old]
    was_late = (due == NO_DAY) | (due < day)
    is_credited = ledger.credited_minor[old] == ledger.withdrawn_minor[old]
    later = np.where(is_credited, day, np.maximum(day, ledger.issue_day[old] + 1))
    earliest = np.maximum(day - RE_INVOICED_DAYS, ledger.issue_day[old] + 1)
    first = np.where(was_late, np.minimum(earliest, later), later)
    last = np.where(was_late | is_credited, day + RE_INVOICED_DAYS, NO_DAY)
    return np.maximum(first, 0), last
