"""What is estimated of a pool from its ledger: dilution, and days until payment, of the pool and of each debtor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from collateral_registry.domain.receivables.debtor_facts import DebtorFacts
from collateral_registry.domain.receivables.estimates.history import (
    DebtorNumbers,
    LedgerHistory,
    dilution_record,
    payments_of,
)
from collateral_registry.domain.receivables.ledger import PoolLedger
from valuation._typing import Bool, Float, Int, Texts
from valuation.receivables.dilution import Dilution
from valuation.receivables.dilution_estimate import estimated_dilution
from valuation.receivables.payment_days import LAST_DAY, Payments, payment_days

MODEL = "pool-estimate/2"

LEAST_PAID = 30
"""Fewest paid invoices with which days until payment are estimated. A design choice."""

KNOTS = (
    *(-60, -30, -20, -15, -10, -7, -5, -3, -2, -1, 0, 1, 2, 3, 5, 7, 10, 15, 20, 30, 45, 60, 90, 120, 150),
    LAST_DAY - 1,
)
"""Days late for which the expected day of payment is stored; between them it is interpolated."""

TENTHS = 10
"""Expected days of payment are stored in tenths of a day."""

NONE = -32_768
"""Stands for an expected day of payment that is not known."""


@dataclass(frozen=True)
class PoolEstimate:
    """Estimates of a pool as of an entry of its ledger and a day.

    ``dilution`` is None if the ledger has too few months with sales. ``debtors`` [d] are the texts that state debtors,
    and ``debtor_dilution`` [d] their shares. ``payment_day`` [d + 1, k] is the expected day of payment after the due
    day, in tenths, of an invoice that is open KNOTS [k] days after it; its last row is that of a debtor without
    invoices. It has no rows if too few invoices are paid. ``paid`` and ``open`` count the invoices that it rests on.
    """

    model: str
    day: int
    entry_number: int
    months: int
    dilution: Dilution | None
    paid: int
    open: int
    debtors: Texts
    debtor_dilution: Float
    payment_day: Int

    @property
    def states_something(self) -> bool:
        """Whether the ledger is long enough for an estimate of the dilution or of the days until payment."""
        return self.dilution is not None or len(self.payment_day) > 0

    @property
    def days_late(self) -> float:
        """The expected days late of a debtor without invoices of its own; NaN if days are not estimated."""
        return float(self.payment_day[-1, 0]) / TENTHS if len(self.payment_day) else float("nan")

    def of_debtors(self, debtors: DebtorFacts) -> DebtorEstimates:
        """Returns what is estimated of debtors [d], the same for all texts of one debtor.

        Of several texts that the ledger named then, which may have been different debtors, the larger dilution and the
        later days count. A debtor that the ledger did not name then is as the whole pool.
        """
        place = {text: row for row, text in enumerate(self.debtors.tolist())}
        rows = np.array([place.get(text, len(place)) for text in debtors.stated.tolist()], dtype=np.int64)
        names, number = np.unique(debtors.identity, return_inverse=True)
        known = np.flatnonzero(rows < len(place))
        is_known = np.zeros(len(names), dtype=np.bool_)
        is_known[number[known]] = True
        pool = np.nan if self.dilution is None else self.dilution.expected
        dilution = np.where(is_known, np.nan, pool)
        np.fmax.at(dilution, number[known], self.debtor_dilution[rows[known]])
        return DebtorEstimates(dilution[number], self._latest(number[known], rows[known], is_known), number)

    def _latest(self, number: Int, rows: Int, is_known: Bool) -> Int:
        """Returns the latest of the rows of ``payment_day`` of each number, or that of a debtor without invoices."""
        if not len(self.payment_day):
            return self.payment_day
        latest = np.where(is_known[:, np.newaxis], NONE, self.payment_day[-1])
        np.maximum.at(latest, number, self.payment_day[rows])
        return latest


@dataclass(frozen=True)
class DebtorEstimates:
    """What is estimated of debtors [d]: the dilution, NaN for none, and their rows of ``payment_day`` [., k]."""

    dilution: Float
    payment_day: Int
    row: Int

    def expected_wait(self, debtor: Int, days_late: Int) -> Float:
        """Returns the expected days until invoices [n] of debtors are paid that are open ``days_late`` days after due.

        NaN where no estimate exists: without enough paid invoices, or for an invoice that is later than the last knot.
        """
        if not len(self.payment_day):
            return np.full(len(debtor), np.nan)
        knots = np.array(KNOTS)
        late = np.clip(days_late, knots[0], knots[-1])
        above = np.clip(np.searchsorted(knots, late, side="left"), 1, len(knots) - 1)
        low, high = (self.payment_day[self.row[debtor], at].astype(np.float64) for at in (above - 1, above))
        share = (late - knots[above - 1]) / (knots[above] - knots[above - 1])
        known = (low != NONE) & (high != NONE) & (days_late <= knots[-1])
        return np.where(known, (low + share * (high - low)) / TENTHS - days_late, np.nan)


def estimated(
    ledger: PoolLedger, history: LedgerHistory, debtors: DebtorNumbers, currency: str, lag_months: int, day: int
) -> PoolEstimate:
    """Returns the estimates of a pool as of a day, from its ledger and its history."""
    record = dilution_record(history.changes, debtors, lag_months, day)
    found = estimated_dilution(record, Dilution(0.0, 0.0)) if debtors.count else None
    payments = payments_of(ledger, history, debtors, currency, day)
    texts, rows = np.array([*debtors.number], dtype=object), np.array([*debtors.number.values()], dtype=np.int64)
    known = found is not None and not found.is_stand_in
    shares = np.clip(found.expected, 0.0, 1.0) if found is not None and known else np.full(debtors.count, np.nan)
    table = _payment_day(payments, debtors.count)
    return PoolEstimate(
        model=MODEL,
        day=day,
        entry_number=ledger.entry_number,
        months=int(np.count_nonzero(record.newest()[1].sum(axis=0))) if debtors.count else 0,
        dilution=Dilution(min(found.pool.expected, 1.0), found.pool.spike) if found is not None and known else None,
        paid=int(np.count_nonzero(~payments.is_open)),
        open=int(np.count_nonzero(payments.is_open)),
        debtors=texts,
        debtor_dilution=shares[rows],
        payment_day=table[[*rows, debtors.count]] if len(table) else table,
    )


def _payment_day(payments: Payments, debtors: int) -> Int:
    """Returns the table of expected days of payment [d + 1, k] in tenths; no rows if too few invoices are paid."""
    if np.count_nonzero(~payments.is_open) < LEAST_PAID:
        return np.zeros((0, len(KNOTS)), dtype=np.int64)
    found = payment_days(payments, debtors + 1)
    every = np.arange(debtors + 1)
    columns: Sequence[Float] = [found.expected_wait(every, np.full(debtors + 1, late)) + late for late in KNOTS]
    table = np.stack(columns, axis=1)
    return np.where(np.isnan(table), NONE, np.ceil(np.nan_to_num(table) * TENTHS)).astype(np.int64)
