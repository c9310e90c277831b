"""Backtests of haircuts: did the price fall further than promised more often than promised?

Windows must not overlap. The tests are two-sided: too few exceedances reject as well, which is a cost, not a failure.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, bdtrc, gammaincc, xlogy

from valuation.errors import InvalidInput

GREEN_BELOW = 0.95
AMBER_BELOW = 0.9999
"""Cumulative probabilities of the Basel traffic light (Basel Committee 1996, framework for backtesting)."""


@dataclass(frozen=True)
class LikelihoodRatio:
    """A likelihood ratio with the p-value of its chi-square law."""

    statistic: float
    p_value: float


@dataclass(frozen=True)
class TrafficLight:
    """Colour, cumulative probability and the chance of seeing as many or more when the model is right."""

    colour: str
    cumulative: float
    type_one: float


def _chi_square_tail(statistic: float, degrees: int) -> float:
    return float(gammaincc(degrees / 2.0, statistic / 2.0))


def kupiec(exceedances: int, observations: int, level: float) -> LikelihoodRatio:
    """Proportion of failures (Kupiec 1995, doi 10.3905/jod.1995.407942); 0 ln 0 is 0."""
    if not 0 <= exceedances <= observations or not 0.0 < level < 1.0:
        raise InvalidInput("exceedances, level", (exceedances, level), f"0 to {observations}, and between 0 and 1")
    kept, rate = observations - exceedances, exceedances / observations
    under = xlogy(kept, 1.0 - level) + xlogy(exceedances, level)
    over = xlogy(kept, 1.0 - rate) + xlogy(exceedances, rate)
    statistic = float(-2.0 * (under - over))
    return LikelihoodRatio(statistic, _chi_square_tail(statistic, 1))


def christoffersen_independence(calm_calm: int, calm_hit: int, hit_calm: int, hit_hit: int) -> LikelihoodRatio:
    """Independence of exceedances from counts of transitions (Christoffersen 1998, doi 10.2307/2527341)."""
    after_calm = calm_hit / max(calm_calm + calm_hit, 1)
    after_hit = hit_hit / max(hit_calm + hit_hit, 1)
    rate = (calm_hit + hit_hit) / (calm_calm + calm_hit + hit_calm + hit_hit)
    under = xlogy(calm_calm + hit_calm, 1.0 - rate) + xlogy(calm_hit + hit_hit, rate)
    over = xlogy(calm_calm, 1.0 - after_calm) + xlogy(calm_hit, after_calm)
    over += xlogy(hit_calm, 1.0 - after_hit) + xlogy(hit_hit, after_hit)
    statistic = float(-2.0 * (under - over))
    return LikelihoodRatio(statistic, _chi_square_tail(statistic, 1))


def traffic_light(exceedances: int, observations: int, level: float) -> TrafficLight:
    """Green, amber or red by the binomial law."""
    cumulative = float(bdtr(exceedances, observations, level))
    colour = "green" if cumulative < GREEN_BELOW else "amber" if cumulative < AMBER_BELOW else "red"
    type_one = 1.0 if exceedances == 0 else float(bdtrc(exceedances - 1, observations, level))
    return TrafficLight(colour, cumulative, type_one)


def pinball(outcomes: NDArray[np.float64], quantiles: NDArray[np.float64], level: float) -> NDArray[np.float64]:
    """(level - 1[y < q]) (y - q) for each forecast [n]: the score a true quantile minimises."""
    return (level - (outcomes < quantiles)) * (outcomes - quantiles)
