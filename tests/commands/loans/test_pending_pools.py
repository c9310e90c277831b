"""Entries of invoices that are booked and not applied yet count in every decision about their loan."""

import asyncio
from dataclasses import replace
from functools import partial

import pytest

from collateral_registry.commands.debtors.registry import change_debtor
from collateral_registry.commands.loans.draws import check_draw
from collateral_registry.commands.loans.lending import change_terms, create_loan
from collateral_registry.commands.loans.pledges import ReleaseRequest, change_pledge, pledge_asset, release_pledge
from collateral_registry.commands.loans.up_to_date import active_loan, are_up_to_date, touch_current_facts
from collateral_registry.domain.borrowing_base.terms import BorrowingBaseTerms
from collateral_registry.domain.debtors.debtor import DebtorLine
from collateral_registry.domain.loans.agreements import Loan, Pledge
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.domain.shared.money import Money
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.runtime.up_to_date import read_up_to_date
from collateral_registry.store.debtors.repository import Cause
from tests.support.books import registered
from tests.support.ledgers import entry
from tests.support.pool_books import DAY, NOTHING, PoolBook, invoice

DEBTORS = ("delta", "globex", "hooli", "initech")


@pytest.fixture
def book(database_url):
    built = PoolBook(database_url)
    built.do(lambda write: change_terms(write, "loan-1", "", lambda one: replace(one, base_terms=BorrowingBaseTerms())))
    built.report(*(invoice(f"{name}-1", 2_000_000, debtor=name) for name in DEBTORS))
    yield built
    built.database.close()


def paid(book, debtors=DEBTORS):
    """Books payments of the invoices of debtors, which are not applied yet."""
    payments = (entry(f"paid-{name}", "PAYMENT", 2_000_000, f"{name}-1", debtor=name, day=DAY) for name in debtors)
    assert book.feed.report(*payments) == []


def headroom(book, loan_id="loan-1"):
    """Returns the largest draw, in minor units, as CheckDraw states it."""
    with book.database.read() as connection:
        current = are_up_to_date(connection, active_loan(connection, loan_id))
    if not current:
        book.do(lambda write: touch_current_facts(write, active_loan(write.connection, loan_id)))
    with book.database.read() as connection:
        return check_draw(connection, loan_id, Money(1, "USD")).headroom.minor


def release(book, share_ppm, pledge_id="p-1"):
    book.do(lambda write: release_pledge(write, "loan-1", pledge_id, "", ReleaseRequest(share_ppm=share_ppm)))


def test_a_loan_is_not_drawn_on_invoices_whose_payments_are_pending(book):
    assert headroom(book) > 4_000_000
    paid(book)

    assert headroom(book) == 0


def test_a_read_for_a_draw_applies_pending_entries(book):
    paid(book)
    runner = BookRunner(book.database)

    def check(connection):
        return check_draw(connection, "loan-1", Money(1, "USD"))

    answer = asyncio.run(read_up_to_date(runner, partial(active_loan, loan_id="loan-1"), check))

    runner.close()
    assert (answer.allowed, answer.headroom.minor) == (False, 0)
    with book.database.read() as connection:
        assert are_up_to_date(connection, active_loan(connection, "loan-1"))


def test_a_release_is_decided_by_the_ledger_with_pending_entries(book):
    book.owe(1_000_000)
    paid(book, DEBTORS[1:])

    with pytest.raises(Refused) as refused:
        release(book, 100_000)
    assert refused.value.reason == "RELEASE_UNCOVERED"
    with pytest.raises(Refused):
        book.do(lambda write: change_pledge(write, "loan-1", "p-1", "", lambda one: replace(one, share_ppm=900_000)))


def test_a_release_of_another_asset_counts_the_pending_entries_of_a_pool(book):
    book.register("second")
    book.report(*(invoice(f"s-{name}", 100_000, debtor=name) | {"pool": "second"} for name in DEBTORS))
    book.do(lambda write: pledge_asset(write, registered(Pledge("p-2", "loan-1", "second"))))
    book.owe(1_000_000)
    paid(book)

    with pytest.raises(Refused) as refused:
        release(book, 1_000_000, "p-2")
    assert refused.value.reason == "RELEASE_UNCOVERED"


def test_pending_entries_that_use_up_a_line_of_another_pool_count(book):
    """The pool of the other loan was registered first, so its invoices take the line ahead of those of this loan."""
    book.register("second", "receivable.core_firm")
    book.register("third", "receivable.core_firm")
    book.do(lambda write: create_loan(write, Loan("loan-2", "Acme", "USD", NOTHING)))
    book.do(lambda write: pledge_asset(write, registered(Pledge("p-1", "loan-2", "third"))))
    line = DebtorLine(Money(3_000_000, "USD"))
    cause = Cause("Ana", "agreed")
    book.do(lambda write: change_debtor(write, "hooli", "", lambda one: replace(one, line=line), cause))
    book.report(*(invoice(f"{pool}-1", 10_000, debtor="hooli") | {"pool": pool} for pool in ("second", "third")))
    book.report(invoice("third-2", 900_000, debtor="hooli") | {"pool": "third"})
    before = headroom(book, "loan-2")
    assert book.feed.report(invoice("second-2", 3_000_000, debtor="hooli") | {"pool": "second"}) == []

    assert headroom(book, "loan-2") < before


def test_a_pledge_of_a_pool_counts_its_pending_entries(book):
    book.do(lambda write: create_loan(write, Loan("loan-2", "Acme", "USD", NOTHING)))
    book.register("second")
    book.report(*(invoice(f"s-{name}", 100_000, debtor=name) | {"pool": "second"} for name in DEBTORS))
    payments = (entry(f"paid-{n}", "PAYMENT", 100_000, f"s-{n}", debtor=n, day=DAY, pool="second") for n in DEBTORS)
    assert book.feed.report(*payments) == []
    book.do(lambda write: pledge_asset(write, registered(Pledge("p-1", "loan-2", "second"))))

    with book.database.read() as connection:
        assert are_up_to_date(connection, active_loan(connection, "loan-2"))
        assert check_draw(connection, "loan-2", Money(1, "USD")).headroom.minor == 0
