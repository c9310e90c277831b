"""The cost approach: replacement cost new less physical, functional and economic obsolescence (IVS 105)."""

from __future__ import annotations

from valuation.errors import InvalidInput


def cost_approach(
    replacement_cost: float, age_years: float, life_years: float, condition: float, functional: float, economic: float
) -> float:
    """RCN x (1 - age / life) x condition x functional x economic, each factor in [0, 1]."""
    for name, factor in (("condition", condition), ("functional", functional), ("economic", economic)):
        if not 0.0 <= factor <= 1.0:
            raise InvalidInput(name, factor, "0 to 1")
    if not 0.0 <= age_years <= life_years:
        raise InvalidInput("age_years", age_years, f"0 to the life {life_years:g}")
    return replacement_cost * (1.0 - age_years / life_years) * condition * functional * economic
