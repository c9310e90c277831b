"""Stored haircut curves follow their price series: corrections, late prices, shocks, monitor status and gaps."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from sqlalchemy import update

from collateral_registry.commands.assets.register import register
from collateral_registry.commands.prices.admission import Quote
from collateral_registry.commands.prices.ingest import ensure_fx_series, ingest_prices, open_series
from collateral_registry.commands.valuations.revalue import revalue
from collateral_registry.domain.assets.kinds import Inventory
from collateral_registry.domain.filters.expressions import EVERYTHING, narrowed
from collateral_registry.domain.prices.market_data import EstimateCause
from collateral_registry.domain.prices.series import PriceSeries
from collateral_registry.store.prices.haircut_curves import list_estimates
from collateral_registry.store.schema.prices import HaircutCurveRow
from collateral_registry.store.valuations.repository import list_valuations
from tests.support.books import FIRST, LOT, do, open_empty_book
from valuation.flags import QualityFlag
from valuation.haircuts.models.pooled import pooled_scale

DAYS = np.busday_offset(FIRST, -np.arange(600)[::-1], roll="backward").astype(object)
"""Business days up to the book's first business date."""

QUOTED = 580
"""Number of these days that are quoted before a test begins."""

QUIET = np.random.default_rng(3).normal(0, 0.012, len(DAYS))
END = (1 << 62, 1 << 62)
FX = "fx-eur-usd"


def prices_of(moves):
    return 9_000 * np.exp(np.cumsum(moves))


def ingest(database, prices, days, series="copper"):
    """Ingests prices, one a day."""
    dated = zip(days, prices, strict=True)
    found = [Quote(n, series, day, Decimal(f"{price:.6g}")) for n, (day, price) in enumerate(dated)]
    return do(database, lambda write: ingest_prices(write, found))


def curves(database, series="copper"):
    """Returns the stored curves of a series, oldest first."""
    with database.read() as connection:
        return list_estimates(connection, narrowed(EVERYTHING, "series", series), END, 1_000)[::-1]


def causes(database):
    return [one.estimate.cause for one in curves(database)]


@pytest.fixture
def book(built_book):
    """A lot of 120 t of copper, and no price."""
    return built_book(registered_lot)


@pytest.fixture
def quiet(built_book):
    """The same with quiet prices on the first QUOTED days."""
    return built_book(quiet_lot)


def registered_lot(url):
    database = open_empty_book(url)
    do(database, lambda write: open_series(write, PriceSeries("copper", "copper", "t", "USD", max_age_days=60)))
    do(database, lambda write: register(write, LOT))
    return database


def quiet_lot(url):
    book = registered_lot(url)
    ingest(book, prices_of(QUIET)[:QUOTED], DAYS[:QUOTED])
    assert causes(book) == [EstimateCause.FIRST]
    return book


def test_a_corrected_price_replaces_the_curve_on_the_same_day(quiet):
    place = QUOTED - 10

    ingest(quiet, [prices_of(QUIET)[place] * 1.04], [DAYS[place]])

    before, after = curves(quiet)
    assert after.estimate.cause == EstimateCause.HISTORY
    assert after.estimate.day == before.estimate.day
    assert (after.estimate.loss > before.estimate.loss).all()


def test_a_value_uses_the_replaced_curve(quiet):
    ingest(quiet, [prices_of(QUIET)[QUOTED - 10] * 1.04], [DAYS[QUOTED - 10]])

    with quiet.read() as connection:
        newest, before = list_valuations(connection, LOT.asset_id, EVERYTHING, (1 << 62, ""), 10)[:2]
    assert newest["estimate_key"] == curves(quiet)[-1].estimate.estimate_key
    assert newest["lendable_minor"] < before["lendable_minor"]
    assert newest["market_minor"] == before["market_minor"]


def test_a_correction_smaller_than_a_usual_daily_move_keeps_the_curve(quiet):
    ingest(quiet, [prices_of(QUIET)[QUOTED - 10] * 1.002], [DAYS[QUOTED - 10]])

    assert causes(quiet) == [EstimateCause.FIRST]


def test_many_small_corrections_in_one_message_replace_the_curve(quiet):
    shaken = prices_of(QUIET)[QUOTED - 250 : QUOTED - 1] * np.where(np.arange(249) % 2, 1.008, 0.992)
    ingest(quiet, shaken, DAYS[QUOTED - 250 : QUOTED - 1])

    assert causes(quiet) == [EstimateCause.FIRST, EstimateCause.HISTORY]


def test_an_old_break_of_level_hides_no_correction(book):
    moves = QUIET.copy()
    moves[100] = np.log(2204.6)
    prices = prices_of(moves)
    for first, last in ((0, 100), (100, QUOTED)):
        ingest(book, prices[first:last], DAYS[first:last])
    before = len(curves(book))
    ingest(book, [prices[QUOTED - 6] * 1.1], [DAYS[QUOTED - 6]])

    assert causes(book)[before:] == [EstimateCause.HISTORY]


def test_a_curve_stored_without_its_price_is_replaced(quiet):
    with quiet.engine.begin() as connection:
        connection.execute(update(HaircutCurveRow).values(price=None, log_return=None))

    do(quiet, lambda write: revalue(write, [LOT.asset_id]))

    assert causes(quiet) == [EstimateCause.FIRST, EstimateCause.HISTORY]
    do(quiet, lambda write: revalue(write, [LOT.asset_id]))
    assert len(curves(quiet)) == 2


def test_a_history_filled_in_later_replaces_the_curve(book):
    ingest(book, prices_of(QUIET)[500:QUOTED], DAYS[500:QUOTED])
    ingest(book, prices_of(QUIET)[:500], DAYS[:500])

    short, full = curves(book)
    assert (short.observations, full.observations) == (QUOTED - 500, QUOTED)
    assert full.estimate.cause == EstimateCause.HISTORY


def test_the_curve_after_a_correction_equals_that_of_correct_prices_from_the_beginning(quiet):
    correct = np.array([float(f"{price:.6g}") for price in prices_of(QUIET)[:QUOTED]])
    correct[QUOTED - 10] = float(f"{prices_of(QUIET)[QUOTED - 10] * 1.04:.6g}")

    ingest(quiet, correct[QUOTED - 10 : QUOTED - 9], [DAYS[QUOTED - 10]])

    last = curves(quiet)[-1]
    days = DAYS[:QUOTED].astype("datetime64[D]")
    confidence = last.need.confidence_ppm / 1_000_000
    alone = pooled_scale(days, correct, max_horizon_days=len(last.estimate.loss), confidence=confidence)
    np.testing.assert_array_equal(last.estimate.loss, alone.loss)


def test_a_large_correction_of_the_newest_price_is_a_shock_on_its_day(quiet):
    ingest(quiet, [prices_of(QUIET)[QUOTED - 1] * 0.9], [DAYS[QUOTED - 1]])

    assert causes(quiet) == [EstimateCause.FIRST, EstimateCause.SHOCK]
    assert len({one.estimate.day for one in curves(quiet)}) == 1


def test_a_newest_price_corrected_back_has_the_first_curve_and_replaces_it_only_once(quiet):
    correct = prices_of(QUIET)[QUOTED - 1]
    ingest(quiet, [correct * 0.9], [DAYS[QUOTED - 1]])
    ingest(quiet, [correct], [DAYS[QUOTED - 1]])

    with quiet.read() as connection:
        values = list_valuations(connection, LOT.asset_id, EVERYTHING, (1 << 62, ""), 10)
    first, _, last = curves(quiet)
    assert values[0]["estimate_key"] == last.estimate.estimate_key
    np.testing.assert_array_equal(first.estimate.loss, last.estimate.loss)
    assert values[0]["lendable_minor"] == values[2]["lendable_minor"] > values[1]["lendable_minor"]

    do(quiet, lambda write: revalue(write, [LOT.asset_id]))
    assert len(curves(quiet)) == 3


def test_a_crash_quarantined_until_confirmed_is_a_shock(quiet):
    crashed = prices_of(QUIET)[QUOTED:] * 0.5
    for place in range(3):
        ingested = ingest(quiet, crashed[place : place + 1], DAYS[QUOTED + place : QUOTED + place + 1])
        assert ingested.quarantined == (0 if place == 2 else 1)

    assert causes(quiet) == [EstimateCause.FIRST, EstimateCause.SHOCK]


def test_several_days_in_one_message_are_a_shock_by_their_total_move(quiet):
    fallen = prices_of(QUIET)[QUOTED - 1] * np.array([0.955, 0.913, 0.872, 0.833])
    ingest(quiet, fallen, DAYS[QUOTED : QUOTED + 4])

    assert causes(quiet) == [EstimateCause.FIRST, EstimateCause.SHOCK]


def test_a_model_with_amber_or_red_status_follows_every_new_price(book):
    moves = QUIET.copy()
    moves[QUOTED - 200 : QUOTED : 24] = -0.06
    ingest(book, prices_of(moves)[:QUOTED], DAYS[:QUOTED])
    assert curves(book)[0].estimate.watch.status in {"amber", "red"}

    ingest(book, prices_of(moves)[QUOTED : QUOTED + 1], DAYS[QUOTED : QUOTED + 1])

    last = curves(book)[-1].estimate
    assert last.cause == EstimateCause.LIGHT
    assert last.watch.promises == 250


def test_a_smoothed_quote_is_worth_less_after_a_fall_and_no_more_after_a_rise(book):
    prices = prices_of(smoothed())
    ingest(book, prices[:QUOTED], DAYS[:QUOTED])
    fallen = curves(book)[-1].estimate
    with book.read() as connection:
        value = list_valuations(connection, LOT.asset_id, EVERYTHING, (1 << 62, ""), 1)[0]

    assert fallen.flags & int(QualityFlag.SMOOTHED)
    assert fallen.hidden_gap < -0.01
    quote = float(f"{prices[QUOTED - 1]:.6g}")
    assert value["price"] == pytest.approx(quote * np.exp(fallen.hidden_gap), rel=1e-12)
    assert value["market_minor"] == pytest.approx(120 * 100 * value["price"], abs=1)

    ingest(book, prices[QUOTED : QUOTED + 1], DAYS[QUOTED : QUOTED + 1])
    risen = curves(book)[-1].estimate
    with book.read() as connection:
        value = list_valuations(connection, LOT.asset_id, EVERYTHING, (1 << 62, ""), 1)[0]
    assert (risen.cause, risen.hidden_gap > 0.0) == (EstimateCause.SMOOTHED, True)
    assert value["price"] == float(f"{prices[QUOTED]:.6g}")


def smoothed(smoothing=0.6):
    """Returns smoothed moves with a fall on the last quoted day and a rise on the next."""
    moves = QUIET.copy()
    for place in range(1, len(moves)):
        moves[place] = (1 - smoothing) * QUIET[place] + smoothing * moves[place - 1]
    moves[QUOTED - 1], moves[QUOTED] = -0.01, 0.01
    return moves


def test_a_smoothed_quote_corrected_on_its_day_has_the_gap_of_the_corrected_price(book):
    prices = prices_of(smoothed())
    ingest(book, prices[:QUOTED], DAYS[:QUOTED])
    before = curves(book)[-1].estimate
    ingest(book, [prices[QUOTED - 1] * 0.99], [DAYS[QUOTED - 1]])
    after = curves(book)[-1].estimate

    assert (after.cause, after.day) == (EstimateCause.SMOOTHED, before.day)
    assert after.hidden_gap < before.hidden_gap - 0.005

    ingest(book, [prices[QUOTED - 1] * 0.9899], [DAYS[QUOTED - 1]])
    assert len(curves(book)) == 2


def test_a_smoothed_quote_has_the_same_gap_in_a_foreign_currency(book):
    do(book, lambda write: ensure_fx_series(write, {("EUR", "USD")}))
    ingest(book, 1.1 * np.exp(np.cumsum(QUIET[::-1]))[:QUOTED], DAYS[:QUOTED], FX)
    ingest(book, prices_of(smoothed())[:QUOTED], DAYS[:QUOTED])
    foreign = replace(LOT, asset_id="lot-2", currency="EUR", detail=Inventory("copper", Decimal(1), "t", "W-1", "L-2"))
    do(book, lambda write: register(write, foreign))

    gaps = {one.need.currency: one.estimate.hidden_gap for one in curves(book)}
    assert gaps["EUR"] == gaps["USD"] < -0.01


def test_rates_ingested_after_a_valuation_without_them_create_the_curve(book):
    ingest(book, prices_of(QUIET)[:QUOTED], DAYS[:QUOTED])
    foreign = replace(LOT, asset_id="lot-2", currency="EUR", detail=Inventory("copper", Decimal(1), "t", "W-1", "L-2"))
    do(book, lambda write: register(write, foreign))
    do(book, lambda write: ensure_fx_series(write, {("EUR", "USD")}))
    ingest(book, 1.1 * np.exp(np.cumsum(QUIET[::-1] / 3))[:QUOTED], DAYS[:QUOTED], FX)

    (curve,) = [one.estimate for one in curves(book) if one.need.currency == "EUR"]
    assert not np.isnan(curve.loss).any()


def test_a_large_move_of_the_rate_replaces_the_curve_of_a_foreign_good(book):
    do(book, lambda write: ensure_fx_series(write, {("EUR", "USD")}))
    rates = 1.1 * np.exp(np.cumsum(QUIET[::-1] / 3))
    ingest(book, rates[:QUOTED], DAYS[:QUOTED], FX)
    ingest(book, prices_of(QUIET)[:QUOTED], DAYS[:QUOTED])
    foreign = replace(LOT, asset_id="lot-2", currency="EUR", detail=Inventory("copper", Decimal(1), "t", "W-1", "L-2"))
    do(book, lambda write: register(write, foreign))

    ingest(book, [rates[QUOTED - 1] * 1.09], [DAYS[QUOTED]], FX)

    in_euro = [one.estimate.cause for one in curves(book) if one.need.currency == "EUR"]
    assert in_euro == [EstimateCause.FIRST, EstimateCause.SHOCK]
    assert causes(book).count(EstimateCause.SHOCK) == 1
