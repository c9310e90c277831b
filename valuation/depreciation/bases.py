"""Bases of value: derives the liquidation values of a machine from its fair market value.

FMV (fair market value) assumes willing parties without compulsion to sell. OLV (orderly liquidation value) assumes a
compelled sale with time to advertise. FLV (forced liquidation value) assumes an immediate auction. NOLV (net orderly
liquidation value) is the OLV less the costs of sale and removal. The factors come from the lender's policy.
"""

from __future__ import annotations

from dataclasses import dataclass

from valuation._typing import Float
from valuation.checks import require


@dataclass(frozen=True)
class Realisation:
    """Factors [n] in [0, 1]: OLV and FLV as shares of the FMV, costs as shares of the OLV; NaN where unknown."""

    olv_factor: Float
    flv_factor: Float
    sale_cost_share: Float
    removal_cost_share: Float

    def __post_init__(self) -> None:
        """Raises InvalidInput for a share outside [0, 1], an FLV above the OLV, or costs above the proceeds."""
        for name in ("olv_factor", "flv_factor", "sale_cost_share", "removal_cost_share"):
            share = getattr(self, name)
            require(name, share, (share >= 0.0) & (share <= 1.0), "0 to 1")
        require("flv_factor", self.flv_factor, ~(self.flv_factor > self.olv_factor), "at most the olv_factor")
        costs = self.sale_cost_share + self.removal_cost_share
        require("sale_cost_share + removal_cost_share", costs, costs <= 1.0, "0 to 1")


@dataclass(frozen=True)
class LiquidationValues:
    """Liquidation values [n] in the unit of the FMV they are derived from."""

    olv: Float
    flv: Float
    nolv: Float


def liquidation_values(fmv: Float, realisation: Realisation) -> LiquidationValues:
    """Returns OLV, FLV and NOLV for each fair market value [n]; NaN where the value or a factor is unknown."""
    olv = fmv * realisation.olv_factor
    costs = realisation.sale_cost_share + realisation.removal_cost_share
    return LiquidationValues(olv=olv, flv=fmv * realisation.flv_factor, nolv=olv * (1.0 - costs))


def orderly_from_forced(fmv: Float, flv: Float) -> Float:
    """Returns the OLV as the mean of FMV and FLV, as is usual for appraisals that state only an auction value.

    Raises InvalidInput for an FLV that is negative or above the FMV.
    """
    require("flv", flv, (flv >= 0.0) & ~(flv > fmv), "0 to the fmv")
    return 0.5 * (fmv + flv)
