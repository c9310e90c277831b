"""The level of a family by its relatives: families of the same line with a number near its own.

An unlisted 992 is placed by the 988 and the 990 of its line, weighted by how near the logarithms of their numbers are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from valuation._typing import Float, Texts
from valuation.equipment.models.levels import LevelMeans
from valuation.equipment.sales.observations import Observations

BANDWIDTH = 0.08
"""Standard deviation of the weights, in log size: 8 %."""

PRIOR_SALES = 3.0
"""Sales without a correction that the relatives are blended with."""

WIDE_LEVELS = 2
"""Levels (category and class) that stand when no relative is near."""


@dataclass(frozen=True)
class Relatives:
    """By line: log sizes of its families [f], their sales, and the sum of what their sales say beyond the class."""

    lines: Mapping[str, tuple[Float, Float, Float]]

    def at(self, line: Texts, family_size: Float, wide_mean: Float) -> Float:
        """The mean by class [n], corrected by the relatives where there are any."""
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
    """The relatives among machines [n] of a value [n] whose means by level are known."""
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
