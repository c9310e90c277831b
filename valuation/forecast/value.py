"""Value forecast: quantiles of the price at each horizon, and the value that a lender may rely on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np

from valuation._typing import Dates, Float, Int
from valuation.errors import InvalidInput
from valuation.forecast.history import dates_ahead, history_at
from valuation.forecast.models import MODELS, Fitted, random_walk
from valuation.forecast.selection import Selection, Trial, select
from valuation.prices.cleaning import Cleaned, Defect, clean
from valuation.prices.price_adjustment import supported_price
from valuation.prices.returns import usual_step_days
from valuation.statistics.simulation import Start, filtered

QUANTILES = (0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95)
"""Quantile levels of the fan."""

MIN_OBSERVATIONS = 60
"""Fewest prices for a forecast."""

PATHS = 10_000
DECAY = 0.97
"""Number of simulated paths, and EWMA decay of the variance of surprises, as in the haircut models."""

LONGEST_HORIZON = 2500
"""Largest horizon in business days, ten years; a simulation needs memory for each day of each path."""

RANDOM_WALK, AUTO = "random-walk", "auto"

MODEL_NAMES = (AUTO, *MODELS)
"""Models that a caller may name; ``auto`` selects one by backtest."""


class NoForecast(Enum):
    """Why a series has no forecast."""

    SHORT_HISTORY = f"fewer than {MIN_OBSERVATIONS} prices since the last level break"
    CONSTANT_PRICE = "the price never moves"


@dataclass(frozen=True)
class ValueForecast:
    """Forecast prices at 1..H steps of ``step_days`` business days.

    ``fan`` [7, H] holds the price quantiles at ``QUANTILES``. ``lendable`` [H] is the lowest of the last price, as far
    as earlier quotes support it, and all medians up to that horizon, so that an expected rise never increases the
    lendable value. Both arrays have no columns if there is no forecast. ``observations`` is the number of prices used.
    """

    date: np.datetime64
    last_price: float
    step_days: int
    selection: Selection
    fan: Float
    lendable: Float
    cleaned: Cleaned
    observations: int

    @property
    def missing(self) -> NoForecast | None:
        """Why there is no forecast; None if there is one."""
        if self.fan.shape[1]:
            return None
        short = self.observations < MIN_OBSERVATIONS
        return NoForecast.SHORT_HISTORY if short else NoForecast.CONSTANT_PRICE

    @property
    def horizon_days(self) -> Int:
        """Business days from the last price to each column [H]."""
        return self.step_days * np.arange(1, self.fan.shape[1] + 1, dtype=np.int64)

    @property
    def dates_ahead(self) -> Dates:
        """Dates of the columns [H]; weekends are skipped."""
        return dates_ahead(self.date, self.step_days, self.fan.shape[1])


def forecast(prices: Float, dates: Dates, horizon_days: int, *, model: str = AUTO, seed: int = 0) -> ValueForecast:
    """Forecasts a series from its raw quotes [n] since the last level break, up to a horizon in business days.

    ``select`` chooses the model, unless one of MODELS is named; a named model whose fit fails is replaced by the random
    walk. Surprises are drawn from the model's residuals, scaled by their EWMA volatility
    (filtered historical simulation, Barone-Adesi, Giannopoulos and Vosper 1999), and propagated by the model's
    responses. The median of the fan is the model's path. Raises InvalidInput for a horizon outside 1 to
    LONGEST_HORIZON, an unknown model, dates that do not match the prices, or no usable price.
    """
    if model not in MODEL_NAMES:
        raise InvalidInput("model", repr(model), ", ".join(MODEL_NAMES))
    whole = isinstance(horizon_days, int | np.integer) and not isinstance(horizon_days, bool)
    if not whole or not 1 <= horizon_days <= LONGEST_HORIZON:
        raise InvalidInput("horizon_days", repr(horizon_days), f"1 to {LONGEST_HORIZON}, a whole number")
    cleaned = clean(dates, prices)
    if not len(cleaned.prices):
        raise InvalidInput("prices", "none that is positive and finite", "one or more")
    broken = cleaned.defects.get(Defect.LEVEL_BREAK, np.zeros(0, dtype=np.int64))
    begin = int(np.flatnonzero(cleaned.rows == broken[-1])[0]) if len(broken) else 0
    days, logs = cleaned.dates[begin:], np.log(cleaned.prices[begin:])
    step = usual_step_days(days)
    steps = -(-horizon_days // step)
    start = None  # stays None for a short history and for a price that never moves: then there is no forecast
    if len(logs) >= MIN_OBSERVATIONS:
        selection, fitted = _fitted(logs, days, step, steps, model)
        start = filtered(fitted.residuals, DECAY)
    if start is None:
        untested = Selection(RANDOM_WALK, (Trial(RANDOM_WALK, 0, float("nan"), None, 0),))
        return _value_forecast(cleaned, len(logs), step, untested, np.zeros((len(QUANTILES), 0)))
    errors = simulated_errors(start, fitted.responses, seed=seed)
    spread = np.quantile(errors, QUANTILES, axis=0)
    spread -= spread[QUANTILES.index(0.50)]
    return _value_forecast(cleaned, len(logs), step, selection, np.exp(logs[-1] + fitted.path + spread))


def simulated_errors(start: Start, responses: Float, *, seed: int, paths: int = PATHS) -> Float:
    """Simulates errors of the log price [paths, H] from drawn residuals; each path updates its EWMA variance."""
    steps = len(responses)
    generator = np.random.Generator(np.random.PCG64(seed))
    variance = np.full(paths, start.variance)
    surprises = np.empty((paths, steps))
    for step in range(steps):
        surprises[:, step] = start.residuals[generator.integers(0, len(start.residuals), paths)] * np.sqrt(variance)
        variance = DECAY * variance + (1.0 - DECAY) * surprises[:, step] ** 2
    lag = np.arange(steps)[None, :] - np.arange(steps)[:, None]
    propagated = np.where(lag >= 0, responses[np.maximum(lag, 0)], 0.0)
    return np.asarray(surprises @ propagated)


def _fitted(logs: Float, dates: Dates, step_days: int, steps: int, model: str) -> tuple[Selection, Fitted]:
    """Selects a model, or takes the named one, and fits it; falls back to the random walk if that fit fails."""
    selection = select(logs, dates, step_days, steps) if model == AUTO else Selection(model, ())
    history = history_at(logs, dates, len(logs) - 1, step_days, steps)
    fitted = MODELS[selection.model](history)
    if fitted is None:
        return Selection(RANDOM_WALK, selection.trials), random_walk(history)
    return selection, fitted


def _value_forecast(cleaned: Cleaned, used: int, step: int, selection: Selection, fan: Float) -> ValueForecast:
    last = float(cleaned.prices[-1])
    median = fan[QUANTILES.index(0.50)]
    supported = supported_price(cleaned.dates, cleaned.prices)
    lendable = np.minimum.accumulate(np.minimum(median, min(last, supported)))
    return ValueForecast(cleaned.dates[-1], last, step, selection, fan, lendable, cleaned, used)
