"""Fits the parameters of the pooled-scale model by pinball loss."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from benchmarks.haircuts.histories import PriceHistory
from valuation._typing import Float
from valuation.statistics.running_moments import TERM_NAMES, Terms, running_means, terms

HORIZONS = (1, 2, 5, 10, 20, 40, 60, 120)
TAILS = np.array([0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25])
TAIL_WEIGHTS = np.array([0.3, 0.5, 1.0, 1.0, 0.8, 0.6, 0.4, 0.2])
"""Weight of each tail in the loss: less for the deepest, which are noisy, and the shallowest, which matter less."""

START_MULTIPLES = np.array([3.6, 3.1, 2.8, 2.5, 2.0, 1.65, 1.25, 0.67])

RIDGE = 3e-3
KINK = 0.02
"""Smoothing width of the pinball loss for the optimiser, in standard deviations of the horizon."""

FIRST_ROW, EVERY = 500, 5
CENTRE_DAYS = 20.0


@dataclass(frozen=True)
class Origins:
    """Origins [n] of many series: group, terms [n, 5], long-run volatility, and realised log returns [n, H]."""

    group: NDArray[np.str_]
    terms: Float
    volatility: Float
    realised: Float


@dataclass(frozen=True)
class Numbers:
    """Parameters of the model: weights [2, 5] and tail multiples [3, 8], in the layout of the shipped tables."""

    weights: Float
    multiples: Float

    def log_quantiles(self, path: Terms, horizon: int, tail: float) -> Float:
        """Returns log quantiles [n] for terms [5, n] at a horizon and one of the fitted tails."""
        time = np.array([1.0, np.log(horizon / CENTRE_DAYS), np.log(horizon / CENTRE_DAYS) ** 2])
        multiple = time @ self.multiples[:, np.flatnonzero(tail == TAILS)[0]]
        scale = path.log_volatility + (time[:2] @ self.weights) @ path.values
        return np.asarray(-np.exp(scale + 0.5 * np.log(horizon) + multiple))


def origins_of(series: list[PriceHistory]) -> Origins:
    """Returns an origin at every fifth price from the 501st; returns that end after the series are NaN."""
    groups, values, volatilities, outcomes = [], [], [], []
    for history in series:
        logs = np.log(history.prices[history.prices > 0.0])
        rows = np.arange(FIRST_ROW, len(logs), EVERY)
        path = terms(running_means(np.diff(logs), 1), 1)
        ahead = np.full((len(rows), len(HORIZONS)), np.nan)
        for column, horizon in enumerate(HORIZONS):
            known = rows + horizon < len(logs)
            ahead[known, column] = logs[rows[known] + horizon] - logs[rows[known]]
        groups += [history.group] * len(rows)
        values.append(path.values[:, rows - 1].T)
        volatilities.append(np.exp(path.log_volatility[rows - 1]))
        outcomes.append(ahead)
    return Origins(np.array(groups), np.concatenate(values), np.concatenate(volatilities), np.concatenate(outcomes))


def fitted(origins: Origins) -> Numbers:
    """Returns the parameters that minimise the pinball loss over all tails and horizons, with a ridge penalty."""
    mean, spread = origins.terms.mean(axis=0), origins.terms.std(axis=0)
    centred = (origins.terms - mean) / spread
    count, tails = len(TERM_NAMES), len(TAILS)
    start = np.concatenate([np.zeros(2 * count), np.log(START_MULTIPLES), np.zeros(2 * tails)])
    found = minimize(_loss, start, (centred, origins), jac=True, method="L-BFGS-B", options={"maxiter": 300}).x
    weights = found[: 2 * count].reshape(2, count) / spread
    multiples = found[2 * count :].reshape(3, tails).copy()
    multiples[:2] -= (weights @ mean)[:, None]
    return Numbers(weights, multiples)


def _loss(numbers: Float, centred: Float, origins: Origins) -> tuple[float, Float]:
    """Returns the mean smoothed pinball loss over tails and horizons, and its gradient."""
    count = centred.shape[1]
    weights, multiples = numbers[: 2 * count].reshape(2, count), numbers[2 * count :].reshape(3, -1)
    total = RIDGE * float(weights[0] @ weights[0] + 4.0 * weights[1] @ weights[1])
    to_weights = 2.0 * RIDGE * weights * np.array([[1.0], [4.0]])
    to_multiples = np.zeros_like(multiples)
    for column, horizon in enumerate(HORIZONS):
        known = np.isfinite(origins.realised[:, column])
        unit = np.sqrt(horizon)
        outcome = origins.realised[known, column] / (origins.volatility[known] * unit)
        importance = origins.volatility[known] / origins.volatility[known].mean() / known.sum()
        time = np.array([1.0, np.log(horizon / CENTRE_DAYS), np.log(horizon / CENTRE_DAYS) ** 2])
        scale = np.exp(np.clip(centred[known] @ (time[:2] @ weights), -5.0, 5.0))
        quantile = -scale[:, None] * np.exp(time @ multiples)
        loss, slope = _smoothed_pinball(outcome[:, None] - quantile)
        total += float(importance @ loss @ TAIL_WEIGHTS)
        pull = -importance[:, None] * slope * TAIL_WEIGHTS * quantile
        to_weights += time[:2, None] * (centred[known].T @ pull.sum(axis=1))
        to_multiples += time[:, None] * pull.sum(axis=0)
    return total, np.concatenate([to_weights.ravel(), to_multiples.ravel()])


def _smoothed_pinball(gap: Float) -> tuple[Float, Float]:
    """Returns the loss and its slope [n, 8] for outcomes less quantiles [n, 8]."""
    scaled = np.clip(-gap / KINK, -50.0, 50.0)
    return TAILS * gap + KINK * np.log1p(np.exp(scaled)), TAILS - 1.0 / (1.0 + np.exp(-scaled))
