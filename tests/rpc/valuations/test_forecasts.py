"""Forecasts of registered series: the figures of the library, or the reason why there are none."""

from datetime import timedelta

import grpc
import numpy as np
import pytest
from google.type.decimal_pb2 import Decimal

from collateral_registry.cli.prices.forecast import FORECAST_COLUMNS
from collateral_registry.v1 import asset_pb2, forecast_pb2 as pb, price_pb2, report_pb2
from tests.support.server import FIRST_DAY, Client, Server, calendar, connected, copper_lot, details_of, observation
from valuation.forecast.value import forecast

COUNTS = {"copper": 106, "short": 30, "constant": 90, "stale": 150}
DAY = np.datetime64(FIRST_DAY)
LAST = {"stale": DAY - 30}
RISES = {"constant": 0.0}


def quotes(series):
    """Returns the days and the prices of a series, which are wavy so that they need no random numbers."""
    count = COUNTS[series]
    days = np.busday_offset(LAST.get(series, DAY), -np.arange(count)[::-1], roll="backward")
    steps = RISES.get(series, 0.01) * np.sin(np.arange(count) ** 1.5)
    return days, (9000 * np.exp(np.cumsum(steps))).round(2)


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    running = Server(f"sqlite:///{tmp_path_factory.mktemp('forecasts') / 'book.db'}").start()
    with connected(running) as client:
        for series in COUNTS:
            client.open_copper(series)
            found = [
                observation(series, day, str(price)) for day, price in zip(*_objects(*quotes(series)), strict=True)
            ]
            client.prices.IngestPrices(price_pb2.IngestPricesRequest(observations=found))
        client.register_lot()
        unpriced = copper_lot(lot="LOT-2")
        unpriced.inventory.good = "zinc"
        client.assets.CreateAsset(asset_pb2.CreateAssetRequest(asset=unpriced, asset_id="lot-2"))
        yield client
    running.stop()


def _objects(days, prices):
    return days.astype(object).tolist(), prices.tolist()


def forecast_of(client: Client, **fields) -> pb.ForecastPriceResponse:
    return client.forecasts.ForecastPrice(pb.ForecastPriceRequest(**fields))


def test_a_forecast_has_the_figures_of_the_library(book):
    days, prices = quotes("copper")

    answer = forecast_of(book, price_series="priceSeries/copper", horizon_days=5)

    wanted = forecast(prices, days, 5)
    quantiles = [[getattr(step, name) for name in FORECAST_COLUMNS[5:12]] for step in answer.steps]
    np.testing.assert_array_equal(np.array(quantiles).T, wanted.fan)
    assert [step.lendable for step in answer.steps] == wanted.lendable.tolist()
    assert [step.horizon_days for step in answer.steps] == [1, 2, 3, 4, 5]
    assert answer.steps[0].date == calendar(FIRST_DAY + timedelta(days=3))
    assert (answer.model, answer.observation_count) == (wanted.selection.model, 106)
    assert (answer.date, answer.price) == (calendar(FIRST_DAY), Decimal(value=str(prices[-1])))
    assert (answer.unit, answer.currency_code, answer.state) == ("t", "USD", pb.FORECAST_STATE_KNOWN)
    assert [one.model for one in answer.trials] == [one.model for one in wanted.selection.trials]


def test_a_named_model_is_used_without_a_test(book):
    answer = forecast_of(book, price_series="priceSeries/copper", horizon_days=5, model="random-walk")

    assert answer.model == "random-walk"
    assert [step.p50 for step in answer.steps] == pytest.approx([float(answer.price.value)] * 5)
    assert not answer.trials


def test_a_lot_has_the_forecast_of_its_price_series(book):
    answer = forecast_of(book, asset="assets/lot-1", model="random-walk")

    assert (answer.price_series, len(answer.steps)) == ("priceSeries/copper", 60)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"price_series": "priceSeries/short"}, pb.FORECAST_UNKNOWN_REASON_SHORT_HISTORY),
        ({"price_series": "priceSeries/constant"}, pb.FORECAST_UNKNOWN_REASON_CONSTANT_PRICE),
        ({"price_series": "priceSeries/stale"}, pb.FORECAST_UNKNOWN_REASON_STALE_PRICE),
        ({"asset": "assets/lot-2"}, pb.FORECAST_UNKNOWN_REASON_NO_PRICE),
        (
            {"price_series": "priceSeries/copper", "as_of": report_pb2.AsOf(sequence=1)},
            pb.FORECAST_UNKNOWN_REASON_NO_PRICE,
        ),
    ],
)
def test_without_a_usable_history_the_forecast_is_unknown_with_its_reason(book, fields, reason):
    answer = forecast_of(book, model="random-walk", **fields)

    assert (answer.state, answer.unknown_reason) == (pb.FORECAST_STATE_UNKNOWN, reason)
    assert not answer.steps
    assert not answer.model


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({}, ["price_series"]),
        ({"price_series": "priceSeries/copper", "asset": "assets/lot-1"}, ["price_series"]),
        ({"price_series": "copper", "horizon_days": 251, "model": "best"}, ["price_series", "horizon_days", "model"]),
        ({"price_series": "priceSeries/copper", "horizon_days": -1}, ["horizon_days"]),
        ({"price_series": "priceSeries/copper", "as_of": report_pb2.AsOf(sequence=999)}, ["as_of.sequence"]),
    ],
)
def test_a_wrong_request_is_refused_with_its_fields(book, fields, wrong):
    with pytest.raises(grpc.RpcError) as refused:
        forecast_of(book, **fields)

    assert details_of(refused.value)[1] == wrong


@pytest.mark.parametrize("fields", [{"price_series": "priceSeries/none"}, {"asset": "assets/none"}])
def test_an_unknown_series_or_asset_is_not_found(book, fields):
    with pytest.raises(grpc.RpcError) as refused:
        forecast_of(book, **fields)

    assert refused.value.code() == grpc.StatusCode.NOT_FOUND


def test_a_caller_that_gives_up_stops_its_forecast_and_the_next_caller_has_one(book):
    long = pb.ForecastPriceRequest(price_series="priceSeries/copper", horizon_days=250)
    with pytest.raises(grpc.RpcError) as late:
        book.forecasts.ForecastPrice(long, timeout=0.1)

    assert late.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert forecast_of(book, price_series="priceSeries/copper", model="random-walk").steps


def test_more_callers_than_may_wait_are_refused(book):
    long = pb.ForecastPriceRequest(price_series="priceSeries/copper", horizon_days=250, model="random-walk")
    calls = [book.forecasts.ForecastPrice.future(long) for _ in range(30)]
    codes = [call.code() for call in calls]

    assert codes.count(grpc.StatusCode.RESOURCE_EXHAUSTED) >= 30 - 16 - 2 - 4
    assert grpc.StatusCode.OK in codes
    assert set(codes) == {grpc.StatusCode.OK, grpc.StatusCode.RESOURCE_EXHAUSTED}


def test_a_past_forecast_uses_the_prices_known_then(book):
    later = FIRST_DAY + timedelta(days=3)
    before = forecast_of(book, price_series="priceSeries/copper", horizon_days=5, model="random-walk")
    book.advance(later)
    book.quote("9100", later)

    past = forecast_of(
        book,
        price_series="priceSeries/copper",
        horizon_days=5,
        model="random-walk",
        as_of=report_pb2.AsOf(sequence=before.sequence),
    )
    now = forecast_of(book, price_series="priceSeries/copper", horizon_days=5, model="random-walk")

    assert past == before
    assert (now.date, now.market_date) == (calendar(later), calendar(later))
