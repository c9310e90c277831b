"""What a valuation needs, gathered in columns before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from collateral_registry.domain.prices.market_data import CurveNeed, Estimate, FxQuote, IndexHistory, SeriesFacts
from valuation._typing import Columns, Float, Int, Texts


@dataclass(frozen=True)
class AssetFacts:
    """Assets [a]; the three tables of kinds hold ``asset_row``, the row of their asset, beside their numbers."""

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


@dataclass(frozen=True)
class TargetFacts:
    """Assets in a currency [t]: the row of the asset, and the currency."""

    target_key: Int
    asset_row: Int
    currency: Texts


@dataclass(frozen=True)
class MachineEstimates:
    """What active models say of machines [m]: the row of their asset, values, and what weakens them.

    Values are in major units of the asset's currency; ``value_haircut`` is the share of the FMV that the low point lies
    below it. ``flags`` are bits of valuation.flags.QualityFlag. ``condition_told`` is whether the model was told the
    machine's condition: a model without a word for it says what machines in usual condition bring.
    """

    asset_row: Int
    fmv: Float
    olv: Float
    flv: Float
    nolv: Float
    value_haircut: Float
    flags: Int
    condition_told: NDArray[np.bool_]

    @classmethod
    def none(cls) -> MachineEstimates:
        """No machine has a model."""
        nothing = np.zeros(0)
        rows = np.zeros(0, dtype=np.int64)
        return cls(rows, nothing, nothing, nothing, nothing, nothing, rows, np.zeros(0, dtype=np.bool_))


@dataclass(frozen=True)
class MarketFacts:
    """Prices, exchange rates by pair, curves by need, what models say of machines, and indices by series key.

    ``class_indices`` are the keys of the indices that the policy names, by class of machines.
    """

    series: SeriesFacts
    fx: Mapping[tuple[str, str], FxQuote | None]
    curves: Mapping[CurveNeed, Estimate]
    machines: MachineEstimates
    indices: Mapping[int, IndexHistory] = field(default_factory=dict)
    class_indices: Mapping[str, int] = field(default_factory=dict)
