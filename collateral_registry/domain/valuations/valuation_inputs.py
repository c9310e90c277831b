"""The inputs of valuations in columns, loaded before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collateral_registry.domain.prices.market_data import CurveNeed, Estimate, FxQuote, IndexHistory, SeriesFacts
from collateral_registry.domain.valuations.pool_values import PoolValues
from valuation._typing import Columns, Float, Int, Texts

KINDS = ("inventory", "equipment", "rights")
"""Names of the tables that hold the numbers of one kind of assets."""


@dataclass(frozen=True)
class AssetFacts:
    """Assets [a]. The table of each kind holds the kind's numbers.

    The column ``asset_row`` of such a table is the row of the asset.
    """

    asset_key: Int
    revision: Int
    status: Int
    insurance_day: Int
    inspection_day: Int
    prior_claims_minor: Int
    asset_class: Texts
    currency: Texts
    inventory: Columns
    equipment: Columns
    rights: Columns


def joined_facts(parts: Sequence[AssetFacts]) -> AssetFacts:
    """Returns the assets of all parts, in their order."""
    starts = np.cumsum([0, *(len(part.asset_key) for part in parts)])
    joined: dict[str, Any] = {}
    for name in (one.name for one in fields(AssetFacts)):
        columns = [getattr(part, name) for part in parts]
        joined[name] = _joined(columns, starts) if name in KINDS else np.concatenate(columns)
    return AssetFacts(**joined)


def _joined(tables: Sequence[Columns], starts: Int) -> Columns:
    """Returns the rows of the tables of one kind; ``starts`` [n] are the rows of the first asset of each part."""
    found: Columns = {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}
    rows = [table["asset_row"] + start for table, start in zip(tables, starts, strict=False)]
    return {**found, "asset_row": np.concatenate(rows)}


@dataclass(frozen=True)
class TargetFacts:
    """Targets [t], which are assets to be valued in a currency. ``asset_row`` is the row of the asset."""

    target_key: Int
    asset_row: Int
    currency: Texts


@dataclass(frozen=True)
class MachineEstimates:
    """Estimates of machines [m] by active models of comparables. ``asset_row`` is the row of the asset.

    Values are in major units of the asset's currency. ``value_haircut`` is the distance from the FMV to the estimate's
    low point, as a share of the FMV. ``flags`` are bits of valuation.flags.QualityFlag. ``condition_stated`` marks
    machines whose condition the model received. Otherwise the model estimates a machine in average condition.
    """

    asset_row: Int
    fmv: Float
    olv: Float
    flv: Float
    nolv: Float
    value_haircut: Float
    flags: Int
    condition_stated: NDArray[np.bool_]

    @classmethod
    def none(cls) -> MachineEstimates:
        """Returns empty estimates, for no machines."""
        values = np.zeros(0)
        rows = np.zeros(0, dtype=np.int64)
        return cls(rows, values, values, values, values, values, rows, np.zeros(0, dtype=np.bool_))


@dataclass(frozen=True)
class MarketFacts:
    """Price series, exchange rates by pair, haircut curves by need, estimates of machines, indices by key, and pools.

    ``class_indices`` maps classes of machines to the key of the index that the policy names.
    """

    series: SeriesFacts
    fx: Mapping[tuple[str, str], FxQuote | None]
    curves: Mapping[CurveNeed, Estimate]
    machines: MachineEstimates
    indices: Mapping[int, IndexHistory] = field(default_factory=dict)
    class_indices: Mapping[str, int] = field(default_factory=dict)
    pools: PoolValues = field(default_factory=PoolValues.none)
