"""The models of the value forecast: where the log price goes, and how a surprise of today is carried on.

statsmodels takes seconds to import, so it is imported when a model is fitted, and nowhere else in the product.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

PERCENT = 100.0
"""Log prices are fitted in percent: optimisers stop too early on numbers of a thousandth."""

ORDERS = ((1, 0), (0, 1), (1, 1))
"""Autoregressive and moving-average orders of the ARIMA, differenced once, among which Akaike's criterion chooses."""


@dataclass(frozen=True)
class Fitted:
    """What a model says after its last price.

    ``path`` [H] are median log returns from now to 1..H steps ahead, ``residuals`` [m] its one-step errors, oldest
    first, ``responses`` [H] what one unit of surprise adds to the log price 0..H-1 steps later.
    """

    path: Float
    residuals: Float
    responses: Float


Model = Callable[[Float, int], Fitted | None]
"""Takes log prices [n] and steps H; None where the fit did not converge or makes no sense."""


def random_walk(logs: Float, steps: int) -> Fitted:
    """Tomorrow as today: no drift, and each surprise stays."""
    return Fitted(np.zeros(steps), np.diff(logs), np.ones(steps))


def damped_ets(logs: Float, steps: int) -> Fitted | None:
    """Exponential smoothing with additive errors and a damped additive trend, ETS(A, Ad, N).

    Responses are 1, then a + b (f + ... + f^j): Hyndman, Koehler, Ord and Snyder, Forecasting with Exponential
    Smoothing, 2008, doi 10.1007/978-3-540-71918-2, table 6.1.
    """
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel  # noqa: PLC0415

    scaled = PERCENT * (logs - logs[-1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = ETSModel(scaled, error="add", trend="add", damped_trend=True).fit(disp=False)
    if not fit.mle_retvals["converged"]:
        return None
    level, trend, damping = fit.params[:3].tolist()
    responses = np.concatenate([[1.0], level + trend * np.cumsum(damping ** np.arange(1, steps))])
    return _sound(Fitted(fit.forecast(steps) / PERCENT, fit.resid / PERCENT, responses))


def arima(logs: Float, steps: int) -> Fitted | None:
    """ARIMA(p, 1, q) without a constant; p and q by Akaike's corrected criterion among ``ORDERS``.

    Box and Jenkins, Time Series Analysis: Forecasting and Control, 1970; Hurvich and Tsai 1989, doi
    10.1093/biomet/76.2.297.
    """
    from statsmodels.tsa.statespace.sarimax import SARIMAX  # noqa: PLC0415

    moves = PERCENT * np.diff(logs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fits = [SARIMAX(moves, order=(p, 0, q), trend="n").fit(disp=False) for p, q in ORDERS]
    usable = [fit for fit in fits if fit.mle_retvals["converged"] and np.isfinite(fit.aicc)]
    if not usable:
        return None
    best = min(usable, key=lambda fit: float(fit.aicc))
    responses = np.cumsum(best.impulse_responses(steps - 1))
    return _sound(Fitted(np.cumsum(best.forecast(steps)) / PERCENT, best.resid / PERCENT, responses))


MODELS: dict[str, Model] = {"random-walk": random_walk, "damped-ets": damped_ets, "arima": arima}
"""By name; the first is what the others must beat."""


def _sound(fitted: Fitted) -> Fitted | None:
    columns = (fitted.path, fitted.residuals, fitted.responses)
    return fitted if all(np.isfinite(column).all() for column in columns) else None
