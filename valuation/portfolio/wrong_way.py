"""Loss given default where collateral value and borrower are correlated through Gaussian factors (Frye)."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from valuation._typing import Float
from valuation.errors import InvalidInput

NODES = 400
"""Number of quadrature nodes. The quantile function is steep near probability 0, so fewer nodes are not accurate."""


def expected_lgd(
    default_probability: ArrayLike,
    ltv: ArrayLike,
    sale_cost: ArrayLike,
    volatility: ArrayLike,
    correlation: ArrayLike,
    years: ArrayLike = 1.0,
) -> Float:
    """Returns E[(1 - V (1 - cost) / LTV)+ | default], where V is lognormal with mean 1.

    The borrower defaults when its standard normal factor is below Phi^-1(PD). The factor of the collateral has the
    given correlation with the borrower's factor (Frye, Collateral damage, Risk, April 2000). The borrower's factor is
    integrated by Gauss-Legendre quadrature, the collateral in closed form. Volatility is annual. Arguments broadcast.
    Raises InvalidInput for a PD outside (0, 1), a correlation outside (-1, 1), a cost outside [0, 1), or an LTV,
    volatility or time of 0 or less.
    """
    names = ("default_probability", "ltv", "sale_cost", "volatility", "correlation", "years")
    given = (default_probability, ltv, sale_cost, volatility, correlation, years)
    pd, debt, cost, sigma, rho, time = (np.asarray(column, dtype=np.float64)[..., np.newaxis] for column in given)
    rules = (
        ((pd > 0.0) & (pd < 1.0), "between 0 and 1"),
        (debt > 0.0, "more than 0"),
        ((cost >= 0.0) & (cost < 1.0), "0 or more and less than 1"),
        (sigma > 0.0, "more than 0"),
        (np.abs(rho) < 1.0, "between -1 and 1"),
        (time > 0.0, "more than 0"),
    )
    for name, column, (holds, want) in zip(names, given, rules, strict=True):
        if not holds.all():
            raise InvalidInput(name, column, want)
    nodes, weights = _nodes()
    factor = ndtri(pd * (nodes + 1.0) / 2.0)
    spread = sigma * np.sqrt(time)
    mean = -(spread**2) / 2.0 + spread * rho * factor
    rest = spread * np.sqrt(1.0 - rho**2)
    net = (1.0 - cost) / debt
    distance = (-np.log(net) - mean) / rest
    shortfall = ndtr(distance) - net * np.exp(mean + rest**2 / 2.0) * ndtr(distance - rest)
    lgd: Float = shortfall @ weights / 2.0
    return lgd


@cache
def _nodes() -> tuple[Float, Float]:
    """Returns the Gauss-Legendre nodes and weights [NODES] on (-1, 1)."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    return nodes, weights


def expected_loss(default_probability: ArrayLike, lgd: ArrayLike, exposure: ArrayLike) -> Float:
    """Returns the expected loss PD x LGD x EAD in the currency of the exposure. Arguments broadcast."""
    pd, loss, amount = (np.asarray(given, dtype=np.float64) for given in (default_probability, lgd, exposure))
    expected: Float = pd * loss * amount
    return expected
