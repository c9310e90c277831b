"""New pledge terms are refused where a release of the same effect would be; terms that take nothing are accepted."""

from dataclasses import replace
from datetime import timedelta

import pytest

from collateral_registry.commands.loans.pledges import ReleaseRequest, change_pledge, release_pledge
from collateral_registry.domain.loans.agreements import PledgeMode
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.domain.shared.money import Money
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
