"""Choice of the model: the random walk keeps its place unless it is beaten and not by luck."""

import numpy as np
import pytest

from tests.valuation.prices.forecast.test_models import autoregressive
from tests.valuation.prices.series import noise
from valuation.prices.forecast.selection import LEAST_ORIGINS, MOST_ORIGINS, select


@pytest.mark.parametrize("seed", [1, 2])
def test_of_a_random_walk_nothing_beats_the_random_walk(seed):
    found = select(np.cumsum(noise(300, seed=seed)), 5)

    assert found.model == "random-walk"
    assert [trial.origins for trial in found.trials] == [MOST_ORIGINS] * 3


def test_returns_that_carry_on_are_found_by_another_model():
    found = select(autoregressive(0.8), 4)

    assert found.model != "random-walk"
    chosen = next(trial for trial in found.trials if trial.model == found.model)
    assert chosen.error < found.trials[0].error
    assert chosen.comparison.p_value < 0.025


def test_a_lead_that_rests_on_few_origins_is_not_tested():
    found = select(autoregressive(0.8, count=130), 10)

    assert found.model == "random-walk"
    assert 0 < found.trials[1].origins < LEAST_ORIGINS
    assert found.trials[1].comparison is None


def test_no_origin_sees_what_came_later():
    logs = autoregressive(0.5)
    later = np.concatenate([logs, logs[-1] + np.cumsum(noise(5, sd=0.5))])

    alone, errors = select(logs, 5), select(later[:300], 5)

    assert [trial.error for trial in alone.trials] == [trial.error for trial in errors.trials]
