"""Tests of log returns from dated prices and of the removal of smoothing."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from tests.support.price_series import DAYS, noise, smoothed, walk
from valuation.errors import InvalidInput
from valuation.flags import QualityFlag
from valuation.prices.returns import (
    Carry,
    first_autocorrelation,
    log_returns,
    unsmoothed,
)

COEFFICIENTS = st.floats(0.0, 0.95)


def returns_of(values, window=500):
    return log_returns(DAYS[: len(values) + 1], walk(values), window)


def test_returns_of_independent_moves_are_the_log_differences_of_prices():
    found = returns_of(noise(300))

    assert found.values == pytest.approx(noise(300))
    assert (found.step_days, found.observations, found.smoothing) == (1, 301, 0.0)
    assert found.flags == QualityFlag.NONE


def test_only_returns_in_the_window_are_used():
    found = returns_of(noise(900), window=500)

    assert found.values == pytest.approx(noise(900)[-500:])
    assert found.observations == 501


@given(COEFFICIENTS)
def test_unsmoothing_undoes_smoothing(coefficient):
    true = noise(50)

    assert unsmoothed(smoothed(true, coefficient), coefficient)[1:] == pytest.approx(true[1:], abs=1e-12)


@given(COEFFICIENTS)
def test_the_smoothed_quote_plus_the_hidden_gap_is_the_true_price(coefficient):
    """Compares the sum of true returns with the sum of reported returns."""
    true = noise(400)
    reported = smoothed(true, coefficient)

    assert reported.sum() + Carry(coefficient, coefficient).hidden_gap(reported[-1]) == pytest.approx(
        true.sum(), abs=1e-9
    )


def test_smoothed_quotes_are_detected_and_their_spread_restored():
    true = noise(3000, 0.02)

    found = returns_of(smoothed(true, 0.6), window=3000)

    assert QualityFlag.SMOOTHED in found.flags
    assert found.smoothing == pytest.approx(0.6, abs=0.05)
    assert found.values.std() == pytest.approx(0.02, rel=0.10)


def test_steps_without_change_are_flagged_as_smoothed():
    values = noise(300)
    values[::3] = 0.0

    assert QualityFlag.SMOOTHED in returns_of(values).flags


def test_exchange_holidays_alone_are_not_flagged_as_smoothed():
    values = noise(300)
    values[::20] = 0.0

    assert returns_of(values).flags == QualityFlag.NONE


def test_a_price_that_never_moves_is_stale_and_not_smoothed():
    assert returns_of(np.zeros(300)).flags == QualityFlag.STALE_SERIES


def test_constant_returns_have_no_autocorrelation():
    assert first_autocorrelation(np.full(100, 0.001)) == 0.0
    assert first_autocorrelation(np.zeros(100)) == 0.0


def test_prices_before_a_level_break_are_ignored():
    values = noise(300)
    values[100] = np.log(100.0)

    found = returns_of(values)

    assert QualityFlag.LEVEL_BREAK in found.flags
    assert found.values == pytest.approx(values[101:])
    assert found.observations == 200


def test_a_weekly_series_has_steps_of_five_days():
    weeks = np.arange("2015-01-02", "2020-01-01", 7, dtype="datetime64[D]")

    found = log_returns(weeks, walk(noise(len(weeks) - 1)), 500)

    assert found.step_days == 5
    assert found.flags == QualityFlag.COARSE_QUOTES


def test_a_long_gap_is_flagged():
    kept = np.delete(np.arange(301), np.arange(100, 110))

    assert log_returns(DAYS[kept], walk(noise(300))[kept], 500).flags == QualityFlag.GAPS


@pytest.mark.parametrize("count", [0, 1])
def test_no_prices_and_one_price_give_no_returns(count):
    found = log_returns(DAYS[:count], np.full(count, 100.0), 500)

    assert len(found.values) == 0
    assert found.observations == count


@pytest.mark.parametrize("price", [-36.98, 0.0, np.nan, np.inf])
def test_the_error_names_a_price_without_a_logarithm(price):
    with pytest.raises(InvalidInput, match=f"price: got {price}, want positive and finite"):
        log_returns(DAYS[:2], np.array([100.0, price]), 500)


def test_dates_must_increase_and_match_the_prices():
    with pytest.raises(InvalidInput, match="dates: got not increasing"):
        log_returns(DAYS[[0, 2, 1]], np.full(3, 100.0), 500)
    with pytest.raises(InvalidInput, match="prices: got 1 for 3 dates"):
        log_returns(DAYS[:3], np.array([100.0]), 500)


@pytest.mark.parametrize("smoothing", [-0.1, 1.0, np.nan])
def test_the_error_names_a_coefficient_outside_its_range(smoothing):
    with pytest.raises(InvalidInput, match="smoothing"):
        unsmoothed(noise(10), smoothing)


def test_a_price_that_follows_a_formula_is_stale():
    assert QualityFlag.STALE_SERIES in log_returns(DAYS[:301], walk(np.full(300, 0.001)), 500).flags


@pytest.mark.parametrize(("before", "after"), [(5, 1), (21, 1), (1, 5), (1, 21)])
def test_a_series_that_changes_its_step_keeps_its_daily_variance(before, after):
    gaps = np.concatenate([np.full(240, before), np.full(240, after)])
    days = np.busday_offset(DAYS[0], np.concatenate([[0], np.cumsum(gaps)]), roll="forward")

    found = log_returns(days, walk(noise(480, sd=1.0) * 0.01 * np.sqrt(gaps)), 500)

    assert found.step_days == after
    for part in (found.values[:240], found.values[240:]):
        assert part.std() / np.sqrt(after) == pytest.approx(0.01, rel=0.15)
