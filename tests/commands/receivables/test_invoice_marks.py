"""Marks of invoices that were credited and issued again, or dated later, and what was withdrawn from them."""

import pytest

from collateral_registry.domain.receivables.ledger import InvoiceFlag
from collateral_registry.domain.shared.days import NO_DAY
from tests.support.ledgers import DAY_US, TODAY, entry, flags_of


def invoice(number, amount_minor, **fields):
    return entry(f"i-{number}", "INVOICE", amount_minor, number, **fields)


def test_an_amount_that_is_credited_and_invoiced_again_is_marked(feed):
    feed.report(
        invoice("A", 100_00, issue_day=TODAY - 100),
        entry("c", "CREDIT_NOTE", 100_00, "A", day=TODAY - 20),
    )
    feed.report(
        invoice("B", 100_00, issue_day=TODAY - 19),
        invoice("C", 99_00, issue_day=TODAY - 19),
        invoice("D", 100_00, issue_day=TODAY - 21),
    )
    ledger = feed.ledger()

    assert flags_of(ledger, "B") == InvoiceFlag.RE_INVOICED
    assert flags_of(ledger, "C") == flags_of(ledger, "D") == flags_of(ledger, "A") == InvoiceFlag.NONE
    feed.report(invoice("E", 7_00, issue_day=TODAY), entry("e", "CREDIT_NOTE", 7_00, "C", day=TODAY - 30))
    assert flags_of(feed.ledger(), "E") == InvoiceFlag.RE_INVOICED


def test_a_due_day_that_is_moved_after_it_has_passed_is_marked(feed):
    feed.report(
        invoice("A", 100_00, due_day=TODAY - 5, day=TODAY - 10),
        invoice("B", 100_00, due_day=TODAY - 5, day=TODAY - 10),
        entry("a", "DUE_DATE", 0, "A", due_day=TODAY + 30, day=TODAY - 6),
        entry("b", "DUE_DATE", 0, "B", due_day=TODAY - 9, day=TODAY - 6),
        entry("x", "CORRECTION", 100_00, corrects="i-B", due_day=TODAY + 30),
    )

    assert flags_of(feed.ledger(), "A") == InvoiceFlag.NONE
    assert flags_of(feed.ledger(), "B") == InvoiceFlag.DUE_DATE_MOVED_LATE


def test_an_invoice_that_is_dated_later_in_hindsight_is_marked(feed):
    days = {"issue_day": TODAY - 80, "due_day": TODAY - 5}
    feed.report(*(invoice(number, 100_00, **days) for number in "ABCD"))
    feed.report(
        entry("a", "DUE_DATE", 0, "A", due_day=TODAY + 30, day=TODAY - 6),
        entry("b", "CORRECTION", 100_00, corrects="i-B", issue_day=TODAY - 10),
        entry("c", "CORRECTION", 100_00, corrects="i-C", issue_day=TODAY - 90, due_day=TODAY - 10),
        entry("d", "CORRECTION", 90_00, corrects="i-D"),
    )
    ledger = feed.ledger()

    assert {flags_of(ledger, number) for number in "AB"} == {InvoiceFlag.DATED_LATER_IN_HINDSIGHT}
    assert {flags_of(ledger, number) for number in "CD"} == {InvoiceFlag.NONE}


@pytest.mark.parametrize("is_first", [False, True])
def test_a_credit_note_that_is_corrected_to_the_amount_of_another_invoice_marks_it(feed, is_first):
    credit = [
        entry("c", "CREDIT_NOTE", 1, "A", day=TODAY - 20),
        entry("x", "CORRECTION", 100_00, corrects="c", day=TODAY - 20),
    ]
    again = [invoice("B", 100_00, issue_day=TODAY + 5)]
    feed.report(invoice("A", 100_00, issue_day=TODAY - 100))
    for batch in (credit, again) if is_first else (again, credit):
        assert feed.report(*batch) == []

    assert flags_of(feed.ledger(), "B") == InvoiceFlag.RE_INVOICED


@pytest.mark.parametrize("at_once", [False, True])
def test_an_invoice_that_is_corrected_to_a_credited_amount_is_marked(feed, at_once):
    feed.report(
        invoice("A", 100_00, issue_day=TODAY - 100),
        entry("c", "CREDIT_NOTE", 100_00, "A", day=TODAY - 20),
    )
    first = [invoice("B", 1_00, issue_day=TODAY - 19), invoice("C", 1_00, issue_day=TODAY - 19)]
    then = [entry("b", "CORRECTION", 100_00, corrects="i-B"), entry("d", "CORRECTION", 99_00, corrects="i-C")]
    for batch in [[*first, *then]] if at_once else [first, then]:
        assert feed.report(*batch) == []

    assert flags_of(feed.ledger(), "B") == InvoiceFlag.RE_INVOICED
    assert flags_of(feed.ledger(), "C") == InvoiceFlag.NONE


def test_what_is_withdrawn_from_an_invoice_is_known_with_its_newest_day(feed):
    feed.report(*(invoice(number, 100_00, day=TODAY - 90) for number in "ABCD"))
    feed.report(
        entry("a", "CREDIT_NOTE", 30_00, "A", day=TODAY - 9),
        entry("b", "WRITE_OFF", 20_00, "A", day=TODAY - 7),
        entry("c", "CREDIT_NOTE", 10_00, "A", day=TODAY - 8),
        entry("x", "CORRECTION", 0, corrects="i-B", day=TODAY - 6, effective_us=(TODAY - 6) * DAY_US),
        entry("p", "PAYMENT", 100_00, "C"),
        entry("d", "DEBIT_NOTE", 5_00, "D"),
        entry("m", "MOVE", 0, "A", to_pool="other"),
    )
    ledger, moved = feed.ledger(), feed.ledger("other")

    assert ledger.withdrawn_minor.tolist() == [100_00, 0, 0]
    assert ledger.withdrawn_day.tolist() == [TODAY - 6, NO_DAY, NO_DAY]
    assert (moved.withdrawn_minor.tolist(), moved.withdrawn_day.tolist()) == ([60_00], [NO_DAY])
