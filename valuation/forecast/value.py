"""The value forecast: a fan of prices at each horizon, and what of it a lender may count on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from valuation._typing import Dates, Float
from valuation.errors import InvalidInput
from valuation.forecast.models import MODELS, Fitted, random_walk
from valuation.forecast.past import dates_ahead, past_at
from valuation.forecast.selection import Selection, Trial, select
from valuation.prices.cleaning import Cleaned, Defect, clean
from valuation.prices.returns import usual_step_days
from valuation.statistics.simulation import Start, filtered

QUANTILES = (0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95)
"""Levels of the fan."""

LEAST_OBSERVATIONS = 60
"""Prices below which there is no forecast."""

PATHS = 10_000
DECAY = 0.97
"""Simulated paths, and decay of the variance of surprises, that of the haircuts' EWMA."""

RANDOM_WALK = "random-walk"


@dataclass(frozen=True)
class ValueForecast:
    """Prices at 1..H steps of the series, each ``step_days`` business days.

    ``fan`` [7, H] are the quantiles of ``QUANTILES``; ``lendable`` [H] is the median, but never above the last price
    and never rising again. Empty columns where there is no forecast.
    """

    date: np.datetime64
    last_price: float
    step_days: int
    selection: Selection
    fan: Float
    lendable: Float
    cleaned: Cleaned

    @property
    def horizon_days(self) -> NDArray[np.int64]:
        """Business days from the last price to each column [H]."""
        return self.step_days * np.arange(1, self.fan.shape[1] + 1, dtype=np.int64)

    @property
    def dates_ahead(self) -> Dates:
        """Dates of the columns [H], Saturdays and Sundays left out."""
        return dates_ahead(self.date, self.step_days, self.fan.shape[1])


def forecast(prices: Float, dates: Dates, horizon_days: int, *, seed: int = 0) -> ValueForecast:
    """Forecasts raw quotes [n] of one series up to a horizon in business days, since their last level break.

    The model is chosen by ``select``. Its surprises are drawn from its own, scaled by their EWMA volatility
    (filtered historical simulation, Barone-Adesi, Giannopoulos and Vosper 1999), and carried on by its responses. The
    fan's median is the model's path. Raises InvalidInput for a horizon under 1 day, dates that do not fit the prices,
    or no usable price.
    """
    if horizon_days < 1:
        raise InvalidInput("horizon_days", horizon_days, "1 or more")
    cleaned = clean(dates, prices)
    if not len(cleaned.prices):
        raise InvalidInput("prices", "none that is positive and finite", "one or more")
    broken = cleaned.defects.get(Defect.LEVEL_BREAK, np.zeros(0, dtype=np.int64))
    begin = int(np.flatnonzero(cleaned.rows == broken[-1])[0]) if len(broken) else 0
    days, logs = cleaned.dates[begin:], np.log(cleaned.prices[begin:])
    step = usual_step_days(days)
    steps = -(-horizon_days // step)
    start = None
    if len(logs) >= LEAST_OBSERVATIONS:
        selection, fitted = _fitted(logs, days, step, steps)
        start = filtered(fitted.residuals, DECAY)
    if start is None:
        nothing = Selection(RANDOM_WALK, (Trial(RANDOM_WALK, 0, float("nan"), None, 0),))
        return _answer(cleaned, step, nothing, np.zeros((len(QUANTILES), 0)))
    errors = simulated_errors(start, fitted.responses, seed=seed)
    spread = np.quantile(errors, QUANTILES, axis=0)
    spread -= spread[QUANTILES.index(0.50)]
    return _answer(cleaned, step, selection, np.exp(logs[-1] + fitted.path + spread))


def simulated_errors(start: Start, responses: Float, *, seed: int, paths: int = PATHS) -> Float:
    """Errors of the log price [paths, H] from drawn residuals whose EWMA variance follows each path."""
    steps = len(responses)
    generator = np.random.Generator(np.random.PCG64(seed))
    variance = np.full(paths, start.variance)
    surprises = np.empty((paths, steps))
    for step in range(steps):
        surprises[:, step] = start.residuals[generator.integers(0, len(start.residuals), paths)] * np.sqrt(variance)
        variance = DECAY * variance + (1.0 - DECAY) * surprises[:, step] ** 2
    lag = np.arange(steps)[None, :] - np.arange(steps)[:, None]
    carried = np.where(lag >= 0, responses[np.maximum(lag, 0)], 0.0)
    return np.asarray(surprises @ carried)


def _fitted(logs: Float, dates: Dates, step_days: int, steps: int) -> tuple[Selection, Fitted]:
    """The model chosen, fitted to the newest prices; the random walk where that fit fails."""
    selection = select(logs, dates, step_days, steps)
    past = past_at(logs, dates, len(logs) - 1, step_days, steps)
    fitted = MODELS[selection.model](past)
    if fitted is None:
        return Selection(RANDOM_WALK, selection.trials), random_walk(past)
    return selection, fitted


def _answer(cleaned: Cleaned, step: int, selection: Selection, fan: Float) -> ValueForecast:
    last = float(cleaned.prices[-1])
    median = fan[QUANTILES.index(0.50)]
    lendable = np.minimum.accumulate(np.minimum(median, last))
    return ValueForecast(cleaned.dates[-1], last, step, selection, fan, lendable, cleaned)
