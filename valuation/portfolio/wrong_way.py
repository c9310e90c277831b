"""Loss given default when collateral falls with the borrower (Frye): one Gaussian factor joins the two."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr, ndtri

from valuation.errors import InvalidInput

NODES = 400


def expected_lgd(
    default_probability: float, ltv: float, sale_cost: float, volatility: float, correlation: float, years: float = 1.0
) -> float:
    """E[(1 - V (1 - cost) / L)+ | default], V lognormal with mean 1, correlated with the borrower's strength.

    Integrates over the borrower's factor below its default point by Gauss-Legendre, the collateral in closed form.
    """
    if not 0 < default_probability < 1 or ltv <= 0 or not -1 < correlation < 1:
        raise InvalidInput("default_probability, ltv, correlation", (default_probability, ltv, correlation), "in range")
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    probability = default_probability * (nodes + 1.0) / 2.0
    factor = ndtri(probability)
    spread = volatility * np.sqrt(years)
    mean = -(spread**2) / 2.0 + spread * correlation * factor
    rest = spread * np.sqrt(1.0 - correlation**2)
    enough = np.log(ltv / (1.0 - sale_cost))
    short = ndtr((enough - mean) / rest)
    recovered = np.exp(mean + rest**2 / 2.0) * ndtr((enough - mean) / rest - rest) * (1.0 - sale_cost) / ltv
    return float(np.sum(weights * (short - recovered)) / 2.0)
