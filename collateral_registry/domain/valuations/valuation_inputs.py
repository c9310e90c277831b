"""The inputs of valuations in columns, loaded before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from collateral_registry.domain.prices.market_data import CurveNeed, Estimate, FxQuote, IndexHistory, SeriesFacts
from valuation._typing import Columns, Float, Int, Texts


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
    """Price series, exchange rates by pair, haircut curves by need, estimates of machines, and indices by series key.

    ``class_indices`` maps classes of machines to the key of the index that the policy names.
    """

    series: SeriesFacts
    fx: Mapping[tuple[str, str], FxQuote | None]
    curves: Mapping[CurveNeed, Estimate]
    machines: MachineEstimates
    indices: Mapping[int, IndexHistory] = field(default_factory=dict)
    class_indices: Mapping[str, int] = field(default_factory=dict)
