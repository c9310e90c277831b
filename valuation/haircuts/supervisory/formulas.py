"""Supervisory collateral formulas, used as reference floors and test oracles.

The formulas are the comprehensive approach, the scaling of haircuts, the maturity mismatch and the foundation LGD*.
They are from the Basel Framework, CRE22 and CRE32, and the Capital Requirements Regulation (CRR), Articles 223 to 239.
Inventory, equipment and IP assets are not eligible financial collateral under these rules, so the results are only
floors for comparison. Arguments broadcast, and all amounts are in one currency. Negative amounts and haircuts raise
InvalidInput.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from valuation._typing import Float
from valuation.errors import InvalidInput

CAPPED_YEARS = 5.0
MINIMUM_YEARS = 0.25
MINIMUM_ORIGINAL_YEARS = 1.0
"""Cap on maturities, and the shortest residual and original maturity of eligible protection (CRE22.12 to 22.15; CRR
Art. 237(2), 239(2))."""


def adjusted_exposure(
    exposure: ArrayLike, collateral: ArrayLike, h_exposure: ArrayLike, h_collateral: ArrayLike, h_fx: ArrayLike
) -> Float:
    """Returns E* = max(0, E (1 + He) - C (1 - Hc - Hfx)) (CRR Art. 223(5)).

    The haircuts on the collateral are added. If their sum exceeds 1, the collateral counts as 0, never as negative.
    """
    amount, pledged = _not_negative("exposure", exposure), _not_negative("collateral", collateral)
    haircut = _not_negative("h_collateral", h_collateral) + _not_negative("h_fx", h_fx)
    left = pledged * np.maximum(1.0 - haircut, 0.0)
    adjusted: Float = np.maximum(amount * (1.0 + _not_negative("h_exposure", h_exposure)) - left, 0.0)
    return adjusted


def basket_haircut(shares: Float, haircuts: Float) -> float:
    """Returns H = sum of a_i H_i over a basket, where a_i is the share of asset i in its value (CRR Art. 223(7)).

    Raises InvalidInput unless the shares sum to 1.
    """
    if (shares < 0.0).any() or not np.isclose(shares.sum(), 1.0):
        raise InvalidInput("shares", shares.tolist(), "0 or more with a sum of 1")
    return float(shares @ haircuts)


def scaled_to_holding_period(haircut: ArrayLike, from_days: ArrayLike, to_days: ArrayLike) -> Float:
    """Returns H_T = H_M sqrt(T / M), where T and M are holding periods in business days.

    Sources: CRE22.56 to 22.59; CRR Art. 224(2).
    """
    before, after = _positive("from_days", from_days), _positive("to_days", to_days)
    scaled: Float = _not_negative("haircut", haircut) * np.sqrt(after / before)
    return scaled


def scaled_to_revaluation(haircut: ArrayLike, holding_days: ArrayLike, revaluation_days: ArrayLike) -> Float:
    """Returns H = H_M sqrt((N_R + T_M - 1) / T_M) for revaluation every N_R business days.

    Sources: CRE22.56 to 22.59; CRR Art. 226. Raises InvalidInput for fewer than 1 day between revaluations.
    """
    holding, between = _positive("holding_days", holding_days), np.asarray(revaluation_days, dtype=np.float64)
    if (between < 1.0).any():
        raise InvalidInput("revaluation_days", revaluation_days, "1 or more")
    scaled: Float = _not_negative("haircut", haircut) * np.sqrt((between + holding - 1.0) / holding)
    return scaled


def maturity_mismatch_factor(
    protection_years: ArrayLike, exposure_years: ArrayLike, original_years: ArrayLike
) -> Float:
    """Returns (t - 0.25) / (T - 0.25), with T at most 5 (CRE22.12 to 22.15; CRR Art. 239(2)).

    The factor is 1 if the protection lasts at least as long as the exposure. Otherwise the factor is 0 for protection
    that has less than three months left or an original maturity below one year.
    """
    left, original = np.asarray(protection_years, dtype=np.float64), np.asarray(original_years, dtype=np.float64)
    needed = np.minimum(np.asarray(exposure_years, dtype=np.float64), CAPPED_YEARS)
    lasts = left >= needed
    counts = (left >= MINIMUM_YEARS) & (original >= MINIMUM_ORIGINAL_YEARS)
    share = (left - MINIMUM_YEARS) / np.where(lasts, 1.0, needed - MINIMUM_YEARS)
    return np.where(lasts, 1.0, np.where(counts, share, 0.0))[()]


@dataclass(frozen=True)
class SecuredSlice:
    """Collateral of one type under the foundation approach; each field is a number or a column [n].

    ``haircut`` is Hc + Hfx, and ``lgd`` is the LGD of the secured part. ``over_collateralisation`` is the divisor of
    the older accord (1 in the final accord). Collateral that covers a smaller share of the exposure than
    ``minimum_cover`` does not count.
    """

    collateral: ArrayLike
    haircut: ArrayLike
    lgd: ArrayLike
    over_collateralisation: ArrayLike = 1.0
    minimum_cover: ArrayLike = 0.0

    def secured(self, exposure: Float) -> Float:
        """Returns the secured amount C (1 - Hc - Hfx) / over-collateralisation; 0 below the minimum cover."""
        amount = _not_negative("collateral", self.collateral)
        left = np.maximum(1.0 - _not_negative("haircut", self.haircut), 0.0)
        counts = amount >= np.asarray(self.minimum_cover, dtype=np.float64) * exposure
        return np.where(counts, amount * left / _positive("over_collateralisation", self.over_collateralisation), 0.0)


def foundation_lgd(
    exposure: ArrayLike, slices: Sequence[SecuredSlice], unsecured_lgd: ArrayLike, h_exposure: ArrayLike = 0.0
) -> Float:
    """Returns LGD* = sum of LGD_S E_S / (E (1 + He)) + LGD_U E_U / (E (1 + He)) (CRE32.10, 32.14; CRR Art. 230).

    Slices apply in the given order, each to the exposure that the earlier slices leave unsecured. The bank chooses the
    order; starting with the lowest LGD gives the lowest LGD*. Raises InvalidInput for an exposure of 0 or less.
    """
    amount = _positive("exposure", exposure) * (1.0 + _not_negative("h_exposure", h_exposure))
    left, loss = amount, np.zeros_like(amount)
    for part in slices:
        secured = np.minimum(part.secured(amount), left)
        left = left - secured
        loss = loss + secured * np.asarray(part.lgd, dtype=np.float64)
    lgd: Float = (loss + left * np.asarray(unsecured_lgd, dtype=np.float64)) / amount
    return lgd


def _not_negative(field: str, given: ArrayLike) -> Float:
    column = np.asarray(given, dtype=np.float64)
    if (column < 0.0).any():
        raise InvalidInput(field, given, "0 or more")
    return column


def _positive(field: str, given: ArrayLike) -> Float:
    column = np.asarray(given, dtype=np.float64)
    if (column <= 0.0).any():
        raise InvalidInput(field, given, "more than 0")
    return column
