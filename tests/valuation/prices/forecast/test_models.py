"""Models of the value forecast: their paths and responses by another road."""

import numpy as np
import pytest

from tests.valuation.prices.series import noise
from valuation.prices.forecast.models import arima, damped_ets, random_walk

WALK = np.cumsum(noise(400))


def autoregressive(coefficient, count=300, seed=5):
    """Log prices whose returns lean on the return before."""
    returns, before = [], 0.0
    for shock in noise(count, seed=seed):
        before = coefficient * before + shock
        returns.append(before)
    return np.cumsum(returns)


def test_a_random_walk_stays_where_it_is():
    fitted = random_walk(WALK, 5)

    assert not fitted.path.any()
    assert (fitted.responses == 1.0).all()
    assert fitted.residuals == pytest.approx(np.diff(WALK))


def test_an_autoregression_is_found_and_its_surprises_grow_to_their_limit():
    fitted = arima(autoregressive(0.6), 60)

    assert fitted.responses[:3] == pytest.approx([1.0, 1.6, 1.96], abs=0.25)
    assert fitted.responses[-1] == pytest.approx(2.5, abs=0.5)
    assert fitted.residuals[1:].std() == pytest.approx(0.01, rel=0.1)


def test_the_path_of_an_autoregression_carries_the_last_return_on():
    logs = autoregressive(0.6)
    logs = np.append(logs, logs[-1] + 0.10)

    path = arima(logs, 60).path

    assert path[0] == pytest.approx(0.06, abs=0.02)
    assert path[-1] == pytest.approx(0.15, abs=0.06)


def test_responses_of_damped_smoothing_give_the_variance_that_simulated_paths_have():
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    logs = 0.02 * np.arange(300.0) + noise(300, sd=0.05)
    fitted = damped_ets(logs, 12)
    fit = ETSModel(100.0 * (logs - logs[-1]), error="add", trend="add", damped_trend=True).fit(disp=False)

    simulated = fit.simulate(12, anchor="end", repetitions=20_000, rng=np.random.default_rng(1))

    expected = np.sqrt(fit.scale * np.cumsum(fitted.responses**2))
    assert np.asarray(simulated).std(axis=1) == pytest.approx(expected, rel=0.03)
    assert np.asarray(simulated).mean(axis=1) == pytest.approx(100.0 * fitted.path, abs=0.2)
