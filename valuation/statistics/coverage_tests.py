"""Coverage backtests: does the price fall further than the haircut as often as its confidence level states?

Windows must not overlap. The tests are two-sided: too few exceedances also reject, because a haircut that is too large
restricts lending.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import bdtr, bdtrc, gammaincc, xlogy

from valuation._typing import Bool, Float
from valuation.errors import InvalidInput

GREEN_BELOW = 0.95
AMBER_BELOW = 0.9999
"""Upper bounds of the cumulative probability for green and amber (Basel Committee 1996, framework for backtesting)."""


@dataclass(frozen=True)
class LikelihoodRatio:
    """A likelihood-ratio statistic with the degrees of freedom of its chi-square distribution."""

    statistic: float
    degrees: int

    @property
    def p_value(self) -> float:
        """Probability of a larger statistic if the model is correct."""
        return float(gammaincc(self.degrees / 2.0, self.statistic / 2.0))


@dataclass(frozen=True)
class TrafficLight:
    """Result of the Basel traffic-light test.

    Both probabilities assume that the model is correct. ``cumulative`` is the probability of at most the observed
    number of exceedances, and ``type_one`` is the probability of at least that number.
    """

    colour: str
    cumulative: float
    type_one: float


@dataclass(frozen=True)
class Transitions:
    """Counts of pairs of consecutive windows, by whether each window has an exceedance (hit) or not (calm)."""

    calm_calm: int
    calm_hit: int
    hit_calm: int
    hit_hit: int


def transitions(exceeded: Bool) -> Transitions:
    """Counts the n - 1 transitions in a sequence of windows [n]."""
    before, after = exceeded[:-1], exceeded[1:]
    return Transitions(
        int(np.sum(~before & ~after)),
        int(np.sum(~before & after)),
        int(np.sum(before & ~after)),
        int(np.sum(before & after)),
    )


def kupiec(exceedances: int, observations: int, level: float) -> LikelihoodRatio:
    """Tests the proportion of failures by a statistic that is chi-square with 1 degree of freedom.

    Source: Kupiec 1995, doi 10.3905/jod.1995.407942. 0 ln 0 counts as 0. Raises InvalidInput for impossible counts or a
    level outside (0, 1).
    """
    if observations < 1 or not 0 <= exceedances <= observations:
        raise InvalidInput("exceedances", exceedances, f"0 to {observations} observations, at least 1 observation")
    if not 0.0 < level < 1.0:
        raise InvalidInput("level", level, "between 0 and 1")
    kept, rate = observations - exceedances, exceedances / observations
    under = xlogy(kept, 1.0 - level) + xlogy(exceedances, level)
    over = xlogy(kept, 1.0 - rate) + xlogy(exceedances, rate)
    return LikelihoodRatio(_ratio(under, over), 1)


def christoffersen_independence(calm_calm: int, calm_hit: int, hit_calm: int, hit_hit: int) -> LikelihoodRatio:
    """Tests the independence of exceedances by a statistic that is chi-square with 1 degree of freedom.

    Source: Christoffersen 1998, doi 10.2307/2527341. The arguments are the counts of ``transitions``. Raises
    InvalidInput if all are 0 or one is negative.
    """
    counts = (calm_calm, calm_hit, hit_calm, hit_hit)
    if min(counts) < 0 or not sum(counts):
        raise InvalidInput("transitions", counts, "0 or more each, 1 or more in all")
    after_calm = calm_hit / max(calm_calm + calm_hit, 1)
    after_hit = hit_hit / max(hit_calm + hit_hit, 1)
    rate = (calm_hit + hit_hit) / sum(counts)
    under = xlogy(calm_calm + hit_calm, 1.0 - rate) + xlogy(calm_hit + hit_hit, rate)
    over = xlogy(calm_calm, 1.0 - after_calm) + xlogy(calm_hit, after_calm)
    over += xlogy(hit_calm, 1.0 - after_hit) + xlogy(hit_hit, after_hit)
    return LikelihoodRatio(_ratio(under, over), 1)


def conditional_coverage(coverage: LikelihoodRatio, independence: LikelihoodRatio) -> LikelihoodRatio:
    """Tests coverage and independence jointly by the sum of both ratios, chi-square with 2 degrees of freedom.

    Source: Christoffersen 1998, doi 10.2307/2527341.
    """
    return LikelihoodRatio(coverage.statistic + independence.statistic, coverage.degrees + independence.degrees)


def traffic_light(exceedances: int, observations: int, level: float) -> TrafficLight:
    """Returns the Basel traffic-light status by the binomial distribution.

    Raises InvalidInput for impossible counts or a level outside (0, 1).
    """
    if not 0 <= exceedances <= observations or not 0.0 < level < 1.0:
        raise InvalidInput("exceedances, level", (exceedances, level), f"0 to {observations}, and a level from 0 to 1")
    cumulative = float(bdtr(exceedances, observations, level))
    colour = "green" if cumulative < GREEN_BELOW else "amber" if cumulative < AMBER_BELOW else "red"
    type_one = 1.0 if exceedances == 0 else float(bdtrc(exceedances - 1, observations, level))
    return TrafficLight(colour, cumulative, type_one)


def pinball(outcomes: Float, quantiles: Float, level: float) -> Float:
    """Returns the pinball loss (level - 1[y < q]) (y - q) of each forecast [n]; the true quantile minimises its mean.

    Source: Koenker and Bassett 1978, doi 10.2307/1913643.
    """
    return (level - (outcomes < quantiles)) * (outcomes - quantiles)


def _ratio(under: float, over: float) -> float:
    """Returns twice the log-likelihood gain, at least 0: rounding can make an exact fit slightly negative."""
    return max(float(-2.0 * (under - over)), 0.0)
