"""Sales and reductions of a pool: each claim once, and what happened to it in this pool other than by insolvency."""

import pytest
from hypothesis import given, strategies as st

from collateral_registry.domain.receivables.estimates.history import DebtorNumbers, dilution_record, history_of_effects
from collateral_registry.domain.receivables.ledgers.entry_booking import book
from collateral_registry.domain.receivables.ledgers.ledger_state import LedgerState
from collateral_registry.domain.receivables.ledgers.payments import PaymentBook
from tests.support.ledgers import MOMENT_US, TODAY, entries_of, entry

TEXTS = {"delta": 1, "alias": 1, "hooli": 2}
"""Texts that state debtors, with their keys."""


def sums(*items, insolvent=()):
    """Returns the reductions and the sales of the pool acme by entries of it and of another one."""
    ledgers = {pool: LedgerState(pool) for pool in ("acme", "other")}
    done = book(entries_of(list(items)), {}, ledgers, PaymentBook(), {}, MOMENT_US)
    assert not done.problems
    effects = [one for one, pool in zip(done.effects, done.pool, strict=True) if pool.pool_id == "acme"]
    changes = history_of_effects(effects, "USD").changes
    record = dilution_record(changes, DebtorNumbers.of([*TEXTS], TEXTS, insolvent), 0, TODAY + 40)
    return int(record.diluted_minor.sum()), int(record.sales_minor.sum())


def sale(number, amount=100, **fields):
    return entry(f"i-{number}-{fields.get('debtor', '')}", "INVOICE", amount, number, **fields)


def leaves(number):
    return entry(f"out-{number}", "MOVE", 0, number, to_pool="other")


def returns(number):
    return entry(f"in-{number}", "MOVE", 0, number, pool="other", to_pool="acme")


@pytest.mark.parametrize("again", [("A-1", "alias"), ("a1", "delta"), ("A 01", "alias")])
def test_a_claim_that_the_ledger_has_twice_is_one_sale_and_its_reductions_count(again):
    number, debtor = again
    twice = sale("A-1"), sale(number, debtor=debtor), sale("A-1", 70, debtor="hooli")
    credit = entry("c", "CREDIT_NOTE", 10, number, debtor=debtor)

    assert sums(*twice, credit) == (10, 170)
    assert sums(*twice, entry("x", "CORRECTION", 0, corrects=twice[1]["entry_id"])) == (0, 170)
    assert sums(*twice, entry("x", "CORRECTION", 0, corrects=twice[0]["entry_id"])) == (0, 170)


def test_a_cancelled_sale_is_a_reduction_because_no_entry_states_that_it_was_an_error():
    assert sums(sale("A"), sale("B"), entry("x", "CORRECTION", 0, corrects="i-A-")) == (100, 200)


def test_a_write_off_is_dilution_unless_the_debtor_is_insolvent():
    lost = entry("w", "WRITE_OFF", 30, "A"), entry("v", "WRITE_OFF", 7, "B", debtor="hooli")
    booked = sale("A"), sale("B", debtor="hooli"), *lost

    assert sums(*booked) == (37, 200)
    assert sums(*booked, insolvent=["hooli"]) == (30, 200)
    assert sums(*booked, insolvent=["alias"]) == (7, 200)


def test_an_invoice_that_has_left_is_no_sale_unless_it_was_reduced_before():
    others = sale("B", 50), entry("c-B", "CREDIT_NOTE", 5, "B")
    later = entry("c-A", "CREDIT_NOTE", 100, "A", pool="other")
    before = entry("c-A", "CREDIT_NOTE", 40, "A")

    assert sums(*others, sale("A"), leaves("A"), later) == (5, 50)
    assert sums(*others, sale("A"), before, leaves("A")) == (45, 150)


def test_an_invoice_of_another_pool_that_has_left_again_is_no_sale_and_keeps_what_reduced_it_here():
    others = sale("B", 50), entry("c-B", "CREDIT_NOTE", 5, "B")
    visitor = sale("A", 300, pool="other"), entry("c-A", "CREDIT_NOTE", 1, "A", pool="other"), returns("A")
    here = entry("d-A", "CREDIT_NOTE", 2, "A"), entry("e-A", "DEBIT_NOTE", 9, "A")

    assert sums(*others, *visitor) == (6, 350)
    assert sums(*others, *visitor, leaves("A")) == (5, 50)
    assert sums(*others, *visitor, *here, leaves("A")) == (7, 50)


@pytest.mark.parametrize("kind", ["CREDIT_NOTE", "WRITE_OFF"])
@pytest.mark.parametrize("days", [0, 100, 450])
def test_a_reduction_dated_before_its_invoice_counts_in_the_month_of_the_sale(kind, days):
    assert sums(sale("A"), entry("c", kind, 20, "A", day=TODAY - days)) == (20, 100)


def test_what_reduced_an_invoice_while_it_was_away_counts_once_it_returns():
    away = entry("c", "CREDIT_NOTE", 60, "A", pool="other"), entry("w", "WRITE_OFF", 10, "A", pool="other")
    raised = entry("d", "DEBIT_NOTE", 20, "A", pool="other")

    assert sums(sale("A"), entry("b", "CREDIT_NOTE", 5, "A"), leaves("A"), *away, raised, returns("A")) == (75, 120)


@given(st.lists(st.tuples(st.sampled_from(["CREDIT_NOTE", "WRITE_OFF", "DEBIT_NOTE"]), st.booleans()), max_size=6))
def test_where_an_invoice_is_changed_makes_no_difference_once_it_is_back(drawn):
    here = [entry(f"e-{at}", kind, at + 1, "A") for at, (kind, _) in enumerate(drawn)]
    moved = []
    for at, (one, (_, is_away)) in enumerate(zip(here, drawn, strict=True)):
        out, back = leaves("A") | {"entry_id": f"out-{at}"}, returns("A") | {"entry_id": f"in-{at}"}
        moved += [out, one | {"pool": "other"}, back] if is_away else [one]

    assert sums(sale("A", 1_000), *moved) == sums(sale("A", 1_000), *here)
