"""Tax amortisation benefit: what a buyer saves in tax by writing off the price."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]


def tax_amortisation_factor(tax_rate: Float, years: Float, discount_rate: Float, mid_year: NDArray[np.bool_]) -> Float:
    """1 / (1 - tax / n x a(n, k)) with a = (1 - (1 + k)^-n) / k, times (1 + k)^0.5 at mid-year; 1 where years is 0."""
    usable = years > 0
    n = np.where(usable, years, 1.0)
    annuity = (1.0 - (1.0 + discount_rate) ** -n) / discount_rate
    annuity = np.where(mid_year, annuity * np.sqrt(1.0 + discount_rate), annuity)
    return np.where(usable, 1.0 / (1.0 - tax_rate / n * annuity), 1.0)
