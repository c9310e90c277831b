"""Tests of the arithmetic model, for prices that can be 0 or less."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.special import ndtri

from tests.support.price_series import DAYS, noise
from valuation.errors import InvalidInput
from valuation.flags import QualityFlag
from valuation.haircuts.models.arithmetic import arithmetic
from valuation.haircuts.models.price_haircut import HaircutModel, haircut
from valuation.prices.cleaning import Defect

MOVES = noise(600, sd=1.0)
PRICES = 60.0 + np.concatenate([[0.0], np.cumsum(MOVES)])


def found(prices, horizon_days=20, confidence=0.99):
    return haircut(prices, DAYS[: len(prices)], horizon_days, confidence, model=HaircutModel.ARITHMETIC)


def test_independent_normal_differences_give_the_normal_loss():
    """The normal loss is z sd sqrt h over the last price."""
    prices = 1000.0 + np.cumsum(noise(501, sd=1.0, seed=4))

    expected = float(ndtri(0.99)) * np.sqrt(20.0) / prices[-1]

    assert found(prices).loss == pytest.approx(expected, rel=0.12)


def test_a_negative_settlement_stays_in_the_series_and_is_marked():
    prices = PRICES.copy()
    prices[580] = -36.98

    signed, logarithmic = found(prices), haircut(prices, DAYS[:601], 20)

    assert signed.cleaned.defects[Defect.NOT_POSITIVE_KEPT].tolist() == [580]
    assert signed.cleaned.prices[580] == -36.98
    assert logarithmic.cleaned.defects[Defect.NOT_POSITIVE].tolist() == [580]
    assert signed.loss > 1.5 * found(PRICES).loss
    assert (signed.model, signed.observations) == ("arithmetic-fhs/1", 501)


def test_a_last_price_of_zero_or_less_gives_a_total_loss():
    prices = PRICES.copy()
    prices[-1] = -36.98

    assert (found(prices).loss, found(prices).expected_shortfall) == (1.0, 1.0)


@given(st.floats(-20.0, 500.0), st.floats(0.01, 100.0))
def test_the_loss_in_money_does_not_depend_on_the_level_or_the_unit_of_the_price(shift, unit):
    last = PRICES[-1]
    base = found(PRICES + 300.0, 5).loss * (last + 300.0)

    assert found((PRICES + 300.0 + shift) * unit, 5).loss * (last + 300.0 + shift) == pytest.approx(base, rel=1e-4)


def test_a_price_a_hundred_times_too_large_for_a_day_is_left_out_as_a_spike():
    prices = PRICES.copy()
    prices[300] *= 100.0

    assert found(prices).cleaned.defects[Defect.SPIKE].tolist() == [300]
    assert found(prices).loss == pytest.approx(found(PRICES).loss, rel=0.05)


def test_a_price_that_never_moves_is_stale_and_no_quotes_are_a_short_history():
    assert QualityFlag.STALE_SERIES in found(np.full(300, -5.0)).flags
    assert not found(np.full(300, -5.0)).has_opinion
    assert not found(np.array([])).has_opinion


def test_the_error_names_prices_that_are_not_finite_and_dates_out_of_order():
    with pytest.raises(InvalidInput, match=r"price: got nan, want finite"):
        arithmetic(DAYS[:2], np.array([1.0, np.nan]), max_horizon_days=5, confidence=0.99, seed=0)
    with pytest.raises(InvalidInput, match=r"dates: got not increasing"):
        arithmetic(DAYS[[1, 0]], np.array([1.0, 2.0]), max_horizon_days=5, confidence=0.99, seed=0)
