"""Tests of the joint haircut of price and exchange rate."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.special import ndtri

from tests.support.price_series import DAYS, noise, walk
from valuation.errors import InvalidInput
from valuation.flags import QualityFlag
from valuation.haircuts.models.joint import joint_haircut
from valuation.haircuts.models.price_haircut import HaircutModel, haircut
from valuation.haircuts.models.tier1 import Tier1Settings

STILL = Tier1Settings(decay=1.0 - 1e-9)
"""Settings with nearly constant variance, so that the normal distribution gives the expected loss."""

DATES = DAYS[:501]


def correlated(correlation, seed=2):
    """Returns standard normal draws [2, 500], centred and with exactly this correlation."""
    draws = np.random.default_rng(seed).normal(size=(2, 500))
    draws -= draws.mean(axis=1, keepdims=True)
    draws = np.linalg.solve(np.linalg.cholesky(np.cov(draws)), draws)
    return np.array([draws[0], correlation * draws[0] + np.sqrt(1.0 - correlation**2) * draws[1]])


@pytest.mark.parametrize("correlation", [-0.9, -0.5, 0.0, 0.5, 0.9])
def test_normal_moves_of_a_correlation_give_the_normal_loss_of_their_sum(correlation):
    one, other = correlated(correlation)
    spread = np.sqrt(0.012**2 + 0.006**2 + 2.0 * correlation * 0.012 * 0.006)

    found = joint_haircut(walk(0.012 * one), DATES, walk(0.006 * other, 7.0), DATES, 20, settings=STILL)

    assert found.loss == pytest.approx(-np.expm1(ndtri(0.01) * spread * np.sqrt(20)), rel=0.05)
    assert found.price_alone == pytest.approx(-np.expm1(ndtri(0.01) * 0.012 * np.sqrt(20)), rel=0.05)


def test_a_rate_that_offsets_the_price_leaves_no_loss():
    moves = noise(500)

    assert joint_haircut(walk(moves), DATES, walk(-moves), DATES, 20).loss < 1e-3


def test_it_agrees_with_the_converted_series():
    one, other = correlated(-0.3)
    price, rate = walk(0.012 * one), walk(0.006 * other, 7.0)

    converted = haircut(price * rate, DATES, 20, model=HaircutModel.EWMA_FHS)

    assert joint_haircut(price, DATES, rate, DATES, 20).loss == pytest.approx(converted.loss, rel=0.12)


@settings(max_examples=10, deadline=None)
@given(st.floats(-0.95, 0.95), st.integers(0, 99))
def test_the_loss_is_at_most_both_losses_combined(correlation, seed):
    one, other = correlated(correlation, seed)

    found = joint_haircut(walk(0.02 * one), DATES, walk(0.01 * other), DATES, 10)

    apart = 1.0 - (1.0 - found.price_alone) * (1.0 - found.rate_alone)
    assert found.loss <= apart + 4.0 * found.standard_error
    assert found.path_minimum >= found.loss
    assert found.expected_shortfall >= found.loss
    assert min(found.standard_error, found.shortfall_error) > 0.0


def test_the_result_is_reproducible_and_depends_on_the_seed():
    pair = (walk(noise(500)), DATES, walk(noise(500, 0.005, 3)), DATES, 20)

    assert joint_haircut(*pair, seed=5).loss == joint_haircut(*pair, seed=5).loss
    assert joint_haircut(*pair, seed=5).loss != joint_haircut(*pair, seed=6).loss


def test_only_days_with_both_count():
    rate = walk(noise(500, 0.005, 3))
    quoted = np.arange(501) % 10 != 3

    found = joint_haircut(walk(noise(500)), DATES, rate[quoted], DATES[quoted], 20)

    assert found.observations == int(quoted.sum())
    assert found.dates.tolist() == DATES[quoted].tolist()


@pytest.mark.parametrize("rates", [np.full(501, 7.0), np.full(40, 7.0), np.zeros(0)])
def test_a_pegged_rate_and_a_short_common_history_give_no_opinion(rates):
    found = joint_haircut(walk(noise(500)), DATES, rates, DATES[: len(rates)], 20)

    assert not found.has_opinion
    assert found.flags & (QualityFlag.STALE_SERIES | QualityFlag.SHORT_HISTORY)
    assert QualityFlag.FX_CONVERTED in found.flags


def test_the_error_names_arguments_out_of_range():
    with pytest.raises(InvalidInput, match="confidence"):
        joint_haircut([1.0], [DAYS[0]], [1.0], [DAYS[0]], 20, 1.0)
    with pytest.raises(InvalidInput, match="dates: got 1 for 2 prices"):
        joint_haircut([1.0, 2.0], [DAYS[0]], [1.0], [DAYS[0]], 20)
