"""Tests of the expected-shortfall backtest."""

import numpy as np
import pytest

from valuation.errors import InvalidInput
from valuation.statistics.shortfall_test import acerbi_szekely_z2, normal_z2_critical_value

TAIL = 0.025
QUANTILE, SHORTFALL = 1.959964, 2.337803
"""Expected shortfall of a standard normal loss at 97.5 %."""


def z2(returns, scale=1.0):
    count = len(returns)
    return acerbi_szekely_z2(returns, np.full(count, QUANTILE * scale), np.full(count, SHORTFALL * scale), TAIL)


def test_z2_of_one_exceedance_by_hand():
    """With one return of -3 in 40, Z2 is 1 - 3 / (40 x 0.025 x 2.337803)."""
    returns = np.zeros(40)
    returns[7] = -3.0

    assert z2(returns) == pytest.approx(1.0 - 3.0 / SHORTFALL)


def test_z2_is_one_without_an_exceedance_and_near_zero_if_the_model_is_correct():
    assert z2(np.zeros(40)) == 1.0
    assert z2(np.random.default_rng(4).normal(size=400_000)) == pytest.approx(0.0, abs=0.03)


def test_z2_is_negative_if_the_predicted_shortfall_is_too_small():
    assert z2(np.random.default_rng(4).normal(size=20_000), scale=0.8) < -0.5


def test_the_critical_value_of_one_year_is_near_minus_0_7():
    assert normal_z2_critical_value(250, TAIL, 0.05) == pytest.approx(-0.70, abs=0.02)


def test_the_critical_value_is_close_to_the_published_one():
    """MATLAB publishes -0.34639 at 99 % for 1,966 normal returns, also by simulation."""
    assert normal_z2_critical_value(1966, TAIL, 0.01) == pytest.approx(-0.34639, abs=0.01)


def test_z2_falls_below_the_critical_value_as_often_as_the_level_states():
    """Simulates complete samples of returns as an independent check."""
    generator = np.random.default_rng(11)
    critical = normal_z2_critical_value(250, TAIL, 0.05)
    samples = generator.normal(size=(4_000, 250))

    rejected = np.mean([z2(sample) < critical for sample in samples])

    assert rejected == pytest.approx(0.05, abs=0.012)


def test_the_same_seed_gives_the_same_critical_value():
    assert normal_z2_critical_value(250, TAIL, 0.05, seed=3) == normal_z2_critical_value(250, TAIL, 0.05, seed=3)


def test_the_error_names_invalid_input():
    one = np.ones(1)
    with pytest.raises(InvalidInput, match=r"expected_shortfall: got 0\.5, want"):
        acerbi_szekely_z2(one, one, one / 2, TAIL)
    with pytest.raises(InvalidInput, match="tail, returns"):
        acerbi_szekely_z2(one[:0], one[:0], one[:0], TAIL)
    with pytest.raises(InvalidInput, match="tail, significance"):
        normal_z2_critical_value(250, 0.0, 0.05)
