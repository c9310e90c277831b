"""Comparison of haircut models on the same windows, with significance tests.

Windows of different series share market crises, so they are not independent. Losses are therefore summed over periods
as long as the horizon, and the tests run on periods instead of windows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from valuation._typing import Bool, Dates, Float
from valuation.errors import InvalidInput
from valuation.haircuts.backtesting.track_record import TrackRecord
from valuation.statistics.confidence_set import model_confidence_set
from valuation.statistics.coverage_tests import pinball
from valuation.statistics.diebold_mariano import diebold_mariano

NORMAL, HISTORICAL = "ewma-normal", "historical"
"""The two benchmarks in every track record."""

MIN_PERIODS = 8
"""Fewest periods for the tests: a block bootstrap needs several blocks to draw from."""


@dataclass(frozen=True)
class WindowLosses:
    """Pinball losses [n, m] and exceedances [n, m] of m models, for windows that start at ``origins`` [n]."""

    models: tuple[str, ...]
    origins: Dates
    losses: Float
    exceeded: Bool


@dataclass(frozen=True)
class ModelEvidence:
    """Comparison of a model with the first model of the list, on the same windows.

    ``first_better_p`` is the one-sided p-value of the hypothesis that the first model is not better. ``set_p`` is the
    p-value of the model confidence set, and ``in_set`` states whether the model is in the 90 % set. With too few
    periods the statistics are NaN and ``in_set`` is True.
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
    """Returns the losses of models and benchmarks on one series, at the origins where every model has an estimate.

    ``records`` holds one track record for each model. The columns are the models in the order of ``records``, followed
    by the benchmarks.
    """
    first = next(iter(records.values()))
    common = first.origins
    for record in records.values():
        common = common[np.isin(common, record.origins)]
    rows = {name: np.searchsorted(record.origins, common) for name, record in records.items()}
    first_rows = rows[next(iter(records))]
    realised = first.log_return[first_rows]
    predicted = [record.quantile[rows[name]] for name, record in records.items()]
    quantiles = np.column_stack([*predicted, first.normal[first_rows], first.historical[first_rows]])
    losses = pinball(realised[:, None], quantiles, level)
    usable = np.isfinite(losses).all(axis=1)
    exceeded = realised[:, None] < quantiles
    return WindowLosses((*records, NORMAL, HISTORICAL), common[usable], losses[usable], exceeded[usable])


def model_evidence(tables: Sequence[WindowLosses], horizon_days: int) -> list[ModelEvidence]:
    """Pools the windows of many series and compares the models.

    The number of Newey-West lags and the bootstrap block length are the cube root of the number of periods, the optimal
    rate for estimating a variance (Hall, Horowitz and Jing, Biometrika 82 (1995), doi 10.1093/biomet/82.3.561). Raises
    InvalidInput for a horizon below 1 day or tables of different models.
    """
    if horizon_days < 1 or len({table.models for table in tables}) != 1:
        raise InvalidInput("tables, horizon_days", (len(tables), horizon_days), "the same models, and 1 day or more")
    losses = np.concatenate([table.losses for table in tables])
    periods = period_losses(np.concatenate([table.origins for table in tables]), losses, horizon_days)
    models = tables[0].models
    exceedances = np.concatenate([table.exceeded for table in tables]).sum(axis=0).tolist()
    if len(periods) < MIN_PERIODS:
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
    """Returns the sums of losses over periods as long as the horizon [periods, m].

    The sums are scaled so that their mean is the mean loss of all windows.
    """
    if not len(origins):
        return np.zeros((0, losses.shape[1]))
    number = np.busday_count(origins.min(), origins) // horizon_days
    _, place = np.unique(number, return_inverse=True)
    count = int(place.max()) + 1
    sums = np.column_stack([np.bincount(place, column, count) for column in losses.T])
    return np.asarray(sums * (count / len(losses)))


def _tests(periods: Float) -> list[tuple[float, float, float, bool]]:
    """Returns the test results of each model.

    They are the statistic and p-value against the first model, the p-value of the model confidence set, and whether the
    model is in that set.
    """
    span = int(np.ceil(np.cbrt(len(periods))))
    chosen = model_confidence_set(periods, span)
    tests = []
    for model, (set_p, included) in enumerate(zip(chosen.p_values.tolist(), chosen.included.tolist(), strict=True)):
        test = diebold_mariano(periods[:, model] - periods[:, 0], span)
        against_first = (float("nan"), float("nan")) if model == 0 else (test.statistic, test.p_value)
        tests.append((*against_first, set_p, included))
    return tests
