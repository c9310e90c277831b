"""Estimates the price level of a model family from similar families of the same line.

Families are similar if their size numbers are close. For example, the level of a family 992 without sales is a mean
over the families 988 and 990 of its line, weighted by the distance of the log size numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from valuation._typing import Float, Texts
from valuation.equipment.models.levels import LevelMeans
from valuation.equipment.sales.observations import Observations

BANDWIDTH = 0.08
"""Standard deviation of the weights in log size, which is 8 % of the size."""

PRIOR_SALES = 3.0
"""Number of assumed sales with a residual of 0, which shrink the correction towards 0."""

WIDE_LEVELS = 2
"""Number of levels (category and class) used if no similar family exists."""


@dataclass(frozen=True)
class Relatives:
    """Families [f] of each line: log sizes, sales counts, and summed differences between residual and class mean."""

    lines: Mapping[str, tuple[Float, Float, Float]]

    def at(self, line: Texts, family_size: Float, wide_mean: Float) -> Float:
        """Returns the class mean [n] plus the correction by similar families of the line, if there are any."""
        listed = list(zip(line.tolist(), np.log1p(family_size).tolist(), strict=True))
        found = {pair: self._correction(*pair) for pair in set(listed)}
        return np.asarray(wide_mean + np.array([found[pair] for pair in listed]))

    def _correction(self, line: str, log_size: float) -> float:
        if line not in self.lines or np.isnan(log_size):
            return 0.0
        sizes, sales, sums = self.lines[line]
        weight = np.exp(-0.5 * ((sizes - log_size) / BANDWIDTH) ** 2)
        return float((weight * sums).sum() / ((weight * sales).sum() + PRIOR_SALES))


def relatives_of(machines: Observations, value: Float, means: LevelMeans) -> Relatives:
    """Counts machines [n] and sums the differences between log value and class mean, by line and family size."""
    line = machines.levels["line"]
    wide = means.at([machines.levels[level] for level in ("category", "class")])[0][-1]
    log_size = np.log1p(machines.family_size)
    found: dict[str, dict[float, list[float]]] = {}
    for name, size, beyond in zip(line.tolist(), log_size.tolist(), (value - wide).tolist(), strict=True):
        if name and not np.isnan(size):
            sums = found.setdefault(name, {}).setdefault(size, [0.0, 0.0])
            sums[0] += 1.0
            sums[1] += beyond
    return Relatives({name: _columns(sizes) for name, sizes in found.items()})


def _columns(sizes: Mapping[float, list[float]]) -> tuple[Float, Float, Float]:
    ordered = sorted(sizes)
    return (
        np.array(ordered),
        np.array([sizes[size][0] for size in ordered]),
        np.array([sizes[size][1] for size in ordered]),
    )
