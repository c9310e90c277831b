"""Model selection by backtest: the random walk, unless another model is significantly better."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from valuation._typing import Dates, Float
from valuation.forecast.history import History, history_at
from valuation.forecast.models import MODELS, random_walk
from valuation.statistics.diebold_mariano import Comparison, diebold_mariano

MIN_FIT_PRICES = 100
"""Fewest prices before the first origin; with fewer, the three ARIMA orders cannot be distinguished."""

MAX_ORIGINS, MIN_ORIGINS = 30, 12
"""Most origins to test, spread over the whole history, and fewest origins for a significance test."""

OVERLAP = 2
"""Most windows that cover one date. The overlap doubles the number of origins, so the variance of the mean loss needs
one autocovariance."""

SIGNIFICANCE = 0.05
"""Probability that any challenger replaces the random walk by chance, divided among the challengers (Bonferroni)."""


@dataclass(frozen=True)
class Trial:
    """Backtest of a model against the random walk.

    ``error`` is the mean absolute error of the log path over all origins, and ``failures`` is the number of failed
    fits. ``comparison`` is None for the random walk itself, if there are too few origins, or if no fit succeeded.
    """

    model: str
    origins: int
    error: float
    comparison: Comparison | None
    failures: int


@dataclass(frozen=True)
class Selection:
    """The selected model, and the trials of all models."""

    model: str
    trials: tuple[Trial, ...]


def select(logs: Float, dates: Dates, step_days: int, steps: int) -> Selection:
    """Refits each model at origins throughout the log prices [n] and compares its paths with the outcomes.

    Each origin forecasts ``steps`` steps of ``step_days`` business days, as the forecast itself does (rolling origin,
    Tashman 2000, doi 10.1016/S0169-2070(00)00065-0). The loss of an origin is the mean absolute error of the log path
    over the steps. A failed fit counts as the random walk, which is also the fallback of the forecast. A model whose
    fit always fails is not tested and uses no share of the significance level.
    """
    origins = _origins(len(logs), steps)
    histories = [history_at(logs, dates, origin, step_days, steps) for origin in origins]
    realised = [logs[origin + 1 : origin + 1 + steps] - logs[origin] for origin in origins]
    errors, failures = {}, {}
    for name in MODELS:
        losses = [_loss(name, history, path) for history, path in zip(histories, realised, strict=True)]
        errors[name] = np.array([loss for loss, _ in losses])
        failures[name] = sum(failed for _, failed in losses)
    plain, *challengers = MODELS
    trials = [_trial(plain, errors[plain], None, failures[plain])]
    for name in challengers:
        testable = len(origins) >= MIN_ORIGINS and failures[name] < len(origins)
        comparison = diebold_mariano(errors[plain] - errors[name], OVERLAP - 1) if testable else None
        trials.append(_trial(name, errors[name], comparison, failures[name]))
    tested = [(trial, trial.comparison) for trial in trials if trial.comparison]
    better = [trial for trial, comparison in tested if comparison.p_value < SIGNIFICANCE / len(tested)]
    chosen = min(better, key=lambda trial: trial.error, default=trials[0])
    return Selection(chosen.model, tuple(trials))


def _origins(count: int, steps: int) -> list[int]:
    """Returns the row of the last known price at each origin, oldest first."""
    oldest, newest = MIN_FIT_PRICES - 1, count - 1 - steps
    apart = max(-(-steps // OVERLAP), (newest - oldest) // (MAX_ORIGINS - 1))
    return list(range(newest, oldest - 1, -apart))[:MAX_ORIGINS][::-1]


def _loss(model: str, history: History, realised: Float) -> tuple[float, bool]:
    """Returns the loss of a model at an origin, and whether its fit failed."""
    fitted = MODELS[model](history)
    return float(np.abs(realised - (fitted or random_walk(history)).path).mean()), fitted is None


def _trial(model: str, errors: Float, comparison: Comparison | None, failures: int) -> Trial:
    return Trial(model, len(errors), float(errors.mean()) if len(errors) else float("nan"), comparison, failures)
