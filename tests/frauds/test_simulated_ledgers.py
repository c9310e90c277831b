"""The simulator of ledgers: frauds act from their start only, on an honest ledger that does not depend on them."""

from dataclasses import fields

import numpy as np
import pytest

from benchmarks.receivables.kinds import SLOW_BEFORE, Kind, Plan
from benchmarks.receivables.simulate import simulate
from benchmarks.receivables.sources import sources_of
from benchmarks.receivables.world import END, START, answers
from valuation.receivables.ledgers.columns import NO_DAY, NO_INVOICE, Answer

BORROWER = 11


@pytest.fixture(scope="module")
def sources():
    return sources_of(None)


@pytest.fixture(scope="module")
def honest(sources):
    return simulate(BORROWER, None, sources)


def rows_of(ledger):
    """Returns every record of a ledger with its table; an invoice is named by what it states instead of its row."""
    stated = list(zip(*(getattr(ledger.invoices, name) for name in ("number", "debtor", "amount_minor")), strict=True))
    found = {("invoices", *row) for row in zip(*columns_of(ledger.invoices), strict=True)}
    for table in ("payments", "credit_notes", "due_moves", "deliveries", "receipts", "write_offs"):
        records = getattr(ledger, table)
        for row, invoice in zip(zip(*columns_of(records), strict=True), records.invoice.tolist(), strict=True):
            without = tuple(value for name, value in zip(names_of(records), row, strict=True) if name != "invoice")
            found.add((table, *without, None if invoice == NO_INVOICE else stated[invoice]))
    return found


def names_of(table):
    return [column.name for column in fields(table)]


def columns_of(table):
    return [getattr(table, name).tolist() for name in names_of(table)]


def test_the_same_number_gives_the_same_ledger(honest, sources):
    again = simulate(BORROWER, None, sources)

    assert rows_of(again.rendered.ledger) == rows_of(honest.rendered.ledger)
    assert rows_of(simulate(BORROWER + 1, None, sources).rendered.ledger) != rows_of(honest.rendered.ledger)


@pytest.mark.parametrize("kind", Kind)
def test_a_fraud_changes_no_record_from_before_its_start(kind, honest, sources):
    fraud = simulate(BORROWER, kind, sources)
    before = fraud.plan.start - 1 - (SLOW_BEFORE if kind is Kind.RE_AGED else 0)

    assert rows_of(fraud.rendered.ledger.received_by(before)) == rows_of(honest.rendered.ledger.received_by(before))
    assert fraud.plan.start <= fraud.start < fraud.plan.start + 30


@pytest.mark.parametrize("kind", Kind)
def test_a_fraud_acts_within_its_first_thirty_days(kind, sources):
    fraud = simulate(BORROWER, kind, sources)
    days = fraud.rendered.fraud_day

    assert ((days != NO_DAY) & (days < fraud.start + 30)).sum() >= 3


def test_an_honest_ledger_pays_what_it_invoices_and_has_errors_of_its_own(honest):
    ledger = honest.rendered.ledger
    old = ledger.invoices.entry_day < END - 200
    settled = np.zeros(len(old))
    for reductions in (ledger.payments, ledger.credit_notes, ledger.write_offs):
        np.add.at(settled, reductions.invoice, reductions.amount_minor)

    assert honest.start is None
    assert (settled[old] == ledger.invoices.amount_minor[old]).mean() > 0.97
    assert settled[old].sum() == pytest.approx(ledger.invoices.amount_minor[old].sum(), rel=0.03)
    assert len(ledger.due_moves.invoice) > 0
    assert (ledger.payments.amount_minor < 0).any()
    assert (ledger.receipts.payer == 0).any()


def test_tables_are_in_the_order_of_receipt_and_name_known_invoices(honest):
    ledger = honest.rendered.ledger
    for field in fields(ledger):
        table = getattr(ledger, field.name)
        assert (np.diff(table.entry_day) >= 0).all()
        if hasattr(table, "invoice"):
            assert set(table.invoice.tolist()) <= {NO_INVOICE, *range(len(ledger.invoices.debtor))}
        if len(table.entry_day):
            assert table.entry_day[0] >= START - 60


def test_debtors_of_invented_invoices_never_confirm_them_and_those_of_a_fictitious_debtor_never_deny(sources):
    sent = {Kind.INVENTED: set(), Kind.FICTITIOUS_DEBTOR: set()}
    for kind, seen in sent.items():
        fraud = simulate(BORROWER, kind, sources)
        false = np.flatnonzero(fraud.rendered.fraud_day != NO_DAY)
        letters = answers(fraud.world, fraud.rendered, false, fraud.start + 30, np.random.default_rng(5))
        seen.update(Answer(answer) for answer in letters.answer.tolist())

    assert sent[Kind.INVENTED] == {Answer.NONE, Answer.DENIED}
    assert sent[Kind.FICTITIOUS_DEBTOR] == {Answer.NONE, Answer.CONFIRMED}


def test_a_plan_begins_with_a_quarter_of_its_peak_and_reaches_it_after_its_ramp():
    plan = Plan(start=START + 400, peak=0.4, ramp=20)

    assert plan.intensity(START + np.array([399, 400, 410, 420, 500])).tolist() == pytest.approx(
        [0, 0.1, 0.25, 0.4, 0.4]
    )
