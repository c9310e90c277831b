"""Bases of value: from the fair market value of a machine to what a sale under pressure leaves.

FMV: willing parties, no compulsion. OLV: a compelled sale with time to advertise. FLV: an auction at once. NOLV: OLV
less the costs of selling and removing. The factors are the policy's; they fall as compulsion rises.
"""

from __future__ import annotations

from dataclasses import dataclass

from valuation._typing import Float
from valuation.checks import require


@dataclass(frozen=True)
class Realisation:
    """Shares [n] in [0, 1]: OLV and FLV of the FMV, costs of the OLV; NaN where not known."""

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
    """Values [n] in the unit of the FMV they came from."""

    olv: Float
    flv: Float
    nolv: Float


def liquidation_values(fmv: Float, realisation: Realisation) -> LiquidationValues:
    """OLV, FLV and NOLV of each fair market value; NaN where a factor or the value is not known."""
    olv = fmv * realisation.olv_factor
    costs = realisation.sale_cost_share + realisation.removal_cost_share
    return LiquidationValues(olv=olv, flv=fmv * realisation.flv_factor, nolv=olv * (1.0 - costs))


def orderly_from_forced(fmv: Float, flv: Float) -> Float:
    """OLV halfway between FMV and FLV, the rule of the trade where only an auction value is to be had.

    Raises InvalidInput for an auction value that is negative or above the fair market value.
    """
    require("flv", flv, (flv >= 0.0) & ~(flv > fmv), "0 to the fmv")
    return 0.5 * (fmv + flv)
