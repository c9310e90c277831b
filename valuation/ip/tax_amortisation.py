"""Tax amortisation benefit: tax that a buyer saves by amortising the purchase price, which raises the price.

The price P includes its own benefit: P = V + P x (tax / n) x a(n, k), so P = V / (1 - (tax / n) x a(n, k)), where a(n,
k) = (1 - (1 + k)^-n) / k is the annuity factor of n years at rate k. The benefit applies only if the buyer may amortise
the price.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from valuation._typing import Float
from valuation.checks import require


def tax_amortisation_factor(
    tax_rate: ArrayLike, amortisation_years: ArrayLike, discount_rate: ArrayLike, *, mid_year: ArrayLike
) -> Float:
    """Returns the factor P / V [n], which is 1 where ``amortisation_years`` is 0.

    Mid-year timing multiplies the annuity factor by (1 + k)^0.5. Raises InvalidInput for a tax rate outside [0, 1),
    negative years or a negative discount rate. NaN gives NaN.
    """
    tax, years, rate = (np.asarray(given, dtype=np.float64) for given in (tax_rate, amortisation_years, discount_rate))
    require("tax_rate", tax, (tax >= 0.0) & (tax < 1.0), "0 to less than 1")
    require("amortisation_years", years, (years >= 0.0) & np.isfinite(years), "0 or more, finite")
    require("discount_rate", rate, (rate >= 0.0) & np.isfinite(rate), "0 or more, finite")
    span = np.where(years > 0.0, years, 1.0)
    annuity = _annuity(span, rate) * np.where(mid_year, np.sqrt(1.0 + rate), 1.0)
    factor = np.where(years == 0.0, 1.0, 1.0 / (1.0 - tax / span * annuity))
    return np.asarray(np.where(np.isnan(years), np.nan, factor), dtype=np.float64)


def _annuity(years: Float, rate: Float) -> Float:
    """Returns the present value of a payment of 1 at each year end; at a rate of 0 this is the number of years."""
    interest = np.where(rate > 0.0, rate, 1.0)
    annuity = -np.expm1(-years * np.log1p(rate)) / interest
    return np.asarray(np.where(rate == 0.0, years, annuity), dtype=np.float64)
