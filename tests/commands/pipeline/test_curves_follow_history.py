"""Stored curves follow what their series say: corrections, fillings, shocks, lights and gaps, on both engines."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from sqlalchemy import update

from collateral_registry.commands.assets.register import register
from collateral_registry.commands.prices.ingest import Quote, ensure_fx_series, ingest_prices, open_series
from collateral_registry.commands.valuations.revalue import revalue
from collateral_registry.domain.assets.kinds import Inventory
from collateral_registry.domain.prices.market_data import EstimateCause
from collateral_registry.domain.prices.series import PriceSeries
from collateral_registry.store.engine.filters import Condition
from collateral_registry.store.prices.haircut_curves import list_estimates
from collateral_registry.store.schema.prices import HaircutCurveRow
from collateral_registry.store.valuations.repository import list_valuations
from tests.support.books import FIRST, LOT, do
from valuation.flags import QualityFlag
from valuation.haircuts.models.pooled import pooled_scale

DAYS = np.busday_offset(FIRST, -np.arange(600)[::-1], roll="backward").astype(object)
"""Business days until the book's own, the last."""

TOLD = 580
"""Days of them that are quoted before a test begins."""

QUIET = np.random.default_rng(3).normal(0, 0.012, len(DAYS))
END = (1 << 62, 1 << 62)
FX = "fx-eur-usd"


def prices_of(moves):
    return 9_000 * np.exp(np.cumsum(moves))


def tell(database, prices, days, series="copper"):
    """Brings prices, one a day."""
    dated = zip(days, prices, strict=True)
    found = [Quote(n, series, day, Decimal(f"{price:.6g}")) for n, (day, price) in enumerate(dated)]
    return do(database, lambda write: ingest_prices(write, found))


def curves(database, series="copper"):
    """The stored curves of a series, oldest first."""
    with database.read() as connection:
        return list_estimates(connection, [Condition("series", series)], END, 1_000)[::-1]


def causes(database):
    return [one.estimate.cause for one in curves(database)]


@pytest.fixture
def book(empty_book):
    """A lot of 120 t of copper, and no price."""
    do(empty_book, lambda write: open_series(write, PriceSeries("copper", "copper", "t", "USD", max_age_days=60)))
    do(empty_book, lambda write: register(write, LOT))
    return empty_book


@pytest.fixture
def quiet(book):
    """The same with quiet prices, of which the last ``len(DAYS) - TOLD`` days are still to come."""
    tell(book, prices_of(QUIET)[:TOLD], DAYS[:TOLD])
    assert causes(book) == [EstimateCause.FIRST]
    return book


def test_a_corrected_price_makes_the_curve_anew_on_the_same_day(quiet):
    place = TOLD - 10

    tell(quiet, [prices_of(QUIET)[place] * 1.04], [DAYS[place]])

    before, after = curves(quiet)
    assert after.estimate.cause == EstimateCause.HISTORY
    assert after.estimate.day == before.estimate.day
    assert (after.estimate.loss > before.estimate.loss).all()


def test_a_value_is_that_of_the_curve_made_anew(quiet):
    tell(quiet, [prices_of(QUIET)[TOLD - 10] * 1.04], [DAYS[TOLD - 10]])

    with quiet.read() as connection:
        newest, before = list_valuations(connection, LOT.asset_id, (1 << 62, ""), 10)[:2]
    assert newest["estimate_key"] == curves(quiet)[-1].estimate.estimate_key
    assert newest["lendable_minor"] < before["lendable_minor"]
    assert newest["market_minor"] == before["market_minor"]


def test_a_revision_smaller_than_a_usual_day_makes_no_new_curve(quiet):
    tell(quiet, [prices_of(QUIET)[TOLD - 10] * 1.002], [DAYS[TOLD - 10]])

    assert causes(quiet) == [EstimateCause.FIRST]


def test_many_small_revisions_that_came_together_make_the_curve_anew(quiet):
    shaken = prices_of(QUIET)[TOLD - 250 : TOLD - 1] * np.where(np.arange(249) % 2, 1.008, 0.992)
    tell(quiet, shaken, DAYS[TOLD - 250 : TOLD - 1])

    assert causes(quiet) == [EstimateCause.FIRST, EstimateCause.HISTORY]


def test_an_old_break_of_level_hides_no_correction(book):
    moves = QUIET.copy()
    moves[100] = np.log(2204.6)
    prices = prices_of(moves)
    for first, last in ((0, 100), (100, TOLD)):
        tell(book, prices[first:last], DAYS[first:last])
    before = len(curves(book))
    tell(book, [prices[TOLD - 6] * 1.1], [DAYS[TOLD - 6]])

    assert causes(book)[before:] == [EstimateCause.HISTORY]


def test_a_curve_stored_before_its_price_was_kept_is_made_anew(quiet):
    with quiet.engine.begin() as connection:
        connection.execute(update(HaircutCurveRow).values(price=None, log_return=None))

    do(quiet, lambda write: revalue(write, [LOT.asset_id]))

    assert causes(quiet) == [EstimateCause.FIRST, EstimateCause.HISTORY]
    do(quiet, lambda write: revalue(write, [LOT.asset_id]))
    assert len(curves(quiet)) == 2


def test_a_history_filled_in_later_makes_the_curve_anew(book):
    tell(book, prices_of(QUIET)[500:TOLD], DAYS[500:TOLD])
    tell(book, prices_of(QUIET)[:500], DAYS[:500])

    short, full = curves(book)
    assert (short.observations, full.observations) == (TOLD - 500, TOLD)
    assert full.estimate.cause == EstimateCause.HISTORY


def test_the_curve_after_a_correction_is_that_of_prices_that_were_right_from_the_beginning(quiet):
    right = np.array([float(f"{price:.6g}") for price in prices_of(QUIET)[:TOLD]])
    right[TOLD - 10] = float(f"{prices_of(QUIET)[TOLD - 10] * 1.04:.6g}")

    tell(quiet, right[TOLD - 10 : TOLD - 9], [DAYS[TOLD - 10]])

    last = curves(quiet)[-1]
    days = DAYS[:TOLD].astype("datetime64[D]")
    confidence = last.need.confidence_ppm / 1_000_000
    alone = pooled_scale(days, right, max_horizon_days=len(last.estimate.loss), confidence=confidence)
    np.testing.assert_array_equal(last.estimate.loss, alone.loss)


def test_a_newest_price_corrected_by_much_is_a_shock_on_its_own_day(quiet):
    tell(quiet, [prices_of(QUIET)[TOLD - 1] * 0.9], [DAYS[TOLD - 1]])

    assert causes(quiet) == [EstimateCause.FIRST, EstimateCause.SHOCK]
    assert len({one.estimate.day for one in curves(quiet)}) == 1


def test_a_newest_price_corrected_back_has_the_first_curve_s_numbers_and_makes_no_more_of_them(quiet):
    right = prices_of(QUIET)[TOLD - 1]
    tell(quiet, [right * 0.9], [DAYS[TOLD - 1]])
    tell(quiet, [right], [DAYS[TOLD - 1]])

    with quiet.read() as connection:
        values = list_valuations(connection, LOT.asset_id, (1 << 62, ""), 10)
    first, _, last = curves(quiet)
    assert values[0]["estimate_key"] == last.estimate.estimate_key
    np.testing.assert_array_equal(first.estimate.loss, last.estimate.loss)
    assert values[0]["lendable_minor"] == values[2]["lendable_minor"] > values[1]["lendable_minor"]

    do(quiet, lambda write: revalue(write, [LOT.asset_id]))
    assert len(curves(quiet)) == 3


def test_a_crash_that_was_kept_aside_until_it_was_confirmed_is_a_shock(quiet):
    crashed = prices_of(QUIET)[TOLD:] * 0.5
    for place in range(3):
        taken = tell(quiet, crashed[place : place + 1], DAYS[TOLD + place : TOLD + place + 1])
        assert taken.quarantined == (0 if place == 2 else 1)

    assert causes(quiet) == [EstimateCause.FIRST, EstimateCause.SHOCK]


def test_days_that_come_in_one_message_are_a_shock_by_the_move_of_all(quiet):
    fallen = prices_of(QUIET)[TOLD - 1] * np.array([0.955, 0.913, 0.872, 0.833])
    tell(quiet, fallen, DAYS[TOLD : TOLD + 4])

    assert causes(quiet) == [EstimateCause.FIRST, EstimateCause.SHOCK]


def test_a_model_in_amber_or_red_follows_every_new_price(book):
    moves = QUIET.copy()
    moves[TOLD - 200 : TOLD : 24] = -0.06
    tell(book, prices_of(moves)[:TOLD], DAYS[:TOLD])
    assert curves(book)[0].estimate.watch.status in {"amber", "red"}

    tell(book, prices_of(moves)[TOLD : TOLD + 1], DAYS[TOLD : TOLD + 1])

    last = curves(book)[-1].estimate
    assert last.cause == EstimateCause.LIGHT
    assert last.watch.promises == 250


def test_a_smoothed_quote_after_a_fall_is_worth_less_than_it_says_and_after_a_rise_no_more(book):
    prices = prices_of(smoothed())
    tell(book, prices[:TOLD], DAYS[:TOLD])
    fallen = curves(book)[-1].estimate
    with book.read() as connection:
        value = list_valuations(connection, LOT.asset_id, (1 << 62, ""), 1)[0]

    assert fallen.flags & int(QualityFlag.SMOOTHED)
    assert fallen.hidden_gap < -0.01
    quote = float(f"{prices[TOLD - 1]:.6g}")
    assert value["price"] == pytest.approx(quote * np.exp(fallen.hidden_gap), rel=1e-12)
    assert value["market_minor"] == pytest.approx(120 * 100 * value["price"], abs=1)

    tell(book, prices[TOLD : TOLD + 1], DAYS[TOLD : TOLD + 1])
    risen = curves(book)[-1].estimate
    with book.read() as connection:
        value = list_valuations(connection, LOT.asset_id, (1 << 62, ""), 1)[0]
    assert (risen.cause, risen.hidden_gap > 0.0) == (EstimateCause.SMOOTHED, True)
    assert value["price"] == float(f"{prices[TOLD]:.6g}")


def smoothed(smoothing=0.6):
    """Moves that follow quiet ones slowly, with a fall on the last day told and a rise on the next."""
    moves = QUIET.copy()
    for place in range(1, len(moves)):
        moves[place] = (1 - smoothing) * QUIET[place] + smoothing * moves[place - 1]
    moves[TOLD - 1], moves[TOLD] = -0.01, 0.01
    return moves


def test_a_smoothed_quote_corrected_on_its_own_day_has_the_gap_of_what_it_says_now(book):
    prices = prices_of(smoothed())
    tell(book, prices[:TOLD], DAYS[:TOLD])
    before = curves(book)[-1].estimate
    tell(book, [prices[TOLD - 1] * 0.99], [DAYS[TOLD - 1]])
    after = curves(book)[-1].estimate

    assert (after.cause, after.day) == (EstimateCause.SMOOTHED, before.day)
    assert after.hidden_gap < before.hidden_gap - 0.005

    tell(book, [prices[TOLD - 1] * 0.9899], [DAYS[TOLD - 1]])
    assert len(curves(book)) == 2


def test_a_smoothed_quote_hides_as_much_from_a_foreign_loan_as_from_one_in_its_own_currency(book):
    do(book, lambda write: ensure_fx_series(write, {("EUR", "USD")}))
    tell(book, 1.1 * np.exp(np.cumsum(QUIET[::-1]))[:TOLD], DAYS[:TOLD], FX)
    tell(book, prices_of(smoothed())[:TOLD], DAYS[:TOLD])
    foreign = replace(LOT, asset_id="lot-2", currency="EUR", detail=Inventory("copper", Decimal(1), "t", "W-1", "L-2"))
    do(book, lambda write: register(write, foreign))

    gaps = {one.need.currency: one.estimate.hidden_gap for one in curves(book)}
    assert gaps["EUR"] == gaps["USD"] < -0.01


def test_rates_that_come_after_a_lot_was_valued_without_them_make_its_curve(book):
    tell(book, prices_of(QUIET)[:TOLD], DAYS[:TOLD])
    foreign = replace(LOT, asset_id="lot-2", currency="EUR", detail=Inventory("copper", Decimal(1), "t", "W-1", "L-2"))
    do(book, lambda write: register(write, foreign))
    do(book, lambda write: ensure_fx_series(write, {("EUR", "USD")}))
    tell(book, 1.1 * np.exp(np.cumsum(QUIET[::-1] / 3))[:TOLD], DAYS[:TOLD], FX)

    (curve,) = [one.estimate for one in curves(book) if one.need.currency == "EUR"]
    assert not np.isnan(curve.loss).any()


def test_a_rate_that_moves_by_much_makes_the_curve_of_a_foreign_good_anew_while_its_price_stands(book):
    do(book, lambda write: ensure_fx_series(write, {("EUR", "USD")}))
    rates = 1.1 * np.exp(np.cumsum(QUIET[::-1] / 3))
    tell(book, rates[:TOLD], DAYS[:TOLD], FX)
    tell(book, prices_of(QUIET)[:TOLD], DAYS[:TOLD])
    foreign = replace(LOT, asset_id="lot-2", currency="EUR", detail=Inventory("copper", Decimal(1), "t", "W-1", "L-2"))
    do(book, lambda write: register(write, foreign))

    tell(book, [rates[TOLD - 1] * 1.09], [DAYS[TOLD]], FX)

    in_euro = [one.estimate.cause for one in curves(book) if one.need.currency == "EUR"]
    assert in_euro == [EstimateCause.FIRST, EstimateCause.SHOCK]
    assert causes(book).count(EstimateCause.SHOCK) == 1
