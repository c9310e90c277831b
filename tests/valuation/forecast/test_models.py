"""Tests of the forecast models: paths and responses against independent computations."""

import numpy as np
import pytest

from tests.support.price_series import DAYS, noise
from valuation.forecast.history import history_at
from valuation.forecast.models import arima, damped_ets, random_walk, sarimax

WALK = np.cumsum(noise(400))
MONTHS = np.arange("2000-01", "2012-01", dtype="datetime64[M]").astype("datetime64[D]")


def history(logs, steps, dates=DAYS, step_days=1):
    """Returns the complete history of log prices, with ``steps`` dates to forecast."""
    return history_at(logs, dates[: len(logs)], len(logs) - 1, step_days, steps)


def yearly(dates, amplitude=0.2):
    """Returns log prices with a yearly season that peaks at the beginning of April."""
    return amplitude * np.sin(2.0 * np.pi * dates.astype("datetime64[D]").astype(float) / 365.2425)


def autoregressive(coefficient, count=300, seed=5):
    """Returns log prices whose returns follow an AR(1)."""
    returns, before = [], 0.0
    for shock in noise(count, seed=seed):
        before = coefficient * before + shock
        returns.append(before)
    return np.cumsum(returns)


def test_a_random_walk_forecasts_the_last_price():
    fitted = random_walk(history(WALK, 5))

    assert not fitted.path.any()
    assert (fitted.responses == 1.0).all()
    assert fitted.residuals == pytest.approx(np.diff(WALK))


def test_an_autoregression_is_fitted_and_its_responses_grow_to_their_limit():
    fitted = arima(history(autoregressive(0.6), 60))

    assert fitted.responses[:3] == pytest.approx([1.0, 1.6, 1.96], abs=0.25)
    assert fitted.responses[-1] == pytest.approx(2.5, abs=0.5)
    assert fitted.residuals[1:].std() == pytest.approx(0.01, rel=0.1)


def test_the_path_of_an_autoregression_continues_the_last_return():
    logs = autoregressive(0.6)
    logs = np.append(logs, logs[-1] + 0.10)

    path = arima(history(logs, 60)).path

    assert path[0] == pytest.approx(0.06, abs=0.02)
    assert path[-1] == pytest.approx(0.15, abs=0.06)


def test_responses_of_damped_smoothing_give_the_variance_of_simulated_paths():
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    logs = 0.02 * np.arange(300.0) + noise(300, sd=0.05)
    fitted = damped_ets(history(logs, 12))
    fit = ETSModel(100.0 * (logs - logs[-1]), error="add", trend="add", damped_trend=True).fit(disp=False)

    simulated = fit.simulate(12, anchor="end", repetitions=20_000, rng=np.random.default_rng(1))

    expected = np.sqrt(fit.scale * np.cumsum(fitted.responses**2))
    assert np.asarray(simulated).std(axis=1) == pytest.approx(expected, rel=0.03)
    assert np.asarray(simulated).mean(axis=1) == pytest.approx(100.0 * fitted.path, abs=0.2)


@pytest.mark.parametrize(("dates", "step_days", "steps"), [(MONTHS, 22, 12), (DAYS[:1500], 1, 250), (DAYS[::5], 5, 52)])
def test_a_yearly_season_is_forecast_for_any_step(dates, step_days, steps):
    logs = yearly(dates) + np.cumsum(noise(len(dates), sd=0.002))
    known = history(logs, steps, dates, step_days)

    path = sarimax(known).path

    assert path == pytest.approx(yearly(known.ahead) - yearly(dates[-1:]), abs=0.05)


def test_the_season_of_a_series_without_one_is_small_compared_with_its_noise():
    logs = np.cumsum(noise(2500, sd=0.01))

    assert np.abs(sarimax(history(logs, 250)).path).max() < 0.01 * np.sqrt(250)


def test_responses_with_a_season_are_those_of_an_autoregression():
    logs = yearly(DAYS[:1500]) + autoregressive(0.6, count=1500)

    fitted = sarimax(history(logs, 40))

    assert fitted.responses[:3] == pytest.approx([1.0, 1.6, 1.96], abs=0.15)
    assert fitted.residuals.std() == pytest.approx(0.01, rel=0.1)
    assert len(fitted.residuals) == 500


def test_less_than_two_full_years_have_no_season():
    logs = yearly(DAYS) + np.cumsum(noise(len(DAYS), sd=0.002))
    two_years = int(np.searchsorted(DAYS, DAYS[0] + 731))

    assert sarimax(history(logs[: two_years - 1], 20)) is None
    assert sarimax(history(logs[: two_years + 1], 20)) is not None


def test_quarterly_prices_have_no_season():
    quarters = MONTHS[::3]

    assert sarimax(history(yearly(quarters) + noise(len(quarters)), 4, quarters, 65)) is None
