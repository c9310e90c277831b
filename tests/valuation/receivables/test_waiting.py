"""The probabilities that an honest invoice still waits for its delivery or its payment."""

import pytest

from tests.valuation.receivables.signals.ledgers import TERMS, TODAY, regular
from valuation.receivables.ledgers.waiting import SMALLEST, still_open, still_undelivered


def test_the_probability_is_the_share_of_older_invoices_that_waited_longer():
    def settle(book, row, day):
        if row % 5 == 0:
            book.pay(row, day + TERMS + 20)
        return row % 5 == 0

    standing = regular(settle=settle).standing()
    usual = still_open(standing)
    late = TODAY - standing.ledger.invoices.due_day

    assert usual[late == -TERMS] == pytest.approx(1.0, abs=0.01)
    assert usual[late == 5] == pytest.approx(0.2, abs=0.02)
    assert usual[late == 30].max() == SMALLEST


def test_a_debtor_that_always_pays_late_is_compared_with_itself():
    def settle(book, row, day):
        if row % 8 == 3:
            book.pay(row, day + TERMS + 20)
        return row % 8 == 3

    standing = regular(settle=settle).standing()
    invoices = standing.ledger.invoices
    ten_late = TODAY - invoices.due_day == 10
    usual = still_open(standing)
    slow = ten_late & (invoices.debtor == 3)
    others = ten_late & (invoices.debtor != 3)

    assert usual[slow].min(initial=1.0) > 0.8
    assert usual[others].max(initial=0.0) < 0.1


def test_invoices_that_never_have_a_delivery_bound_the_probability_from_below():
    standing = regular(is_delivered=lambda row, _: row % 4).standing()
    waited = TODAY - standing.ledger.invoices.entry_day

    assert still_undelivered(standing)[waited == 30] == pytest.approx(0.25, abs=0.02)
