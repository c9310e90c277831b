"""The entries of a pool's ledger are read by the signals of fraud as the records that they are."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from benchmarks.receivables.kinds import Kind
from benchmarks.receivables.simulate import simulate
from benchmarks.receivables.sources import sources_of
from benchmarks.receivables.world import START
from collateral_registry.domain.assignments.ledger_signals import NOT_READ, OF_ACCOUNT, SENTENCES, alarms
from collateral_registry.domain.receivables.estimates.history import DebtorNumbers
from collateral_registry.domain.receivables.ledger import EntryKind, EntrySource
from valuation.receivables.ledgers.columns import NO_DAY, NO_INVOICE, Ledger, chosen
from valuation.receivables.ledgers.standing import standing_of
from valuation.receivables.signals.panel import SIGNALS, read_all

DAY = START + 560


@cache
def simulated(kind) -> Ledger:
    """Returns a simulated ledger without records that no feed reports."""
    ledger = simulate(11, kind, sources_of(None), 1.0).rendered.ledger
    nothing = {name: chosen(getattr(ledger, name), slice(0)) for name in ("deliveries", "letters", "closings")}
    return replace(ledger, **nothing)


def entries_of(ledger: Ledger, *, account=True):
    """Returns the records of a ledger as entries."""
    invoices = ledger.invoices
    postings = {
        EntryKind.PAYMENT: ledger.payments,
        EntryKind.CREDIT_NOTE: ledger.credit_notes,
        EntryKind.WRITE_OFF: ledger.write_offs,
    }
    tables = {kind: (one.invoice, one.entry_day, one.amount_minor) for kind, one in postings.items()}
    tables[EntryKind.INVOICE] = np.arange(len(invoices.debtor)), invoices.entry_day, invoices.amount_minor
    moves = ledger.due_moves
    tables[EntryKind.DUE_DATE] = moves.invoice, moves.entry_day, np.zeros_like(moves.due_day)
    rows = []
    for kind, (invoice, day, amount) in tables.items():
        due = ledger.due_moves.due_day if kind == EntryKind.DUE_DATE else invoices.due_day[invoice]
        issue = invoices.issue_day[invoice]
        for at, row in enumerate(invoice.tolist()):
            name = f"d-{invoices.debtor[row]}", f"{row}|{invoices.number[row]}"
            rows.append((kind, day[at], *name, EntrySource.LEDGER, amount[at], issue[at], due[at]))
    if account:
        cash = ledger.receipts
        for at, row in enumerate(cash.invoice.tolist()):
            number = "" if row == NO_INVOICE else f"{row}|{invoices.number[row]}"
            amount = cash.amount_minor[at]
            own = EntrySource.ACCOUNT, amount, NO_DAY, NO_DAY
            rows.append((EntryKind.PAYMENT, cash.entry_day[at], f"d-{cash.debtor[at]}", number, *own))
    columns = [list(column) for column in zip(*rows, strict=True)]
    kinds, days, debtors, numbers, sources, amounts, issued, dues = columns
    integers = {"kind": kinds, "effect": kinds, "day": days, "source": sources, "amount_minor": amounts}
    integers |= {"issue_day": issued, "due_day": dues, "leg": [0] * len(rows)}
    found = {name: np.array(column, dtype=np.int64) for name, column in integers.items()}
    of_account = found["source"] == EntrySource.ACCOUNT
    found["change_minor"] = np.where(of_account, 0, found["amount_minor"])
    return {**found, "debtor": np.array(debtors, dtype=object), "invoice_number": np.array(numbers, dtype=object)}


def read(ledger, **fields):
    entries = entries_of(ledger, **fields)
    numbers = DebtorNumbers.of(sorted({*entries["debtor"].tolist()}), {})
    return {one.signal: one for one in alarms(entries, [], numbers, DAY)}


@pytest.mark.parametrize("kind", [Kind.DUPLICATE, Kind.RE_AGED, Kind.LAPPED])
def test_entries_raise_the_alarms_of_the_records_that_they_report(kind):
    expected = {name: one for name, one in read_all(standing_of(simulated(kind), DAY)).items() if one.is_alarm}

    found = read(simulated(kind))

    # The numbers of these entries carry their row, so that they are unique; the signals of numbers read them otherwise.
    of_numbers = {"IRREGULAR_NUMBERS", "SKIPPED_NUMBERS"}
    assert found
    assert expected.keys() - NOT_READ - of_numbers == found.keys() - of_numbers
    for name in found.keys() - of_numbers:
        assert found[name].value == pytest.approx(expected[name].value)
        assert found[name].invoices == len(expected[name].invoices)


def test_invoices_that_left_the_pool_and_returned_are_read_as_before():
    entries = entries_of(simulated(Kind.DUPLICATE))
    numbers = DebtorNumbers.of(sorted({*entries["debtor"].tolist()}), {})
    before = alarms(entries, [], numbers, DAY)
    sold = np.flatnonzero((entries["kind"] == EntryKind.INVOICE) & (entries["day"] <= DAY))
    out, back = ({name: column[sold].copy() for name, column in entries.items()} for _ in range(2))
    for moved, effect in ((out, EntryKind.MOVE), (back, EntryKind.INVOICE)):
        moved["kind"][:], moved["effect"][:], moved["day"][:] = EntryKind.MOVE, effect, DAY
    out["change_minor"][:] = 0

    def after(*parts):
        joined = {name: np.concatenate([entries[name], *(part[name] for part in parts)]) for name in entries}
        return alarms(joined, [], numbers, DAY)

    assert before
    assert after(out, back) == before
    assert after(out) == []


def test_a_ledger_without_an_account_raises_no_alarm_about_cash():
    assert not read(simulated(Kind.LAPPED), account=False).keys() & OF_ACCOUNT


def test_a_ledger_of_less_than_half_a_year_raises_no_alarm():
    ledger = simulated(Kind.DUPLICATE)
    entries = entries_of(ledger)
    recent = entries["day"] > DAY - 170
    short = {name: column[recent] for name, column in entries.items()}

    assert alarms(short, [], DebtorNumbers.of(sorted({*short["debtor"].tolist()}), {}), DAY) == []


def test_every_signal_has_a_sentence_or_is_not_read():
    assert {one.name for one in SIGNALS} == SENTENCES.keys() | NOT_READ
