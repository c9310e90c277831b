"""Without an exchange rate, what comes first in another currency enlarges no claim behind it."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from collateral_registry.commands.loans import lending
from collateral_registry.commands.loans.draws import check_draw
from collateral_registry.commands.prices.admission import Quote
from collateral_registry.commands.prices.ingest import ensure_fx_series, ingest_prices
from collateral_registry.commands.revaluation.runs import finish_run, start_run
from collateral_registry.domain.loans.agreements import Balance, Loan
from collateral_registry.domain.loans.draws import DrawRefusal
from collateral_registry.domain.loans.levels import Level, LtvBasis
from collateral_registry.domain.shared.money import Money
from tests.support.books import FIRST, do
from tests.support.small_book import SEVENTY, cover, lend_on, lot, move_to, owe, pledge, register
from valuation.flags import UnknownReason

QUOTED = FIRST - timedelta(days=7)
SUMS = ("market_minor", "lendable_minor", "good_market_minor", "good_lendable_minor")
RECORDED = (*SUMS, "coverage_unknown", "never_valued", "unknown", "unknown_assets", "judged", "level")


def exchange(book, day=QUOTED):
    """Ingests the rate of a euro in dollars."""
    do(book, lambda write: ingest_prices(write, [Quote(0, "fx-eur-usd", day, Decimal("1.25"))]))


def lend_euros(book, loan_id):
    nothing = Money(0, "EUR")
    balance = Balance(nothing, nothing, nothing, FIRST)
    loan = Loan(loan_id, "Acme", "EUR", balance, ltv_basis=LtvBasis.MARKET, ltv_limits=SEVENTY)
    do(book, lambda write: lending.create_loan(write, loan))


def behind_euros(book, owed=200_000, *, rate=True):
    """Registers goods of 1,000,000 dollars behind a senior limit of 400,000 euros, which are 500,000 dollars."""
    do(book, lambda write: ensure_fx_series(write, {("EUR", "USD")}))
    if rate:
        exchange(book)
    register(book, lot("lot-a"))
    lend_euros(book, "senior")
    pledge(book, "senior", "lot-a", limit=Money(400_000_00, "EUR"))
    lend_on(book, "junior")
    pledge(book, "junior", "lot-a", rank=2)
    owe(book, "junior", owed)


def recorded(book, loan_id):
    row = cover(book, loan_id)
    return {name: int(row[name]) for name in RECORDED}


def largest_draw(book, loan_id):
    with book.read() as connection:
        answer = check_draw(connection, loan_id, Money(1, "USD"))
    return answer.headroom.minor // 100, answer.refusal


def assert_a_full_run_repeats_it(book, *loan_ids):
    before = [recorded(book, one) for one in loan_ids]
    do(book, start_run)
    finish_run(book)
    assert [recorded(book, one) for one in loan_ids] == before


def test_a_stale_rate_of_a_senior_claim_makes_the_junior_one_unknown(book):
    behind_euros(book)
    fresh = recorded(book, "junior")
    assert (fresh["market_minor"], fresh["unknown"]) == (500_000_00, 0)
    assert largest_draw(book, "junior") == (150_000, None)

    move_to(book, FIRST + timedelta(days=3))

    stale = recorded(book, "junior")
    assert (stale["market_minor"], stale["lendable_minor"]) == (0, 0)
    assert (stale["good_market_minor"], stale["judged"]) == (500_000_00, Level.NONE)
    assert (stale["unknown"], stale["unknown_assets"]) == (UnknownReason.STALE_FX, 1)
    assert (stale["coverage_unknown"], stale["never_valued"]) == (1, 0)
    assert largest_draw(book, "junior") == (0, DrawRefusal.COVERAGE_UNKNOWN)
    assert_a_full_run_repeats_it(book, "senior", "junior")

    exchange(book, FIRST + timedelta(days=3))
    assert recorded(book, "junior")["market_minor"] == 500_000_00
    assert largest_draw(book, "junior") == (150_000, None)


def test_a_senior_claim_without_any_rate_leaves_the_junior_one_without_a_value(book):
    behind_euros(book, rate=False)

    missing = recorded(book, "junior")

    assert [missing[name] for name in SUMS] == [0, 0, 0, 0]
    assert (missing["coverage_unknown"], missing["never_valued"], missing["judged"]) == (1, 1, Level.NONE)
    assert missing["unknown"] & UnknownReason.NO_FX
    assert largest_draw(book, "junior") == (0, DrawRefusal.COVERAGE_UNKNOWN)
    assert_a_full_run_repeats_it(book, "senior", "junior")


@pytest.mark.parametrize("prior", [0, 240_000])
def test_prior_claims_in_a_currency_without_rate_make_the_pledges_in_others_unknown(book, prior):
    do(book, lambda write: ensure_fx_series(write, {("EUR", "USD")}))
    exchange(book)
    register(book, replace(lot("lot-a"), currency="EUR", prior_claims=Money(prior * 100, "EUR")))
    lend_on(book, "dollars")
    pledge(book, "dollars", "lot-a")
    left = 1_000_000_00 - prior * 125
    assert recorded(book, "dollars")["market_minor"] == left

    move_to(book, FIRST + timedelta(days=3))

    stale = recorded(book, "dollars")
    assert (stale["market_minor"], stale["good_market_minor"]) == (0 if prior else left, left)
    assert stale["unknown"] == (UnknownReason.STALE_FX if prior else 0)
    assert_a_full_run_repeats_it(book, "dollars")
