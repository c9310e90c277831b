"""A gap of a ledger lowers what loans lend on the pool where no reserve of a base deducts it."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from collateral_registry.commands.assets.register import change
from collateral_registry.commands.assignments.agreement import computed_closing, record_closing
from collateral_registry.commands.book.business_date import advance
from collateral_registry.commands.borrowing_base.reserves import create_reserve
from collateral_registry.commands.loans.lending import create_loan
from collateral_registry.commands.loans.pledges import change_pledge, pledge_asset
from collateral_registry.commands.revaluation.runs import finish_run
from collateral_registry.domain.borrowing_base.base import Reserve, ReserveKind, ledger_owner
from collateral_registry.domain.borrowing_base.terms import BorrowingBaseTerms
from collateral_registry.domain.loans.agreements import Balance, Loan, Pledge
from collateral_registry.domain.shared.days import day_of
from collateral_registry.domain.shared.money import Money
from collateral_registry.store.assets.repository import get_asset
from collateral_registry.store.assignments.agreement import insert_closing
from collateral_registry.store.borrowing_base.reserves import insert_reserve
from collateral_registry.store.loans.judgements import newest_judgements
from collateral_registry.store.loans.repository import get_loan
from tests.support.books import FIRST, registered
from tests.support.pool_books import DAY, PoolBook, invoice
from valuation.errors import InvalidInput
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


def test_the_pledges_of_a_pool_to_a_loan_bear_its_gap_once(book):
    lend(book, "loan", "first")
    half = {"share_ppm": 500_000}
    book.do(lambda write: change_pledge(write, "loan", "p-loan", "", lambda pledge: replace(pledge, **half)))
    book.do(lambda write: pledge_asset(write, registered(Pledge("p-2", "loan", "first", **half))))
    before = judged(book, "loan")

    gap_of(book, "first")
    assert judged(book, "loan") == before - GAP

    gap_of(book, "first", Money(10_000_00, "USD"))
    assert judged(book, "loan") == 0


def test_the_reserve_of_a_base_deducts_a_gap_once_and_none_is_missed_by_a_later_pledge(book):
    lend(book, "reserved", "first", **WITH_BASE)
    before = judged(book, "reserved"), judged(book, "reserved", "base_minor")

    for pool in ("first", "second"):
        gap_of(book, pool)
    lend(book, "later", "second", **WITH_BASE)

    assert (judged(book, "reserved"), judged(book, "reserved", "base_minor")) == (before[0], before[1] - GAP)
    assert judged(book, "later", "base_minor") == before[1] - GAP


def test_a_gap_is_deducted_from_the_claim_while_its_reserve_is_not_in_force(book):
    lend(book, "loan", "first", **WITH_BASE)
    base = judged(book, "loan", "base_minor")
    before, after = (FIRST - timedelta(days=9), FIRST - timedelta(days=1)), (FIRST + timedelta(days=1), None)
    for number, (first_day, last_day) in enumerate((before, after)):
        reserve_gap(book, f"r-{number}", first_day, last_day, GAP)
    close_without_reserve(book)

    assert judged(book, "loan", "base_minor") == base - GAP

    book.do(lambda write: advance(write, day_of(FIRST) + 1))
    finish_run(book.database)
    assert (judged(book, "loan"), judged(book, "loan", "base_minor")) == (base, base - GAP)


def test_what_reserves_do_not_deduct_of_a_gap_is_deducted_from_the_claim(book):
    lend(book, "loan", "first", **WITH_BASE)
    base = judged(book, "loan", "base_minor")
    reserve_gap(book, "part", FIRST, None, 30_00)
    close_without_reserve(book)

    assert (judged(book, "loan"), judged(book, "loan", "base_minor")) == (base - 70_00, base - GAP)


def reserve_gap(book, reserve_id, first_day, last_day, amount_minor):
    """Stores a reserve for the ledger of the first pool, which earlier releases let a person record."""
    kind, owner = ReserveKind.UNRECONCILED, ledger_owner("first")
    reserve = Reserve(kind, owner, "test", first_day, last_day, amount_minor, reserve_id=reserve_id)

    def work(write):
        insert_reserve(write, "loan", get_loan(write.connection, "loan").key, reserve)

    book.do(work)


def close_without_reserve(book):
    """Records the closing amount as ``record_closing`` does, and leaves the reserves as they are."""

    def work(write):
        asset = get_asset(write.connection, "first")
        insert_closing(write, asset.key, computed_closing(write.connection, asset, DAY, FIRST, None, CLOSING), "Ana")
        write.touched.add(assets=[asset.key])

    book.do(work)


def test_a_person_records_no_reserve_in_the_name_of_a_ledger(book):
    lend(book, "loan", "first", **WITH_BASE)
    stated = Reserve(ReserveKind.UNRECONCILED, ledger_owner("first"), "gap", FIRST, amount_minor=1)

    with pytest.raises(InvalidInput, match="owner: got ledger of assets/first"):
        book.do(lambda write: create_reserve(write, "loan", stated))


def test_a_gap_keeps_the_currency_in_which_the_closing_amount_was_stated(book):
    gap_of(book, "first")
    book.do(lambda write: change(write, "first", "", lambda asset: replace(asset, currency="EUR")))
    lend(book, "loan", "first", currency="EUR")

    assert judged(book, "loan", "unknown") & UnknownReason.ROLL_FORWARD_GAP


def test_a_gap_makes_the_cover_of_a_loan_in_another_currency_unknown(book):
    lend(book, "loan", "first", currency="EUR")
    gap_of(book, "first")

    assert judged(book, "loan", "unknown") & UnknownReason.ROLL_FORWARD_GAP
