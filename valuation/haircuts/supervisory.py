"""Supervisory collateral formulas, as reference floors and oracles.

CRE22 and PS1/26 (CRR Articles 223 to 226, 230): comprehensive approach, scaling of haircuts, foundation LGD*.
Inventory, equipment and rights are not eligible financial collateral there: the results are floors to compare with.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from valuation.errors import InvalidInput


def adjusted_exposure(exposure: float, collateral: float, h_exposure: float, h_collateral: float, h_fx: float) -> float:
    """E* = max(0, E (1 + He) - C (1 - Hc - Hfx)) (CRR Art. 223(5))."""
    return max(0.0, exposure * (1.0 + h_exposure) - collateral * (1.0 - h_collateral - h_fx))


def scaled_to_holding_period(haircut: float, from_days: float, to_days: float) -> float:
    """H_T = H_M sqrt(T / M) (CRR Art. 226)."""
    if from_days <= 0 or to_days <= 0:
        raise InvalidInput("holding period", (from_days, to_days), "more than 0 days")
    return haircut * math.sqrt(to_days / from_days)


def scaled_to_revaluation(haircut: float, holding_days: float, revaluation_days: float) -> float:
    """H = H_M sqrt((N_R + T_M - 1) / T_M) for revaluation every N_R days (CRR Art. 226(1))."""
    if holding_days <= 0 or revaluation_days < 1:
        raise InvalidInput("revaluation", (holding_days, revaluation_days), "holding above 0, revaluation 1 or more")
    return haircut * math.sqrt((revaluation_days + holding_days - 1.0) / holding_days)


def maturity_mismatch_factor(protection_years: float, exposure_years: float, original_years: float) -> float:
    """(t - 0.25) / (T - 0.25), T at most 5; 0 under three months left or one year originally (CRR Art. 239)."""
    capped = min(exposure_years, 5.0)
    if protection_years >= capped:
        return 1.0
    if protection_years < 0.25 or original_years < 1.0:
        return 0.0
    return (protection_years - 0.25) / (capped - 0.25)


@dataclass(frozen=True)
class SecuredSlice:
    """Collateral of one type under the foundation approach.

    ``haircut`` is Hc, ``lgd`` the LGD of the secured part, ``over_collateralisation`` the divisor of the older
    accord (1 in the final one) and ``minimum_cover`` the share of exposure below which it does not count.
    """

    collateral: float
    haircut: float
    lgd: float
    over_collateralisation: float = 1.0
    minimum_cover: float = 0.0


def foundation_lgd(exposure: float, slices: Sequence[SecuredSlice], unsecured_lgd: float) -> float:
    """LGD* = sum LGD_S E_S / E + LGD_U E_U / E, slices taken in order (CRE32.9 to 32.12; CRR Art. 230)."""
    if exposure <= 0:
        raise InvalidInput("exposure", exposure, "more than 0")
    left, loss = exposure, 0.0
    for part in slices:
        if part.collateral < part.minimum_cover * exposure:
            continue
        secured = min(part.collateral * (1.0 - part.haircut) / part.over_collateralisation, left)
        left -= secured
        loss += secured * part.lgd
    return (loss + left * unsecured_lgd) / exposure
