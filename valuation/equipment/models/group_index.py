"""Market index by product group, because prices of excavators and of trucks, for example, move differently.

Each group has a log distance from the overall market: a kernel mean of the residuals of its sales at each point in
time, shrunk towards 0, so that a group with few sales follows the overall market. After the last sale the distance
decays to 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from valuation._typing import Float, Texts
from valuation.equipment.models.market_index import TREND_YEARS, MarketIndex

BANDWIDTH_YEARS = 0.35
"""Standard deviation of the kernel."""

PRIOR_SALES = 40.0
"""Number of assumed sales with a distance of 0, which shrink each point of a group towards 0."""

FADE_YEARS = 3.0
"""Time after the last sale in which the distance of a group decays by a factor of e."""


@dataclass(frozen=True)
class GroupIndex:
    """Overall market index, and the log distance [k] of each group from that index at the times of the index."""

    market: MarketIndex
    groups: Mapping[str, Float]

    def at(self, time: Float, group: Texts) -> Float:
        """Returns log levels at times [n] for groups [n]; an unseen group has the level of the overall market."""
        distance = np.zeros(len(time))
        names = group.astype(str)
        for name in np.unique(names).tolist():
            if name in self.groups:
                rows = names == name
                distance[rows] = np.interp(time[rows], self.market.times, self.groups[name])
        ahead = np.maximum(time - self.market.last_time, 0.0)
        return np.asarray(self.market.at(time) + distance * np.exp(-ahead / FADE_YEARS))

    def error(self, time: Float) -> Float:
        """Returns the standard deviation of the overall market's log level at times [n]."""
        return self.market.error(time)


def group_index(market: MarketIndex, time: Float, group: Texts, residual: Float) -> GroupIndex:
    """Fits the group index to log prices [n] less the overall market, at times [n].

    A history shorter than TREND_YEARS has no group distances.
    """
    if market.last_time - float(market.times[0]) < TREND_YEARS:
        return GroupIndex(market, {})
    names = group.astype(str)
    own = {name: names == name for name in np.unique(names).tolist() if name}
    return GroupIndex(market, {name: _distance(market.times, time[rows], residual[rows]) for name, rows in own.items()})


def _distance(times: Float, time: Float, residual: Float) -> Float:
    weight = np.exp(-0.5 * ((time[None, :] - times[:, None]) / BANDWIDTH_YEARS) ** 2)
    return np.asarray((weight @ residual) / (weight.sum(axis=1) + PRIOR_SALES))
