"""Builds machine columns for valuation tests from one default machine of four years."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from valuation.depreciation.equipment import Condition, EquipmentColumns, Schedule

FACTORS = (0.90, 1.0, 1.0, 0.85, 0.60, 0.05)
"""Condition factors indexed by Condition."""

PLAIN: dict[str, ArrayLike] = {
    "replacement_cost": 1_000_000.0,
    "age_years": 4.0,
    "schedule": Schedule.GEOMETRIC,
    "annual_rate": 0.155,
    "life_years": 10.0,
    "salvage_share": 0.10,
    "units_produced": 40_000.0,
    "units_lifetime": 100_000.0,
    "hours": np.nan,
    "meter_age_years": np.nan,
    "expected_hours_per_year": 1_000.0,
    "condition": Condition.GOOD,
    "condition_factors": FACTORS,
    "hours_elasticity": 0.20,
    "scrap_share": 0.03,
    "olv_factor": 0.85,
    "flv_factor": 0.70,
    "sale_cost_share": 0.10,
    "removal_cost_share": 0.05,
}


def machines(count: int = 1, **differing: ArrayLike) -> EquipmentColumns:
    """Returns default machines [count] with the given fields replaced, each by a number or a column."""
    columns: dict[str, Any] = {}
    for name, given in (PLAIN | differing).items():
        kind = np.int8 if name in {"schedule", "condition"} else np.float64
        shape = np.shape(given) if name == "condition_factors" else (count,)
        columns[name] = np.broadcast_to(np.asarray(given, dtype=kind), shape)
    return EquipmentColumns(**columns)
