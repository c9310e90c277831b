"""Tests of EWMA variance, filtered residuals and tails of simulated paths."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.special import ndtri

from tests.support.price_series import noise
from valuation.errors import InvalidInput
from valuation.statistics.ewma import ewma_variance
from valuation.statistics.simulation import Start, filtered, simulated_tails

DECAY = 0.97
Z99 = float(ndtri(0.99))


def tails(start, steps=10, confidence=0.99, paths=20_000, seed=1, decay=DECAY):
    return simulated_tails(start, decay=decay, steps=steps, confidence=confidence, paths=paths, seed=seed)


def test_ewma_variance_is_a_weighted_mean_of_squares():
    """Computes the mean from the explicit weights, (1 - d) d^k for squares and d^n for the start."""
    returns = noise(40)
    weights = (1.0 - DECAY) * DECAY ** np.arange(39, -1, -1)
    start = np.mean(returns**2)

    found = ewma_variance(returns, DECAY)

    assert len(found) == 41
    assert found[0] == pytest.approx(start)
    assert found[-1] == pytest.approx(weights @ returns**2 + DECAY**40 * start)


@pytest.mark.parametrize("decay", [0.0, 1.0, 1.5, np.nan])
def test_the_error_names_a_decay_outside_its_range(decay):
    with pytest.raises(InvalidInput, match="decay"):
        ewma_variance(noise(10), decay)


def test_ewma_of_no_returns_is_refused():
    with pytest.raises(InvalidInput, match="returns: got none"):
        ewma_variance(np.array([]), DECAY)


def test_residuals_are_centred_and_of_unit_spread():
    found = filtered(noise(300) + 0.002, DECAY)

    assert found.residuals.mean() == pytest.approx(0.0, abs=1e-12)
    assert found.residuals.std() == pytest.approx(1.0)


def test_the_first_variance_is_never_below_the_mean_square():
    calm_end = np.concatenate([noise(300, 0.03), noise(100, 0.003)])
    wild_end = calm_end[::-1]

    assert filtered(calm_end, DECAY).floor_binds
    assert filtered(calm_end, DECAY).variance == np.mean(calm_end**2)
    assert not filtered(wild_end, DECAY).floor_binds
    assert filtered(wild_end, DECAY).variance == ewma_variance(wild_end, DECAY)[-1]


@pytest.mark.parametrize("value", [0.0, 0.001, -0.02])
def test_constant_returns_have_no_start(value):
    assert filtered(np.full(100, value), DECAY) is None


def test_normal_residuals_of_constant_variance_give_the_normal_loss():
    """A decay near 1 keeps the variance constant, so that loss = 1 - exp(-z sigma sqrt h)."""
    residuals = ndtri((np.arange(5_000) + 0.5) / 5_000)
    start = Start(residuals / residuals.std(), 0.01**2, floor_binds=False)

    found = tails(start, steps=20, paths=100_000, decay=1.0 - 1e-9)

    for days in (1, 5, 20):
        assert found.loss[days - 1] == pytest.approx(-np.expm1(-Z99 * 0.01 * np.sqrt(days)), rel=0.02)


def test_the_shortfall_of_a_normal_law_is_its_mean_beyond_the_quantile():
    residuals = ndtri((np.arange(5_000) + 0.5) / 5_000)
    start = Start(residuals / residuals.std(), 0.001**2, floor_binds=False)
    density = np.exp(-0.5 * Z99**2) / np.sqrt(2.0 * np.pi)

    found = tails(start, steps=1, paths=100_000)

    assert found.expected_shortfall[0] == pytest.approx(0.001 * density / 0.01, rel=0.02)


def test_the_standard_error_matches_the_spread_across_seeds():
    start = filtered(np.random.default_rng(2).standard_t(4, 500) * 0.01, DECAY)
    runs = [tails(start, steps=5, paths=5_000, seed=seed) for seed in range(200)]

    spread = np.std([run.loss[-1] for run in runs], ddof=1)

    shortfall_spread = np.std([run.expected_shortfall[-1] for run in runs], ddof=1)
    assert np.mean([run.standard_error[-1] for run in runs]) == pytest.approx(spread, rel=0.20)
    assert np.mean([run.shortfall_error[-1] for run in runs]) == pytest.approx(shortfall_spread, rel=0.20)


def test_the_worst_day_matches_the_first_passage_of_a_daily_random_walk():
    """For a walk without drift, P(min < -b) = 2 Phi(-(b + 0.5826 s) / (s sqrt h))."""
    residuals = ndtri((np.arange(5_000) + 0.5) / 5_000)
    start = Start(residuals / residuals.std(), 0.01**2, floor_binds=False)

    found = tails(start, steps=20, paths=100_000, decay=1.0 - 1e-9)

    barrier = 0.01 * (-float(ndtri(0.005)) * np.sqrt(20.0) - 0.5826)
    assert found.path_minimum[-1] == pytest.approx(-np.expm1(-barrier), rel=0.02)
    assert (found.path_minimum >= found.loss).all()
    assert found.path_minimum[0] == found.loss[0]


@given(st.integers(0, 2**63), st.floats(0.6, 0.99))
def test_losses_are_shares_that_never_fall_and_the_shortfall_lies_beyond(seed, confidence):
    start = filtered(np.random.default_rng(3).standard_t(3, 200) * 0.02, DECAY)

    found = tails(start, steps=15, confidence=confidence, paths=2_000, seed=seed)

    assert ((found.loss >= 0.0) & (found.loss <= 1.0)).all()
    assert (np.diff(found.loss) >= 0.0).all()
    assert (found.expected_shortfall >= found.loss).all()
    assert (found.standard_error >= 0.0).all()


def test_too_few_paths_for_the_confidence_are_refused():
    with pytest.raises(InvalidInput, match=r"paths: got 500, want 1000 or more at confidence 0\.99"):
        tails(filtered(noise(100), DECAY), paths=500)
