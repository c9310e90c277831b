"""New pledge terms are refused where a release of the same effect would be; terms that take nothing are accepted."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from collateral_registry.commands.loans.draws import check_draw
from collateral_registry.commands.loans.lending import BalancePush, ingest_balances
from collateral_registry.commands.loans.pledges import ReleaseRequest, change_pledge, release_pledge
from collateral_registry.domain.book.policy import SourcedNumber
from collateral_registry.domain.loans.agreements import Balance, PledgeMode
from collateral_registry.domain.loans.levels import Level
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.domain.shared.money import Money
from collateral_registry.store.book.policies import activate_policy, insert_policy, policy_in_force
from collateral_registry.store.loans.repository import get_loan
from tests.support.books import FIRST, do
from tests.support.small_book import cover, goods, lend_on, lot, owe, pledge, push, register


def change(book, pledge_id="p-1", loan_id="bank-0", **terms):
    """Gives a pledge new terms; returns the reason if that is refused."""
    try:
        do(book, lambda write: change_pledge(write, loan_id, pledge_id, "", lambda one: replace(one, **terms)))
    except Refused as refused:
        return refused.reason
    return ""


@pytest.mark.parametrize(
    "terms", [{"share_ppm": 100_000}, {"limit": Money(100_000, "USD")}], ids=["a lower share", "a low limit"]
)
def test_terms_that_would_uncover_the_loan_are_refused_and_leave_no_trace(book, terms):
    goods(book, owed=490_000)
    before = cover(book, "bank-0")

    assert change(book, **terms) == "RELEASE_UNCOVERED"
    assert cover(book, "bank-0") == before


def test_lower_terms_that_still_cover_the_loan_are_accepted(book):
    goods(book, owed=100_000)

    assert change(book, share_ppm=500_000) == ""
    assert change(book, limit=Money(400_000_00, "USD")) == ""


def test_without_a_buffer_no_permitted_draw_or_release_and_no_cure_leaves_a_loan_at_its_margin_call(book):
    """The margin call is at 71 %; at exactly 710,000 of 1,000,000 the loan is in breach."""
    goods(book, owed=490_000)
    do(book, without_buffer)

    with book.read() as connection:
        most = check_draw(connection, "bank-0", Money(1, "USD")).headroom.minor
    owe_minor(book, 490_000_00 + most)
    assert (most, cover(book, "bank-0")["judged"] < Level.MARGIN_CALL) == (220_000_00 - 1_00, True)
    owe(book, "bank-0", 497_000)
    assert change(book, share_ppm=700_000) == "RELEASE_UNCOVERED"
    owe(book, "bank-0", 710_000)
    assert cover(book, "bank-0")["judged"] == Level.MARGIN_CALL
    owe_minor(book, 710_000_00 - int(cover(book, "bank-0")["cash_cure_minor"]))
    assert cover(book, "bank-0")["judged"] < Level.MARGIN_CALL


def without_buffer(write):
    """Activates a policy without a buffer below the limits."""
    policy = policy_in_force(write.connection, write.market_day).policy
    rules = {**policy.rules, "buffer": SourcedNumber(Decimal(0), "test")}
    activate_policy(write, insert_policy(write, replace(policy, policy_id="without-buffer", rules=rules)))
    write.touched.add(loans=[get_loan(write.connection, "bank-0").key])


def owe_minor(book, minor):
    """Updates the balance of the loan to an amount in cents."""
    nothing = Money(0, "USD")
    push = BalancePush(0, "bank-0", Balance(Money(minor, "USD"), nothing, nothing, FIRST))
    do(book, lambda write: ingest_balances(write, [push], ()))


def test_a_static_pledge_is_not_released_by_making_it_dynamic_first(book):
    goods(book, owed=100_000, mode=PledgeMode.STATIC)

    assert change(book, mode=PledgeMode.DYNAMIC) == "RELEASE_NOT_REDEEMED"
    assert change(book, share_ppm=900_000) == "RELEASE_NOT_REDEEMED"
    owe(book, "bank-0", 0)
    assert change(book, mode=PledgeMode.DYNAMIC) == ""


def test_terms_that_take_nothing_are_accepted_while_the_loan_is_in_breach(book):
    goods(book, owed=490_000)
    owe(book, "bank-0", 900_000)

    assert change(book, registry="PPSR", registration_number="1") == ""
    assert change(book, share_ppm=900_000) == "RELEASE_UNCOVERED"


def test_a_registration_that_has_expired_is_a_fact_and_opens_a_breach(book):
    goods(book, owed=490_000)

    assert change(book, registered=FIRST - timedelta(days=9), registration_expire=FIRST - timedelta(days=1)) == ""
    assert cover(book, "bank-0")["coverage_unknown"] == 1


def test_a_pledge_ahead_of_others_may_not_uncover_their_loans(book):
    goods(book, owed=490_000, rank=2)
    lend_on(book, "bank-1")

    with pytest.raises(Refused) as refused:
        pledge(book, "bank-1", "lot-a", "p-2", rank=1, limit=Money(900_000_00, "USD"))
    assert refused.value.reason == "OTHER_LOAN_UNCOVERED"
    pledge(book, "bank-1", "lot-a", "p-2", rank=1, limit=Money(100_000_00, "USD"))
    assert change(book, "p-2", "bank-1", limit=Money(900_000_00, "USD")) == "OTHER_LOAN_UNCOVERED"


def test_stock_reported_before_a_release_counts_in_its_check(book):
    """Ninety tonnes have left the lot, but the movement is still pending."""
    register(book, lot("lot-a", "100"))
    lend_on(book, "bank-0")
    pledge(book, "bank-0", "lot-a")
    push(book, 1, ("RECEIPT", "lot-a", 100))
    owe(book, "bank-0", 490_000)
    push(book, 2, ("ISSUE", "lot-a", 90))

    with pytest.raises(Refused) as refused:
        do(book, lambda write: release_pledge(write, "bank-0", "p-1", "", ReleaseRequest(share_ppm=200_000)))
    assert refused.value.reason == "RELEASE_UNCOVERED"
