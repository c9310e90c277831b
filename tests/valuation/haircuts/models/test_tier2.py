"""Tests of Tier 2: the mean of three models, or the pooled scale with the reason for the fallback."""

import numpy as np
import pytest

from tests.support.price_series import DAYS, noise, walk
from tests.valuation.haircuts.models.test_gjr import TRUE, simulated
from valuation.errors import InvalidInput
from valuation.flags import QualityFlag
from valuation.haircuts.models.gjr import Gjr, filtered_by, fit_gjr
from valuation.haircuts.models.pooled import pooled_scale
from valuation.haircuts.models.price_haircut import HaircutModel, haircut
from valuation.haircuts.models.tier2 import gjr_tails, mean_of_tails, tier2
from valuation.statistics.simulation import Tails

PRICES = walk(simulated(1500))
FOUND = tier2(DAYS[:1501], PRICES, max_horizon_days=20, confidence=0.99, seed=1)


def constant_variance(autoregression=0.0):
    residuals = np.random.default_rng(2).normal(size=4000)
    return Gjr(autoregression, 0.0, 0.0, 0.0, 1.0, residuals - residuals.mean(), 1.0)


def test_the_mean_of_three_lies_between_them_and_does_not_decrease_with_the_horizon():
    assert (FOUND.model, FOUND.why) == ("tier2-mean-of-three/1", "")
    assert (np.diff(FOUND.curve.loss) >= 0.0).all()
    assert (FOUND.curve.expected_shortfall > FOUND.curve.loss).all()
    assert 0.0 < FOUND.curve.standard_error[-1] < 0.01
    assert 0.0 < FOUND.curve.shortfall_error[-1] < 0.01


def test_the_worst_day_is_that_of_the_simulated_paths():
    curve = FOUND.curve

    assert curve.path_minimum[0] == pytest.approx(curve.loss[0])
    assert (curve.path_minimum[1:] > curve.loss[1:]).all()
    assert (curve.path_shortfall[1:] > curve.expected_shortfall[1:]).all()
    assert (np.diff(curve.path_minimum) >= 0.0).all()
    fitted = gjr_tails(fit_gjr(np.diff(np.log(PRICES))), steps=20, confidence=0.99, paths=20_000, seed=3)
    assert curve.path_minimum[-1] == pytest.approx(fitted.path_minimum[-1], rel=0.2)


def test_the_fitted_quantile_of_a_known_process_is_the_true_one():
    returns = simulated(4000)
    variance, phi = np.full(100_000, filtered_by(100 * returns, *TRUE).variance), TRUE[0]
    move = total = np.zeros(100_000)
    for draw in np.random.default_rng(5).normal(size=(20, 100_000)):
        shock = draw * np.sqrt(variance)
        move = phi * move + shock
        total = total + move
        variance = TRUE[1] + (TRUE[2] + TRUE[3] * (shock < 0)) * shock**2 + TRUE[4] * variance

    tails = gjr_tails(fit_gjr(returns), steps=20, confidence=0.99, paths=40_000, seed=1)

    assert np.log1p(-tails.loss[-1]) == pytest.approx(np.quantile(total, 0.01) / 100.0, rel=0.06)


def test_the_remaining_value_is_the_geometric_mean_of_those_of_the_members():
    members = [
        Tails(*(np.array([one]) for one in (loss, loss + 0.1, 0.003, 0.004, loss + 0.05, loss + 0.2)))
        for loss in (0.1, 0.2, 0.3)
    ]

    found = mean_of_tails(members)

    assert 1.0 - found.loss[0] == pytest.approx((0.9 * 0.8 * 0.7) ** (1 / 3))
    assert 1.0 - found.expected_shortfall[0] == pytest.approx((0.8 * 0.7 * 0.6) ** (1 / 3))
    assert 1.0 - found.path_minimum[0] == pytest.approx((0.85 * 0.75 * 0.65) ** (1 / 3))
    assert 1.0 - found.path_shortfall[0] == pytest.approx((0.7 * 0.6 * 0.5) ** (1 / 3))
    assert found.standard_error[0] == pytest.approx(0.003 / np.sqrt(3), rel=0.03)
    assert found.shortfall_error[0] == pytest.approx(0.004 / np.sqrt(3), rel=0.03)


def test_constant_variance_gives_the_normal_tail():
    tails = gjr_tails(constant_variance(), steps=16, confidence=0.99, paths=40_000, seed=1)

    assert np.log1p(-tails.loss[15]) == pytest.approx(-2.326 * 0.01 * 4.0, rel=0.03)


def test_autoregression_widens_the_tail_like_the_sum_of_returns():
    tails = gjr_tails(constant_variance(0.3), steps=20, confidence=0.99, paths=40_000, seed=1)
    weights = (1.0 - 0.3 ** np.arange(1, 21)) / 0.7

    assert np.log1p(-tails.loss[19]) == pytest.approx(-2.326 * 0.01 * np.sqrt(np.sum(weights**2)), rel=0.03)


@pytest.mark.parametrize(
    ("prices", "why"),
    [
        (PRICES[:400], "SHORT_HISTORY"),
        (np.full(700, 3.0), "STALE_SERIES"),
        (walk(noise(1000) * (1.0 + 0.9 * np.sin(np.arange(1000) * 2.0 * np.pi / 5.0))), "RESIDUALS"),
    ],
)
def test_the_fallback_is_the_pooled_scale_with_a_reason(prices, why):
    days = DAYS[: len(prices)]
    found = tier2(days, prices, max_horizon_days=10, confidence=0.99, seed=1)
    plain = pooled_scale(days, prices, max_horizon_days=10, confidence=0.99)

    assert (found.model, found.why) == ("pooled-scale/2", why)
    assert found.curve.loss == pytest.approx(plain.loss, nan_ok=True)
    assert found.curve.path_minimum == pytest.approx(plain.path_minimum, nan_ok=True)
    assert QualityFlag.FALLEN_BACK in found.curve.flags


def test_a_haircut_states_the_model_used():
    found = haircut(PRICES, DAYS[:1501], 20, model=HaircutModel.TIER2, seed=1)
    fallback = haircut(PRICES[:300], DAYS[:300], 20, model=HaircutModel.TIER2)

    assert (found.model, found.loss) == ("tier2-mean-of-three/1", FOUND.curve.loss[-1])
    assert (fallback.model, fallback.fallen_back) == ("pooled-scale/2", "SHORT_HISTORY")


def test_the_unit_of_the_price_does_not_matter_and_the_same_seed_gives_the_same_curve():
    again = tier2(DAYS[:1501], 1000.0 * PRICES, max_horizon_days=20, confidence=0.99, seed=1)

    assert again.curve.loss == pytest.approx(FOUND.curve.loss, rel=1e-3)
    same = tier2(DAYS[:1501], PRICES, max_horizon_days=20, confidence=0.99, seed=1)
    assert (same.curve.loss == FOUND.curve.loss).all()


@pytest.mark.parametrize(("horizon", "confidence"), [(0, 0.99), (10, 0.4), (10, 1.0)])
def test_invalid_arguments_are_refused(horizon, confidence):
    with pytest.raises(InvalidInput, match=r"confidence|max_horizon_days"):
        tier2(DAYS[:1501], PRICES, max_horizon_days=horizon, confidence=confidence, seed=1)
