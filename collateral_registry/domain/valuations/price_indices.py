"""Updates the price new of machines to the valuation day by a price index of the machine or its class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from collateral_registry.domain.prices.market_data import IndexHistory
from collateral_registry.domain.shared.days import NO_DAY
from collateral_registry.domain.shared.string_interner import codes_of
from collateral_registry.domain.valuations.valuation_inputs import AssetFacts, MarketFacts
from valuation._typing import Float, Int
from valuation.equipment.appraisals.price_index import level_at


@dataclass(frozen=True)
class Carried:
    """Assets, with the ``price_new`` of their machines updated. ``stale`` [m] marks machines whose index is too old.

    ``quarantined`` [m] marks machines whose index has a newer level in quarantine. ``withheld`` [m] is the share of the
    price that the lowest such level would take away.
    """

    assets: AssetFacts
    stale: NDArray[np.bool_]
    quarantined: NDArray[np.bool_]
    withheld: Float


def index_keys(assets: AssetFacts, class_indices: Mapping[str, int]) -> Int:
    """Returns the index key of each machine [m]; 0 for none.

    The key is that of the machine's own index. Without one, it is that of the class's index if the machine's price has
    a date.
    """
    machines = assets.equipment
    if not class_indices:
        return np.asarray(machines["index_key"], dtype=np.int64)
    classes, row = codes_of(assets.asset_class)
    of_class = np.array([class_indices.get(one, 0) for one in classes], dtype=np.int64)[row][machines["asset_row"]]
    dated = machines["price_new_day"] != NO_DAY
    return np.where(machines["index_key"] > 0, machines["index_key"], np.where(dated, of_class, 0)).astype(np.int64)


def carried_prices(assets: AssetFacts, market: MarketFacts, day: int) -> Carried:
    """Updates the price new of each machine that has an index to the day ``day``.

    The price is multiplied by (index on ``day``) / (index on the price's day). The index on a day is the latest level
    on or before that day. Without such a level the price is NaN.
    """
    machines = assets.equipment
    price = machines["price_new"].copy()
    stale, quarantined = np.zeros(len(price), dtype=np.bool_), np.zeros(len(price), dtype=np.bool_)
    withheld = np.zeros(len(price))
    keys = index_keys(assets, market.class_indices)
    for key in np.unique(keys[keys > 0]).tolist():
        rows = keys == key
        index: IndexHistory = market.indices[key]
        then, today = (level_at(one, index.day, index.level) for one in (machines["price_new_day"][rows], day))
        price[rows] = price[rows] * today / then
        known = index.day[index.day <= day]
        stale[rows] = len(known) > 0 and day - known[-1] > index.max_age_days
        if index.quarantined is not None:
            quarantined[rows], withheld[rows] = True, 1.0 - index.quarantined.low
    return Carried(replace(assets, equipment={**machines, "price_new": price}), stale, quarantined, withheld)
