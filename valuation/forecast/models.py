"""Models of the value forecast: the expected path of the log price and its response to a surprise.

statsmodels takes seconds to import, so it is imported only when a model is fitted, and only in this module.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from valuation._typing import Dates, Float
from valuation.forecast.history import History

FIT_WINDOW = 500
"""Number of newest prices to which a model without a season is fitted: two years, because markets change."""

PERCENT = 100.0
"""Log prices are fitted in percent, because optimisers stop too early on very small numbers."""

ORDERS = ((1, 0), (0, 1), (1, 1))
"""Autoregressive and moving-average orders of the ARIMA, differenced once; Akaike's criterion selects one."""

GREGORIAN_YEAR_DAYS = 365.2425
"""Mean length of a calendar year in days, so that the season does not shift against the calendar."""

MIN_SEASON_YEARS, MAX_SEASON_YEARS = 2, 10
"""Fewest full years that distinguish a season from a drift, and most years used to estimate it."""

HARMONICS = 2
"""Seasonal waves: one with a period of a year and one of half a year; each has two coefficients."""

MIN_QUOTES_PER_YEAR = 8
"""Fewest quotes a year that can identify two waves; quarterly quotes would alias the half-year wave."""


@dataclass(frozen=True)
class Fitted:
    """A fitted model's forecast from its last price.

    ``path`` [H] holds the median log returns from now to 1..H steps ahead. ``residuals`` [m] holds the one-step errors,
    oldest first. ``responses`` [H] holds the effects of a unit surprise on the log price 0..H-1 steps later.
    """

    path: Float
    residuals: Float
    responses: Float


Model = Callable[[History], Fitted | None]
"""A model returns None if the history is too short, the fit does not converge, or its result is not finite."""


def random_walk(history: History) -> Fitted:
    """Forecasts the last price, without drift; surprises are permanent."""
    return Fitted(np.zeros(history.steps), np.diff(history.newest(FIT_WINDOW).logs), np.ones(history.steps))


def damped_ets(history: History) -> Fitted | None:
    """Fits exponential smoothing with additive errors and a damped additive trend, ETS(A, Ad, N).

    The responses are 1, then a + b (f + ... + f^j), where a smooths the level, b smooths the trend, and f is the
    damping. Source: Hyndman, Koehler, Ord and Snyder, Forecasting with Exponential Smoothing, 2008, doi
    10.1007/978-3-540-71918-2, table 6.1.
    """
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel  # noqa: PLC0415 - slow to import

    logs, steps = history.newest(FIT_WINDOW).logs, history.steps
    scaled = PERCENT * (logs - logs[-1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = ETSModel(scaled, error="add", trend="add", damped_trend=True).fit(disp=False)
    if not fit.mle_retvals["converged"]:
        return None
    level, trend, damping = fit.params[:3].tolist()
    responses = np.concatenate([[1.0], level + trend * np.cumsum(damping ** np.arange(1, steps))])
    return _if_finite(Fitted(fit.forecast(steps) / PERCENT, fit.resid / PERCENT, responses))


def arima(history: History) -> Fitted | None:
    """Fits ARIMA(p, 1, q) without a constant; Akaike's corrected criterion selects p and q from ``ORDERS``.

    Sources: Box and Jenkins, Time Series Analysis: Forecasting and Control, 1970; Hurvich and Tsai 1989, doi
    10.1093/biomet/76.2.297.
    """
    from statsmodels.tsa.statespace.sarimax import SARIMAX  # noqa: PLC0415 - slow to import

    moves, steps = PERCENT * np.diff(history.newest(FIT_WINDOW).logs), history.steps
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fits = [SARIMAX(moves, order=(p, 0, q), trend="n").fit(disp=False) for p, q in ORDERS]
    usable = [fit for fit in fits if fit.mle_retvals["converged"] and np.isfinite(fit.aicc)]
    if not usable:
        return None
    best = min(usable, key=lambda fit: float(fit.aicc))
    responses = np.cumsum(best.impulse_responses(steps - 1))
    return _if_finite(Fitted(np.cumsum(best.forecast(steps)) / PERCENT, best.resid / PERCENT, responses))


def sarimax(history: History) -> Fitted | None:
    """Fits a yearly season with calendar waves as regressors and ARIMA(1, 1, 0) errors, for steps of any length.

    log P = sum of b sin(k a) + c cos(k a) + u, where a is the angle of the day in its year and u is integrated. Unlike
    a seasonal lag of 250 days, waves need no large state vector. The method is dynamic harmonic regression (Hyndman and
    Athanasopoulos, Forecasting: Principles and Practice, 3rd edition 2021, section 10.5). The result is None for a
    history of fewer than MIN_SEASON_YEARS full years, or with fewer than MIN_QUOTES_PER_YEAR quotes a year.
    """
    from statsmodels.tsa.statespace.sarimax import SARIMAX  # noqa: PLC0415 - slow to import

    years = (history.dates - history.dates[-1]).astype(np.float64) / GREGORIAN_YEAR_DAYS
    if years[0] > -MIN_SEASON_YEARS:
        return None
    recent = history.newest(int(np.count_nonzero(years >= -MAX_SEASON_YEARS)))
    if len(recent.logs) < MIN_QUOTES_PER_YEAR * -max(years[0], -MAX_SEASON_YEARS):
        return None
    known, coming = _waves(recent.dates), _waves(np.concatenate([recent.dates[-1:], recent.ahead]))
    # Scale the regressors to similar sizes for the optimiser: daily moves of a wave are small.
    size = known.std(axis=0)
    moves = PERCENT * np.diff(recent.logs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = SARIMAX(moves, exog=known / size, order=(1, 0, 0), trend="n", concentrate_scale=True)
        fit = model.fit(disp=False, cov_type="none")
    if not fit.mle_retvals["converged"]:
        return None
    path = np.cumsum(fit.forecast(history.steps, exog=coming / size)) / PERCENT
    responses = np.cumsum(fit.impulse_responses(history.steps - 1))
    return _if_finite(Fitted(path, fit.resid[-FIT_WINDOW:] / PERCENT, responses))


MODELS: dict[str, Model] = {"random-walk": random_walk, "damped-ets": damped_ets, "arima": arima, "sarimax": sarimax}
"""Models by name; the first one is the benchmark for the others."""


def _waves(dates: Dates) -> Float:
    """Returns the changes in the seasonal waves between consecutive dates [n - 1, 2 HARMONICS]."""
    angle = 2.0 * np.pi * dates.astype("datetime64[D]").astype(np.float64) / GREGORIAN_YEAR_DAYS
    waves = [wave(count * angle) for count in range(1, HARMONICS + 1) for wave in (np.sin, np.cos)]
    return np.diff(np.column_stack(waves), axis=0)


def _if_finite(fitted: Fitted) -> Fitted | None:
    columns = (fitted.path, fitted.residuals, fitted.responses)
    return fitted if all(np.isfinite(column).all() for column in columns) else None
