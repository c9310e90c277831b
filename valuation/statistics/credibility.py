"""Credibility: own experience of a group, weighted against the experience of all groups (Bühlmann and Straub)."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np

from valuation._typing import Float, Int
from valuation.errors import InvalidInput


@dataclass(frozen=True)
class Experience:
    """Groups [g] with their weighted means and weights, the mean of all groups and the credibility constant.

    ``constant`` is the weight at which a group's own mean counts half; it is infinite if the groups do not differ more
    than chance explains. A group without observations has the mean of all groups and the weight 0.
    """

    mean: Float
    weight: Float
    collective: float
    constant: float

    def credible(self) -> Float:
        """Returns the credible mean of each group [g]."""
        return blended(self.mean, self.weight, self.collective, self.constant)


def credibility(weight: Float, constant: float) -> Float:
    """Returns the share w / (w + k) of each group's own experience [g]; 0 for an infinite constant k.

    Raises InvalidInput for a negative constant or weight.
    """
    if not constant >= 0.0 or (weight < 0.0).any():
        raise InvalidInput("weight, constant", (weight.tolist()[:10], constant), "0 or more")
    total = weight + constant
    return np.where(total > 0.0, weight / np.where(total > 0.0, total, 1.0), 0.0)


def blended(own: Float, weight: Float, collective: Float | float, constant: float) -> Float:
    """Returns own experience and that of all groups, weighted by credibility: z own + (1 - z) collective.

    Raises InvalidInput as credibility does.
    """
    share = credibility(weight, constant)
    return np.asarray(share * own + (1.0 - share) * collective)


def experience(value: Float, weight: Float, group: Int, count: int) -> Experience:
    """Returns the experience of groups [count] from weighted observations [n], with the constant they support.

    The constant is the variance of an observation of weight 1 within groups, divided by the variance between the means
    of groups, both estimated without bias (Bühlmann and Straub 1970). Raises InvalidInput for a weight that is not
    positive, or without observations.
    """
    if not len(value) or not (weight > 0.0).all():
        raise InvalidInput("weight", weight.tolist()[:10], "one observation or more, each with a weight above 0")
    number, sums, weighted = (
        np.bincount(group, weights=column, minlength=count).astype(np.float64)
        for column in (np.ones_like(weight), weight, weight * value)
    )
    total = float(sums.sum())
    collective = float(weighted.sum()) / total
    mean = np.where(sums > 0.0, weighted / np.where(sums > 0.0, sums, 1.0), collective)
    repeats = float(np.maximum(number - 1.0, 0.0).sum())
    effective = total - float((sums**2).sum()) / total
    if repeats <= 0.0 or effective <= 0.0:
        return Experience(mean, sums, collective, inf)
    within = float((weight * (value - mean[group]) ** 2).sum()) / repeats
    groups = np.count_nonzero(sums)
    between = (float((sums * (mean - collective) ** 2).sum()) - (groups - 1) * within) / effective
    return Experience(mean, sums, collective, within / between if between > 0.0 else inf)
