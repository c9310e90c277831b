"""Tests of the value forecast: its fan, and that drift never raises the lendable value."""

import numpy as np
import pytest
from scipy.stats import norm

from tests.support.price_series import DAYS, noise, walk
from tests.valuation.forecast.test_models import autoregressive, yearly
from valuation.errors import InvalidInput
from valuation.forecast.history import history_at
from valuation.forecast.models import sarimax
from valuation.forecast.value import QUANTILES, forecast, simulated_errors
from valuation.statistics.simulation import Start

pytestmark = pytest.mark.slow

PRICES = walk(noise(260))


@pytest.fixture(scope="module")
def reference():
    """The forecast of PRICES over 20 days."""
    return forecast(PRICES, DAYS[:261], 20)


def test_the_fan_opens_around_the_last_price_and_its_levels_do_not_cross(reference):
    assert reference.fan.shape == (len(QUANTILES), 20)
    assert (np.diff(reference.fan, axis=0) > 0.0).all()
    assert reference.fan[3] == pytest.approx(PRICES[-1])
    assert reference.dates_ahead[-1] == DAYS[280]


def test_errors_of_constant_variance_spread_as_the_responses_imply():
    start = Start(np.random.default_rng(1).normal(size=5000), 0.0001, floor_binds=False)
    responses = np.array([1.0, 0.5, 0.5, 0.5])

    errors = simulated_errors(start, responses, seed=3, paths=40_000)

    expected = 0.01 * np.sqrt(np.cumsum(responses**2))
    assert errors.std(axis=0) == pytest.approx(expected, rel=0.03)
    assert np.quantile(errors[:, 0], 0.05) == pytest.approx(0.01 * norm.ppf(0.05), rel=0.03)


def test_an_expected_rise_does_not_raise_the_lendable_value():
    rising = np.exp(autoregressive(0.8))
    rising = np.append(rising, rising[-1] * 1.04)
    found = forecast(rising, DAYS[: len(rising)], 4)

    assert found.selection.model != "random-walk"
    assert found.fan[3, -1] > 1.01 * rising[-1]
    assert found.lendable == pytest.approx(rising[-1])


def test_an_expected_fall_lowers_the_lendable_value():
    falling = np.exp(autoregressive(0.8))
    falling = np.append(falling, falling[-1] * 0.96)
    found = forecast(falling, DAYS[: len(falling)], 4)

    assert found.lendable == pytest.approx(found.fan[3])
    assert (np.diff(found.lendable) <= 0.0).all()


def test_a_season_moves_the_median_but_its_peak_does_not_raise_the_lendable_value():
    months = np.arange("1980-01", "2012-01", dtype="datetime64[M]").astype("datetime64[D]")
    prices = 100.0 * np.exp(yearly(months, 0.15) + np.cumsum(noise(len(months), sd=0.03)))
    before_high, before_low = (forecast(prices[:count], months[:count], 130) for count in (384, 378))

    assert [found.selection.model for found in (before_high, before_low)] == ["sarimax", "sarimax"]
    past = history_at(np.log(prices), months, 383, before_high.step_days, 6)
    assert np.log(before_high.fan[3] / prices[-1]) == pytest.approx(sarimax(past).path)
    assert before_high.fan[3].max() > 1.05 * prices[-1]
    assert (before_high.lendable <= prices[-1]).all()
    assert before_low.lendable[-1] < 0.95 * prices[-7]
    assert (np.diff(before_low.lendable) <= 0.0).all()


def test_the_forecast_is_reproducible_and_independent_of_the_price_unit(reference):
    again, thousandfold = forecast(PRICES, DAYS[:261], 20), forecast(1000.0 * PRICES, DAYS[:261], 20)

    assert (again.fan == reference.fan).all()
    assert thousandfold.fan == pytest.approx(1000.0 * reference.fan)


def test_weekly_prices_are_forecast_in_weekly_steps():
    assert forecast(PRICES[:150], DAYS[:750:5], 20).horizon_days.tolist() == [5, 10, 15, 20]


@pytest.mark.parametrize("prices", [PRICES[:40], np.full(300, 5.0)])
def test_a_short_history_and_a_price_that_never_moves_have_no_forecast(prices):
    found = forecast(prices, DAYS[: len(prices)], 20)

    assert found.fan.shape[1] == 0
    assert len(found.lendable) == 0


def test_prices_before_a_level_break_are_ignored(reference):
    broken = np.concatenate([PRICES * 50.0, PRICES])
    found = forecast(broken, DAYS[: len(broken)], 20)

    assert found.fan == pytest.approx(reference.fan)


@pytest.mark.parametrize(
    ("prices", "horizon", "field"),
    [(PRICES[:100], 0, "horizon"), (PRICES[:100], 10**7, "horizon"), (-PRICES[:100], 5, "prices")],
)
def test_invalid_arguments_are_refused(prices, horizon, field):
    with pytest.raises(InvalidInput, match=field):
        forecast(prices, DAYS[:100], horizon)
