"""A gap of a ledger lowers what loans lend on the pool where no reserve of a base deducts it."""

import numpy as np
import pytest

from collateral_registry.commands.assignments.agreement import record_closing
from collateral_registry.commands.loans.lending import create_loan
from collateral_registry.commands.loans.pledges import pledge_asset
from collateral_registry.domain.borrowing_base.terms import BorrowingBaseTerms
from collateral_registry.domain.loans.agreements import Balance, Loan, Pledge
from collateral_registry.domain.shared.money import Money
from collateral_registry.store.loans.judgements import newest_judgements
from collateral_registry.store.loans.repository import get_loan
from tests.support.books import FIRST, registered
from tests.support.pool_books import PoolBook, invoice
from valuation.flags import UnknownReason

GAP = 100_00
CLOSING = Money(4_000_00 - GAP, "USD")
WITH_BASE = {"base_terms": BorrowingBaseTerms()}


@pytest.fixture
def book(database_url):
    found = PoolBook(database_url)
    for pool in ("first", "second"):
        found.register(pool)
    names = ("delta", "globex", "hooli", "initech")
    found.report(
        *(invoice(pool, 1_000_00, debtor=name) | {"pool": pool} for pool in ("first", "second") for name in names)
    )
    yield found
    found.database.close()


def lend(book, loan_id, pool, currency="USD", **fields):
    """Registers a loan to which a pool is pledged."""
    owed = Balance(*(Money(0, currency) for _ in range(3)), FIRST)
    book.do(lambda write: create_loan(write, Loan(loan_id, "Acme", currency, owed, **fields)))
    book.do(lambda write: pledge_asset(write, registered(Pledge(f"p-{loan_id}", loan_id, pool))))


def gap_of(book, pool, amount=CLOSING):
    book.do(lambda write: record_closing(write, pool, FIRST, amount, "Ana"))


def judged(book, loan_id, column="lendable_minor"):
    with book.database.read() as connection:
        return int(newest_judgements(connection, np.array([get_loan(connection, loan_id).key]))[column][0])


def test_a_loan_without_a_base_lends_less_by_the_gap_until_the_amounts_agree(book):
    lend(book, "loan", "first")
    before = judged(book, "loan")

    gap_of(book, "first")
    assert judged(book, "loan") == before - GAP

    gap_of(book, "first", Money(4_000_00, "USD"))
    assert judged(book, "loan") == before


def test_the_reserve_of_a_base_deducts_a_gap_once_and_none_is_missed_by_a_later_pledge(book):
    lend(book, "reserved", "first", **WITH_BASE)
    before = judged(book, "reserved"), judged(book, "reserved", "base_minor")

    for pool in ("first", "second"):
        gap_of(book, pool)
    lend(book, "later", "second", **WITH_BASE)

    assert (judged(book, "reserved"), judged(book, "reserved", "base_minor")) == (before[0], before[1] - GAP)
    assert judged(book, "later", "base_minor") == before[1] - GAP


def test_a_gap_makes_the_cover_of_a_loan_in_another_currency_unknown(book):
    lend(book, "loan", "first", currency="EUR")
    gap_of(book, "first")

    assert judged(book, "loan", "unknown") & UnknownReason.ROLL_FORWARD_GAP
