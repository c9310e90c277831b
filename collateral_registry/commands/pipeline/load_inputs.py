"""Reads all inputs of a valuation in a few columnar queries before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from collateral_registry.commands.pipeline.curves import curves_for
from collateral_registry.domain.assets.kinds import Detail
from collateral_registry.domain.book.policy import Policy
from collateral_registry.domain.prices.exchange_rates import fx_paths
from collateral_registry.domain.prices.market_data import CurveNeed, FxQuote, IndexHistory, Quarantined
from collateral_registry.domain.valuations.appraise import needed_curves, series_of_assets
from collateral_registry.domain.valuations.pool_values import PoolValues
from collateral_registry.domain.valuations.price_indices import index_keys
from collateral_registry.domain.valuations.valuation_inputs import (
    AssetFacts,
    MachineEstimates,
    MarketFacts,
    TargetFacts,
)
from collateral_registry.store.book.policies import StoredPolicy
from collateral_registry.store.engine.bulk import Source
from collateral_registry.store.prices.haircut_curves import NewCurve
from collateral_registry.store.prices.series import history, quoted_rates, series_facts, series_keys
from collateral_registry.store.valuations.valuation_inputs import read_facts, read_targets
from valuation._typing import Int


@dataclass(frozen=True)
class LoadedInputs:
    """Assets, the currencies in which they are valued, and market data.

    ``quoted`` holds the machines and claims that are not registered, by the key that stands for them in ``assets``.
    ``entry_numbers`` holds the newest entry that counts of a pool by its key; of a pool without one all entries count.
    """

    assets: AssetFacts
    targets: TargetFacts
    market: MarketFacts
    quoted: Mapping[int, Detail] = field(default_factory=dict)
    entry_numbers: Mapping[int, int] = field(default_factory=dict)

    def with_estimates(self, machines: MachineEstimates, pools: PoolValues) -> LoadedInputs:
        """Returns the same inputs with model estimates of the machines and the values of the pools."""
        return replace(self, market=replace(self.market, machines=machines, pools=pools))


def load_inputs(source: Source, asset_keys: Int, policy: StoredPolicy, made: list[NewCurve]) -> LoadedInputs:
    """Loads assets in every currency in which they are needed; appends newly computed haircut curves to ``made``."""
    assets = read_facts(source, asset_keys)
    targets = read_targets(source, assets, asset_keys)
    return LoadedInputs(assets, targets, market_for(source, assets, targets, policy, made))


def load_inputs_in(connection: Source, asset_keys: Int, policy: StoredPolicy, currency: str) -> LoadedInputs:
    """Loads inputs for a valuation that is not recorded, in one currency or in each asset's own."""
    assets = read_facts(connection, asset_keys)
    targets = in_currency(assets, currency, read_targets(connection, assets, asset_keys))
    return LoadedInputs(assets, targets, market_for(connection, assets, targets, policy, []))


def in_currency(assets: AssetFacts, currency: str, known: TargetFacts | None = None) -> TargetFacts:
    """Returns each asset once, as a target in the given currency, or in the asset's own currency if none is given.

    The target key is 0 if the target is not recorded.
    """
    count = len(assets.asset_key)
    wanted = np.full(count, currency, dtype=object) if currency else assets.currency
    keys = np.zeros(count, dtype=np.int64)
    if known is not None:
        kept = np.flatnonzero(known.currency == wanted[known.asset_row])
        keys[known.asset_row[kept]] = known.target_key[kept]
    return TargetFacts(keys, np.arange(count, dtype=np.int64), wanted)


def market_for(
    connection: Source, assets: AssetFacts, targets: TargetFacts, policy: StoredPolicy, made: list[NewCurve]
) -> MarketFacts:
    """Loads prices, exchange rates and haircut curves for the targets."""
    keys = np.unique(assets.inventory["series_key"])
    series = series_facts(connection, keys[keys > 0])
    by_class = _class_indices(connection, assets, policy.policy)
    indices = _indices(connection, index_keys(assets, by_class))
    market = MarketFacts(series, {}, {}, MachineEstimates.none(), indices, by_class)
    _, base = series_of_assets(assets, market)
    pairs = {pair for pair in zip(base[targets.asset_row], targets.currency, strict=True) if pair[0] != pair[1]}
    market = replace(market, fx=_conversions(connection, pairs, policy.policy))
    needs = needed_curves(assets, targets, market, policy.policy)
    return replace(market, curves=curves_for(connection, needs, market, policy.policy, made))


def _conversions(source: Source, pairs: set[tuple[str, str]], policy: Policy) -> dict[tuple[str, str], FxQuote | None]:
    """Returns the conversion of each pair of currencies by its path in use."""
    return fx_paths(quoted_rates(source), pairs, policy.rule_days("fx_max_age_days")) if pairs else {}


def _class_indices(source: Source, assets: AssetFacts, policy: Policy) -> dict[str, int]:
    """Returns the keys of the price indices that the policy names for the assets' classes."""
    if not policy.indices:
        return {}
    named = {one: policy.index_of(one) for one in np.unique(assets.asset_class.astype(str)).tolist()}
    keys = series_keys(source, sorted(set(named.values()) - {""}))
    return {one: keys[series_id] for one, series_id in named.items() if series_id}


def _indices(source: Source, index_key: Int) -> dict[int, IndexHistory]:
    """Returns the price indices that adjust the new prices of machines."""
    keys = np.unique(index_key[index_key > 0])
    if not len(keys):
        return {}
    series, indices = series_facts(source, keys), {}
    names = ("series_key", "max_age_days", "price", "quarantined_low", "quarantined_high")
    for key, max_age_days, *prices in zip(*(getattr(series, name).tolist() for name in names), strict=True):
        known = history(source, key)
        indices[key] = IndexHistory(known.day, known.price, max_age_days, Quarantined.against(*prices))
    return indices


def make_curves(source: Source, needs: Sequence[CurveNeed], policy: StoredPolicy, made: list[NewCurve]) -> None:
    """Computes the curves that are due among the needed ones."""
    series = series_facts(source, np.unique(np.array([need.series_key for need in needs], dtype=np.int64)))
    pairs = {(need.base_currency, need.currency) for need in needs if need.base_currency != need.currency}
    market = MarketFacts(series, _conversions(source, pairs, policy.policy), {}, MachineEstimates.none())
    curves_for(source, needs, market, policy.policy, made)
