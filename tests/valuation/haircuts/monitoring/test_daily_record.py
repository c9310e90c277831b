"""Tests of the daily record against the model itself, run on each day."""

import numpy as np
import pytest

from tests.support.price_series import noise
from valuation.haircuts.monitoring.daily_record import DAYS, NO_RECORD, ewma_record
from valuation.statistics.simulation import filtered

RETURNS = noise(750)
RECORD = ewma_record(RETURNS, 0.05, decay=0.97, window=500)


def test_predictions_are_those_of_the_model_on_each_day():
    agreed = []
    for row, exceeded in zip(range(500, 750), RECORD.exceeded, strict=True):
        start = filtered(RETURNS[row - 500 : row], 0.97)
        predicted = np.sqrt(start.variance) * np.quantile(start.residuals, 0.05)
        agreed.append((RETURNS[row] < predicted) == exceeded)

    assert np.mean(agreed) > 0.985


def test_the_variance_of_the_next_return_is_near_the_true_one():
    assert RECORD.variance == pytest.approx(0.0001, rel=0.3)


def test_scores_of_a_calm_market_have_unit_variance():
    assert RECORD.scores.std() == pytest.approx(1.0, abs=0.12)
    assert len(RECORD.scores) == DAYS


def test_a_correct_model_is_exceeded_as_often_as_it_predicts():
    shares = [ewma_record(noise(750, seed=s), 0.05, decay=0.97, window=500).exceeded.mean() for s in range(40)]

    assert np.mean(shares) == pytest.approx(0.05, abs=0.01)


def test_a_market_with_rising_volatility_has_more_exceedances_and_larger_scores():
    wild = np.concatenate([noise(600), noise(150, seed=2) * np.linspace(1.0, 6.0, 150)])
    record = ewma_record(wild, 0.05, decay=0.97, window=500)

    assert record.exceeded.mean() > RECORD.exceeded.mean()
    assert np.std(record.scores[-150:]) > 1.1


@pytest.mark.parametrize("returns", [noise(499), np.zeros(750), np.concatenate([np.zeros(600), [0.01]])])
def test_a_short_or_constant_history_has_no_record(returns):
    assert ewma_record(returns, 0.01, decay=0.97, window=500) is NO_RECORD
