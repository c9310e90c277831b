"""Tests of the GJR fit: known parameters, comparison with another program, and rejected fits."""

import sys

import numpy as np
import pytest

from tests.support.price_series import noise
from valuation.errors import MissingExtra
from valuation.haircuts.models import gjr
from valuation.haircuts.models.gjr import Gjr, Rejected, filtered_by, fit_gjr, ljung_box_p

TRUE = (0.1, 0.03, 0.03, 0.06, 0.92)
"""Parameters for returns in percent: autoregression, constant, arch, leverage, garch."""


def simulated(count, parameters=TRUE, seed=1):
    """Returns simulated log returns of the process."""
    phi, omega, alpha, gamma, beta = parameters
    found, variance, before = np.empty(count), omega / (1 - alpha - gamma / 2 - beta), 0.0
    for row, draw in enumerate(np.random.default_rng(seed).normal(size=count)):
        shock = draw * np.sqrt(variance)
        found[row] = before = phi * before + shock
        variance = omega + (alpha + gamma * (shock < 0)) * shock**2 + beta * variance
    return found / 100.0


def test_the_parameters_of_a_known_process_are_recovered():
    fit = fit_gjr(simulated(6000))

    assert isinstance(fit, Gjr)
    assert fit.autoregression == pytest.approx(0.1, abs=0.04)
    assert fit.leverage > fit.arch
    assert fit.persistence == pytest.approx(0.98, abs=0.012)


def test_another_program_filters_to_the_same_variance():
    from arch.univariate import ARX, GARCH, SkewStudent

    returns = simulated(1500)
    model = ARX(
        100 * returns, lags=1, constant=False, volatility=GARCH(1, 1, 1), distribution=SkewStudent(), rescale=False
    )
    theirs = model.fit(disp="off")

    ours = fit_gjr(returns)

    assert np.sqrt(ours.variance) == pytest.approx(theirs.forecast(horizon=1).variance.iloc[-1, 0] ** 0.5, rel=1e-3)


def test_ljung_box_agrees_with_another_program():
    from statsmodels.stats.diagnostic import acorr_ljungbox

    values = noise(400)

    assert ljung_box_p(values) == pytest.approx(acorr_ljungbox(values, lags=[10])["lb_pvalue"].iloc[0])


def test_residuals_of_the_true_parameters_are_the_simulated_ones():
    fit = filtered_by(100 * simulated(2000), *TRUE)

    drawn = np.random.default_rng(1).normal(size=2000)[1 + gjr.BURN_IN :]
    assert np.corrcoef(fit.residuals, drawn)[0, 1] > 0.999


def test_a_variance_without_mean_reversion_is_rejected():
    exploding = simulated(1500, (0.0, 0.02, 0.12, 0.0, 0.879)) * np.linspace(0.2, 3.0, 1500)

    assert fit_gjr(exploding) == Rejected("NOT_STATIONARY")


def test_autocorrelated_residuals_are_rejected():
    seasonal = noise(1500) * (1.0 + 0.9 * np.sin(np.arange(1500) * 2.0 * np.pi / 5.0))

    assert fit_gjr(seasonal) == Rejected("RESIDUALS")


def test_the_error_names_a_missing_package_and_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "arch", None)

    with pytest.raises(MissingExtra, match=r"tier2 needs arch: install it with pip install 'collateral\[tier2\]'"):
        fit_gjr(noise(600))
