"""Cost approach: replacement cost new less physical, functional and economic obsolescence (IVS 105)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from valuation.checks import require
from valuation.depreciation.schedules import straight_line


def cost_approach(
    replacement_cost: ArrayLike,
    age_years: ArrayLike,
    life_years: ArrayLike,
    condition: ArrayLike,
    functional: ArrayLike,
    economic: ArrayLike,
) -> NDArray[np.float64]:
    """Returns RCN x (1 - age / life) x condition x functional x economic for numbers or arrays that broadcast.

    RCN is the replacement cost new. The age may be actual or effective. Raises InvalidInput for a factor outside [0,
    1], or for an age that is negative or exceeds the life: a machine in use beyond its life needs a new estimate of
    that life, not a value of 0.
    """
    age, life = np.asarray(age_years, dtype=np.float64), np.asarray(life_years, dtype=np.float64)
    require("age_years", age, (age >= 0.0) & ~(age > life), "0 to the life_years")
    value = straight_line(replacement_cost, 0.0, life, age)
    for name, given in (("condition", condition), ("functional", functional), ("economic", economic)):
        factor = np.asarray(given, dtype=np.float64)
        require(name, factor, (factor >= 0.0) & (factor <= 1.0), "0 to 1")
        value = np.asarray(value * factor, dtype=np.float64)
    return value
