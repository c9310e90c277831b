"""A newer price in quarantine withholds value from draws and releases; values, levels and cures do not change."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from collateral_registry.commands.loans import lending
from collateral_registry.commands.loans.controlled_value import controlled_value
from collateral_registry.commands.loans.draws import check_draw
from collateral_registry.commands.loans.lending import BalancePush
from collateral_registry.commands.loans.pickups import check_pickup
from collateral_registry.commands.loans.pledges import ReleaseRequest, change_pledge, release_pledge
from collateral_registry.commands.pipeline.loan_position import decision_claims
from collateral_registry.commands.prices.admission import Quote
from collateral_registry.commands.prices.ingest import ensure_fx_series, ingest_prices
from collateral_registry.domain.loans.agreements import Balance, Loan, OwnLimits
from collateral_registry.domain.loans.draws import DrawRefusal
from collateral_registry.domain.loans.judge import EventKind
from collateral_registry.domain.loans.levels import LtvBasis
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.domain.shared.money import Money
from collateral_registry.store.loans.repository import get_loan
from tests.support.books import FIRST, do
from tests.support.small_book import (
    cover,
    goods,
    lend_on,
    loans_with_event,
    lot,
    move_to,
    opened,
    owe,
    pledge,
    quote,
    register,
    request,
)
from valuation.flags import QualityFlag

NEXT = FIRST + timedelta(days=3)
DECIDED = ("market_minor", "lendable_minor", "level", "judged", "cash_cure_minor", "collateral_cure_minor")


@pytest.fixture
def drawn(built_book):
    """A loan of 350,000 on goods of 1,000,000, with a target of 70 % of market value, on the next business date."""
    return built_book(drawn_loan)


def drawn_loan(url):
    book = opened(url)
    goods(book, owed=350_000)
    move_to(book, NEXT)
    quote(book, "10000", NEXT - timedelta(days=2))
    return book


def draw(book, dollars, loan_id="bank-0", currency="USD"):
    """Returns the largest draw in whole units, and the rule that refuses this draw."""
    with book.read() as connection:
        answer = check_draw(connection, loan_id, Money(dollars * 100, currency))
    return answer.headroom.minor // 100, answer.refusal


def release(book, percent, loan_id="bank-0"):
    """Releases a share of the pledge."""
    wanted = ReleaseRequest(share_ppm=percent * 10_000)
    do(book, lambda write: release_pledge(write, loan_id, "p-1", "", wanted))


def is_flagged(book, loan_id="bank-0"):
    return bool(int(cover(book, loan_id)["quality"]) & QualityFlag.NEWER_PRICE_QUARANTINED)


def figures(book):
    row = cover(book, "bank-0")
    return {name: int(row[name]) for name in DECIDED}


def test_a_lower_price_decides_draws_and_releases_and_nothing_else(drawn):
    before = figures(drawn)
    assert draw(drawn, 350_000) == (350_000, None)

    assert quote(drawn, "6000", NEXT).quarantined == 1

    assert figures(drawn) == before
    assert is_flagged(drawn)
    assert draw(drawn, 70_000) == (70_000, None)
    assert draw(drawn, 70_001) == (70_000, DrawRefusal.QUARANTINED_PRICE)
    assert draw(drawn, 350_001) == (70_000, DrawRefusal.QUARANTINED_PRICE)
    with pytest.raises(Refused, match=r"price in quarantine.* a share of 0\.166666, 16\.6666 t, a claim of 100000"):
        release(drawn, 20)
    release(drawn, 16)


def test_a_pickup_and_the_goods_that_may_leave_follow_the_lower_price(drawn):
    quote(drawn, "6000", NEXT)

    with drawn.read() as connection:
        largest = check_pickup(connection, "bank-0", "lot-a", Decimal(30)).largest
        found = controlled_value(connection, get_loan(connection, "bank-0"))
    with pytest.raises(Refused) as refused:
        request(drawn, "17")
    assert refused.value.reason == "PICKUP_REFUSED"
    assert largest == Decimal("16.666")
    assert (found.controlled, found.room) == (1_000_000_00, 100_000_00)
    request(drawn, "16")


def test_a_higher_price_changes_nothing_but_the_flag(drawn):
    before = figures(drawn)
    assert quote(drawn, "25000", NEXT).quarantined == 1

    assert is_flagged(drawn)
    assert figures(drawn) == before
    assert draw(drawn, 350_001) == (350_000, DrawRefusal.COVER)
    release(drawn, 50)


@pytest.mark.parametrize(
    ("ending", "price"),
    [
        ([("10100", 3)], "10100"),  # corrected on its own day
        ([("10100", 4)], "10100"),  # overtaken by a newer price
        ([("6000", 4), ("6050", 5)], "6050"),  # confirmed by further quotes
    ],
)
def test_it_ends_when_the_price_is_corrected_overtaken_or_confirmed(drawn, ending, price):
    quote(drawn, "6000", NEXT)
    move_to(drawn, FIRST + timedelta(days=5))
    for later, days in ending:
        assert is_flagged(drawn)
        quote(drawn, later, FIRST + timedelta(days=days))

    assert not is_flagged(drawn)
    assert int(cover(drawn, "bank-0")["market_minor"]) == int(price) * 100_00
    assert int(cover(drawn, "bank-0")["withheld_market_minor"]) == 0
    assert loans_with_event(drawn, EventKind.PRICE_QUARANTINED) == ["bank-0"]
    assert loans_with_event(drawn, EventKind.PRICE_QUARANTINE_ENDED) == ["bank-0"]


def test_a_correction_in_quarantine_ends_when_the_accepted_price_is_sent_again(drawn):
    quote(drawn, "10000", NEXT)
    quote(drawn, "6000", NEXT)
    assert is_flagged(drawn)

    assert quote(drawn, "10000", NEXT).accepted == 1

    assert not is_flagged(drawn)
    assert draw(drawn, 350_000) == (350_000, None)


def test_the_lowest_of_several_newer_prices_decides(drawn):
    move_to(drawn, FIRST + timedelta(days=5))
    quote(drawn, "6000", NEXT)
    quote(drawn, "3000", FIRST + timedelta(days=4))
    quote(drawn, "20000", FIRST + timedelta(days=5))

    assert draw(drawn, 1) == (0, DrawRefusal.QUARANTINED_PRICE)


def test_a_price_in_quarantine_older_than_the_one_in_use_does_not_count(drawn):
    quote(drawn, "10000", NEXT)
    quote(drawn, "6000", NEXT - timedelta(days=1))

    assert not is_flagged(drawn)
    assert draw(drawn, 350_000) == (350_000, None)


@pytest.mark.parametrize(("pair", "rate", "held"), [("eur-usd", "1.25", "2.5"), ("usd-eur", "0.8", "0.4")])
def test_an_exchange_rate_in_quarantine_counts_in_both_directions_of_its_pair(book, pair, rate, held):
    """A lot in dollars secures a loan in euros: its value falls where a euro costs more dollars."""

    def exchange(number, day):
        return do(book, lambda write: ingest_prices(write, [Quote(0, f"fx-{pair}", day, Decimal(number))]))

    base, currency = pair.upper().split("-")
    do(book, lambda write: ensure_fx_series(write, {(base, currency)}))
    exchange(rate, FIRST)
    register(book, lot("lot-a"))
    nothing, owed = Money(0, "EUR"), Money(280_000_00, "EUR")
    limits = OwnLimits(600_000, 710_000, 900_000, 950_000)
    loan = Loan("bank-e", "Acme", "EUR", Balance(nothing, nothing, nothing, FIRST), None, LtvBasis.MARKET, limits)
    _create(book, loan)
    pledge(book, "bank-e", "lot-a")
    _owe_euros(book, owed)
    move_to(book, NEXT)
    assert draw(book, 280_000, "bank-e", "EUR") == (280_000, None)

    assert exchange(held, NEXT).quarantined == 1

    assert int(cover(book, "bank-e")["market_minor"]) == 800_000_00
    assert is_flagged(book, "bank-e")
    assert draw(book, 1, "bank-e", "EUR") == (0, DrawRefusal.QUARANTINED_PRICE)
    with book.read() as connection:
        (claim,) = decision_claims(connection, get_loan(connection, "bank-e").key).values()
    assert claim == 400_000_00


def test_every_loan_on_the_asset_is_flagged_and_a_junior_claim_bears_the_fall_first(drawn):
    lend_on(drawn, "bank-1")
    _limit(drawn, Money(600_000_00, "USD"))
    pledge(drawn, "bank-1", "lot-a", rank=2)
    owe(drawn, "bank-1", 100_000)
    quote(drawn, "6000", NEXT)

    assert is_flagged(drawn, "bank-1")
    assert draw(drawn, 1) == (70_000, None)
    assert draw(drawn, 1, "bank-1") == (0, DrawRefusal.QUARANTINED_PRICE)


def _create(book, loan):
    do(book, lambda write: lending.create_loan(write, loan))


def _owe_euros(book, owed):
    nothing = Money(0, "EUR")
    push = BalancePush(0, "bank-e", Balance(owed, nothing, nothing, FIRST))
    do(book, lambda write: lending.ingest_balances(write, [push], ()))


def _limit(book, limit):
    do(book, lambda write: change_pledge(write, "bank-0", "p-1", "", lambda one: replace(one, limit=limit)))
