"""Tests of model monitoring: traffic-status status and multipliers by Basel's tables, and raised curves."""

import numpy as np
import pytest

from tests.support.price_series import DAYS, noise, walk
from valuation.flags import QualityFlag
from valuation.haircuts.models.monitored_curve import raised, watched_tier1
from valuation.haircuts.models.pooled import MIN_OBSERVATIONS, SURPRISE_DECAY, pooled_scale
from valuation.haircuts.models.price_haircut import HaircutModel, haircut
from valuation.haircuts.models.tier1 import tier1
from valuation.haircuts.monitoring.daily_record import DAYS as DAYS_OF_A_YEAR, MIN_REFERENCE, DailyRecord
from valuation.haircuts.monitoring.drift import THRESHOLD, drift, scores_since
from valuation.haircuts.monitoring.model_monitor import LARGEST_MULTIPLIER, UNWATCHED, Watch, multiplier, watch

BASEL_1996 = {4: 3.00, 5: 3.40, 6: 3.50, 7: 3.65, 8: 3.75, 9: 3.85, 10: 4.00}
"""Multiplication factors of the Basel table 2, by exceedances of 250."""

JUMPY = noise(2000)
JUMPY[1750::21] = -0.06
"""A market that falls by six standard deviations once a month, in its last year only."""


def record(exceedances, promises=250):
    exceeded = np.arange(promises) < exceedances
    return DailyRecord(exceeded, np.zeros(promises), 0.0001)


@pytest.mark.parametrize(("count", "factor"), BASEL_1996.items())
def test_multipliers_are_those_of_the_basel_table(count, factor):
    assert watch(record(count)).multiplier == pytest.approx(factor / 3.0, abs=0.012)


@pytest.mark.parametrize(("count", "status"), [(0, "green"), (4, "green"), (5, "amber"), (9, "amber"), (10, "red")])
def test_statuses_are_those_of_basel(count, status):
    assert watch(record(count)).status == status


def test_the_multiplier_never_decreases_and_stays_within_its_limit():
    factors = [multiplier(count, 250) for count in range(251)]

    assert (np.diff(factors) >= 0.0).all()
    assert (factors[0], factors[-1]) == (1.0, LARGEST_MULTIPLIER)


def test_no_predictions_have_no_status():
    assert watch(record(0, promises=0)) == UNWATCHED


def test_a_raised_curve_has_larger_log_losses_and_a_flag():
    curve = tier1(DAYS[:701], walk(noise(700)), max_horizon_days=30, confidence=0.99, seed=1)
    found = raised(curve, Watch("red", 1.5, 12, 250, 0.0, 0.0))

    assert np.log1p(-found.loss) == pytest.approx(1.5 * np.log1p(-curve.loss))
    assert np.log1p(-found.expected_shortfall) == pytest.approx(1.5 * np.log1p(-curve.expected_shortfall))
    assert np.log1p(-found.path_minimum) == pytest.approx(1.5 * np.log1p(-curve.path_minimum))
    assert np.log1p(-found.path_shortfall) == pytest.approx(1.5 * np.log1p(-curve.path_shortfall))
    assert (found.path_minimum >= found.loss).all()
    assert QualityFlag.MODEL_RED in found.flags
    assert (np.diff(found.loss) >= 0.0).all()
    assert found.loss.max() < 1.0


@pytest.mark.parametrize(("loss", "error"), [("loss", "standard_error"), ("expected_shortfall", "shortfall_error")])
def test_the_error_of_a_raised_loss_is_scaled_by_the_slope(loss, error):
    curve = tier1(DAYS[:701], walk(noise(700)), max_horizon_days=5, confidence=0.99, seed=1)
    shifted = raised(curve, Watch("red", 1.5, 12, 250, 0.0, 0.0))
    step, left = 1e-6, 1.0 - getattr(curve, loss)

    slope = (left**1.5 - (left - step) ** 1.5) / step

    assert getattr(shifted, error) == pytest.approx(slope * getattr(curve, error), rel=1e-4)


def test_a_market_that_starts_to_jump_changes_the_status_and_raises_the_curve():
    days, prices = DAYS[:2001], walk(JUMPY)
    found = watched_tier1(days, prices, max_horizon_days=20, confidence=0.99, seed=1)
    plain = tier1(days, prices, max_horizon_days=20, confidence=0.99, seed=1)

    assert found.watch.status in {"amber", "red"}
    assert found.watch.multiplier > 1.1
    assert (found.loss > plain.loss).all()
    assert found.flags & (QualityFlag.MODEL_AMBER | QualityFlag.MODEL_RED)


@pytest.mark.parametrize("model", [HaircutModel.EWMA_FHS, HaircutModel.POOLED])
def test_a_higher_confidence_never_has_a_smaller_haircut_in_any_status(model):
    levels = (0.9, 0.95, 0.975, 0.99, 0.995)
    for returns in jumpier():
        prices = walk(returns)
        found = [haircut(prices, DAYS[: len(prices)], 10, level, model=model).loss for level in levels]
        assert (np.diff(found) > 0.0).all()


def test_a_calm_market_does_not_change_the_curve():
    found = watched_tier1(DAYS[:1001], walk(noise(1000)), max_horizon_days=20, confidence=0.99, seed=1)
    plain = tier1(DAYS[:1001], walk(noise(1000)), max_horizon_days=20, confidence=0.99, seed=1)

    assert found.watch.status == "green"
    assert (found.loss == plain.loss).all()


def test_a_haircut_has_the_status_of_its_model():
    prices, days = walk(JUMPY), DAYS[:2001]
    simulated = haircut(prices, days, 20, model=HaircutModel.EWMA_FHS)
    pooled = haircut(prices, days, 20)

    assert simulated.watch.multiplier > 1.0
    assert pooled.watch.status in {"amber", "red"}
    assert pooled.watch.promises == 250


def test_the_pooled_curve_is_raised_in_red_and_only_flagged_in_amber():
    found = [pooled_scale(DAYS[: len(r) + 1], walk(r), max_horizon_days=5, confidence=0.99) for r in jumpier()]
    multipliers = {curve.watch.status: curve.watch.multiplier for curve in found}

    assert multipliers["amber"] == 1.0
    assert multipliers["red"] > 1.3


def test_the_pool_expects_the_true_variance_of_a_calm_market_without_drift():
    found = pooled_scale(DAYS[:1001], walk(noise(1000)), max_horizon_days=5, confidence=0.99).watch

    assert found.variance == pytest.approx(0.0001, rel=0.3)
    assert found.drift < THRESHOLD / 2.0


def test_surprises_of_the_pool_are_ranked_once_there_are_enough_residuals():
    least = MIN_OBSERVATIONS + MIN_REFERENCE + DAYS_OF_A_YEAR + 1
    few, enough = (
        pooled_scale(DAYS[:length], walk(noise(length - 1)), max_horizon_days=5, confidence=0.99).watch
        for length in (least - 1, least)
    )

    assert few.variance == 0.0
    assert few.promises == DAYS_OF_A_YEAR
    assert enough.variance > 0.0


def test_rising_volatility_is_detected_as_drift_within_a_week_and_a_calm_market_is_not():
    watched = pooled_scale(DAYS[:1001], walk(noise(1000)), max_horizon_days=5, confidence=0.99).watch
    wilder = 0.01 * np.array([3.0, -4.0, 5.0, -6.0, 7.0])
    surprised, usual = (
        drift(scores_since(returns, watched.variance, SURPRISE_DECAY), watched.drift)
        for returns in (wilder, noise(100, seed=9))
    )

    assert surprised.alarms
    assert not usual.alarms


def jumpier():
    """Yields markets that jump more and more often in their last year."""
    for jumps in range(0, 13, 2):
        returns = noise(2000)
        returns[1750 : 1750 + 19 * jumps : 19] = -0.08
        yield returns
