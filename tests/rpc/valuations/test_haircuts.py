"""Haircuts of prices in a request and of registered series, and the curves used by valuations."""

import grpc
import numpy as np
import pytest
from google.type.decimal_pb2 import Decimal

from collateral_registry.v1 import common_pb2, haircut_pb2, price_pb2, valuation_pb2
from tests.support.price_series import DAYS, noise, walk
from tests.support.server import FIRST_DAY, Client, calendar, observation
from valuation.haircuts.models.price_haircut import haircut
from valuation.haircuts.models.sale_horizon import Sale, sale_haircut

PRICES = walk(noise(700)).round(4)


def sent(prices, days=DAYS):
    return [
        haircut_pb2.DatedPrice(date=calendar(day), price=Decimal(value=repr(float(price))))
        for day, price in zip(days.astype(object), prices, strict=False)
    ]


def estimate(client: Client, prices, **fields) -> haircut_pb2.EstimateHaircutResponse:
    return client.haircuts.EstimateHaircut(
        haircut_pb2.EstimateHaircutRequest(prices=sent(prices), **{"horizon_days": 20, **fields})
    )


def test_prices_in_the_request_get_the_haircut_of_the_library(shared_client):
    answer = estimate(shared_client, PRICES)

    assert float(answer.haircut.value) == pytest.approx(haircut(PRICES, DAYS[:701], 20).loss, abs=1e-9)
    assert float(answer.expected_shortfall.value) > float(answer.haircut.value)
    assert (answer.model, answer.observation_count) == ("pooled-scale/2", 701)
    assert (answer.light, answer.multiplier.value) == ("green", "1")
    assert answer.date == calendar(DAYS[700].astype(object))


def test_defects_of_prices_are_named_with_their_dates(shared_client):
    wrong = PRICES.copy()
    wrong[100], wrong[200] = -36.98, wrong[200] * 100

    found = {one.defect: list(one.dates) for one in estimate(shared_client, wrong).defects}

    assert found["NOT_POSITIVE"] == [calendar(DAYS[100].astype(object))]
    assert found["SPIKE"] == [calendar(DAYS[200].astype(object))]


def test_too_few_prices_have_no_haircut_but_a_floor(shared_client):
    answer = estimate(shared_client, PRICES[:30])

    assert not answer.HasField("haircut")
    assert float(answer.class_floor.value) > 0.2
    assert common_pb2.QUALITY_FLAG_SHORT_HISTORY in answer.quality_flags


def test_a_registered_series_is_estimated_and_backtested(client):
    client.open_copper()
    client.quote_history(days=700)

    answer = client.haircuts.EstimateHaircut(
        haircut_pb2.EstimateHaircutRequest(price_series="priceSeries/copper", horizon_days=10)
    )
    tests = client.haircuts.BacktestHaircut(
        haircut_pb2.BacktestHaircutRequest(price_series="priceSeries/copper", horizon_days=10)
    )

    assert answer.observation_count == 700
    assert answer.date == calendar(FIRST_DAY)
    assert tests.window_count == 19
    assert tests.light == "green"
    assert float(tests.expected_exceedances.value) == pytest.approx(0.19)


def test_a_series_too_short_for_a_backtest_is_reported_as_such(shared_client):
    answer = shared_client.haircuts.BacktestHaircut(
        haircut_pb2.BacktestHaircutRequest(prices=sent(PRICES[:200]), horizon_days=20)
    )

    assert (answer.window_count, answer.light) == (0, "none")
    assert not answer.HasField("kupiec_p")


def test_the_curves_of_valuations_are_listed_newest_first_and_paged(client):
    for series, asset in (("copper", "lot-1"), ("copper-2", "lot-2")):
        client.open_copper(series)
        client.quote_history(series=series)
        client.register_lot(asset)

    full = haircut_pb2.HAIRCUT_ESTIMATE_VIEW_FULL
    first = client.haircuts.ListHaircutEstimates(haircut_pb2.ListHaircutEstimatesRequest(page_size=1, view=full))
    curve = first.haircut_estimates[0]

    assert curve.price_series.startswith("priceSeries/copper")
    assert (curve.base_currency_code, curve.currency_code, curve.confidence.value) == ("USD", "USD", "0.99")
    assert (np.diff(curve.losses) >= 0.0).all()
    of_one = haircut_pb2.ListHaircutEstimatesRequest(
        filter=f"series = {curve.price_series[12:]} AND cause = FIRST", view=full
    )
    assert curve in client.haircuts.ListHaircutEstimates(of_one).haircut_estimates
    of_none = haircut_pb2.ListHaircutEstimatesRequest(filter="series = unobtainium")
    assert not client.haircuts.ListHaircutEstimates(of_none).haircut_estimates
    rest = client.haircuts.ListHaircutEstimates(
        haircut_pb2.ListHaircutEstimatesRequest(page_size=1, page_token=first.next_page_token or "")
    )
    assert not first.next_page_token or rest.haircut_estimates[0].sequence <= curve.sequence


def test_a_list_has_no_losses_and_one_curve_has_them(client):
    client.open_copper()
    client.quote_history()
    client.register_lot()

    (listed,) = client.haircuts.ListHaircutEstimates(haircut_pb2.ListHaircutEstimatesRequest()).haircut_estimates
    found = client.haircuts.GetHaircutEstimate(haircut_pb2.GetHaircutEstimateRequest(name=listed.name))

    assert not listed.losses
    assert found.losses
    del found.losses[:]
    assert found == listed


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("haircutEstimates/7", grpc.StatusCode.NOT_FOUND),
        (f"haircutEstimates/{10**19 - 1}", grpc.StatusCode.NOT_FOUND),
        ("haircutEstimates/copper", grpc.StatusCode.INVALID_ARGUMENT),
    ],
    ids=["unknown", "too large", "no number"],
)
def test_a_curve_that_does_not_exist_is_refused(shared_client, name, code):
    with pytest.raises(grpc.RpcError) as refused:
        shared_client.haircuts.GetHaircutEstimate(haircut_pb2.GetHaircutEstimateRequest(name=name))

    assert refused.value.code() is code


def by_pages(client: Client, size: int) -> list[int]:
    """The commits of the curves, read page by page."""
    found, token = [], ""
    while True:
        page = client.haircuts.ListHaircutEstimates(
            haircut_pb2.ListHaircutEstimatesRequest(page_size=size, page_token=token)
        )
        found += [curve.sequence for curve in page.haircut_estimates]
        token = page.next_page_token
        if not token:
            return found


def test_price_moves_beyond_a_curve_recompute_it_early_and_state_the_cause(client):
    client.open_copper()
    client.quote_history(days=700)
    client.register_lot()
    client.register_loan()
    client.pledge()
    price = 10_000.0
    for number in range(1, 13):
        price *= np.exp(0.029 if number % 2 else -0.029)
        day = np.busday_offset(FIRST_DAY, number, roll="backward").astype(object)
        client.advance(day)
        client.quote(f"{price:.2f}", day)

    found = client.haircuts.ListHaircutEstimates(haircut_pb2.ListHaircutEstimatesRequest()).haircut_estimates
    curves = found[::-1]
    assert [curve.sequence for curve in curves] == sorted(curve.sequence for curve in curves)
    assert by_pages(client, 2) == [curve.sequence for curve in found]

    assert [curve.cause for curve in curves][:2] == ["FIRST", "SCHEDULE"]
    assert "DRIFT" in {curve.cause for curve in curves}
    assert (curves[0].light, curves[0].multiplier.value, curves[0].promise_count) == ("green", "1", 250)
    assert curves[1].drift > curves[0].drift
    assert all(curve.drift <= curve.drift_threshold for curve in curves)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"horizon_days": 0}, "horizon_days"),
        ({"horizon_days": 9_999}, "horizon_days"),
        ({"confidence": Decimal(value="0.4")}, "confidence"),
        ({"price_series": "priceSeries/copper"}, "price_series"),
        ({"prices": []}, "price_series"),
        ({"prices": [haircut_pb2.DatedPrice(price=Decimal(value="1"))]}, "prices[0].date"),
    ],
)
def test_invalid_requests_are_refused_with_their_field(shared_client, fields, field):
    request = haircut_pb2.EstimateHaircutRequest(**{"prices": sent(PRICES[:100]), "horizon_days": 20, **fields})

    with pytest.raises(grpc.RpcError) as refused:
        shared_client.haircuts.EstimateHaircut(request)

    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert field in refused.value.details()


def test_an_unknown_series_is_not_found(shared_client):
    request = haircut_pb2.EstimateHaircutRequest(price_series="priceSeries/unobtainium", horizon_days=20)

    with pytest.raises(grpc.RpcError) as refused:
        shared_client.haircuts.EstimateHaircut(request)

    assert refused.value.code() == grpc.StatusCode.NOT_FOUND


def test_a_sale_has_its_own_horizon_and_impact_and_every_part_of_the_loss_is_returned(shared_client):
    sale = haircut_pb2.Sale(quantity=Decimal(value="600"), daily_volume=Decimal(value="300"), cure_days=5)

    answer = estimate(shared_client, PRICES, horizon_days=0, sale=sale)

    alone = sale_haircut(PRICES, DAYS[:701], Sale(quantity=600, daily_volume=300, cure_days=5))
    assert answer.horizon_days == alone.market.horizon_days == 13
    assert float(answer.haircut.value) == pytest.approx(alone.loss, abs=1e-9)
    assert float(answer.impact.value) == pytest.approx(alone.impact, abs=1e-9)
    assert float(answer.path_minimum.value) >= float(answer.haircut.value)
    assert (answer.standard_error.value, answer.value_correction.value) == ("0", "1")


def test_a_model_is_chosen_by_its_name(shared_client):
    answer = estimate(shared_client, PRICES, model="ewma-fhs")

    assert answer.model.startswith("tier1-ewma-fhs")
    assert float(answer.standard_error.value) > 0.0


def a_sale(quantity: str, daily_volume: str, participation: str = "0.1") -> haircut_pb2.Sale:
    return haircut_pb2.Sale(
        quantity=Decimal(value=quantity),
        daily_volume=Decimal(value=daily_volume),
        participation=Decimal(value=participation),
    )


def opened_class(client: Client) -> list[str]:
    """A quiet series, and one that falls for months beyond its haircuts."""
    for series in ("copper", "falling"):
        client.open_copper(series)
    client.quote_history(days=1_200)
    moves = np.random.default_rng(5).normal(0.0, 0.004, 1_200)
    moves[600:630] -= 0.03
    moves[900:930] -= 0.03
    dates = np.busday_offset(FIRST_DAY, -np.arange(1_200)[::-1], roll="backward").astype(object)
    path = zip(dates, 9_000 * np.exp(np.cumsum(moves)), strict=True)
    quotes = [observation("falling", day, f"{price:.4f}") for day, price in path]
    client.prices.IngestPrices(price_pb2.IngestPricesRequest(observations=quotes))
    return ["priceSeries/copper", "priceSeries/falling"]


def test_a_class_is_tested_as_a_whole_and_by_series_and_informs_estimates(client):
    names = opened_class(client)

    def tests_of(**which):
        return client.haircuts.BacktestHaircut(haircut_pb2.BacktestHaircutRequest(horizon_days=10, **which))

    pooled, alone = tests_of(class_price_series=names), [tests_of(price_series=name) for name in names]
    assert [(one.price_series, one.tests) for one in pooled.series] == list(zip(names, alone, strict=True))
    assert alone[0].exceedance_count < alone[1].exceedance_count
    assert pooled.exceedance_count == sum(one.exceedance_count for one in alone)
    assert pooled.window_count == sum(one.window_count for one in alone)
    assert alone[0].HasField("independence_p")
    assert not pooled.HasField("independence_p")

    def haircut_of(**which):
        request = haircut_pb2.EstimateHaircutRequest(price_series=names[0], horizon_days=20, **which)
        return client.haircuts.EstimateHaircut(request)

    learned = haircut_of(class_price_series=names)
    assert learned.model == "pooled-scale/2+class-memory/1"
    assert float(learned.haircut.value) > float(haircut_of().haircut.value)


@pytest.mark.parametrize(
    ("call", "fields", "field"),
    [
        ("EstimateHaircut", {"model": "tier2"}, "model"),
        ("EstimateHaircut", {"sale": haircut_pb2.Sale(cure_days=3)}, "horizon_days"),
        ("EstimateHaircut", {"horizon_days": 0, "sale": haircut_pb2.Sale(quantity=Decimal(value="9"))}, "daily_volume"),
        ("EstimateHaircut", {"horizon_days": 0, "sale": a_sale("1e300", "1")}, "sale.quantity"),
        ("EstimateHaircut", {"horizon_days": 0, "sale": a_sale("1", "1e400")}, "sale.daily_volume"),
        ("EstimateHaircut", {"horizon_days": 0, "sale": a_sale("1", "1", "1e-300")}, "sale.participation"),
        ("EstimateHaircut", {"horizon_days": 0, "sale": a_sale("1e18", "1e-9")}, "sale.quantity"),
        ("EstimateHaircut", {"horizon_days": 0, "sale": a_sale("-1", "1")}, "sale.quantity"),
        ("EstimateHaircut", {"class_price_series": ["priceSeries/a"], "model": "ewma-fhs"}, "class_price_series"),
        ("EstimateHaircut", {"class_price_series": ["copper"]}, "class_price_series[0]"),
        ("EstimateHaircut", {"class_price_series": ["priceSeries/a"] * 51}, "class_price_series"),
        ("BacktestHaircut", {"model": "arithmetic"}, "model"),
        ("BacktestHaircut", {"class_price_series": ["priceSeries/a"]}, "class_price_series"),
        (
            "BacktestHaircut",
            {"prices": [], "class_price_series": ["priceSeries/a"], "model": "ewma-fhs"},
            "class_price",
        ),
    ],
)
def test_invalid_models_sales_and_classes_are_refused_with_their_field(shared_client, call, fields, field):
    request_of = getattr(haircut_pb2, f"{call}Request")
    request = request_of(**{"prices": sent(PRICES[:100]), "horizon_days": 20, **fields})

    with pytest.raises(grpc.RpcError) as refused:
        getattr(shared_client.haircuts, call)(request)

    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert field in refused.value.details()


def test_a_valuation_shows_a_smoothed_quote_and_its_correction_factor_after_a_fall(client):
    moves = np.random.default_rng(7).normal(0.0, 0.01, 400)
    for place in range(1, len(moves)):
        moves[place] = 0.4 * moves[place] + 0.6 * moves[place - 1]
    moves[-1] = -0.01
    dates = np.busday_offset(FIRST_DAY, -np.arange(400)[::-1], roll="backward").astype(object)
    path = 9_000 * np.exp(np.cumsum(moves))
    quotes = [observation("copper", day, f"{price:.2f}") for day, price in zip(dates, path, strict=True)]
    client.open_copper()
    client.prices.IngestPrices(price_pb2.IngestPricesRequest(observations=quotes))
    client.register_lot(quantity="1")

    request = valuation_pb2.ValueAssetsRequest(names=["assets/lot-1"])
    now = client.valuations.ValueAssets(request).valuations[0]
    listed = client.valuations.ListValuations(valuation_pb2.ListValuationsRequest(parent="assets/lot-1"))
    for answer in (now, listed.valuations[0]):
        inputs = {one.input: float(one.value.value) for one in answer.inputs if one.HasField("value")}
        worth = inputs["price"] * inputs["true_value_share"]
        assert inputs["price"] == pytest.approx(round(path[-1], 2), rel=1e-12)
        assert inputs["true_value_share"] < 0.99
        assert answer.market_value.units + answer.market_value.nanos / 1e9 == pytest.approx(worth, abs=0.01)
        assert common_pb2.QUALITY_FLAG_SMOOTHED in answer.quality_flags
