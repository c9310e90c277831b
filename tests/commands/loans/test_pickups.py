"""Goods leave a pledged lot only above the floor or against repayment; unauthorised issues open findings."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, strategies as st

from collateral_registry.commands.book.business_date import advance
from collateral_registry.commands.loans.controlled_value import controlled_value
from collateral_registry.commands.loans.draws import check_draw
from collateral_registry.commands.loans.pickups import cancel_pickup, check_pickup
from collateral_registry.commands.loans.pledges import ReleaseRequest, release_pledge
from collateral_registry.commands.loans.up_to_date import (
    active_loan,
    are_up_to_date,
    touch_current_facts,
)
from collateral_registry.domain.loans.agreements import PledgeMode
from collateral_registry.domain.loans.controlled_value import cash_to_free, cash_to_reach, floor_of, static_floor
from collateral_registry.domain.loans.pickups import PickupState, largest_such
from collateral_registry.domain.shared.days import day_of
from collateral_registry.domain.shared.errors import InvalidInput, Refused
from collateral_registry.domain.shared.money import Money
from collateral_registry.rpc.loans.pickup_servicer import PickupServicer
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.loans.pickups import get_pickup
from collateral_registry.store.loans.repository import get_loan
from collateral_registry.v1.pickup_pb2 import CheckPickupRequest
from tests.support.books import FIRST, do
from tests.support.small_book import (
    cover,
    goods,
    lend_on,
    lot,
    move_to,
    owe,
    pledge,
    push,
    quote,
    register,
    request,
    stock,
)
from valuation.money import PPM


def check(book, quantity, loan_id="bank-0"):
    with book.read() as connection:
        return check_pickup(connection, loan_id, "lot-a", Decimal(quantity))


def value(book, loan_id="bank-0"):
    with book.read() as connection:
        return controlled_value(connection, get_loan(connection, loan_id))


def test_the_floor_of_a_dynamic_pledge_matches_the_published_example(book):
    """Exposure 7 m at 70 %: floor 10 m; stock 9.5 m: market pledge rate 73.68 %, gap 0.5 m (formula 8)."""
    goods(book, "950", 7_000_000)
    found = value(book)

    assert found.floor == 10_000_000_00
    assert found.controlled == 9_500_000_00
    assert found.gap == 500_000_00
    assert f"{found.market_pledge_rate:.2%}" == "73.68%"
    assert found.room == 0


def test_the_floor_moves_with_every_balance_and_the_controlled_value_with_every_price(book):
    goods(book)
    before = value(book)
    owe(book, "bank-0", 350_000)
    move_to(book, FIRST + timedelta(days=3))
    quote(book, "9000", FIRST + timedelta(days=3))
    after = value(book)

    assert (before.floor, before.controlled, before.room) == (700_000_00, 1_000_000_00, 300_000_00)
    assert (after.floor, after.controlled, after.room) == (500_000_00, 900_000_00, 400_000_00)


def test_a_pickup_check_returns_approval_or_the_largest_quantity_and_the_cash(book):
    """Owed 490,000: 70 t must stay; 30 may go, 40 against 70,000 of cash."""
    goods(book)
    fits, beyond = check(book, "30"), check(book, "40")

    assert (fits.allowed, fits.largest, fits.cash) == (True, Decimal(30), None)
    assert (beyond.allowed, beyond.largest, beyond.unit) == (False, Decimal(30), "t")
    assert beyond.cash.major == Decimal(70_000)
    assert "30 t" in beyond.reason
    owe(book, "bank-0", 420_000)
    assert check(book, "40").allowed


def test_the_largest_quantity_is_rounded_down_to_the_step_of_its_unit(book):
    goods(book, owed=490_001)

    answer = check(book, "40")
    assert answer.largest == Decimal("29.999")
    assert check(book, "29.999").allowed
    assert not check(book, "30").allowed


def test_goods_authorised_for_pickup_no_longer_count(book):
    """Two requests of 20 t each cannot both have the 30 t that are free."""
    goods(book)
    stored = request(book, "20")
    with pytest.raises(Refused) as refused:
        request(book, "20", "u-2")

    assert (stored.pickup.state, stored.warehouse) == (PickupState.AUTHORISED, "Qingdao Dagang")
    assert cover(book, "bank-0")["market_minor"] == 800_000_00
    assert refused.value.reason == "PICKUP_REFUSED"
    assert refused.value.facts == {"largest": "10 t", "cash": "70000.00 USD"}


def test_a_cancelled_or_expired_pickup_counts_again(book):
    goods(book)
    request(book, "20")
    do(book, lambda write: cancel_pickup(write, "bank-0", "u-1"))
    back = cover(book, "bank-0")["market_minor"]
    request(book, "20", "u-2", expire=FIRST + timedelta(days=2))
    move_to(book, FIRST + timedelta(days=2))
    held = cover(book, "bank-0")["market_minor"]
    move_to(book, FIRST + timedelta(days=3))

    assert (back, held) == (1_000_000_00, 800_000_00)
    assert cover(book, "bank-0")["market_minor"] == 1_000_000_00
    with book.read() as connection:
        assert get_pickup(connection, "bank-0", "u-2").pickup.state == PickupState.EXPIRED
    with pytest.raises(Refused, match="is EXPIRED"):
        do(book, lambda write: cancel_pickup(write, "bank-0", "u-2"))


def test_a_pickup_is_refused_while_coverage_is_unknown(book):
    goods(book)
    move_to(book, FIRST + timedelta(days=60))
    answer = check(book, "1")

    assert (answer.allowed, answer.largest, answer.cash) == (False, Decimal(0), None)
    assert "UNKNOWN" in answer.reason
    assert value(book).room == 0
    with pytest.raises(Refused, match="UNKNOWN"):
        request(book, "1")


def test_a_pickup_on_a_stale_price_is_refused_before_the_run_of_the_new_day_ends(book):
    """The loan was last judged yesterday with known values; the lot is valued for today."""
    goods(book)
    do(book, lambda write: advance(write, day_of(FIRST + timedelta(days=60))))
    answer = check(book, "1")

    assert not cover(book, "bank-0")["coverage_unknown"]
    assert (answer.allowed, answer.largest, answer.cash) == (False, Decimal(0), None)
    assert "UNKNOWN" in answer.reason


def test_releases_and_draws_on_yesterdays_judgement_are_refused_before_the_run_of_the_new_day_ends(book):
    """The price is stale on the new business date, and the loan is not yet judged for it."""
    goods(book, owed=100_000)
    do(book, lambda write: advance(write, day_of(FIRST + timedelta(days=60))))

    with book.read() as connection:
        draw = check_draw(connection, "bank-0", Money(1_000_00, "USD"))
        assert not are_up_to_date(connection, active_loan(connection, "bank-0"))
    do(book, lambda write: touch_current_facts(write, active_loan(write.connection, "bank-0")))
    with pytest.raises(Refused) as refused:
        do(book, lambda write: release_pledge(write, "bank-0", "p-1", "", ReleaseRequest(share_ppm=100_000)))

    assert refused.value.reason == "COVERAGE_UNKNOWN"
    assert not draw.allowed
    assert "not judged for the business date" in draw.reason


def test_goods_that_have_left_cannot_leave_again_while_their_movement_is_pending(book):
    stock(book, 1, ("RECEIPT", "lot-a", 100))
    goods(book, owed=10_000)
    push(book, 2, ("ISSUE", "lot-a", 90))

    with book.read() as connection:
        assert not are_up_to_date(connection, active_loan(connection, "bank-0"))
    do(book, lambda write: touch_current_facts(write, active_loan(write.connection, "bank-0")))
    with pytest.raises(Refused) as refused:
        request(book, "50")

    assert "want at most the 10 t" in str(refused.value)


def test_a_check_of_a_pickup_counts_the_pending_stock_of_every_loan_on_the_lot(book):
    """The other loan is covered by a second lot of which ninety tonnes have left."""
    stock(book, 1, ("RECEIPT", "lot-a", 100), ("RECEIPT", "lot-b", 100))
    for name in ("lot-a", "lot-b"):
        register(book, lot(name, "100"))
    for loan_id, lots in (("bank-0", ["lot-a"]), ("bank-1", ["lot-a", "lot-b"])):
        lend_on(book, loan_id)
        for name in lots:
            pledge(book, loan_id, name, f"p-{name}", share_ppm=500_000 if name == "lot-a" else PPM)
    owe(book, "bank-1", 700_000)
    push(book, 2, ("ISSUE", "lot-b", 90))
    runner = BookRunner(book)

    asked = CheckPickupRequest(loan="loans/bank-0", asset="assets/lot-a", quantity={"value": "10"})
    answer = asyncio.run(PickupServicer(runner).CheckPickup(asked, None))

    runner.close()
    assert not answer.allowed


def test_every_loan_on_the_lot_must_stay_covered(book):
    """Half each; the second loan has less headroom, and the first loan's cash cannot repay it."""
    register(book, lot("lot-a", "100"))
    for number, owed in enumerate((100_000, 343_000)):
        lend_on(book, f"bank-{number}")
        pledge(book, f"bank-{number}", "lot-a", share_ppm=500_000)
        owe(book, f"bank-{number}", owed)
    answer = check(book, "10")

    assert answer.largest == Decimal(2)
    assert "loans/bank-1 would not be covered" in answer.reason


def test_a_static_pledge_releases_what_repayment_frees_and_no_more(book):
    """Covered twice over, yet nothing leaves; a fifth repaid frees a fifth."""
    goods(book, "100", 350_000, mode=PledgeMode.STATIC)
    nothing = check(book, "1")
    owe(book, "bank-0", 280_000)
    freed = check(book, "25")

    assert (nothing.allowed, nothing.largest, nothing.cash.major) == (False, Decimal(0), Decimal(3_500))
    assert (freed.allowed, freed.largest, freed.cash.major) == (False, Decimal(20), Decimal(17_500))
    assert check(book, "20").allowed
    owe(book, "bank-0", 280_000 - 17_500)
    assert check(book, "25").allowed


def test_a_static_pledge_is_released_against_repayment_only(book):
    goods(book, "100", 350_000, mode=PledgeMode.STATIC)

    def release(share):
        return lambda write: release_pledge(write, "bank-0", "p-1", "", ReleaseRequest(share_ppm=share))

    with pytest.raises(Refused) as refused:
        do(book, release(10_000))
    owe(book, "bank-0", 280_000)
    do(book, release(200_000))
    with pytest.raises(Refused):
        do(book, release(100))

    assert refused.value.reason == "RELEASE_NOT_REDEEMED"
    assert refused.value.facts["cash"] == "3500.00 USD"


def test_a_static_pledge_counts_picked_up_goods(book):
    goods(book, "100", 350_000, mode=PledgeMode.STATIC)
    owe(book, "bank-0", 280_000)
    request(book, "20")

    assert not check(book, "1").allowed


def test_a_pickup_of_zero_or_too_much_or_of_another_loans_lot_is_refused(book):
    goods(book)
    lend_on(book, "bank-9")
    too_much = check(book, "100.5")

    assert (too_much.allowed, too_much.cash, too_much.largest) == (False, None, Decimal(30))
    with pytest.raises(InvalidInput):
        check(book, "0")
    with pytest.raises(Refused, match="not pledged"):
        check(book, "1", "bank-9")


AMOUNTS = st.integers(0, 10**15)
RATIOS = st.integers(1, 2 * PPM)


@given(AMOUNTS, RATIOS)
def test_the_floor_is_the_smallest_collateral_value_that_keeps_the_ratio(exposure, target):
    floor = floor_of(exposure, target)

    assert exposure * PPM <= floor * target
    assert floor == 0 or exposure * PPM > (floor - 1) * target


@given(AMOUNTS, AMOUNTS, RATIOS)
def test_the_cash_reaches_the_floor_and_a_unit_less_does_not(exposure, pool, target):
    cash = cash_to_reach(exposure, pool, target)

    assert pool >= floor_of(exposure - cash, target)
    assert cash == 0 or pool < floor_of(exposure - cash + 1, target)


@given(st.integers(1, 10**13), st.integers(1, 10**15), st.data())
def test_repayment_frees_the_repaid_part(pledged, peak, data):
    exposure = data.draw(st.integers(0, peak))
    left = data.draw(st.integers(0, pledged))
    cash = cash_to_free(pledged, left, exposure, peak)

    assert 0 <= static_floor(pledged, exposure, peak) <= pledged
    assert static_floor(pledged, 0, peak) == 0
    assert static_floor(pledged, peak, peak) == pledged
    assert static_floor(pledged, exposure - cash, peak) <= left
    assert cash == 0 or static_floor(pledged, exposure - cash + 1, peak) > left


@given(st.integers(0, 10**12), st.integers(0, 10**12), st.integers(0, 10**12))
def test_the_largest_quantity_is_found_from_any_guess(truth, guess, most):
    tried = []

    def holds(number):
        tried.append(number)
        return number <= truth

    assert largest_such(holds, guess, most) == min(truth, most)
    assert len(tried) <= 90
    assert len(tried) <= 2 or guess not in {truth, truth + 1}
