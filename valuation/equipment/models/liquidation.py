"""Liquidation terms by marketability: derives liquidation values from fair market values.

The stated factors are expert assumptions that lenders should replace with factors from their own sales. If sales
include both hammer prices and reference values, the factors are estimated from them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from valuation._typing import Float
from valuation.depreciation.bases import LiquidationValues, Realisation, liquidation_values
from valuation.errors import InvalidInput

ORDERLY_LEVEL, FORCED_LEVEL = 0.25, 0.10
"""Quantile levels of price / estimate that represent orderly and forced sales when factors are estimated."""


@dataclass(frozen=True)
class LiquidationTerms:
    """Liquidation factors as shares of the FMV, and costs as shares of the OLV.

    ``storage_share_a_month`` is charged for each of the ``months_to_sell``.
    """

    olv_factor: float
    flv_factor: float
    sale_cost_share: float
    removal_cost_share: float
    storage_share_a_month: float
    months_to_sell: float

    def __post_init__(self) -> None:
        """Raises InvalidInput for a negative time or storage cost, or shares that Realisation refuses."""
        for name in ("storage_share_a_month", "months_to_sell"):
            if not getattr(self, name) >= 0.0:
                raise InvalidInput(name, getattr(self, name), "0 or more")
        self.realisation()

    def realisation(self) -> Realisation:
        """Returns the terms as columns of length 1, with storage included in the costs of sale."""
        selling = self.sale_cost_share + self.storage_share_a_month * self.months_to_sell
        shares = (self.olv_factor, self.flv_factor, selling, self.removal_cost_share)
        return Realisation(*(np.array([share]) for share in shares))

    def values(self, fmv: Float) -> LiquidationValues:
        """Returns OLV, FLV and NOLV for each FMV [n]."""
        return liquidation_values(fmv, self.realisation())


STATED_TERMS = {
    "commodity": LiquidationTerms(0.85, 0.72, 0.10, 0.04, 0.01, 3.0),
    "production_line": LiquidationTerms(0.65, 0.40, 0.12, 0.08, 0.01, 6.0),
    "single_purpose": LiquidationTerms(0.32, 0.15, 0.15, 0.10, 0.015, 9.0),
}
"""Terms by marketability: midpoints of the ranges in docs/models/equipment-bases.md."""


def learned_terms(log_error: Float, stated: LiquidationTerms) -> LiquidationTerms:
    """Returns the stated terms with factors estimated from held-out log errors log(price / estimate) [n].

    The OLV factor is the 25 % quantile of price / estimate, at most 1. The FLV factor is the 10 % quantile.
    """
    orderly, forced = np.exp(np.quantile(log_error, [ORDERLY_LEVEL, FORCED_LEVEL]))
    orderly = min(float(orderly), 1.0)
    return LiquidationTerms(
        orderly,
        min(float(forced), orderly),
        stated.sale_cost_share,
        stated.removal_cost_share,
        stated.storage_share_a_month,
        stated.months_to_sell,
    )
