"""Values in another currency: the rate, its path and its risk."""

from datetime import date, timedelta
from decimal import Decimal as Number

import numpy as np
import pytest
from google.type.decimal_pb2 import Decimal

from collateral_registry.v1 import common_pb2, price_pb2, valuation_pb2
from tests.support.server import (
    FIRST_DAY,
    amount,
    calendar,
    value_of,
)

KNOWN, UNKNOWN, ZERO = (
    valuation_pb2.VALUATION_STATE_KNOWN,
    valuation_pb2.VALUATION_STATE_UNKNOWN,
    valuation_pb2.VALUATION_STATE_ZERO,
)


def test_a_value_in_another_currency_needs_a_rate_and_includes_its_risk(client):
    client.open_copper()
    client.quote_history()
    client.register_lot()
    without = value_of(client, "lot-1", "EUR")
    rates = [
        price_pb2.FxRate(
            base_currency_code="EUR",
            quote_currency_code="USD",
            date=calendar(FIRST_DAY - timedelta(days=back)),
            rate=Decimal(value=f"1.{12 + back % 3}"),
        )
        for back in range(200)
    ]
    client.prices.IngestFxRates(price_pb2.IngestFxRatesRequest(rates=rates))
    with_rate = value_of(client, "lot-1", "EUR")

    assert list(without.unknown_reasons) == [common_pb2.UNKNOWN_REASON_NO_FX]
    assert amount(with_rate.market_value) == pytest.approx(Number(1_000_000) / Number("1.12"), abs=Number("0.01"))
    assert common_pb2.QUALITY_FLAG_FX_CONVERTED in with_rate.quality_flags
    assert with_rate.haircut_steps[1].haircut != value_of(client, "lot-1").haircut_steps[1].haircut


def rate(base: str, quote: str, value: str, day: date = FIRST_DAY) -> price_pb2.FxRate:
    given = {"base_currency_code": base, "quote_currency_code": quote}
    return price_pb2.FxRate(**given, date=calendar(day), rate=Decimal(value=value))


def test_a_converted_value_lists_the_quotes_of_its_rate(client):
    client.open_copper()
    client.quote_history()
    client.register_lot()
    yesterday = FIRST_DAY - timedelta(days=1)
    rates = [rate("EUR", "USD", "1.25"), rate("EUR", "CNY", "7.8", yesterday)]
    client.prices.IngestFxRates(price_pb2.IngestFxRatesRequest(rates=rates))

    found = value_of(client, "lot-1", "CNY")

    legs = [(leg.price_series, leg.inverse, leg.rate.value, leg.date.day) for leg in found.fx_path]
    dollars, yuan = ("priceSeries/fx-eur-usd", True, "1.25"), ("priceSeries/fx-eur-cny", False, "7.8")
    assert legs == [(*dollars, FIRST_DAY.day), (*yuan, yesterday.day)]
    assert amount(found.market_value) == 6_240_000
    assert not value_of(client, "lot-1").fx_path


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (rate("EUR", "GBp", "84.6"), "quote_currency_code: got 'GBp', want GBP"),
        (rate("GBX", "EUR", "0.0118"), "base_currency_code: got 'GBX', want GBP"),
        (rate("eur", "GBP", "0.85"), "base_currency_code: got 'eur', want an ISO 4217 code"),
        (rate("EUR", "EUR", "1"), "quote_currency_code: got EUR, want a currency other than"),
        (rate("EUR", "GBP", "0"), "rate: got 0, want more than 0"),
        (rate("EUR", "GBP", "1e-30"), "rate: got 1E-30, want 0.000000001 to 1000000000"),
        (rate("EUR", "GBP", "0,85"), "rate: got '0,85', want a decimal number"),
        (rate("EUR", "GBP", "0.85", FIRST_DAY + timedelta(days=1)), "date: got 2022-01-01, want not after"),
        (price_pb2.FxRate(base_currency_code="EUR", quote_currency_code="GBP", rate=Decimal(value="1")), "date: got"),
    ],
)
def test_a_bad_rate_is_refused_alone(client, bad, reason):
    rates = [rate("EUR", "USD", "1.07"), rate("EUR", "GBP", "0.8451"), bad, rate("USD", "CNY", "7.1")]

    found = client.prices.IngestFxRates(price_pb2.IngestFxRatesRequest(rates=rates))

    assert (found.accepted_count, found.refused_count) == (3, 1)
    assert found.problems[0].index == 2
    assert reason in found.problems[0].reason


def test_with_too_few_prices_the_risk_of_the_rate_is_added_to_the_stand_in_of_the_policy(client):
    client.open_copper()
    client.quote_history(days=30)
    client.register_lot()
    moves = np.cumsum(np.random.default_rng(5).normal(0.0, 0.006, 300))
    rates = [
        price_pb2.FxRate(
            base_currency_code="EUR",
            quote_currency_code="USD",
            date=calendar(FIRST_DAY - timedelta(days=299 - day)),
            rate=Decimal(value=f"{1.12 * np.exp(move):.6f}"),
        )
        for day, move in enumerate(moves)
    ]
    client.prices.IngestFxRates(price_pb2.IngestFxRatesRequest(rates=rates))
    home, abroad = (value_of(client, "lot-1", currency).haircut_steps[1] for currency in ("", "EUR"))

    assert home.stand_in
    assert abroad.stand_in
    assert Number(abroad.haircut.value) > Number(home.haircut.value) + Number("0.02")
