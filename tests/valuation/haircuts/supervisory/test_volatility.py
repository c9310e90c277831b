"""Tests of the haircut of a lognormal price."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from valuation.errors import InvalidInput
from valuation.haircuts.supervisory.volatility import volatility_haircut


def test_sixty_days_of_1_5_percent():
    assert volatility_haircut(0.015, 60, 0.99) == pytest.approx(0.236847, abs=5e-7)


def test_it_is_the_quantile_of_simulated_prices():
    moves = np.random.default_rng(2).normal(0.0, 0.02 * np.sqrt(30), 400_000)

    assert volatility_haircut(0.02, 30, 0.95) == pytest.approx(1.0 - np.quantile(np.exp(moves), 0.05), abs=1e-3)


def test_columns_broadcast():
    found = volatility_haircut(np.array([0.01, 0.02]), np.array([[10], [40]]), 0.99)

    assert found.shape == (2, 2)
    assert found[1, 0] == pytest.approx(found[0, 1])


def test_a_missing_volatility_gives_no_haircut():
    assert np.isnan(volatility_haircut([np.nan], 10, 0.99)).all()


@given(st.floats(0, 0.2), st.floats(0, 500), st.floats(0.5, 0.9999), st.floats(1.0, 2.0))
def test_more_volatility_or_time_never_lower_the_haircut_which_is_a_share(volatility, days, confidence, factor):
    found = volatility_haircut(volatility, days, confidence)

    assert 0.0 <= found <= 1.0
    assert volatility_haircut(volatility * factor, days, confidence) >= found
    assert volatility_haircut(volatility, days * factor, confidence) >= found


@pytest.mark.parametrize("arguments", [(-0.01, 10, 0.99), (0.01, -1, 0.99), (0.01, 10, 0.4), (0.01, 10, 1.0)])
def test_invalid_input_is_refused(arguments):
    with pytest.raises(InvalidInput, match="want"):
        volatility_haircut(*arguments)
