"""Invoices that repeat the debtor and the amount of an earlier one."""

from __future__ import annotations

import numpy as np

from valuation._typing import Bool, Int
from valuation.receivables.ledgers.columns import NO_DAY
from valuation.receivables.ledgers.standing import Standing
from valuation.receivables.signals.reading import NONE, Reading
from valuation.statistics.surprise import rise

NEAR_DAYS = 60
"""Days within which a copy is expected after its original. A design choice: two months of a base."""

REPEATING_SHARE = 0.05
"""Share of repeated amounts from which a debtor is taken to buy at fixed prices. A design choice."""

PRIOR_RATE = 0.002
"""Share of repeated invoices of a typical ledger, debtors with fixed prices left out. A design choice."""


def duplicates(standing: Standing, threshold: float) -> Reading:
    """Returns the surprise at the number of repeated invoices of debtors that do not buy at fixed prices.

    An invoice is repeated if another of the same amount and debtor was entered up to 60 days before, on another day,
    and was not credited when the later one came. The evidence is the repeated invoices and their originals.
    """
    invoices = standing.ledger.invoices
    original = _originals(standing)
    repeated = original >= 0
    irregular = ~_buys_at_fixed_prices(standing, repeated)
    events = np.flatnonzero(repeated & irregular)
    found = rise(standing.day, invoices.entry_day[events], invoices.entry_day[irregular], PRIOR_RATE)
    recent = events[invoices.entry_day[events] >= found.since]
    return Reading(found.surprise, threshold, np.concatenate([recent, original[recent]]), NONE)


def _originals(standing: Standing) -> Int:
    """Returns the last earlier invoice that each invoice [n] repeats, or -1."""
    invoices = standing.ledger.invoices
    order = np.lexsort((invoices.entry_day, invoices.amount_minor, invoices.debtor))
    before = np.concatenate([[-1], order[:-1]])
    same = (invoices.debtor[before] == invoices.debtor[order]) & (
        invoices.amount_minor[before] == invoices.amount_minor[order]
    )
    gap = invoices.entry_day[order] - invoices.entry_day[before]
    credited = standing.credited_day[before]
    standing_then = (credited == NO_DAY) | (credited > invoices.entry_day[order])
    found = np.full(len(order), -1)
    found[order] = np.where(same & (gap > 0) & (gap <= NEAR_DAYS) & standing_then, before, -1)
    if len(order):
        found[order[0]] = -1
    return found


def _buys_at_fixed_prices(standing: Standing, repeated: Bool) -> Bool:
    """Returns whether the debtor of each invoice [n] repeated amounts often before the last 60 days."""
    invoices = standing.ledger.invoices
    old = invoices.entry_day <= standing.day - NEAR_DAYS
    count = int(invoices.debtor.max(initial=0)) + 1
    total = np.bincount(invoices.debtor[old], minlength=count)
    again = np.bincount(invoices.debtor[old & repeated], minlength=count)
    return np.asarray((again > REPEATING_SHARE * total) & (again > 1))[invoices.debtor]
