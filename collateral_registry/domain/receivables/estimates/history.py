"""Sales, reductions and payments of a pool's ledger over time, as the input of its estimates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from collateral_registry.domain.receivables.ledger import EntryKind, PoolLedger
from collateral_registry.domain.receivables.ledgers.ledger_state import DAY_US, Effect
from collateral_registry.domain.shared.days import NO_DAY
from valuation._typing import Bool, Columns, Int, Texts
from valuation.money import PPM, mul_div_ceil, mul_div_floor
from valuation.receivables.dilution_estimate import MONTHS, DilutionRecord
from valuation.receivables.ledgers.standing import SETTLED_PPM
from valuation.receivables.payment_days import Payments, amount_weights

PAYMENT_WINDOW_DAYS = 365
"""Invoices count if they were due within this time, or are not due yet: habits of payment change."""

EARLIEST_DAY = -60
"""Payments earlier than this before the due day count as on this day: they are prepayments."""

LEAST_PAID_SHARE_PPM = 500_000
"""A settled invoice counts as paid if at least this share was paid; the others were credited or written off."""


@dataclass(frozen=True)
class Changes:
    """Changes [n] of invoices in a pool's currency: sales, which include debit notes, and credit notes."""

    debtor: Texts
    day: Int
    amount_minor: Int
    is_sale: Bool


@dataclass(frozen=True)
class LedgerHistory:
    """The changes of invoices, and the day of the last payment of each invoice that has one, by debtor and number."""

    changes: Changes
    last_payment_day: Mapping[tuple[str, str], int]


CHANGING = (EntryKind.INVOICE, EntryKind.DEBIT_NOTE, EntryKind.CREDIT_NOTE)
"""Effects that are sales or credit notes."""

NAME_COLUMNS = ("debtor", "invoice_number")
CHANGE_COLUMNS = (*NAME_COLUMNS, "kind", "effect", "effective_us", "issue_day", "change_minor")
"""Fields of an effect from which changes follow."""


def changes_of(effects: Columns) -> Changes:
    """Returns the changes of effects of CHANGING in columns, given in the order of their entries.

    An invoice is a sale of the day of its issue, because a ledger may be reported long after. A correction that lowers
    the amount of an invoice is a reduction, as a credit note is. An invoice that returns to the pool changes nothing.
    """
    kept = ~_is_return(effects)
    effects = {name: column[kept] for name, column in effects.items()}
    day, issue, amount = effects["effective_us"] // DAY_US, effects["issue_day"], effects["change_minor"]
    is_sale = effects["effect"] != EntryKind.CREDIT_NOTE
    lowered = is_sale & (effects["kind"] == EntryKind.CORRECTION) & (amount < 0)
    issued = (effects["effect"] == EntryKind.INVOICE) & (issue != NO_DAY) & ~lowered
    day[issued] = issue[issued]
    return Changes(effects["debtor"], day, np.where(lowered, -amount, amount), is_sale & ~lowered)


def _is_return(effects: Columns) -> Bool:
    """Returns which effects state an invoice again that was in the pool before, and what was credited of it."""
    found = np.zeros(len(effects["kind"]), dtype=np.bool_)
    moved = effects["kind"] == EntryKind.MOVE
    if not moved.any():
        return found
    names = [*zip(effects["debtor"].tolist(), effects["invoice_number"].tolist(), strict=True)]
    is_invoice = effects["effect"] == EntryKind.INVOICE
    known: set[tuple[str, str]] = set()
    returned: set[tuple[str, str]] = set()
    for row, name in enumerate(names):
        if is_invoice[row] and moved[row] and name in known:
            returned.add(name)
        found[row] = moved[row] and name in returned
        known.add(name)
    return found


def history_of_effects(effects: Iterable[Effect], currency: str) -> LedgerHistory:
    """Returns the history of a pool in a currency by the effects of its entries."""
    own = [one for one in effects if one.currency == currency]
    changing = [one for one in own if one.effect in CHANGING]
    columns: Columns = {
        name: np.array([getattr(one, name) for one in changing], dtype=object if name in NAME_COLUMNS else np.int64)
        for name in CHANGE_COLUMNS
    }
    paid: dict[tuple[str, str], int] = {}
    for one in own:
        if one.effect == EntryKind.PAYMENT and one.kind != EntryKind.MOVE and one.change_minor > 0:
            name = (one.debtor, one.invoice_number)
            paid[name] = max(paid.get(name, one.day), one.day)
    return LedgerHistory(changes_of(columns), paid)


@dataclass(frozen=True)
class DebtorNumbers:
    """Texts that state debtors, and the number of each one's debtor; several texts may state the same debtor."""

    number: Mapping[str, int]

    @classmethod
    def of(cls, texts: Sequence[str], debtor_keys: Mapping[str, int]) -> DebtorNumbers:
        """Numbers debtors; a text whose key is 0 or missing is a debtor of its own."""
        names = {text: debtor_keys.get(text, 0) or text for text in texts}
        place = {name: at for at, name in enumerate(dict.fromkeys(names.values()))}
        return cls({text: place[name] for text, name in names.items()})

    @property
    def count(self) -> int:
        """The number of debtors."""
        return max(self.number.values(), default=-1) + 1

    def rows(self, texts: Texts) -> Int:
        """Returns the numbers of the debtors that texts [n] state."""
        return np.array([self.number[text] for text in texts.tolist()], dtype=np.int64)


def dilution_record(changes: Changes, debtors: DebtorNumbers, lag_months: int, day: int) -> DilutionRecord:
    """Returns sales and credits of each debtor in the complete months before a day: twelve, and those of the lag."""
    months = MONTHS + lag_months
    month = _month_of(changes.day) - (int(_month_of(np.array([day]))[0]) - months)
    counted = (month >= 0) & (month < months)
    sums = np.zeros((2, debtors.count, months), dtype=np.int64)
    rows = debtors.rows(changes.debtor[counted])
    np.add.at(sums, (changes.is_sale[counted].astype(np.int64), rows, month[counted]), changes.amount_minor[counted])
    diluted, sales = np.maximum(sums, 0)
    return DilutionRecord(diluted, sales, lag_months)


def payments_of(
    ledger: PoolLedger, history: LedgerHistory, debtors: DebtorNumbers, currency: str, day: int
) -> Payments:
    """Returns the invoices of a ledger that were paid, and those that are open, as of a day.

    Open invoices are censored, not left out, because they include those of the worst payers. An invoice without a due
    day, in another currency or in dispute does not count.
    """
    names = zip(ledger.debtor.tolist(), ledger.invoice_number.tolist(), strict=True)
    last_paid = np.array([history.last_payment_day.get(name, NO_DAY) for name in names], dtype=np.int64)
    is_open = ledger.open_minor > mul_div_floor(ledger.face_minor, SETTLED_PPM, PPM)
    is_paid = ~is_open & (last_paid != NO_DAY)
    is_paid &= ledger.paid_minor >= mul_div_ceil(ledger.face_minor, LEAST_PAID_SHARE_PPM, PPM)
    counted = (is_paid | (is_open & (ledger.disputed_minor == 0))) & (ledger.face_minor > 0)
    counted &= (ledger.due_day != NO_DAY) & (ledger.due_day > day - PAYMENT_WINDOW_DAYS)
    rows = np.flatnonzero(counted & (ledger.currency == currency))
    until = np.where(is_open, day, last_paid)[rows]
    debtor = debtors.rows(ledger.debtor[rows])
    return Payments(
        debtor=debtor,
        days=np.maximum(until - ledger.due_day[rows], EARLIEST_DAY),
        is_open=is_open[rows],
        weight=amount_weights(ledger.face_minor[rows], debtor, max(debtors.count, 1)),
    )


def _month_of(day: Int) -> Int:
    return day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
