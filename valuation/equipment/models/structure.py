"""Splits log prices into market level, age effect and a residual that the trees explain.

The parts are fitted in turn for a fixed number of rounds (backfitting). The age effect serves only to make sales of one
model comparable before they are averaged. The boosted trees fit age again with a monotone constraint.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valuation._typing import Float
from valuation.equipment.models.group_index import GroupIndex, group_index
from valuation.equipment.models.levels import level_means
from valuation.equipment.models.market_index import market_index
from valuation.equipment.sales.observations import LEVELS, Observations

ROUNDS = 6
AGE_LIMIT_YEARS = 40.0
EARLY_YEARS = 10.0
POOLED_RIDGE = 5.0
CATEGORY_RIDGE = 50.0
RESIDUAL_LIMIT = 1.0
"""Bound on the log residuals that enter the index and the age effect."""


def split_prices(machines: Observations, log_price: Float) -> tuple[GroupIndex, Float]:
    """Returns the market index by product group and the log prices [n] less market level and age effect."""
    keys = [machines.levels[level] for level in LEVELS]
    shape, rows = _age_shape(machines), _rows_by_key(machines.levels["category"])
    index_level, model_level = np.zeros(len(machines)), np.zeros(len(machines))
    for _ in range(ROUNDS):
        age = _age_effect(shape, _bounded(log_price - index_level - model_level), rows)
        means = level_means(keys, log_price - index_level - age)
        model_level = means.at(keys)[0][-1]
        index = _index(machines, _bounded(log_price - age - model_level))
        index_level = index.at(machines.time, machines.levels["category"])
    return index, log_price - index_level - age


def _index(machines: Observations, residual: Float) -> GroupIndex:
    market = market_index(machines.time, residual)
    left = residual - market.at(machines.time)
    return group_index(market, machines.time, machines.levels["category"], left)


def _bounded(residual: Float) -> Float:
    return np.clip(residual, -RESIDUAL_LIMIT, RESIDUAL_LIMIT)


def _age_shape(machines: Observations) -> Float:
    """Returns centred basis functions of age [n, 4].

    Unknown ages are set to the median age, and the last function marks them.
    """
    age = machines.age_years
    unknown = np.isnan(age)
    median = float(np.median(age[~unknown])) if (~unknown).any() else 0.0
    age = np.clip(np.where(unknown, median, age), 0.0, AGE_LIMIT_YEARS)
    shape = np.column_stack([age, np.sqrt(age), np.minimum(age, EARLY_YEARS), unknown.astype(np.float64)])
    return np.asarray(shape - shape.mean(axis=0))


def _age_effect(shape: Float, residual: Float, rows: Sequence[NDArray[np.int64]]) -> Float:
    """Returns the age effect [n]: one pooled curve plus a shrunk correction by category."""
    pooled = _ridge(shape, residual, POOLED_RIDGE)
    effect = shape @ pooled
    for at in rows:
        own = shape[at] - shape[at].mean(axis=0)
        effect[at] += shape[at] @ _ridge(own, residual[at] - effect[at], CATEGORY_RIDGE)
    return np.asarray(effect, dtype=np.float64)


def _ridge(shape: Float, residual: Float, ridge: float) -> Float:
    normal = shape.T @ shape + ridge * np.eye(shape.shape[1])
    return np.asarray(np.linalg.solve(normal, shape.T @ (residual - residual.mean())))


def _rows_by_key(key: NDArray[Any]) -> list[NDArray[np.int64]]:
    distinct, row = np.unique(key.astype(str), return_inverse=True)
    return [np.flatnonzero(row == at) for at in range(len(distinct))]
