"""Backtest of expected shortfall: are losses beyond the quantile as deep as predicted?"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from valuation._typing import Float
from valuation.errors import InvalidInput

SIMULATIONS = 20_000
"""Number of simulated samples; the 5 % critical value of Z2 then differs by about 0.01 between seeds."""


def acerbi_szekely_z2(returns: Float, value_at_risk: Float, expected_shortfall: Float, tail: float) -> float:
    """Returns Z2 = 1 + sum of r_t 1[r_t < -VaR_t] / (n a ES_t), where a is the tail probability.

    Z2 is 0 on average if the model is correct and negative if it predicts too small a shortfall. ``returns`` [n] are
    negative for losses; ``value_at_risk`` and ``expected_shortfall`` [n] are positive. Source: Acerbi and Szekely,
    Back-testing expected shortfall, Risk, December 2014. Raises InvalidInput for a tail outside (0, 0.5), no returns,
    or a shortfall that is not positive or is smaller than its value at risk.
    """
    if not 0.0 < tail < 0.5 or not len(returns):
        raise InvalidInput("tail, returns", (tail, len(returns)), "between 0 and 0.5, and 1 or more returns")
    if not ((expected_shortfall >= value_at_risk) & (expected_shortfall > 0.0)).all():
        raise InvalidInput(
            "expected_shortfall", float(np.min(expected_shortfall)), "more than 0, and value_at_risk or more"
        )
    beyond = np.where(returns < -value_at_risk, returns, 0.0)
    return float(1.0 + np.sum(beyond / expected_shortfall) / (len(returns) * tail))


def normal_z2_critical_value(
    observations: int, tail: float, significance: float, *, seed: int = 0, simulations: int = SIMULATIONS
) -> float:
    """Returns the quantile of Z2 at ``significance`` for a correct model of normal returns, by simulation.

    Only returns beyond the quantile enter Z2, so the simulation draws their number first and then their sizes. Raises
    InvalidInput for a tail or significance outside (0, 0.5).
    """
    if not 0.0 < tail < 0.5 or not 0.0 < significance < 0.5:
        raise InvalidInput("tail, significance", (tail, significance), "between 0 and 0.5")
    generator = np.random.Generator(np.random.PCG64(seed))
    hits = generator.binomial(observations, tail, simulations)
    sizes = ndtri(tail * (1.0 - generator.random(int(hits.sum()))))
    sums = np.bincount(np.repeat(np.arange(simulations), hits), weights=sizes, minlength=simulations)
    quantile = float(ndtri(tail))
    shortfall = float(np.exp(-0.5 * quantile**2) / np.sqrt(2.0 * np.pi) / tail)
    return float(np.quantile(1.0 + sums / (observations * tail * shortfall), significance))
