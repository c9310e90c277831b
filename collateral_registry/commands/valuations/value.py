"""Values assets from the facts known now, without recording the result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from collateral_registry.commands.pipeline.load_inputs import LoadedInputs, in_currency, load_inputs_in, market_for
from collateral_registry.commands.pipeline.recompute import valued
from collateral_registry.commands.pipeline.stated_assets import checked_new_asset
from collateral_registry.domain.assets.kinds import Asset, Inventory
from collateral_registry.domain.book.policy import Policy
from collateral_registry.domain.shared.days import NO_DAY
from collateral_registry.store.assets.repository import asset_keys, documents_of
from collateral_registry.store.book.policies import StoredPolicy, policy_in_force
from collateral_registry.store.engine.bulk import Columns
from collateral_registry.store.engine.commits import market_days_of, newest_commit
from collateral_registry.store.engine.database import Connection
from collateral_registry.store.prices.series import price_units
from collateral_registry.store.stock.newest_counts import LotCount, newest_counts
from collateral_registry.store.valuations.valuation_inputs import facts_of
from valuation.value import adjusted_value

NOT_RECORDED = 0
"""Sequence of a valuation that is not recorded."""

NEWEST_SEQ = 2**62
"""Stands for the newest commit."""


@dataclass(frozen=True)
class Valued:
    """A valuation row with the records to which its keys refer.

    ``hidden_gap`` is taken from the haircut curve. ``price_unit`` is that of a lot's price, such as USD/t. ``count`` is
    the newest count of a lot that was recorded then.
    """

    row: dict[str, Any]
    asset: Asset
    currency: str
    policy: Policy
    haircut_model: str
    hidden_gap: float
    known_us: int = 0
    last_good_day: int = NO_DAY
    price_unit: str = ""
    count: LotCount | None = None

    @property
    def adjusted_minor(self) -> int:
        """The market value times the price adjustment, in minor units."""
        return self._adjusted("market_minor", "price_adjustment")

    @property
    def good_adjusted_minor(self) -> int:
        """The last known market value times its price adjustment, in minor units."""
        return self._adjusted("good_market_minor", "good_price_adjustment")

    def _adjusted(self, value: str, factor: str) -> int:
        # A row of an older version has no factor, which numpy reads as NaN.
        value_minor = np.array([self.row[value]], dtype=np.int64)
        return int(adjusted_value(value_minor, np.array([self.row[factor]], dtype=np.float64))[0])


def value_assets(connection: Connection, asset_ids: Sequence[str], currency: str) -> list[Valued]:
    """Returns the value of each asset [n] by current facts, in the given currency or in the asset's own."""
    policy, day = _policy_today(connection)
    keys = asset_keys(connection, asset_ids)
    loaded = load_inputs_in(connection, np.unique(keys), policy, currency)
    rows = _rows(connection, loaded, policy, day)
    documents = documents_of(connection, loaded.assets.asset_key)
    by_key = {int(key): row for row, key in enumerate(loaded.assets.asset_key)}
    found = [valued_at(rows, by_key[int(key)], loaded, documents[int(key)], policy) for key in keys]
    return with_counts(connection, with_price_units(connection, with_last_good_days(connection, found)))


def quote_asset(connection: Connection, asset: Asset, currency: str) -> Valued:
    """Returns the value of an unregistered asset; raises InvalidInput where its registration would."""
    policy, day = _policy_today(connection)
    asset = checked_new_asset(connection, asset, day)
    assets = facts_of(connection, asset)
    targets = in_currency(assets, currency)
    quoted = {int(assets.asset_key[0]): asset.detail}
    loaded = LoadedInputs(assets, targets, market_for(connection, assets, targets, policy, []), quoted)
    rows = _rows(connection, loaded, policy, day)
    (found,) = with_price_units(connection, [valued_at(rows, 0, loaded, asset, policy)])
    return found


def with_price_units(connection: Connection, found: Sequence[Valued]) -> list[Valued]:
    """Returns the valuations; those of lots with the unit of their price."""
    lots = {
        at: one.asset.detail.price_series for at, one in enumerate(found) if isinstance(one.asset.detail, Inventory)
    }
    units = price_units(connection, list(dict.fromkeys(lots.values()))) if lots else {}
    return [replace(one, price_unit=units.get(lots[at], "")) if at in lots else one for at, one in enumerate(found)]


def with_counts(connection: Connection, found: Sequence[Valued]) -> list[Valued]:
    """Returns the valuations; those of lots with the newest count that was recorded by then."""
    lots = [
        (at, one.asset.detail.warehouse, one.asset.detail.lot, one.row["seq"] or NEWEST_SEQ)
        for at, one in enumerate(found)
        if isinstance(one.asset.detail, Inventory)
    ]
    counts = newest_counts(connection, lots)
    return [replace(one, count=counts[at]) if at in counts else one for at, one in enumerate(found)]


def with_last_good_days(connection: Connection, found: Sequence[Valued]) -> list[Valued]:
    """Returns the valuations; unknown ones with the business date of their last good value, if there is one."""
    seqs = {at: one.row["good_seq"] for at, one in enumerate(found) if one.row["unknown"] and one.row["good_seq"]}
    days = market_days_of(connection, set(seqs.values())) if seqs else {}
    return [
        replace(one, last_good_day=days.get(seqs[at], NO_DAY)) if at in seqs else one for at, one in enumerate(found)
    ]


def _policy_today(connection: Connection) -> tuple[StoredPolicy, int]:
    _, day = newest_commit(connection)
    return policy_in_force(connection, day), day


def _rows(connection: Connection, loaded: LoadedInputs, policy: StoredPolicy, day: int) -> dict[str, list[Any]]:
    return plain_rows(valued(connection, loaded, policy, day, NOT_RECORDED))


def plain_rows(columns: Columns) -> dict[str, list[Any]]:
    """Returns columns as lists of plain values."""
    return {name: column.tolist() for name, column in columns.items()}


def valued_at(
    rows: Mapping[str, Sequence[Any]], at: int, loaded: LoadedInputs, asset: Asset, policy: StoredPolicy
) -> Valued:
    """Returns the valuation in one of the rows, with the records to which its keys refer."""
    row = {name: column[at] for name, column in rows.items()}
    row["seq"] = NOT_RECORDED
    curves = {one.estimate_key: (one.model, one.hidden_gap) for one in loaded.market.curves.values()}
    model, gap = curves.get(row["estimate_key"], ("", 0.0))
    return Valued(row, asset, str(loaded.targets.currency[at]), policy.policy, model, gap)
