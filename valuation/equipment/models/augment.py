"""Hides parts of the sales data, so that a model also learns to value machines with missing data.

Some sources always state a meter reading and others never do. A model trained only on complete data would be wrong
about machines with missing data, and its intervals would be too narrow for them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valuation.equipment.sales.observations import Observations

MODEL_HIDDEN_SHARE = 0.25
FAMILY_HIDDEN_SHARE = 0.10
"""Shares of all rows in which the model or the family is hidden; where the family is hidden, the model is too."""

HOURS_HIDDEN_SHARE = 1.0
AGE_HIDDEN_SHARE = 0.10
ROWS_WITH_HIDDEN_WORDS_SHARE = 0.10
WORDS_HIDDEN_SHARE = 0.70
"""Share of the attribute values that are hidden in those rows."""


def degraded(machines: Observations, seed: int) -> Observations:
    """Returns the machines with random parts of their data hidden."""
    random = np.random.default_rng(seed)
    count = len(machines)
    hidden = random.random(count)
    no_hours, no_age = random.random(count) < HOURS_HIDDEN_SHARE, random.random(count) < AGE_HIDDEN_SHARE
    few_words = random.random(count) < ROWS_WITH_HIDDEN_WORDS_SHARE
    levels = dict(machines.levels)
    levels["model"] = _hidden(levels["model"], hidden < MODEL_HIDDEN_SHARE)
    levels["family"] = _hidden(levels["family"], hidden < FAMILY_HIDDEN_SHARE)
    words = {
        name: _hidden(column, few_words & (random.random(count) < WORDS_HIDDEN_SHARE))
        for name, column in machines.words.items()
    }
    return replace(
        machines,
        hours=np.where(no_hours, np.nan, machines.hours),
        build_year=np.where(no_age, np.nan, machines.build_year),
        levels=levels,
        words=words,
    )


def without_category(machines: Observations) -> Observations:
    """Returns the machines without category, class, line, family and model, as if their kind had never been sold."""
    return replace(machines, levels={name: np.full_like(column, "") for name, column in machines.levels.items()})


def _hidden(column: NDArray[Any], rows: NDArray[np.bool_]) -> NDArray[Any]:
    return np.where(rows, "", column)
