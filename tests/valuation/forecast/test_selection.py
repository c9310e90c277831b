"""Tests of model selection: the random walk is kept unless another model is significantly better."""

import numpy as np
import pytest

from tests.support.price_series import DAYS, noise
from tests.valuation.forecast.test_models import autoregressive, yearly
from valuation.forecast.selection import MAX_ORIGINS, MIN_ORIGINS, select

pytestmark = pytest.mark.slow


def choice(logs, steps, dates=DAYS, step_days=1):
    """Returns the model selection for log prices."""
    return select(logs, dates[: len(logs)], step_days, steps)


@pytest.mark.parametrize("seed", [1, 2])
def test_no_model_beats_the_random_walk_on_a_random_walk(seed):
    found = choice(np.cumsum(noise(300, seed=seed)), 5)

    assert found.model == "random-walk"
    assert [trial.origins for trial in found.trials] == [MAX_ORIGINS] * 4


def test_autocorrelated_returns_select_another_model():
    found = choice(autoregressive(0.8), 4)

    assert found.model != "random-walk"
    chosen = next(trial for trial in found.trials if trial.model == found.model)
    assert chosen.error < found.trials[0].error
    assert chosen.comparison.p_value < 0.025


def test_too_few_origins_are_not_tested():
    found = choice(autoregressive(0.8, count=130), 10)

    assert found.model == "random-walk"
    assert 0 < found.trials[1].origins < MIN_ORIGINS
    assert found.trials[1].comparison is None


def test_no_origin_uses_later_prices():
    logs = autoregressive(0.5)
    later = np.concatenate([logs, logs[-1] + np.cumsum(noise(5, sd=0.5))])

    alone, errors = choice(logs, 5), choice(later[:300], 5)

    assert [trial.error for trial in alone.trials] == [trial.error for trial in errors.trials]


def test_a_strong_yearly_season_selects_the_seasonal_model():
    dates = np.arange("1980-01", "2012-01", dtype="datetime64[M]").astype("datetime64[D]")
    found = choice(yearly(dates, 0.15) + np.cumsum(noise(len(dates), sd=0.03)), 6, dates, 22)

    trials = {trial.model: trial for trial in found.trials}
    assert found.model == "sarimax"
    assert trials["sarimax"].error < 0.7 * trials["random-walk"].error
    assert trials["sarimax"].comparison.p_value < 0.05 / 3


def test_a_model_that_never_fits_is_not_tested():
    found = choice(autoregressive(0.8), 4)

    seasonal = found.trials[-1]
    assert (seasonal.model, seasonal.failures, seasonal.comparison) == ("sarimax", MAX_ORIGINS, None)
    assert seasonal.error == found.trials[0].error


def test_origins_before_two_full_years_count_as_the_random_walk():
    found = choice(yearly(DAYS[:1200]) + np.cumsum(noise(1200)), 20)

    assert 0 < found.trials[-1].failures < found.trials[-1].origins
