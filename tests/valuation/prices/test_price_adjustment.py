"""A rise counts only as far as level and usual moves of the series support it, until it has lasted."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from valuation.haircuts.models.joint import joint_haircut
from valuation.haircuts.models.price_haircut import HaircutModel, haircut
from valuation.prices.price_adjustment import adjustment, adjustment_of_last, supported, supported_price

DAYS = np.busday_offset("2018-01-01", np.arange(700), roll="forward").astype("datetime64[D]")
DAILY = 0.01
QUIET = 100.0 * np.exp(np.cumsum(np.random.default_rng(5).normal(0.0, DAILY, 700)))
JUMPED_AT = 400


def jumped(factor, until=None):
    """Returns the quiet series with a rise by a factor on day 400, which lasts until a day."""
    prices = QUIET.copy()
    prices[JUMPED_AT:until] *= factor
    return prices


def factor_on(prices, row):
    return adjustment_of_last(DAYS[: row + 1], prices[: row + 1])


def test_ordinary_moves_are_not_adjusted():
    factors = np.array([factor_on(QUIET, row) for row in range(300, 700)])
    assert (factors == 1.0).mean() > 0.95
    assert factors.min() > 0.96


@pytest.mark.parametrize("size", [2.0, 4.0, 10.0])
def test_a_jump_counts_no_higher_than_level_and_usual_moves(size):
    counted = factor_on(jumped(size), JUMPED_AT) * jumped(size)[JUMPED_AT]
    assert counted == pytest.approx(QUIET[JUMPED_AT - 20 : JUMPED_AT].mean(), rel=0.15)


def test_a_rise_counts_in_full_once_more_than_half_of_the_last_twenty_quotes_show_it():
    prices = jumped(4.0)
    factors = [factor_on(prices, JUMPED_AT + day) for day in range(14)]
    assert max(factors[:11]) < 0.35
    assert min(factors[11:]) > 0.98


def test_a_spike_that_reverts_leaves_no_adjustment():
    assert factor_on(jumped(4.0, until=JUMPED_AT + 4), JUMPED_AT + 4) == 1.0


def test_a_fall_is_never_adjusted():
    assert factor_on(jumped(0.3), JUMPED_AT) == 1.0


def test_a_slow_rise_is_recognised_as_it_happens():
    prices = QUIET * np.exp(0.004 * np.arange(700))
    assert min(factor_on(prices, row) for row in range(350, 700, 10)) > 0.97


def test_a_slower_series_needs_three_quotes():
    months = np.arange("2000-01", "2030-01", dtype="datetime64[M]").astype("datetime64[D]")
    prices = 100.0 * np.exp(np.cumsum(np.random.default_rng(2).normal(0.0, 0.04, len(months))))
    prices[300:] *= 3.0
    factors = [adjustment_of_last(months[: row + 1], prices[: row + 1]) for row in range(300, 305)]
    assert max(factors[:3]) < 0.6
    assert factors[3:] == [1.0, 1.0]


def test_a_repeated_quote_of_a_feed_that_stands_still_does_not_confirm_a_rise():
    prices = jumped(2.0)
    prices[JUMPED_AT:] = prices[JUMPED_AT]
    assert factor_on(prices, JUMPED_AT + 30) < 0.6


def test_the_time_across_a_gap_supports_a_larger_move():
    prices = QUIET[:301] * np.append(np.ones(300), 1.5)
    after_a_year = np.append(DAYS[:300], DAYS[300] + np.timedelta64(365, "D"))
    assert adjustment_of_last(after_a_year, prices) > adjustment_of_last(DAYS[:301], prices)


def test_an_old_unit_error_does_not_support_a_new_one():
    prices = QUIET.copy()
    prices[100:103] *= 1000.0
    prices[300] *= 1000.0
    assert factor_on(prices, 300) * prices[300] < 1.3 * QUIET[300]


@pytest.mark.parametrize(("count", "expected"), [(0, 1.0), (1, 1.0)])
def test_a_first_quote_supports_itself(count, expected):
    assert adjustment_of_last(DAYS[:count], QUIET[:count]) == expected


@pytest.mark.parametrize("count", [1, 2, 5, 20, 30])
def test_a_short_series_supports_about_a_sixth_above_its_level(count):
    prices = np.append(np.full(count, 100.0) + np.arange(count) % 2, 200.0)
    assert 1.15 < adjustment_of_last(DAYS[: count + 1], prices) * 2.0 < 1.2


def test_prices_that_are_not_positive_are_not_adjusted():
    assert adjustment(np.array([0.0, -5.0, 10.0]), np.array([4.0, 4.0, 5.0])).tolist() == [1.0, 1.0, 0.5]


@settings(max_examples=50, deadline=None)
@given(
    scale=st.floats(1e-3, 1e3),
    newest=st.floats(0.2, 20.0),
    higher=st.floats(1.0, 5.0),
)
def test_the_counted_price_follows_the_scale_and_never_falls_as_the_quote_rises(scale, newest, higher):
    prices = np.append(QUIET[:300], QUIET[299] * newest)
    counted = prices[-1] * adjustment_of_last(DAYS[:301], prices)
    scaled = scale * prices[-1] * adjustment_of_last(DAYS[:301], scale * prices)
    assert scaled == pytest.approx(scale * counted, rel=1e-9)
    above = np.append(QUIET[:300], QUIET[299] * newest * higher)
    assert above[-1] * adjustment_of_last(DAYS[:301], above) >= counted * (1.0 - 1e-12)


def test_many_series_at_once_give_the_numbers_of_one():
    rows = np.stack([QUIET[at : at + 280] for at in range(40)])
    together = supported(rows, 20, 1)
    single = [supported_price(DAYS[at : at + 280], QUIET[at : at + 280]) for at in range(40)]
    np.testing.assert_allclose(together, single, rtol=1e-12)


def test_the_newest_raw_quote_is_adjusted_also_if_cleaning_holds_it_as_a_spike():
    prices = jumped(6.0)[: JUMPED_AT + 1]
    found = haircut(prices, DAYS[: JUMPED_AT + 1], 20)
    assert found.cleaned.prices[-1] < 0.5 * prices[-1]
    assert prices[-1] * found.price_adjustment < 1.3 * QUIET[JUMPED_AT]


def test_a_negative_newest_quote_is_not_adjusted():
    prices = np.append(QUIET[:300], -37.0)
    assert haircut(prices, DAYS[:301], 20, model=HaircutModel.ARITHMETIC).price_adjustment == 1.0
    assert haircut(prices, DAYS[:301], 20).price_adjustment == 1.0


def test_a_spike_of_the_exchange_rate_is_adjusted_in_the_currency_of_the_loan():
    rates = np.full(JUMPED_AT + 1, 1.0) * np.exp(0.002 * np.sin(np.arange(JUMPED_AT + 1)))
    days = DAYS[: JUMPED_AT + 1]
    calm = joint_haircut(QUIET[: JUMPED_AT + 1], days, rates, days, 20)
    rates[-1] *= 1.45
    assert calm.price_adjustment == 1.0
    assert joint_haircut(QUIET[: JUMPED_AT + 1], days, rates, days, 20).price_adjustment < 0.8
