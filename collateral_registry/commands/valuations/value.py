"""Values assets from the facts known now, without recording the result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from collateral_registry.commands.pipeline.comparables import machine_estimates, quoted_estimates
from collateral_registry.commands.pipeline.load_inputs import LoadedInputs, in_currency, load_inputs_in, market_for
from collateral_registry.commands.pipeline.recompute import valuation_columns
from collateral_registry.commands.pipeline.stated_assets import checked_new_asset
from collateral_registry.domain.assets.kinds import Asset, Equipment
from collateral_registry.domain.book.policy import Policy
from collateral_registry.domain.shared.days import NO_DAY
from collateral_registry.domain.valuations.appraise import appraise
from collateral_registry.store.assets.repository import asset_keys, documents_of
from collateral_registry.store.book.policies import StoredPolicy, policy_in_force
from collateral_registry.store.engine.commits import market_day_of, newest_commit
from collateral_registry.store.engine.database import Connection
from collateral_registry.store.valuations.valuation_inputs import facts_of
from valuation.value import adjusted_value


@dataclass(frozen=True)
class Valued:
    """A valuation row with the records to which its keys refer. ``hidden_gap`` is taken from the haircut curve."""

    row: dict[str, Any]
    asset: Asset
    currency: str
    policy: Policy
    haircut_model: str
    hidden_gap: float
    known_us: int = 0
    last_good_day: int = NO_DAY

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
    loaded = loaded.with_estimates(machine_estimates(connection, loaded.assets, day))
    rows = _rows(connection, loaded, policy, day)
    documents = documents_of(connection, loaded.assets.asset_key)
    by_key = {int(key): row for row, key in enumerate(loaded.assets.asset_key)}
    found = [_valued(rows, by_key[int(key)], loaded, documents[int(key)], policy) for key in keys]
    return [with_last_good_day(connection, valued) for valued in found]


def quote_asset(connection: Connection, asset: Asset, currency: str) -> Valued:
    """Returns the value of an unregistered asset; raises InvalidInput where its registration would."""
    policy, day = _policy_today(connection)
    asset = checked_new_asset(connection, asset, day)
    assets = facts_of(connection, asset)
    targets = in_currency(assets, currency)
    loaded = LoadedInputs(assets, targets, market_for(connection, assets, targets, policy, []))
    if isinstance(asset.detail, Equipment):
        loaded = loaded.with_estimates(quoted_estimates(connection, assets, asset.detail, day))
    return _valued(_rows(connection, loaded, policy, day), 0, loaded, asset, policy)


def with_last_good_day(connection: Connection, valued: Valued) -> Valued:
    """Returns the valuation. An unknown one also gets the business date of its last good value, if there is one."""
    if not valued.row["unknown"] or not valued.row["good_seq"]:
        return valued
    return replace(valued, last_good_day=market_day_of(connection, valued.row["good_seq"]))


def _policy_today(connection: Connection) -> tuple[StoredPolicy, int]:
    _, day = newest_commit(connection)
    return policy_in_force(connection, day), day


def _rows(connection: Connection, loaded: LoadedInputs, policy: StoredPolicy, day: int) -> dict[str, list[Any]]:
    appraisal = appraise(loaded.assets, loaded.targets, loaded.market, policy.policy, day)
    columns = valuation_columns(connection, loaded, appraisal, policy, day)
    return {name: column.tolist() for name, column in columns.items()}


def _valued(rows: dict[str, list[Any]], at: int, loaded: LoadedInputs, asset: Asset, policy: StoredPolicy) -> Valued:
    row = {name: column[at] for name, column in rows.items()}
    row["seq"] = 0
    curves = {one.estimate_key: (one.model, one.hidden_gap) for one in loaded.market.curves.values()}
    model, gap = curves.get(row["estimate_key"], ("", 0.0))
    return Valued(row, asset, str(loaded.targets.currency[at]), policy.policy, model, gap)
