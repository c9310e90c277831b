"""Sales, reductions and payments of a pool's ledger over time, as the input of its estimates."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from collateral_registry.domain.receivables.claims.repeated import first_of_claims, rows_with_equal_keys
from collateral_registry.domain.receivables.ledger import EntryKind, EntrySource, PoolLedger
from collateral_registry.domain.receivables.ledgers.ledger_columns import number_keys
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
    """Changes [n] of invoices in a pool's currency: sales, which include debit notes, and reductions.

    ``states_invoice`` holds for the first amount of an invoice and its corrections, ``is_write_off`` for write-offs.
    """

    debtor: Texts
    invoice_number: Texts
    day: Int
    amount_minor: Int
    is_sale: Bool
    states_invoice: Bool
    is_write_off: Bool


@dataclass(frozen=True)
class LedgerHistory:
    """The changes of invoices, and the day of the last payment of each invoice that has one, by debtor and number.

    A payment that both records report has the day on which the account received it.
    """

    changes: Changes
    last_payment_day: Mapping[tuple[str, str], int]


CHANGING = (EntryKind.INVOICE, EntryKind.DEBIT_NOTE, EntryKind.CREDIT_NOTE, EntryKind.WRITE_OFF, EntryKind.MOVE)
"""Effects that are sales or reductions, or take an invoice out of the pool."""

NAME_COLUMNS = ("debtor", "invoice_number")
CHANGE_COLUMNS = (*NAME_COLUMNS, "kind", "effect", "effective_us", "issue_day", "change_minor")
"""Fields of an effect from which changes follow."""


def changes_of(effects: Columns) -> Changes:
    """Returns the changes of effects of CHANGING in columns, given in the order of their entries.

    An invoice is a sale of the day of its issue, because a ledger may be reported long after. A correction that lowers
    the amount of an invoice is a reduction, as a credit note is: an entry does not state whether the sale was an error.
    A reduction that is dated before the sale of its invoice is one of the day of the sale.

    An invoice that returns to the pool changes what it changed while it was away. One that has left is no sale unless
    it was reduced before, because what reduces it later is not in this ledger; nor is one that came from another pool.
    """
    change = _changed_here(effects)
    kept = change != 0
    effects = {name: column[kept] for name, column in effects.items()}
    day, issue, effect = effects["effective_us"] // DAY_US, effects["issue_day"], effects["effect"]
    amount = change[kept]
    states_invoice = effect == EntryKind.INVOICE
    is_sale = states_invoice | (effect == EntryKind.DEBIT_NOTE)
    lowered = is_sale & (effects["kind"] == EntryKind.CORRECTION) & (amount < 0)
    issued = states_invoice & (issue != NO_DAY) & ~lowered
    day[issued] = issue[issued]
    is_sale &= ~lowered
    _set_no_earlier_than_sales(day, effects, states_invoice & is_sale, ~is_sale)
    return Changes(
        debtor=effects["debtor"],
        invoice_number=effects["invoice_number"],
        day=day,
        amount_minor=np.where(lowered, -amount, amount),
        is_sale=is_sale,
        states_invoice=states_invoice,
        is_write_off=effect == EntryKind.WRITE_OFF,
    )


def _set_no_earlier_than_sales(day: Int, effects: Columns, is_sale: Bool, is_reduction: Bool) -> None:
    """Sets the days of reductions to that of the first sale of their invoice if they are dated before it."""
    sold: dict[tuple[str, str], int] = {}
    for name, sale_day in zip(_names(effects, is_sale), day[is_sale].tolist(), strict=True):
        sold.setdefault(name, sale_day)
    earliest = [sold.get(name, NO_DAY) for name in _names(effects, is_reduction)]
    day[is_reduction] = np.maximum(day[is_reduction], np.array(earliest, dtype=np.int64))


def _names(effects: Columns, rows: Bool) -> list[tuple[str, str]]:
    """Returns the debtors and numbers of some of the effects."""
    return [*zip(effects["debtor"][rows].tolist(), effects["invoice_number"][rows].tolist(), strict=True)]


def _changed_here(effects: Columns) -> Int:
    """Returns what each effect changes, 0 for one that this pool has counted or that does not count."""
    change = np.where(effects["effect"] == EntryKind.MOVE, 0, effects["change_minor"])
    moved = effects["kind"] == EntryKind.MOVE
    if not moved.any():
        return change
    names = [*zip(effects["debtor"].tolist(), effects["invoice_number"].tolist(), strict=True)]
    moving = {names[row] for row in np.flatnonzero(moved).tolist()}
    rows: dict[tuple[str, str], list[int]] = {}
    for row, name in enumerate(names):
        if name in moving:
            rows.setdefault(name, []).append(row)
    for own in rows.values():
        _count_moves(own, effects, change)
    return change


def _count_moves(rows: Sequence[int], effects: Columns, change: Int) -> None:
    """Sets what the effects of one invoice that moved change; ``rows`` are in the order of their entries."""
    counted, is_here = dict.fromkeys(CHANGING, 0), True
    for row in rows:
        effect = EntryKind(effects["effect"][row])
        if effect == EntryKind.MOVE:
            is_here = False
            continue
        side = EntryKind.INVOICE if effect == EntryKind.DEBIT_NOTE else effect
        if effects["kind"][row] == EntryKind.MOVE:
            is_here = True
            change[row] = max(0, change[row] - counted[side])
        counted[side] += change[row]
    was_reduced = counted[EntryKind.CREDIT_NOTE] or counted[EntryKind.WRITE_OFF] or (change[rows] < 0).any()
    if is_here:
        return
    if effects["kind"][rows[0]] == EntryKind.MOVE:
        _count_reductions_here(rows, effects, change)
    elif not was_reduced:
        change[rows] = 0


def _count_reductions_here(rows: Sequence[int], effects: Columns, change: Int) -> None:
    """Counts of an invoice that came from another pool and has left only what reduced it meanwhile.

    Otherwise, invoices that pass through the pool would be sales by which its reductions are divided.
    """
    own = np.array(rows)
    is_sale = np.isin(effects["effect"][own], [EntryKind.INVOICE, EntryKind.DEBIT_NOTE]) & (change[own] > 0)
    change[own[is_sale | (effects["kind"][own] == EntryKind.MOVE)]] = 0


def history_of_effects(effects: Iterable[Effect], currency: str) -> LedgerHistory:
    """Returns the history of a pool in a currency by the effects of its entries."""
    own = [one for one in effects if one.currency == currency or one.effect == EntryKind.MOVE]
    changing = [one for one in own if one.effect in CHANGING]
    columns: Columns = {
        name: np.array([getattr(one, name) for one in changing], dtype=object if name in NAME_COLUMNS else np.int64)
        for name in CHANGE_COLUMNS
    }
    received = _days_received(own)
    paid: dict[tuple[str, str], int] = {}
    for one in own:
        if one.effect == EntryKind.PAYMENT and one.kind != EntryKind.MOVE and one.change_minor > 0:
            name, day = (one.debtor, one.invoice_number), received.get(one.number, one.day)
            paid[name] = max(paid.get(name, day), day)
    return LedgerHistory(changes_of(columns), paid)


def _days_received(effects: Sequence[Effect]) -> dict[int, int]:
    """Returns the days on which the account received payments of the ledger, by the number of the ledger's entry."""
    stated = [one for one in effects if one.leg == 0 and one.kind != EntryKind.CORRECTION]
    day_of = {one.number: one.day for one in stated if one.source == EntrySource.ACCOUNT}
    found = {one.number: day_of[one.matches] for one in stated if one.matches in day_of}
    return found | {one.matches: one.day for one in stated if one.matches and one.source == EntrySource.ACCOUNT}


@dataclass(frozen=True)
class DebtorNumbers:
    """Texts that state debtors, and the number of each one's debtor; several texts may state the same debtor.

    ``insolvent`` are the numbers of insolvent debtors.
    """

    number: Mapping[str, int]
    insolvent: Collection[int] = ()

    @classmethod
    def of(cls, texts: Sequence[str], debtor_keys: Mapping[str, int], insolvent: Collection[str] = ()) -> DebtorNumbers:
        """Numbers debtors; a text whose key is 0 or missing is a debtor of its own. Some texts are insolvent ones."""
        names = {text: debtor_keys.get(text, 0) or text for text in texts}
        place = {name: at for at, name in enumerate(dict.fromkeys(names.values()))}
        number = {text: place[name] for text, name in names.items()}
        return cls(number, {number[text] for text in insolvent})

    @property
    def count(self) -> int:
        """The number of debtors."""
        return max(self.number.values(), default=-1) + 1

    def rows(self, texts: Texts) -> Int:
        """Returns the numbers of the debtors that texts [n] state."""
        return np.array([self.number[text] for text in texts.tolist()], dtype=np.int64)


def dilution_record(changes: Changes, debtors: DebtorNumbers, lag_months: int, day: int) -> DilutionRecord:
    """Returns sales and reductions of each debtor in the complete months before a day: twelve, and those of the lag.

    Write-offs of insolvent debtors are no reductions. Of a claim that the ledger has twice only one statement is a
    sale, the one with the largest amount.
    """
    months = MONTHS + lag_months
    month = _month_of(changes.day) - (int(_month_of(np.array([day]))[0]) - months)
    debtor = debtors.rows(changes.debtor)
    counted = (month >= 0) & (month < months) & ~_states_again(changes, debtor)
    counted &= ~(changes.is_write_off & np.isin(debtor, [*debtors.insolvent]))
    sums = np.zeros((2, debtors.count, months), dtype=np.int64)
    place = changes.is_sale[counted].astype(np.int64), debtor[counted], month[counted]
    np.add.at(sums, place, changes.amount_minor[counted])
    diluted, sales = np.maximum(sums, 0)
    return DilutionRecord(diluted, sales, lag_months)


def _states_again(changes: Changes, debtor: Int) -> Bool:
    """Returns which changes [n] state an invoice that is a claim of the ledger under another name too."""
    found = np.zeros(len(debtor), dtype=np.bool_)
    rows = np.flatnonzero(changes.states_invoice)
    signed = np.where(changes.is_sale, changes.amount_minor, -changes.amount_minor)[rows].tolist()
    names = [*zip(changes.debtor[rows].tolist(), changes.invoice_number[rows].tolist(), strict=True)]
    sums: dict[tuple[str, str], int] = {}
    number: dict[tuple[str, str], int] = {}
    for name, amount, own in zip(names, signed, debtor[rows].tolist(), strict=True):
        sums[name], number[name] = sums.get(name, 0) + amount, own
    largest = sorted(sums, key=lambda name: -sums[name])
    again = _repeats([number[name] for name in largest], [text for _, text in largest])
    repeated = {name for name, is_again in zip(largest, again.tolist(), strict=True) if is_again}
    found[rows] = [name in repeated for name in names]
    return found


def _repeats(debtor: Sequence[int], numbers: Sequence[str]) -> Bool:
    """Returns which invoices [n] have the number of an earlier one of their debtor."""
    own, texts = np.array(debtor, dtype=np.int64), np.array(numbers, dtype=object)
    found = np.zeros(len(own), dtype=np.bool_)
    rows = rows_with_equal_keys(own, number_keys(texts))
    found[rows] = first_of_claims(own[rows], texts[rows]) != np.arange(len(rows))
    return found


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
