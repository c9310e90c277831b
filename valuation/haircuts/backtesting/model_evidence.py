"""Evidence for the choice among haircut models: who is better on the same windows, and could it be luck?

Windows of one time share their crises across series, so losses are first summed over periods as long as the horizon:
what is tested is a series of periods, not of windows, and its p-values are honest about common crises.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from valuation._typing import Dates, Float
from valuation.errors import InvalidInput
from valuation.haircuts.backtesting.track_record import TrackRecord
from valuation.statistics.confidence_set import model_confidence_set
from valuation.statistics.coverage_tests import pinball
from valuation.statistics.diebold_mariano import diebold_mariano

NORMAL, HISTORICAL = "ewma-normal", "historical"
"""The two benchmarks that every track record carries."""

LEAST_PERIODS = 8
"""Periods below which nothing is tested: a block bootstrap of fewer has nothing to draw from."""


@dataclass(frozen=True)
class WindowLosses:
    """Pinball losses [n, m] and exceedances [n, m] of the models at the windows that began at ``origins`` [n]."""

    models: tuple[str, ...]
    origins: Dates
    losses: Float
    exceeded: NDArray[np.bool_]


@dataclass(frozen=True)
class ModelEvidence:
    """A model beside the first of the list, on the same windows.

    ``first_better_p`` is the one-sided chance of the first's lead in loss when neither is better, ``set_p`` the p-value
    of the model confidence set, ``in_set`` whether the model is in the 90 % set; NaN and True where periods are too few
    to say.
    """

    model: str
    windows: int
    periods: int
    exceedances: int
    pinball: float
    dm_statistic: float
    first_better_p: float
    set_p: float
    in_set: bool


def window_losses(records: Mapping[str, TrackRecord], level: float) -> WindowLosses:
    """Losses of models on one series, at the origins at which all of them spoke, then those of the benchmarks."""
    first = next(iter(records.values()))
    common = first.origins
    for record in records.values():
        common = common[np.isin(common, record.origins)]
    rows = {name: np.searchsorted(record.origins, common) for name, record in records.items()}
    mine = rows[next(iter(records))]
    came = first.log_return[mine]
    promised = [record.quantile[rows[name]] for name, record in records.items()]
    quantiles = np.column_stack([*promised, first.normal[mine], first.historical[mine]])
    losses = pinball(came[:, None], quantiles, level)
    usable = np.isfinite(losses).all(axis=1)
    exceeded = came[:, None] < quantiles
    return WindowLosses((*records, NORMAL, HISTORICAL), common[usable], losses[usable], exceeded[usable])


def model_evidence(tables: Sequence[WindowLosses], horizon_days: int) -> list[ModelEvidence]:
    """Pools the windows of many series, of the same models each, and tests them.

    Newey-West lags and bootstrap blocks are the cube root of the number of periods, the rate that is best for a
    variance (Hall, Horowitz and Jing, Biometrika 82 (1995), doi 10.1093/biomet/82.3.561). Raises InvalidInput for a
    horizon under 1 day or tables of different models.
    """
    if horizon_days < 1 or len({table.models for table in tables}) != 1:
        raise InvalidInput("tables, horizon_days", (len(tables), horizon_days), "the same models, 1 day or more")
    losses = np.concatenate([table.losses for table in tables])
    periods = period_losses(np.concatenate([table.origins for table in tables]), losses, horizon_days)
    models = tables[0].models
    exceedances = np.concatenate([table.exceeded for table in tables]).sum(axis=0).tolist()
    if len(periods) < LEAST_PERIODS:
        nothing = float("nan")
        means = losses.mean(axis=0) if len(losses) else np.full(len(models), nothing)
        tests = [(nothing, nothing, nothing, True)] * len(models)
    else:
        means = losses.mean(axis=0)
        tests = _tests(periods)
    return [
        ModelEvidence(model, len(losses), len(periods), count, float(mean), *test)
        for model, count, mean, test in zip(models, exceedances, means, tests, strict=True)
    ]


def period_losses(origins: Dates, losses: Float, horizon_days: int) -> Float:
    """Losses [periods, m] of periods as long as the horizon, so scaled that their mean is the mean of the windows."""
    if not len(origins):
        return np.zeros((0, losses.shape[1]))
    number = np.busday_count(origins.min(), origins) // horizon_days
    _, place = np.unique(number, return_inverse=True)
    count = int(place.max()) + 1
    sums = np.column_stack([np.bincount(place, column, count) for column in losses.T])
    return np.asarray(sums * (count / len(losses)))


def _tests(periods: Float) -> list[tuple[float, float, float, bool]]:
    span = int(np.ceil(np.cbrt(len(periods))))
    chosen = model_confidence_set(periods, span)
    found = []
    for model, (set_p, included) in enumerate(zip(chosen.p_values.tolist(), chosen.included.tolist(), strict=True)):
        test = diebold_mariano(periods[:, model] - periods[:, 0], span)
        own = (float("nan"), float("nan")) if model == 0 else (test.statistic, test.p_value)
        found.append((*own, set_p, included))
    return found
