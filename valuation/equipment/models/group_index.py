"""The market's level by product group: excavators do not fall when trucks do.

Each group has a distance from the market of all, a mean of what its own sales leave about each point in time, blended
with sales that show none, so that a group with few sales stands where all stand. After the last sale the distance
fades: a group that ran ahead comes back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from valuation._typing import Float, Texts
from valuation.equipment.models.market_index import TREND_YEARS, MarketIndex

BANDWIDTH_YEARS = 0.35
"""Standard deviation of the weights about each point."""

PRIOR_SALES = 40.0
"""Sales without a distance that each point of a group is blended with."""

FADE_YEARS = 3.0
"""Time in which the distance of a group falls to 1/e after the last sale."""


@dataclass(frozen=True)
class GroupIndex:
    """The market of all, and by group the log distance from it [k] at the market's times."""

    market: MarketIndex
    groups: Mapping[str, Float]

    def at(self, time: Float, group: Texts) -> Float:
        """Log level at times [n] of machines of groups [n]; a group never seen stands where all stand."""
        distance = np.zeros(len(time))
        names = group.astype(str)
        for name in np.unique(names).tolist():
            if name in self.groups:
                rows = names == name
                distance[rows] = np.interp(time[rows], self.market.times, self.groups[name])
        ahead = np.maximum(time - self.market.last_time, 0.0)
        return np.asarray(self.market.at(time) + distance * np.exp(-ahead / FADE_YEARS))

    def error(self, time: Float) -> Float:
        """Standard deviation of the log level at times [n], that of the market."""
        return self.market.error(time)


def group_index(market: MarketIndex, time: Float, group: Texts, residual: Float) -> GroupIndex:
    """The distances of groups from what the market leaves of log prices [n] at their times.

    A history without a trend of the market, shorter than TREND_YEARS, has none of its groups either.
    """
    if market.last_time - float(market.times[0]) < TREND_YEARS:
        return GroupIndex(market, {})
    names = group.astype(str)
    own = {name: names == name for name in np.unique(names).tolist() if name}
    return GroupIndex(market, {name: _distance(market.times, time[rows], residual[rows]) for name, rows in own.items()})


def _distance(times: Float, time: Float, residual: Float) -> Float:
    weight = np.exp(-0.5 * ((time[None, :] - times[:, None]) / BANDWIDTH_YEARS) ** 2)
    return np.asarray((weight @ residual) / (weight.sum(axis=1) + PRIOR_SALES))
