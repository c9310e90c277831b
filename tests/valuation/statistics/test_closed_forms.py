"""Tests of closed forms against published figures and against independent computations."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.special import ndtri

from valuation.errors import InvalidInput
from valuation.statistics.closed_forms import (
    autoregressive_drift,
    conditional_default_probability,
    crps_normal,
    garch_variance,
    gpd_expected_shortfall,
    gpd_value_at_risk,
    linear_liquidation_factor,
    merton_quantile,
    population_stability_index,
)

Z99 = float(ndtri(0.99))
GARCH = {"constant": 0.02, "alpha": 0.08, "beta": 0.90, "next_variance": 3.0}
DANISH = {"shape": 0.4968, "scale": 6.975, "threshold": 10.0, "total": 2167, "above": 109}
JUMPS = {"jumps_per_year": 2.0, "jump_mean": -0.05, "jump_sd": 0.08}


def test_garch_variance_of_twenty_days():
    """Scaling by the square root of time would give 60."""
    assert garch_variance(**GARCH, days=20) == pytest.approx(53.2392, abs=5e-5)


def test_garch_variance_with_autoregression():
    variance = garch_variance(**GARCH, days=20, autoregression=0.3)

    assert variance == pytest.approx(104.9752, abs=5e-5)
    assert Z99 * np.sqrt(variance) == pytest.approx(23.8352, abs=5e-5)
    assert autoregressive_drift(-1.0, 0.3, 20) == pytest.approx(-0.42857, abs=5e-6)


@given(st.floats(0.0, 0.3), st.floats(0.0, 0.69), st.floats(0.01, 9.0), st.integers(1, 60))
def test_garch_variance_is_the_sum_of_the_forecasts_of_each_day(alpha, beta, variance, days):
    total, now = 0.0, variance
    for _ in range(days):
        total += now
        now = 0.05 + (alpha + beta) * now

    assert garch_variance(0.05, alpha, beta, variance, days) == pytest.approx(total)


def test_garch_without_mean_reversion_is_refused():
    with pytest.raises(InvalidInput, match="alpha and beta"):
        garch_variance(0.02, 0.10, 0.90, 3.0, 20)
    with pytest.raises(InvalidInput, match="autoregression, days"):
        garch_variance(**GARCH, days=20, autoregression=1.0)


def test_extreme_value_quantile_and_shortfall_of_the_danish_fires():
    assert gpd_value_at_risk(**DANISH, level=0.99) == pytest.approx(27.286, abs=2e-3)
    assert gpd_expected_shortfall(**DANISH, level=0.99) == pytest.approx(58.21, abs=1e-2)


def test_the_shortfall_is_the_mean_of_the_quantiles_beyond():
    levels = 1.0 - 0.01 * (np.arange(200_000) + 0.5) / 200_000
    quantiles = [gpd_value_at_risk(**DANISH | {"shape": 0.2}, level=level) for level in levels[::50]]

    assert np.mean(quantiles) == pytest.approx(gpd_expected_shortfall(**DANISH | {"shape": 0.2}, level=0.99), rel=5e-3)


def test_a_shape_of_zero_is_the_exponential_tail():
    exact = gpd_value_at_risk(**DANISH | {"shape": 0.0}, level=0.99)

    assert exact == pytest.approx(10.0 + 6.975 * np.log(109 / 2167 / 0.01))
    assert gpd_value_at_risk(**DANISH | {"shape": 1e-9}, level=0.99) == pytest.approx(exact)


def test_an_infinite_mean_and_a_level_under_the_threshold_are_refused():
    with pytest.raises(InvalidInput, match=r"shape: got 1\.0"):
        gpd_expected_shortfall(**DANISH | {"shape": 1.0}, level=0.99)
    with pytest.raises(InvalidInput, match="scale, level"):
        gpd_value_at_risk(**DANISH, level=0.90)


def test_jumps_deepen_the_quantile():
    with_jumps = merton_quantile(0.01, 20 / 250, 0.25, **JUMPS)
    without = merton_quantile(0.01, 20 / 250, 0.25, **JUMPS | {"jumps_per_year": 0.0})

    assert with_jumps == pytest.approx(-0.222988, abs=5e-7)
    assert -np.expm1(with_jumps) == pytest.approx(0.199876, abs=5e-7)
    assert -np.expm1(without) == pytest.approx(0.15168, abs=5e-6)
    assert without == pytest.approx(-Z99 * 0.25 * np.sqrt(20 / 250))


def test_the_jump_quantile_is_that_of_a_simulation():
    generator = np.random.default_rng(8)
    counts = generator.poisson(2.0 * 0.25, 400_000)
    moves = generator.normal(0.0, 0.25 * 0.5, 400_000) + counts * -0.05
    moves += np.sqrt(counts) * 0.08 * generator.normal(size=400_000)

    assert merton_quantile(0.05, 0.25, 0.25, **JUMPS) == pytest.approx(np.quantile(moves, 0.05), abs=3e-3)


def test_a_jump_level_outside_its_range_is_refused():
    with pytest.raises(InvalidInput, match="level, years, volatility"):
        merton_quantile(1.0, 0.25, 0.25, **JUMPS)


def test_selling_in_equal_parts_is_less_risky_than_selling_at_the_end():
    assert linear_liquidation_factor(10) == pytest.approx(1.96214, abs=5e-6)
    assert np.sqrt(10) == pytest.approx(3.16228, abs=5e-6)


@given(st.integers(1, 300))
def test_the_liquidation_factor_sums_the_days_until_each_part_is_sold(days):
    held = np.arange(1, days + 1) / days

    assert linear_liquidation_factor(days) == pytest.approx(np.sqrt(np.sum(held**2)))


def test_a_sale_of_no_days_is_refused():
    with pytest.raises(InvalidInput, match="days"):
        linear_liquidation_factor([5, 0])


def test_crps_of_a_standard_normal_at_its_mean():
    assert crps_normal(0.0, 0.0, 1.0) == pytest.approx(0.233695, abs=5e-7)


@given(st.floats(-3, 3), st.floats(-2, 2), st.floats(0.1, 3))
def test_crps_is_the_integral_of_squared_distance_to_the_step(outcome, mean, sd):
    from scipy.special import ndtr

    grid = np.linspace(-40, 40, 80_001)
    distance = (ndtr((grid - mean) / sd) - (grid >= outcome)) ** 2

    assert crps_normal(outcome, mean, sd) == pytest.approx(distance.sum() * 1e-3, abs=2e-3)


def test_crps_needs_a_spread():
    with pytest.raises(InvalidInput, match="sd"):
        crps_normal([0.0, 0.0], 0.0, [1.0, 0.0])


def test_population_stability_of_60_to_40():
    assert population_stability_index(np.array([0.5, 0.5]), np.array([0.6, 0.4])) == pytest.approx(0.04055, abs=5e-6)


@given(st.lists(st.floats(0.01, 1.0), min_size=2, max_size=8))
def test_population_stability_is_never_negative_and_zero_for_the_same_shares(weights):
    shares = np.array(weights) / sum(weights)

    assert population_stability_index(shares, shares) == 0.0
    assert population_stability_index(shares, shares[::-1]) >= 0.0


def test_an_empty_bin_is_refused():
    with pytest.raises(InvalidInput, match="expected, observed"):
        population_stability_index(np.array([0.5, 0.5]), np.array([1.0, 0.0]))


def test_the_probability_of_default_given_the_factor_averages_to_the_unconditional_one():
    factor = np.linspace(-8.0, 8.0, 4_001)
    weight = np.exp(-0.5 * factor**2) / np.sqrt(2.0 * np.pi) * (factor[1] - factor[0])

    assert conditional_default_probability(0.03, 0.15, factor) @ weight == pytest.approx(0.03, rel=1e-9)
    assert conditional_default_probability([0.0, 0.5, 1.0], 0.0, -3.0).tolist() == [0.0, 0.5, 1.0]


@pytest.mark.parametrize(("pd", "correlation"), [(-0.1, 0.1), (1.1, 0.1), (0.1, -0.1), (0.1, 1.0)])
def test_a_probability_of_default_or_correlation_outside_its_range_is_refused(pd, correlation):
    with pytest.raises(InvalidInput, match="pd, correlation"):
        conditional_default_probability(pd, correlation, 0.0)
