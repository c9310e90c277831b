"""Values count a rise of a price only as far as the series supports it; the market value stays next to it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from sqlalchemy import update

from collateral_registry.commands.assets.register import register
from collateral_registry.commands.book.business_date import advance
from collateral_registry.commands.loans import lending, pledges
from collateral_registry.commands.loans.cures import cures_in_kind
from collateral_registry.commands.pipeline.loan_position import position_of
from collateral_registry.commands.prices.admission import Quote
from collateral_registry.commands.prices.ingest import ensure_fx_series, ingest_prices, open_series
from collateral_registry.commands.revaluation.runs import finish_run
from collateral_registry.commands.valuations.revalue import revalue
from collateral_registry.commands.valuations.value import value_assets
from collateral_registry.domain.filters.expressions import EVERYTHING, narrowed
from collateral_registry.domain.loans.agreements import Balance, Loan, Pledge
from collateral_registry.domain.loans.levels import LtvBasis
from collateral_registry.domain.prices.market_data import EstimateCause
from collateral_registry.domain.prices.series import PriceSeries
from collateral_registry.domain.shared.days import day_of
from collateral_registry.domain.shared.money import Money
from collateral_registry.store.loans.repository import get_loan
from collateral_registry.store.prices.haircut_curves import list_estimates
from collateral_registry.store.schema.prices import HaircutCurveRow
from collateral_registry.store.schema.valuations import ValuationRow
from collateral_registry.store.valuations.repository import list_valuations
from tests.support.books import FIRST, LOT, do, open_empty_book, registered
from valuation.flags import QualityFlag

DAYS = np.busday_offset(FIRST, -np.arange(320)[::-1], roll="backward").astype(object)
QUIET = 9_000 * np.exp(np.cumsum(np.random.default_rng(3).normal(0, 0.012, len(DAYS))))
QUOTED = 300
END = (1 << 62, 1 << 62)


def ingest(database, prices, days, series="copper"):
    dated = zip(days, prices, strict=True)
    found = [Quote(n, series, day, Decimal(f"{price:.6g}")) for n, (day, price) in enumerate(dated)]
    return do(database, lambda write: ingest_prices(write, found))


def quote(database, place, factor, series="copper", level=None):
    """Ingests one price: the quiet price of a day, or the given level, times a factor."""
    return ingest(database, [(QUIET[place] if level is None else level) * factor], [DAYS[place]], series)


def row_of(database, currency="USD"):
    with database.read() as connection:
        return value_assets(connection, [LOT.asset_id], currency)[0]


def causes(database):
    with database.read() as connection:
        return [
            one.estimate.cause
            for one in list_estimates(connection, narrowed(EVERYTHING, "series", "copper"), END, 1_000)
        ]


@pytest.fixture
def book(built_book):
    """A lot of 120 t of copper with 300 quiet prices."""
    return built_book(quiet_lot)


def quiet_lot(url):
    database = open_empty_book(url)
    do(database, lambda write: open_series(write, PriceSeries("copper", "copper", "t", "USD", max_age_days=60)))
    do(database, lambda write: register(write, LOT))
    ingest(database, QUIET[:QUOTED], DAYS[:QUOTED])
    return database


def lend(database, amount, basis, currency="USD"):
    """Lends an amount against the lot on a basis."""
    nothing = Balance(Money(0, currency), Money(0, currency), Money(0, currency), FIRST)
    do(database, lambda write: lending.create_loan(write, Loan("l", "Acme", currency, nothing, ltv_basis=basis)))
    do(database, lambda write: pledges.pledge_asset(write, registered(Pledge("p", "l", LOT.asset_id))))
    owed = replace(nothing, principal=Money(amount, currency))
    do(database, lambda write: lending.ingest_balances(write, [lending.BalancePush(0, "l", owed)], ()))


def pool_of(database):
    with database.read() as connection:
        return position_of(connection, 1).pool


def test_a_rise_counts_only_as_far_as_it_is_supported(book):
    before = row_of(book)
    quote(book, QUOTED, 1.45)

    after = row_of(book)
    assert before.row["price_adjustment"] == 1.0
    assert after.row["market_minor"] > 1.4 * before.row["market_minor"]
    assert after.adjusted_minor < 1.2 * before.row["market_minor"]
    assert after.row["lendable_minor"] <= after.adjusted_minor * (1 - after.row["haircut"]) + 1
    assert after.row["quality"] & QualityFlag.PRICE_ADJUSTED
    assert causes(book)[0] in {EstimateCause.RISE, EstimateCause.SHOCK}


def test_a_lasting_rise_counts_in_full_with_its_twelfth_quote(book):
    factors = []
    for place in range(QUOTED, QUOTED + 12):
        quote(book, place, 1.45)
        factors.append(row_of(book).row["price_adjustment"])

    assert max(factors[:11]) < 0.9
    assert factors[11] == 1.0


def test_a_price_that_falls_back_counts_in_full_at_once(book):
    quote(book, QUOTED, 1.45)
    quote(book, QUOTED + 1, 1.0)

    assert row_of(book).row["price_adjustment"] == 1.0
    assert not row_of(book).row["quality"] & QualityFlag.PRICE_ADJUSTED


def test_a_value_on_demand_and_the_run_over_the_whole_book_give_the_same_row(book):
    lend(book, 1_000, LtvBasis.LENDABLE)
    quote(book, QUOTED, 1.45)
    do(book, lambda write: advance(write, day_of(FIRST) + 3))
    finish_run(book)

    with book.read() as connection:
        recorded = list_valuations(connection, LOT.asset_id, EVERYTHING, (1 << 62, ""), 1)[0]
    asked = row_of(book).row
    names = ("market_minor", "price_adjustment", "lendable_minor", "estimate_key", "quality")
    assert [recorded[name] for name in names] == [asked[name] for name in names]
    assert recorded["price_adjustment"] < 0.9


def test_the_collateral_value_on_market_basis_is_the_adjusted_value(book):
    lend(book, 10_000_000, LtvBasis.MARKET)
    before = pool_of(book)
    quote(book, QUOTED, 1.45)

    assert before < pool_of(book) < 1.2 * before
    assert pool_of(book) == row_of(book).adjusted_minor


def test_the_collateral_value_on_lendable_basis_follows_the_adjusted_value(book):
    lend(book, 10_000_000, LtvBasis.LENDABLE)
    quote(book, QUOTED, 1.45)

    valued = row_of(book)
    assert pool_of(book) == pytest.approx(valued.adjusted_minor * (1 - valued.row["haircut"]), abs=2)


@pytest.mark.parametrize("basis", [LtvBasis.LENDABLE, LtvBasis.MARKET])
def test_a_cure_in_kind_is_enough_at_the_adjusted_value(book, basis):
    lend(book, 200_000_000, basis)
    quote(book, QUOTED, 1.45)

    with book.read() as connection:
        loan = get_loan(connection, "l")
        (cure,) = cures_in_kind(connection, loan)
        missing = position_of(connection, loan.key).collateral_cure
    valued = row_of(book)
    counted = valued.row["lendable_minor"] if basis == LtvBasis.LENDABLE else valued.adjusted_minor
    assert float(cure.quantity) * counted / 120 >= missing
    assert float(cure.quantity - Decimal("0.002")) * counted / 120 < missing


def test_a_rise_of_the_exchange_rate_is_adjusted_like_one_of_the_price(book):
    do(book, lambda write: ensure_fx_series(write, {("USD", "EUR")}))
    rates = 0.9 * np.exp(np.cumsum(np.random.default_rng(4).normal(0, 0.004, len(DAYS))))
    ingest(book, rates[:QUOTED], DAYS[:QUOTED], "fx-usd-eur")
    lend(book, 1_000, LtvBasis.LENDABLE, "EUR")
    before = row_of(book, "EUR")
    quote(book, QUOTED, 1.45, "fx-usd-eur", level=rates[QUOTED - 1])
    quote(book, QUOTED, 1.0)

    after = row_of(book, "EUR")
    assert before.row["price_adjustment"] == 1.0
    assert after.row["price_adjustment"] < 0.85
    assert row_of(book).row["price_adjustment"] == 1.0


def test_a_price_and_a_rate_that_move_against_each_other_are_not_adjusted(book):
    do(book, lambda write: ensure_fx_series(write, {("USD", "EUR")}))
    rates = 0.9 * np.exp(np.cumsum(np.random.default_rng(4).normal(0, 0.004, len(DAYS))))
    ingest(book, rates[:QUOTED], DAYS[:QUOTED], "fx-usd-eur")
    lend(book, 1_000, LtvBasis.LENDABLE, "EUR")
    quote(book, QUOTED, 1 / 1.4, "fx-usd-eur", level=rates[QUOTED - 1])
    quote(book, QUOTED, 1.4)

    assert row_of(book, "EUR").row["price_adjustment"] == 1.0
    assert row_of(book).row["price_adjustment"] < 0.9


def test_an_unknown_value_keeps_the_adjusted_value_of_its_last_known_one(book):
    lend(book, 1_000, LtvBasis.MARKET)
    quote(book, QUOTED, 1.45)
    known = row_of(book)
    do(book, lambda write: advance(write, day_of(FIRST) + 90))
    finish_run(book)

    stale = row_of(book)
    assert stale.row["unknown"]
    assert 0 < stale.good_adjusted_minor == known.adjusted_minor < stale.row["good_market_minor"]


def test_a_row_of_an_older_version_has_no_adjustment(book):
    lend(book, 1_000, LtvBasis.MARKET)
    with book.engine.begin() as connection:
        connection.execute(update(ValuationRow).values(price_adjustment=None, good_price_adjustment=None))
        connection.execute(update(HaircutCurveRow).values(supported_price=None, own_loss=None))
    before = row_of(book)
    owed = Balance(Money(2_000, "USD"), Money(0, "USD"), Money(0, "USD"), FIRST)
    do(book, lambda write: lending.ingest_balances(write, [lending.BalancePush(0, "l", owed)], ()))

    assert pool_of(book) == before.row["market_minor"]
    do(book, lambda write: revalue(write, [LOT.asset_id]))
    assert causes(book)[0] == EstimateCause.HISTORY


def test_after_a_level_break_the_haircut_is_not_below_the_history_before_it(empty_book):
    do(empty_book, lambda write: open_series(write, PriceSeries("copper", "copper", "t", "USD", max_age_days=60)))
    do(empty_book, lambda write: register(write, LOT))
    wild = 9_000 * np.exp(np.cumsum(np.random.default_rng(3).normal(0, 0.08, len(DAYS))))
    ingest(empty_book, wild[:QUOTED], DAYS[:QUOTED])
    ingest(empty_book, wild[QUOTED - 1] * np.array([6.0, 6.1, 6.0]), DAYS[QUOTED : QUOTED + 3])

    with empty_book.read() as connection:
        after, before = list_estimates(connection, narrowed(EVERYTHING, "series", "copper"), END, 2)
    assert np.isnan(after.estimate.loss).all()
    assert (after.estimate.own_loss >= before.estimate.loss).all()
    row = row_of(empty_book).row
    assert row["stand_ins"]
    assert row["h_market"] == pytest.approx(after.estimate.own_loss[row["horizon_days"] - 1])
    assert row["h_market"] > 0.5


def test_without_an_estimate_a_calm_history_leaves_the_number_of_the_policy(empty_book):
    do(empty_book, lambda write: open_series(write, PriceSeries("copper", "copper", "t", "USD", max_age_days=60)))
    do(empty_book, lambda write: register(write, LOT))
    ingest(empty_book, QUIET[:40], DAYS[QUOTED - 40 : QUOTED])

    row = row_of(empty_book).row
    assert row["stand_ins"]
    assert row["h_market"] == pytest.approx(0.4)
