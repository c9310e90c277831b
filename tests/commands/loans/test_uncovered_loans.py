"""Nothing that secures a loan leaves it while it is uncovered, whatever holds its collateral value still."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from collateral_registry.commands.book.business_date import advance
from collateral_registry.commands.borrowing_base.certificates import create_certificate
from collateral_registry.commands.borrowing_base.reserves import create_reserve
from collateral_registry.commands.loans.lending import change_terms, create_loan
from collateral_registry.commands.loans.pickups import check_pickup
from collateral_registry.commands.loans.pledges import ReleaseRequest, change_pledge, pledge_asset, release_pledge
from collateral_registry.commands.revaluation.runs import finish_run
from collateral_registry.domain.book.policy import SourcedNumber
from collateral_registry.domain.borrowing_base.base import Reserve, ReserveKind
from collateral_registry.domain.borrowing_base.terms import BorrowingBaseTerms, Sublimit
from collateral_registry.domain.loans.agreements import Loan, Pledge
from collateral_registry.domain.loans.levels import Level
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.domain.shared.money import Money
from collateral_registry.store.book.policies import activate_policy, insert_policy, policy_in_force
from tests.support.books import FIRST, do, registered
from tests.support.pool_books import DAY, NOTHING, PoolBook, invoice
from tests.support.small_book import cover, goods, lot, move_to, owe, pledge, register

DEBTORS = ("delta", "globex", "hooli", "initech")


@pytest.fixture
def pools(database_url):
    """A loan with a borrowing base that owes 100,000 dollars against a pool of 80,000 in open invoices."""
    built = PoolBook(database_url)
    with_terms(built, BorrowingBaseTerms())
    built.report(*(invoice(f"{name}-1", 2_000_000, debtor=name) for name in DEBTORS))
    built.owe(10_000_000)
    yield built
    built.database.close()


def with_terms(pools, terms):
    pools.do(lambda write: change_terms(write, "loan-1", "", lambda loan: replace(loan, base_terms=terms)))


def refused(database, loan_id="loan-1", pledge_id="p-1", share_ppm=None):
    """Returns the reason for which a release is refused; empty if it is made."""
    request = ReleaseRequest(share_ppm=share_ppm)
    try:
        do(database, lambda write: release_pledge(write, loan_id, pledge_id, "", request))
    except Refused as error:
        return error.reason
    return ""


def test_a_reserve_that_takes_all_of_the_base_lets_no_pledge_leave(pools):
    reserve = Reserve(ReserveKind.OTHER, "Ana", "claims of others", FIRST, amount_minor=99_999_999)
    pools.do(lambda write: create_reserve(write, "loan-1", reserve))

    assert cover(pools.database, "loan-1")["base_minor"] == 0
    assert refused(pools.database) == "RELEASE_UNCOVERED"
    assert refused(pools.database, share_ppm=1) == "RELEASE_UNCOVERED"


def test_an_overdue_certificate_lets_no_pledge_leave(pools):
    pools.do(without_grace)
    pools.do(lambda write: create_certificate(write, "loan-1", "june", FIRST, FIRST))
    pools.do(lambda write: advance(write, DAY + 1))
    finish_run(pools.database)

    assert cover(pools.database, "loan-1")["base_minor"] == 0
    assert cover(pools.database, "loan-1")["level"] == Level.LIQUIDATION
    assert cover(pools.database, "loan-1")["coverage_unknown"] == 0
    assert refused(pools.database) == "RELEASE_UNCOVERED"


def without_grace(write):
    """Activates a policy without grace for certificates."""
    policy = policy_in_force(write.connection, write.market_day).policy
    rules = {**policy.rules, "certificate_grace_days": SourcedNumber(Decimal(0), "test")}
    activate_policy(write, insert_policy(write, replace(policy, policy_id="without-grace", rules=rules)))


def test_claims_above_a_sublimit_do_not_leave(pools):
    with_terms(pools, BorrowingBaseTerms(sublimits=(Sublimit("receivable", Money(1_000, "USD")),)))

    assert refused(pools.database, share_ppm=1) == "RELEASE_UNCOVERED"


def test_a_pledge_ahead_takes_nothing_of_what_a_sublimit_does_not_count(pools):
    with_terms(pools, BorrowingBaseTerms(sublimits=(Sublimit("receivable", Money(1_000, "USD")),)))
    pools.do(lambda write: change_pledge(write, "loan-1", "p-1", "", lambda one: replace(one, rank=2)))
    pools.do(lambda write: create_loan(write, Loan("loan-2", "Acme", "USD", NOTHING)))
    ahead = registered(Pledge("p-1", "loan-2", "acme", limit=Money(1_000_00, "USD")))

    with pytest.raises(Refused) as error:
        pools.do(lambda write: pledge_asset(write, ahead))
    assert error.value.reason == "OTHER_LOAN_UNCOVERED"


def test_an_asset_of_unknown_value_does_not_leave_an_uncovered_loan(book):
    """By its last good value, too, the lot does not cover the loan, so that the coverage is known."""
    goods(book, owed=490_000)
    owe(book, "bank-0", 2_000_000)
    move_to(book, FIRST + timedelta(days=60))

    now = cover(book, "bank-0")
    assert (now["market_minor"], now["good_market_minor"], now["coverage_unknown"]) == (0, 1_000_000_00, 0)
    assert refused(book, "bank-0") == "RELEASE_UNCOVERED"
    assert refused(book, "bank-0", share_ppm=1) == "RELEASE_UNCOVERED"


def test_goods_of_unknown_value_are_not_picked_up_from_an_uncovered_loan(book):
    goods(book, owed=490_000)
    owe(book, "bank-0", 2_000_000)
    move_to(book, FIRST + timedelta(days=60))

    with book.read() as connection:
        answer = check_pickup(connection, "bank-0", "lot-a", Decimal(1))
    assert (answer.allowed, answer.largest) == (False, 0)


def test_an_asset_that_never_counted_leaves_an_uncovered_loan(book):
    """The lot is worth nothing, because nothing of it is there."""
    goods(book, owed=490_000)
    register(book, lot("lot-b", "0"))
    pledge(book, "bank-0", "lot-b", "p-2")
    owe(book, "bank-0", 2_000_000)

    assert refused(book, "bank-0", "p-2") == ""
