"""Tests of the pooled-scale model: invariances, floors, and use of past prices only."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from tests.support.price_series import DAYS, noise, walk
from valuation.errors import InvalidInput
from valuation.flags import QualityFlag
from valuation.haircuts.models.pooled import class_floor, pooled_scale
from valuation.haircuts.models.pooled_table import log_multiples, term_weights
from valuation.statistics.running_moments import running, running_means, terms

PRICES = walk(noise(1200, sd=0.015))


def curve(prices, horizon=60, confidence=0.99):
    return pooled_scale(DAYS[: len(prices)], prices, max_horizon_days=horizon, confidence=confidence)


@settings(max_examples=25, deadline=None)
@given(st.floats(1e-6, 1e6))
def test_the_unit_of_the_price_does_not_matter(factor):
    assert curve(PRICES * factor).loss == pytest.approx(curve(PRICES).loss, rel=1e-9)


@settings(max_examples=25, deadline=None)
@given(st.floats(0.6, 0.999), st.floats(0.6, 0.999), st.integers(0, 2**32 - 1), st.integers(70, 900))
def test_more_confidence_or_more_time_never_lowers_the_haircut(one, other, seed, count):
    prices = walk(noise(count, sd=0.02, seed=seed))
    calm, sure = (curve(prices, confidence=level) for level in sorted((one, other)))

    assert (np.diff(sure.loss) >= 0.0).all()
    assert (sure.loss >= calm.loss).all()
    assert (sure.expected_shortfall >= sure.loss).all()
    assert (sure.loss >= 0.0).all()
    assert (sure.expected_shortfall <= 1.0).all()


def test_the_curve_does_not_depend_on_its_longest_horizon():
    assert curve(PRICES, 60).loss[:20].tolist() == curve(PRICES, 20).loss.tolist()


def test_independent_normal_returns_get_the_tail_of_real_markets():
    normal = -np.expm1(-2.3263 * 0.015 * np.sqrt(20))

    assert 0.9 * normal < curve(PRICES).loss[19] < 1.5 * normal


def test_the_worst_day_loss_lies_between_those_of_the_last_day_at_the_tail_and_half_of_it():
    found = curve(PRICES)

    assert (found.path_minimum >= found.loss).all()
    assert (found.path_minimum <= curve(PRICES, confidence=0.995).loss).all()
    assert found.path_minimum[59] > 1.05 * found.loss[59]


def test_a_fall_in_a_calm_market_raises_the_haircut_more_than_a_rise():
    fallen, risen = (np.append(PRICES, PRICES[-1] * np.exp(move)) for move in (-0.08, 0.08))

    assert curve(fallen).loss[19] > curve(risen).loss[19] > curve(PRICES).loss[19]


def test_exceedances_raise_the_haircut_of_a_series():
    """Returns in runs of the same sign fall further in 20 days than their daily volatility implies."""
    signs = np.repeat(np.random.default_rng(4).choice([-1.0, 1.0], 120), 20)
    steady = np.abs(noise(2400, sd=0.002)) * signs + noise(2400, sd=0.004, seed=2)
    mixed = np.random.default_rng(5).permutation(steady)

    assert curve(walk(steady)).loss[19] > 1.2 * curve(walk(mixed)).loss[19]


@pytest.mark.parametrize(("count", "opinion"), [(0, False), (1, False), (59, False), (60, True), (249, True)])
def test_too_few_prices_give_no_opinion_and_a_short_history_is_flagged(count, opinion):
    found = curve(PRICES[:count])

    assert np.isfinite(found.loss).all() == opinion
    assert QualityFlag.SHORT_HISTORY in found.flags


def test_a_constant_price_is_stale_and_has_no_opinion():
    found = curve(np.full(600, 7.0))

    assert np.isnan(found.loss).all()
    assert QualityFlag.STALE_SERIES in found.flags


def test_a_short_calm_history_is_blended_with_its_class():
    calm = noise(1200, sd=0.004)

    assert curve(walk(calm[:80])).loss[19] > 1.5 * curve(walk(calm)).loss[19]


def test_the_class_floor_is_the_loss_of_a_volatile_series():
    assert class_floor(20, 0.99) == pytest.approx(0.2295, abs=1e-4)
    assert class_floor(20, 0.995) > class_floor(20, 0.99) > class_floor(10, 0.99)


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 400), st.sampled_from([1, 5, 21]))
def test_updating_the_means_by_one_return_equals_recomputing_them(count, step):
    returns = noise(count)

    stepwise = running(returns[:-1], step).after(returns[-1]).means

    assert stepwise == pytest.approx(running_means(returns, step)[:, -1], rel=1e-9, abs=1e-15)


def test_the_means_are_those_of_the_definition():
    returns = noise(137)
    weights = 0.5 ** (np.arange(136, -1, -1) / 11.0)

    assert running_means(returns, 1)[0, -1] == pytest.approx(weights @ returns**2 / weights.sum())


def test_terms_of_a_market_at_rest_are_small():
    """Without volatility clusters or trends, every term is near 0."""
    found = terms(running_means(np.tile([0.015, -0.015], 2000), 1), 1).values[:, -1]

    assert found == pytest.approx([0.0, 0.0, 0.0, 0.0, 0.0], abs=0.15)


def test_multiples_grow_with_the_depth_of_the_tail_at_every_horizon():
    tails = np.geomspace(1e-4, 0.45, 60)

    assert (np.diff(log_multiples(np.arange(1.0, 251.0), tails), axis=0) < 0.0).all()


def test_beyond_the_fitted_horizons_only_the_square_root_of_time_applies():
    assert (term_weights(np.array([120.0])) == term_weights(np.array([250.0]))).all()


@pytest.mark.parametrize(("confidence", "horizon"), [(0.5, 20), (1.0, 20), (0.99, 0)])
def test_invalid_arguments_are_refused(confidence, horizon):
    with pytest.raises(InvalidInput):
        curve(PRICES, horizon, confidence)


def test_no_returns_have_no_means():
    with pytest.raises(InvalidInput, match="returns"):
        running_means(np.zeros(0), 1)


def test_a_stepwise_price_has_a_larger_haircut_than_its_returns_imply():
    stepped = np.where(np.arange(1200) % 6 == 0, 0.0, noise(1200))
    moving = np.where(np.arange(1200) % 12 == 0, 0.0, noise(1200))

    assert curve(walk(stepped)).loss[19] > 1.15 * curve(walk(moving)).loss[19]
