"""Dilution and days until payment are estimated from a pool's ledger, and replace the numbers of the policy."""

from datetime import timedelta

import numpy as np
import pytest

from collateral_registry.commands.assignments.pool_reviews import next_review, record_review
from collateral_registry.commands.book.business_date import advance
from collateral_registry.commands.debtors.registry import create_debtor, merge_debtors
from collateral_registry.commands.pools.explain import explained_pool
from collateral_registry.domain.debtors.debtor import Debtor, DebtorKind
from collateral_registry.domain.receivables.ledger import EntryKind
from collateral_registry.domain.shared.days import day_of
from collateral_registry.store.assets.repository import get_asset
from collateral_registry.store.debtors.repository import Cause
from collateral_registry.store.engine.commits import newest_commit
from collateral_registry.store.valuations.pool_estimates import estimates_of
from tests.support.books import FIRST
from tests.support.invoice_pools import valued
from tests.support.ledgers import entry
from tests.support.pool_books import DAY, PoolBook, invoice
from valuation.flags import QualityFlag

LATE_DAYS = {"delta": 2, "globex": 20}
MONTHS = 10


@pytest.fixture
def book(database_url):
    found = PoolBook(database_url)
    yield found
    found.database.close()


def paid(debtor, month, number, amount=100_00, credited=0):
    """Returns an invoice of some months ago that was paid late, and the credit note that reduced it."""
    issued = day_of(FIRST.replace(day=1) - timedelta(days=30 * month)) + number
    due = issued + 15
    name = f"{month}-{number}"
    common = {"debtor": debtor, "type_code": 380, "issue_day": issued, "delivery_day": issued, "due_day": due}
    yield entry(f"i-{debtor}-{name}", "INVOICE", amount, name, day=issued, **common)
    if credited:
        yield entry(f"c-{debtor}-{name}", "CREDIT_NOTE", credited, name, day=issued + 5, debtor=debtor)
    day = due + LATE_DAYS[debtor]
    yield entry(f"p-{debtor}-{name}", "PAYMENT", amount - credited, name, day=min(day, DAY), debtor=debtor)


def history():
    return [
        one
        for month in range(2, MONTHS + 2)
        for number in range(4)
        for debtor in LATE_DAYS
        for one in paid(debtor, month, number, credited=8_00 if debtor == "globex" else 0)
    ]


def review(book):
    """Reviews all pools until nothing is new."""
    reviewed = {}
    while True:
        with book.database.read() as connection:
            found = next_review(connection, reviewed)
        if found is None:
            return
        if found.changes_book:
            book.do(lambda write, found=found: record_review(write, found))
        reviewed[found.asset.key] = found.state


def explained(book, seq=None):
    with book.database.read() as connection:
        return explained_pool(connection, "acme", seq or newest_commit(connection)[0])


def value_of(pool):
    return valued(pool.ladder.pool, pool.numbers, pool.stored.market_day)[0]


def statement_of(pool):
    return valued(pool.ladder.pool, pool.numbers, pool.stored.market_day)[1]


def estimate(book):
    with book.database.read() as connection:
        key = get_asset(connection, "acme").key
        return estimates_of(connection, [key]).get(key)


def test_invoices_are_expected_when_their_debtors_pay_with_their_dilution(book):
    book.report(*history(), invoice("new", 100_00), invoice("new", 100_00, debtor="globex"))
    before = explained(book)
    review(book)
    after = explained(book)

    open_rows = np.flatnonzero(after.ladder.pool.ledger.open_minor)
    assert before.ladder.part.expected.days[open_rows].tolist() == [50, 50]
    delta, globex = after.ladder.part.expected.days[open_rows].tolist()
    assert 40 < delta < globex <= 61
    assert before.ladder.part.expected.dilution[open_rows].tolist() == [0.05, 0.05]
    low, high = after.ladder.part.expected.dilution[open_rows].tolist()
    assert 0.0 <= low < high <= 0.08 + 1e-9
    assert estimate(book).dilution.expected == pytest.approx(0.04, abs=0.005)
    assert value_of(before).quality & QualityFlag.DILUTION_STAND_IN
    assert not value_of(after).quality & QualityFlag.DILUTION_STAND_IN
    assert after.stored.statement == statement_of(after)


def test_invoices_that_leave_the_pool_and_return_are_no_further_sales(book):
    book.report(*history())
    review(book)
    before = estimate(book)
    book.register("other")
    names = [(one["debtor"], one["invoice_number"]) for one in history() if one["kind"] == EntryKind.INVOICE]
    for at, (debtor, number) in enumerate(names):
        there = {"debtor": debtor, "day": DAY}
        book.feed.report(entry(f"out-{at}", "MOVE", 0, number, to_pool="other", **there))
        book.feed.report(entry(f"in-{at}", "MOVE", 0, number, pool="other", to_pool="acme", **there))
    book.sync()
    review(book)

    assert estimate(book).entry_number > before.entry_number
    assert estimate(book).dilution == before.dilution


def test_an_invoice_under_another_text_of_a_debtor_leaves_its_estimate_as_it_was(book):
    book.report(*history(), invoice("new", 100_00, debtor="globex"))
    review(book)
    before = explained(book)
    alias = Debtor("alias", "Globex", country="US", is_independent=True, kind=DebtorKind.FIRM)
    book.do(lambda write: create_debtor(write, alias))
    book.do(lambda write: merge_debtors(write, "alias", "globex", Cause("Ana", "the same")))
    book.report(invoice("other", 1, debtor="alias"))
    after = explained(book)

    def expected(pool):
        rows = np.flatnonzero(pool.ladder.pool.ledger.open_minor == 100_00)
        return pool.ladder.part.expected.dilution[rows].tolist(), pool.ladder.part.expected.days[rows].tolist()

    assert expected(after) == expected(before)


def test_a_statement_of_the_past_is_explained_by_the_estimate_of_its_time(book):
    book.report(*history(), invoice("new", 100_00))
    before = explained(book)
    review(book)

    again = explained(book, before.stored.seq)

    assert statement_of(again) == statement_of(before) == before.stored.statement
    assert again.ladder.part.expected.days.tolist() == before.ladder.part.expected.days.tolist()


def test_a_short_ledger_keeps_the_numbers_of_the_policy(book):
    book.report(invoice("new", 100_00))
    review(book)

    assert estimate(book) is None
    assert value_of(explained(book)).quality & QualityFlag.DILUTION_STAND_IN


def test_an_estimate_is_renewed_in_a_new_month_and_as_the_ledger_grows_and_not_otherwise(book):
    book.report(*history())
    review(book)
    first = estimate(book)
    book.report(invoice("few", 100_00))
    review(book)
    assert estimate(book).entry_number == first.entry_number

    more = [invoice(f"more-{number}", 100_00) for number in range(len(history()) // 4 + 1)]
    book.report(*more)
    review(book)
    grown = estimate(book)
    assert grown.entry_number == len(history()) + 1 + len(more)

    book.do(lambda write: advance(write, DAY + 32))
    review(book)
    assert estimate(book).day == DAY + 32
