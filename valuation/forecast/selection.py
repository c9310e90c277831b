"""Choice of the model by what it would have said: the random walk, unless another is better and not by luck."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from valuation._typing import Dates, Float
from valuation.forecast.models import MODELS, random_walk
from valuation.forecast.past import Past, past_at
from valuation.statistics.diebold_mariano import Comparison, diebold_mariano

LEAST_FIT = 100
"""Prices before the first origin; with fewer the three orders of the ARIMA cannot be told apart."""

MOST_ORIGINS, LEAST_ORIGINS = 30, 12
"""Origins tried, spread over the whole past, and fewer than which prove nothing."""

OVERLAP = 2
"""Most windows that cover a moment: twice as many origins from a history, and one autocovariance in the variance."""

SIGNIFICANCE = 0.05
"""Chance that any challenger takes the place of the random walk by luck; shared among them (Bonferroni)."""


@dataclass(frozen=True)
class Trial:
    """A model against the random walk: origins, mean absolute error of its log path, the test, and failed fits.

    ``comparison`` is None for the random walk itself, where origins are too few to test, and where no fit succeeded.
    """

    model: str
    origins: int
    error: float
    comparison: Comparison | None
    failures: int


@dataclass(frozen=True)
class Selection:
    """The model chosen, and the trials of all."""

    model: str
    trials: tuple[Trial, ...]


def select(logs: Float, dates: Dates, step_days: int, steps: int) -> Selection:
    """Refits each model at origins through the past of log prices [n], and compares their paths with what came.

    The dates ahead of an origin are ``steps`` of ``step_days`` business days, as they will be for the forecast.

    Rolling origin: Tashman 2000, doi 10.1016/S0169-2070(00)00065-0. The loss of an origin is the mean absolute error
    of the log path over the steps. A fit that fails counts as the random walk, which is what a user would get; a model
    that never succeeds is left out, and takes no share of the significance.
    """
    origins = _origins(len(logs), steps)
    pasts = [past_at(logs, dates, origin, step_days, steps) for origin in origins]
    came = [logs[origin + 1 : origin + 1 + steps] - logs[origin] for origin in origins]
    errors, failures = {}, {}
    for name in MODELS:
        losses = [_loss(name, past, path) for past, path in zip(pasts, came, strict=True)]
        errors[name] = np.array([loss for loss, _ in losses])
        failures[name] = sum(failed for _, failed in losses)
    plain, *challengers = MODELS
    trials = [_trial(plain, errors[plain], None, failures[plain])]
    for name in challengers:
        testable = len(origins) >= LEAST_ORIGINS and failures[name] < len(origins)
        found = diebold_mariano(errors[plain] - errors[name], OVERLAP - 1) if testable else None
        trials.append(_trial(name, errors[name], found, failures[name]))
    tested = [(one, one.comparison) for one in trials if one.comparison]
    better = [one for one, found in tested if found.p_value < SIGNIFICANCE / len(tested)]
    chosen = min(better, key=lambda one: one.error, default=trials[0])
    return Selection(chosen.model, tuple(trials))


def _origins(count: int, steps: int) -> list[int]:
    """Rows of the last price known at each origin, oldest first."""
    oldest, newest = LEAST_FIT - 1, count - 1 - steps
    apart = max(-(-steps // OVERLAP), (newest - oldest) // (MOST_ORIGINS - 1))
    return list(range(newest, oldest - 1, -apart))[:MOST_ORIGINS][::-1]


def _loss(model: str, past: Past, came: Float) -> tuple[float, bool]:
    fitted = MODELS[model](past)
    return float(np.abs(came - (fitted or random_walk(past)).path).mean()), fitted is None


def _trial(model: str, errors: Float, comparison: Comparison | None, failures: int) -> Trial:
    return Trial(model, len(errors), float(errors.mean()) if len(errors) else float("nan"), comparison, failures)
