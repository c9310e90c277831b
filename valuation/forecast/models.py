"""The models of the value forecast: where the log price goes, and how a surprise of today is carried on.

statsmodels takes seconds to import, so it is imported when a model is fitted, and nowhere else in the product.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from valuation._typing import Dates, Float
from valuation.forecast.past import Past

FIT_WINDOW = 500
"""Newest prices that a model without a season is fitted to: two years of days; older ones tell of another market."""

PERCENT = 100.0
"""Log prices are fitted in percent: optimisers stop too early on numbers of a thousandth."""

ORDERS = ((1, 0), (0, 1), (1, 1))
"""Autoregressive and moving-average orders of the ARIMA, differenced once, among which Akaike's criterion chooses."""

DAYS_A_YEAR = 365.2425

SEASON_YEARS_LEAST, SEASON_YEARS_MOST = 2, 10
"""Full years without which there is no telling a season from a drift, and the newest years a season is taken from."""

HARMONICS = 2
"""Waves a year: one for the year, one for the half; each costs two coefficients."""

QUOTES_A_YEAR_LEAST = 8
"""Fewer quotes a year cannot carry two waves: a wave of half a year seen quarterly stands still."""


@dataclass(frozen=True)
class Fitted:
    """What a model says after its last price.

    ``path`` [H] are median log returns from now to 1..H steps ahead, ``residuals`` [m] its one-step errors, oldest
    first, ``responses`` [H] what one unit of surprise adds to the log price 0..H-1 steps later.
    """

    path: Float
    residuals: Float
    responses: Float


Model = Callable[[Past], Fitted | None]
"""None where the past is too short for it, the fit did not converge or makes no sense."""


def random_walk(past: Past) -> Fitted:
    """Tomorrow as today: no drift, and each surprise stays."""
    return Fitted(np.zeros(past.steps), np.diff(past.newest(FIT_WINDOW).logs), np.ones(past.steps))


def damped_ets(past: Past) -> Fitted | None:
    """Exponential smoothing with additive errors and a damped additive trend, ETS(A, Ad, N).

    Responses are 1, then a + b (f + ... + f^j): Hyndman, Koehler, Ord and Snyder, Forecasting with Exponential
    Smoothing, 2008, doi 10.1007/978-3-540-71918-2, table 6.1.
    """
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel  # noqa: PLC0415

    logs, steps = past.newest(FIT_WINDOW).logs, past.steps
    scaled = PERCENT * (logs - logs[-1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = ETSModel(scaled, error="add", trend="add", damped_trend=True).fit(disp=False)
    if not fit.mle_retvals["converged"]:
        return None
    level, trend, damping = fit.params[:3].tolist()
    responses = np.concatenate([[1.0], level + trend * np.cumsum(damping ** np.arange(1, steps))])
    return _sound(Fitted(fit.forecast(steps) / PERCENT, fit.resid / PERCENT, responses))


def arima(past: Past) -> Fitted | None:
    """ARIMA(p, 1, q) without a constant; p and q by Akaike's corrected criterion among ``ORDERS``.

    Box and Jenkins, Time Series Analysis: Forecasting and Control, 1970; Hurvich and Tsai 1989, doi
    10.1093/biomet/76.2.297.
    """
    from statsmodels.tsa.statespace.sarimax import SARIMAX  # noqa: PLC0415

    moves, steps = PERCENT * np.diff(past.newest(FIT_WINDOW).logs), past.steps
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fits = [SARIMAX(moves, order=(p, 0, q), trend="n").fit(disp=False) for p, q in ORDERS]
    usable = [fit for fit in fits if fit.mle_retvals["converged"] and np.isfinite(fit.aicc)]
    if not usable:
        return None
    best = min(usable, key=lambda fit: float(fit.aicc))
    responses = np.cumsum(best.impulse_responses(steps - 1))
    return _sound(Fitted(np.cumsum(best.forecast(steps)) / PERCENT, best.resid / PERCENT, responses))


def sarimax(past: Past) -> Fitted | None:
    """A yearly season: waves of the calendar as regressors, ARIMA(1, 1, 0) errors; one road for any step.

    log P = sum of b sin(k a) + c cos(k a) + u, with a the angle of the day in its year and u integrated. A seasonal lag
    of 250 days would need a state of as many numbers; waves need none. Dynamic harmonic regression: Hyndman and
    Athanasopoulos, Forecasting: Principles and Practice, 3rd edition 2021, section 10.5. None for a past of less than
    SEASON_YEARS_LEAST full years or of QUOTES_A_YEAR_LEAST quotes a year.
    """
    from statsmodels.tsa.statespace.sarimax import SARIMAX  # noqa: PLC0415

    years = (past.dates - past.dates[-1]).astype(np.float64) / DAYS_A_YEAR
    if years[0] > -SEASON_YEARS_LEAST:
        return None
    recent = past.newest(int(np.count_nonzero(years >= -SEASON_YEARS_MOST)))
    if len(recent.logs) < QUOTES_A_YEAR_LEAST * -max(years[0], -SEASON_YEARS_MOST):
        return None
    known, coming = _waves(recent.dates), _waves(np.concatenate([recent.dates[-1:], recent.ahead]))
    # Optimisers want regressors of one size; a day's move of a wave is a hundredth of the wave.
    size = known.std(axis=0)
    moves = PERCENT * np.diff(recent.logs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = SARIMAX(moves, exog=known / size, order=(1, 0, 0), trend="n", concentrate_scale=True)
        fit = model.fit(disp=False, cov_type="none")
    if not fit.mle_retvals["converged"]:
        return None
    path = np.cumsum(fit.forecast(past.steps, exog=coming / size)) / PERCENT
    responses = np.cumsum(fit.impulse_responses(past.steps - 1))
    return _sound(Fitted(path, fit.resid[-FIT_WINDOW:] / PERCENT, responses))


MODELS: dict[str, Model] = {
    "random-walk": random_walk,
    "damped-ets": damped_ets,
    "arima": arima,
    "sarimax": sarimax,
}
"""By name; the first is what the others must beat."""


def _waves(dates: Dates) -> Float:
    """Moves of the waves of the year between dates [n - 1, 2 HARMONICS]."""
    angle = 2.0 * np.pi * dates.astype("datetime64[D]").astype(np.float64) / DAYS_A_YEAR
    waves = [wave(count * angle) for count in range(1, HARMONICS + 1) for wave in (np.sin, np.cos)]
    return np.diff(np.column_stack(waves), axis=0)


def _sound(fitted: Fitted) -> Fitted | None:
    columns = (fitted.path, fitted.residuals, fitted.responses)
    return fitted if all(np.isfinite(column).all() for column in columns) else None
