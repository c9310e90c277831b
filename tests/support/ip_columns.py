"""Builds royalty columns for valuation tests from one default patent."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from valuation.ip.relief_from_royalty import RoyaltyColumns

PLAIN: dict[str, ArrayLike] = {
    "next_year_revenue": 10_000_000.0,
    "growth": 0.05,
    "royalty_rate": 0.05,
    "tax_rate": 0.25,
    "discount_rate": 0.15,
    "annual_survival": 1.0,
    "remaining_life_years": 5.0,
    "mid_year": True,
    "amortisation_years": 0.0,
    "operating_margin": np.nan,
}


def patents(count: int = 1, **differing: ArrayLike) -> RoyaltyColumns:
    """Returns default patents [count] with the given fields replaced, each by a number or a column."""
    columns: dict[str, Any] = {}
    for name, given in (PLAIN | differing).items():
        kind = np.bool_ if name == "mid_year" else np.float64
        columns[name] = np.broadcast_to(np.asarray(given, dtype=kind), (count,))
    return RoyaltyColumns(**columns)
