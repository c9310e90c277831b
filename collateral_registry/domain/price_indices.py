"""The price new of a machine on the day it is valued, carried there by the index that it names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from collateral_registry.domain.facts import AssetFacts, IndexHistory
from valuation.equipment.price_index import level_at


@dataclass(frozen=True)
class Carried:
    """Assets whose machines have the price new of the day; ``stale`` [m] marks machines of an index that is too old."""

    assets: AssetFacts
    stale: NDArray[np.bool_]


def carried_prices(assets: AssetFacts, indices: Mapping[int, IndexHistory], day: int) -> Carried:
    """Replaces the price new of machines with an index by price x index of the day / index of the price's day.

    A day without an index has that of the last day before it. Where there is none the price is NaN: not known.
    """
    machines = assets.equipment
    price = machines["price_new"].copy()
    stale = np.zeros(len(price), dtype=np.bool_)
    for key in np.unique(machines["index_key"][machines["index_key"] > 0]).tolist():
        rows = machines["index_key"] == key
        index = indices[key]
        then, today = (level_at(one, index.day, index.level) for one in (machines["price_new_day"][rows], day))
        price[rows] = price[rows] * today / then
        known = index.day[index.day <= day]
        stale[rows] = len(known) > 0 and day - known[-1] > index.max_age_days
    return Carried(replace(assets, equipment={**machines, "price_new": price}), stale)
