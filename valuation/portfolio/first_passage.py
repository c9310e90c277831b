"""The chance that collateral falls below a level before a day, in closed form (Black and Cox)."""

from __future__ import annotations

import math

from scipy.special import ndtr

from valuation.errors import InvalidInput

DISCRETE_MONITORING = 0.5826
"""Shift of a barrier watched at intervals, in standard deviations of one interval (Broadie, Glasserman and Kou,
doi 10.1111/1467-9965.00035)."""


def first_passage_probability(value: float, barrier: float, drift: float, volatility: float, years: float) -> float:
    """P(min of the path <= barrier) for a lognormal value (Black and Cox, doi 10.2307/2326607); 1 when it is below.

    With a = ln(V/K) and nu = mu - sigma^2/2: Phi((-a - nu T)/(sigma sqrt T)) + exp(-2 nu a/sigma^2) Phi(...).
    """
    if min(value, barrier, volatility, years) <= 0:
        raise InvalidInput("value, barrier, volatility, years", (value, barrier, volatility, years), "more than 0")
    distance = math.log(value / barrier)
    if distance <= 0:
        return 1.0
    nu = drift - volatility**2 / 2.0
    spread = volatility * math.sqrt(years)
    terminal = float(ndtr((-distance - nu * years) / spread))
    return terminal + math.exp(-2.0 * nu * distance / volatility**2) * float(ndtr((-distance + nu * years) / spread))


def monitored_barrier(barrier: float, volatility: float, interval_years: float) -> float:
    """The continuous barrier that is as likely hit as this one watched at intervals."""
    return barrier * math.exp(-DISCRETE_MONITORING * volatility * math.sqrt(interval_years))
