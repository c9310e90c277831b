"""From fair market value to what a sale under pressure leaves, by how readily machines of a kind find a buyer.

The factors are stated, expert and to be replaced by one's own realisations; where hammer prices stand beside reference
values they are learned from them instead.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from valuation._typing import Float
from valuation.depreciation.bases import LiquidationValues, Realisation, liquidation_values
from valuation.errors import InvalidInput

ORDERLY_LEVEL, FORCED_LEVEL = 0.25, 0.10
"""Quantile levels of price over estimate that stand for an orderly and a forced sale where factors are learned."""


@dataclass(frozen=True)
class LiquidationTerms:
    """Shares of the FMV that an orderly and a forced sale bring, and what selling costs.

    ``sale_cost_share`` and ``removal_cost_share`` are of the OLV, and so is ``storage_share_a_month`` for each of the
    ``months_to_sell``.
    """

    olv_factor: float
    flv_factor: float
    sale_cost_share: float
    removal_cost_share: float
    storage_share_a_month: float
    months_to_sell: float

    def __post_init__(self) -> None:
        """Raises InvalidInput for a negative time or storage, or for shares that Realisation refuses."""
        for name in ("storage_share_a_month", "months_to_sell"):
            if not getattr(self, name) >= 0.0:
                raise InvalidInput(name, getattr(self, name), "0 or more")
        self.realisation()

    def realisation(self) -> Realisation:
        """The terms as a column of one."""
        selling = self.sale_cost_share + self.storage_share_a_month * self.months_to_sell
        shares = (self.olv_factor, self.flv_factor, selling, self.removal_cost_share)
        return Realisation(*(np.array([share]) for share in shares))

    def values(self, fmv: Float) -> LiquidationValues:
        """OLV, FLV and NOLV of each FMV [n]."""
        return liquidation_values(fmv, self.realisation())


STATED_TERMS = {
    "commodity": LiquidationTerms(0.85, 0.72, 0.10, 0.04, 0.01, 3.0),
    "production_line": LiquidationTerms(0.65, 0.40, 0.12, 0.08, 0.01, 6.0),
    "single_purpose": LiquidationTerms(0.32, 0.15, 0.15, 0.10, 0.015, 9.0),
}
"""By marketability; the middles of the ranges in docs/models/equipment-bases.md."""


def learned_terms(log_error: Float, stated: LiquidationTerms) -> LiquidationTerms:
    """The stated terms with factors learned from log errors [n], hammer price over estimate, of held-out sales.

    A quarter of sales under the hammer bring less than the orderly factor, a tenth less than the forced one.
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
