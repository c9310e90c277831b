"""Late invoices that are made young: credited and issued again, or given a later due day."""

from __future__ import annotations

import numpy as np

from valuation._typing import Int
from valuation.receivables.ledgers.columns import NO_DAY
from valuation.receivables.ledgers.standing import Standing
from valuation.receivables.signals.reading import NONE, Reading
from valuation.statistics.surprise import rise

AGAIN_DAYS = 30
"""Days after a credit note within which an invoice to the same debtor replaces the credited one (rule RE_AGED)."""

AMOUNT_TOLERANCE = 0.05
"""Difference of the amounts up to which one invoice replaces another. A design choice."""

MATERIAL_SHARE = 0.01
"""Share of the sales of four weeks from which re-ageing is material: 1 %, the default of the specification."""

PRIOR_RATE = 0.004
"""Re-aged invoices an invoice of a typical ledger. A design choice."""


def re_ageing(standing: Standing, threshold: float) -> Reading:
    """Returns the surprise at the number of re-aged invoices, 0 while they are at most 1 % of the sales.

    An invoice is re-aged if its due day was moved after it had passed, or if it was credited after its due day and an
    invoice of about the same amount to the same debtor followed. The evidence is both invoices.
    """
    invoices, moves = standing.ledger.invoices, standing.ledger.due_moves
    late_move = moves.entry_day > invoices.due_day[moves.invoice]
    old, new = _issued_again(standing)
    act = np.concatenate([moves.entry_day[late_move], standing.credited_day[old]])
    row = np.concatenate([moves.invoice[late_move], old])
    successor = np.concatenate([moves.invoice[late_move], new])
    found = rise(standing.day, act, invoices.entry_day, PRIOR_RATE)
    recent = act >= found.since
    sold = invoices.amount_minor[invoices.entry_day >= found.since].sum()
    material = invoices.amount_minor[row[recent]].sum() > MATERIAL_SHARE * sold
    evidence = np.unique(np.concatenate([row[recent], successor[recent]]))
    return Reading(found.surprise if material else 0.0, threshold, evidence, NONE)


def _issued_again(standing: Standing) -> tuple[Int, Int]:
    """Returns the invoices that were credited after their due day, and the next similar invoice of their debtor."""
    invoices = standing.ledger.invoices
    credited = standing.credited_day
    old = np.flatnonzero((credited != NO_DAY) & (invoices.due_day != NO_DAY) & (credited > invoices.due_day))
    again = np.full(len(old), -1)
    for place, row in enumerate(old.tolist()):
        first, last = np.searchsorted(invoices.entry_day, [credited[row] - 1, credited[row] + AGAIN_DAYS + 1])
        later = np.arange(first, last)
        like = np.abs(invoices.amount_minor[later] / invoices.amount_minor[row] - 1.0) <= AMOUNT_TOLERANCE
        later = later[like & (invoices.debtor[later] == invoices.debtor[row]) & (later != row)]
        if len(later):
            again[place] = later[0]
    return old[again >= 0], again[again >= 0]
