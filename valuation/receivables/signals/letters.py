"""Letters that ask debtors to confirm invoices: which invoices to ask about, and answers that deny or differ."""

from __future__ import annotations

import numpy as np

from valuation._typing import Float, Int
from valuation.receivables.ledgers.columns import NO_DAY, Answer
from valuation.receivables.ledgers.standing import Standing
from valuation.receivables.signals.reading import NONE, Reading
from valuation.receivables.signals.stopped_debtors import stopped_paying
from valuation.statistics.surprise import surprise

PERIOD_DAYS = 60
"""Days of answers that count together. A design choice."""

PRIOR_DENIED, PRIOR_DIFFERENT = 0.005, 0.04
"""Shares of answered letters that deny or differ in a typical ledger. Design choices."""

NEW_DAYS, REPORT_DAYS, SHORT_SHARE = 90, 5, 0.05
"""When an invoice is suspect: of a debtor new for 90 days, without a report of delivery for 5, or paid short by 5 %."""

TARGETED_SHARE = 2 / 3
"""Share of letters about suspect invoices; the rest is drawn by amount. A design choice."""


def denied_letters(standing: Standing, threshold: float) -> Reading:
    """Returns the larger surprise, at answers that deny an invoice or at answers that deny it or differ."""
    letters = standing.ledger.letters
    answered = letters.answer != Answer.NONE
    recent = answered & (letters.entry_day > standing.day - PERIOD_DAYS)
    base = answered & ~recent
    denied, different = letters.answer == Answer.DENIED, answered & (letters.answer != Answer.CONFIRMED)
    value = max(
        float(surprise((rows & recent).sum(), recent.sum(), (rows & base).sum(), base.sum(), rate))
        for rows, rate in ((denied, PRIOR_DENIED), (different, PRIOR_DENIED + PRIOR_DIFFERENT))
    )
    return Reading(value, threshold, np.unique(letters.invoice[different & recent]), NONE)


def to_verify(standing: Standing, count: int, rng: np.random.Generator) -> Int:
    """Returns open invoices to ask about, each of them once: a third drawn by amount, the others by suspicion.

    Suspect are invoices of new debtors, without a delivery, with round amounts, paid short, or later than is usual for
    their debtor.
    """
    letters, invoices = standing.ledger.letters, standing.ledger.invoices
    free = ~standing.is_settled(standing.open_minor)
    free[letters.invoice] = False
    rows = np.flatnonzero(free)
    if len(rows) <= count:
        return rows
    by_suspicion = _drawn(rows, _suspicion(standing)[rows], int(count * TARGETED_SHARE), rng)
    rest = np.setdiff1d(rows, by_suspicion)
    by_amount = _drawn(rest, invoices.amount_minor[rest].astype(np.float64), count - len(by_suspicion), rng)
    return np.concatenate([by_suspicion, by_amount])


def _suspicion(standing: Standing) -> Float:
    """Returns the weight of each invoice [n] in the draw of suspect invoices."""
    invoices = standing.ledger.invoices
    first = np.full(int(invoices.debtor.max(initial=0)) + 1, np.iinfo(np.int64).max)
    np.minimum.at(first, invoices.debtor, invoices.entry_day)
    weight = np.full(len(invoices.debtor), 0.05)
    expected = invoices.entry_day + REPORT_DAYS <= standing.day
    weight += 1.0 * (expected & (standing.delivery_entry_day == NO_DAY))
    paid = standing.ledger.payments.invoice
    weight[paid[standing.open_minor[paid] > SHORT_SHARE * invoices.amount_minor[paid]]] += 1.0
    weight += 1.0 * (first[invoices.debtor] > standing.day - NEW_DAYS)
    weight += 0.5 * (invoices.amount_minor % 10_000 == 0)
    weight[stopped_paying(standing).is_late] += 1.0
    return weight


def _drawn(rows: Int, weight: Float, count: int, rng: np.random.Generator) -> Int:
    return rng.choice(rows, min(count, len(rows)), replace=False, p=weight / weight.sum())
