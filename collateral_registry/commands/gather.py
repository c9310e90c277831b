"""Everything that valuing a set of assets needs, read in a few columns before anything is computed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from collateral_registry.commands.curves import curves_for
from collateral_registry.domain.appraise import needed_curves, series_of_assets
from collateral_registry.domain.facts import AssetFacts, Int, MarketFacts, TargetFacts
from collateral_registry.domain.prices import fx_paths
from collateral_registry.store.asset_facts import read_facts, read_targets
from collateral_registry.store.database import Connection, Write
from collateral_registry.store.policies import StoredPolicy
from collateral_registry.store.prices import fx_quotes, series_facts


@dataclass(frozen=True)
class Gathered:
    """Assets, the currencies they are valued in, and the market."""

    assets: AssetFacts
    targets: TargetFacts
    market: MarketFacts


def gather(
    connection: Connection, asset_keys: Int | None, policy: StoredPolicy, currency: str = "", write: Write | None = None
) -> Gathered:
    """The facts of assets, of all when no keys are given, in every currency they are needed in or in one.

    With a write transaction new haircut curves are stored; without one they are computed and forgotten.
    """
    assets = read_facts(connection, asset_keys)
    targets = read_targets(connection, assets, asset_keys)
    if write is None:
        targets = in_currency(assets, currency, targets)
    return Gathered(assets, targets, market_for(connection, assets, targets, policy, write))


def in_currency(assets: AssetFacts, currency: str, known: TargetFacts | None = None) -> TargetFacts:
    """Every asset once, in the currency or in its own when none is given; key 0 where it is not kept in it."""
    count = len(assets.asset_key)
    wanted = np.full(count, currency, dtype=object) if currency else assets.currency
    keys = np.zeros(count, dtype=np.int64)
    if known is not None:
        kept = np.flatnonzero(known.currency == wanted[known.asset_row])
        keys[known.asset_row[kept]] = known.target_key[kept]
    return TargetFacts(keys, np.arange(count, dtype=np.int64), wanted)


def market_for(
    connection: Connection, assets: AssetFacts, targets: TargetFacts, policy: StoredPolicy, write: Write | None
) -> MarketFacts:
    """Prices, exchange rates and haircut curves for the targets."""
    keys = np.unique(assets.inventory["series_key"])
    series = series_facts(connection, keys[keys > 0])
    market = MarketFacts(series, {}, {})
    _, base = series_of_assets(assets, market)
    pairs = {pair for pair in zip(base[targets.asset_row], targets.currency, strict=True) if pair[0] != pair[1]}
    market = replace(market, fx=fx_paths(fx_quotes(connection), pairs) if pairs else {})
    needs = needed_curves(assets, targets, market, policy.policy)
    return replace(market, curves=curves_for(connection, needs, market, policy.policy, write))
