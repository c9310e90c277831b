"""A ledger is compared with the collection account and with closing amounts; what differs opens findings."""

from datetime import timedelta

import numpy as np
import pytest

from collateral_registry.commands.assets.register import register
from collateral_registry.commands.assignments.agreement import check_ledger, record_closing
from collateral_registry.commands.book.business_date import advance
from collateral_registry.commands.loans.lending import create_loan
from collateral_registry.commands.loans.pledges import ReleaseRequest, pledge_asset, release_pledge
from collateral_registry.domain.assets.claims import ReceivablePool
from collateral_registry.domain.assets.kinds import Asset
from collateral_registry.domain.borrowing_base.base import ReserveKind
from collateral_registry.domain.borrowing_base.terms import BorrowingBaseTerms
from collateral_registry.domain.findings.kinds import FindingKind
from collateral_registry.domain.loans.agreements import Balance, Loan, Pledge
from collateral_registry.domain.receivables.ledger import InvoiceFlag
from collateral_registry.domain.shared.days import day_of
from collateral_registry.domain.shared.money import Money
from collateral_registry.store.assets.repository import get_asset
from collateral_registry.store.assignments.agreement import unreconciled_of
from collateral_registry.store.borrowing_base.reserves import reserves_of
from collateral_registry.store.loans.repository import get_loan
from tests.support.books import FIRST, do, open_empty_book, registered
from tests.support.ledgers import LedgerFeed, entry, from_account, open_amounts
from valuation.errors import InvalidInput

DAY = day_of(FIRST)
"""A Friday."""


@pytest.fixture
def book(database_url):
    database = open_empty_book(database_url)
    do(database, lambda write: register(write, Asset("acme", "Acme", "receivable", "USD", ReceivablePool())))
    yield database
    database.close()


def report(book, *items):
    assert LedgerFeed(book).report(*items) == []


def closing(book, amount, day=DAY):
    day = FIRST + timedelta(days=day - DAY)
    return do(book, lambda write: record_closing(write, "acme", day, Money(amount, "USD"), "Ana")).closing


def checked(book):
    """Checks the ledger; returns the kinds of the findings that this opened and resolved."""
    done = do(book, lambda write: check_ledger(write, "acme", "Ana"))
    return [[FindingKind(one.finding.kind).name for one in found] for found in (done.opened, done.resolved)]


def unreconciled(book, seq=None):
    with book.read() as connection:
        return unreconciled_of(connection, get_asset(connection, "acme").key, seq)


def test_the_sums_of_a_period_lead_from_its_opening_to_its_closing_amount(book):
    report(
        book,
        entry("i-A", "INVOICE", 100_00, "A", day=DAY - 40),
        entry("p-A", "PAYMENT", 30_00, "A", day=DAY - 35),
        entry("i-B", "INVOICE", 50_00, "B", day=DAY - 5),
        entry("d-B", "DEBIT_NOTE", 4_00, "B", day=DAY - 4),
        entry("p-B", "PAYMENT", 60_00, "B", day=DAY - 3),
        entry("u", "UNAPPLIED", 3_00, day=DAY - 3),
        entry("c-A", "CREDIT_NOTE", 5_00, "A", day=DAY - 2),
        entry("w-A", "WRITE_OFF", 1_00, "A", day=DAY - 1),
        entry("x", "CORRECTION", 90_00, corrects="i-A", effective_us=(DAY - 1) * 86_400_000_000),
        entry("k", "CONTRA", 7_00, day=DAY),
    )

    assert closing(book, 70_00, DAY - 30).sums.gap == 0
    stated = closing(book, 45_00)

    sums = stated.sums
    assert (sums.opening, sums.sales, sums.debit_notes, sums.payments) == (70_00, 50_00, 4_00, 63_00)
    assert (sums.credit_notes, sums.write_offs, sums.corrections, sums.gap) == (5_00, 1_00, -10_00, 0)
    assert stated.after == FIRST - timedelta(days=30)


def test_an_invoice_that_moved_to_another_pool_leaves_with_what_is_open_of_it(book):
    report(
        book,
        entry("i-A", "INVOICE", 100_00, "A", day=DAY - 3),
        entry("p-A", "PAYMENT", 30_00, "A", day=DAY - 2),
        entry("m-A", "MOVE", 0, "A", to_pool="other", day=DAY - 1),
    )

    sums = closing(book, 0).sums

    assert (sums.sales, sums.payments, sums.corrections, sums.gap) == (100_00, 30_00, -70_00, 0)


def test_a_gap_does_not_count_until_entries_explain_it_and_never_vanishes_with_the_next_period(book):
    report(book, entry("i-A", "INVOICE", 1_000_00, "A", day=DAY - 20))

    assert closing(book, 1_004_00, DAY - 10).unreconciled_minor == 0
    assert closing(book, 1_100_00, DAY - 5).unreconciled_minor == 100_00
    assert closing(book, 1_100_00).unreconciled_minor == 100_00
    assert unreconciled(book) == 100_00
    assert checked(book) == [[], []]
    report(book, entry("i-B", "INVOICE", 100_00, "B", day=DAY - 6))
    assert checked(book) == [[], ["ROLL_FORWARD_GAP"]]
    assert unreconciled(book) == 0
    assert closing(book, 900_00).unreconciled_minor == 200_00
    assert checked(book) == [[], []]


def test_an_unreconciled_amount_is_a_reserve_of_the_loan_while_it_lasts(book):
    owed = Balance(Money(0, "USD"), Money(0, "USD"), Money(0, "USD"), FIRST)
    do(book, lambda write: create_loan(write, Loan("bank", "Acme", "USD", owed, base_terms=BorrowingBaseTerms())))
    do(book, lambda write: pledge_asset(write, registered(Pledge("p", "bank", "acme"))))
    report(book, entry("i-A", "INVOICE", 1_000_00, "A", day=DAY - 20))

    def reserves():
        with book.read() as connection:
            key = get_loan(connection, "bank").key
            found = reserves_of(connection, np.array([key])).get(key, [])
        return [(one.kind, one.amount_minor) for one in found]

    closing(book, 1_100_00, DAY - 5)
    assert reserves() == [(ReserveKind.UNRECONCILED, 100_00)]
    closing(book, 1_300_00)
    assert reserves() == [(ReserveKind.UNRECONCILED, 300_00)]
    checked(book)
    assert reserves() == [(ReserveKind.UNRECONCILED, 300_00)]
    report(book, entry("i-B", "INVOICE", 300_00, "B", day=DAY - 6))
    checked(book)
    assert reserves() == []
    closing(book, 1_600_00)
    assert reserves() == [(ReserveKind.UNRECONCILED, 300_00)]
    do(book, lambda write: release_pledge(write, "bank", "p", "", ReleaseRequest()))
    assert reserves() == []


def test_a_payment_that_one_record_lacks_after_three_business_days_is_a_finding_until_it_has_it(book):
    report(
        book,
        *(entry(f"i-{name}", "INVOICE", 50_00, name, day=DAY - 60) for name in "ABCD"),
        entry("before", "PAYMENT", 10_00, "D", day=DAY - 30),
        from_account("both", 20_00, "C", day=DAY - 20),
        entry("both-2", "PAYMENT", 20_00, "C", day=DAY - 19),
        from_account("account", 30_00, "A", day=DAY - 3),
        entry("ledger", "PAYMENT", 40_00, "B", day=DAY - 3),
        entry("credit", "UNAPPLIED", 50_00, type_code=381, day=DAY - 3),
    )
    assert checked(book) == [[], []]
    do(book, lambda write: advance(write, DAY + 3))

    assert checked(book) == [["CASH_LAG", "DIVERTED_PAYMENT"], []]
    report(book, entry("account-2", "PAYMENT", 30_00, "A", day=DAY), from_account("ledger-2", 40_00, "B", day=DAY))
    assert checked(book) == [[], ["CASH_LAG", "DIVERTED_PAYMENT"]]


def test_a_payment_that_only_the_account_reports_is_not_in_the_closing_amount_of_the_ledger(book):
    report(
        book,
        entry("i-A", "INVOICE", 50_00, "A", day=DAY - 20),
        from_account("a-1", 20_00, "A", day=DAY - 10),
    )
    assert closing(book, 50_00, DAY - 5).sums.gap == 0
    report(book, entry("p-1", "PAYMENT", 20_00, "A", day=DAY - 2))

    assert checked(book) == [[], []]
    sums = closing(book, 30_00).sums
    assert (sums.opening, sums.payments, sums.gap) == (50_00, 20_00, 0)


def test_a_correction_of_a_matched_payment_leaves_it_in_its_period(book):
    report(
        book,
        entry("i-A", "INVOICE", 50_00, "A", day=DAY - 20),
        from_account("a-1", 20_00, "A", day=DAY - 10),
        entry("p-1", "PAYMENT", 20_00, "A", day=DAY - 9),
    )
    assert closing(book, 30_00, DAY - 5).sums.gap == 0

    report(book, entry("x-1", "CORRECTION", 20_00, corrects="p-1", day=DAY))

    assert checked(book) == [[], []]
    assert closing(book, 30_00, DAY - 5).sums.gap == 0


def test_a_payment_that_both_records_correct_leads_to_the_closing_amount_of_the_ledger(book):
    report(
        book,
        entry("i-A", "INVOICE", 1_000_00, "A", day=DAY - 20),
        entry("p-1", "PAYMENT", 100_00, "A", day=DAY - 10),
        from_account("a-1", 100_00, "A", day=DAY - 10),
        entry("y", "CORRECTION", 150_00, corrects="a-1", source=2),
    )
    assert closing(book, 900_00, DAY - 5).sums.gap == 0

    report(book, entry("x", "CORRECTION", 150_00, corrects="p-1", effective_us=(DAY - 1) * 86_400_000_000))
    sums = closing(book, 850_00).sums
    assert (sums.opening, sums.corrections, sums.gap) == (900_00, -50_00, 0)


def test_an_invoice_that_moves_takes_what_the_ledger_has_of_it_and_leaves_no_gap(book):
    report(
        book,
        entry("i-A", "INVOICE", 100_00, "A", day=DAY - 20),
        entry("i-B", "INVOICE", 100_00, "B", day=DAY - 20),
        entry("p-A", "PAYMENT", 5_00, "A", day=DAY - 15),
        from_account("a-1", 40_00, "A", day=DAY - 10),
        entry("m", "MOVE", 0, "A", to_pool="other", day=DAY - 5),
    )
    do(book, lambda write: register(write, Asset("other", "Acme", "receivable", "USD", ReceivablePool())))
    ledger = LedgerFeed(book).ledger("other")
    other = do(book, lambda write: record_closing(write, "other", FIRST, Money(95_00, "USD"), "Ana")).closing

    assert (closing(book, 100_00).sums.gap, other.sums.gap) == (0, 0)
    assert (open_amounts(ledger), ledger.flags.tolist()) == ({"A": 55_00}, [InvoiceFlag.CASH_AHEAD_OF_LEDGER])


def test_a_payment_that_the_account_takes_back_is_one_of_the_ledger_alone(book):
    report(
        book,
        entry("i-A", "INVOICE", 500_00, "A", day=DAY - 60),
        entry("p-1", "PAYMENT", 100_00, "A", day=DAY - 20),
        from_account("a-1", 100_00, "A", day=DAY - 20),
    )
    assert checked(book) == [[], []]
    report(book, entry("y", "CORRECTION", 0, corrects="a-1", source=2))

    assert checked(book) == [["DIVERTED_PAYMENT"], []]


def test_a_closing_amount_has_the_currency_of_the_pool_and_no_later_day(book):
    report(book, entry("i-A", "INVOICE", 50_00, "A", day=DAY))
    with pytest.raises(InvalidInput, match="got EUR, want USD"):
        do(book, lambda write: record_closing(write, "acme", FIRST, Money(1, "EUR"), "Ana"))
    with pytest.raises(InvalidInput, match="date: got 2022-01-01"):
        closing(book, 1, DAY + 1)
