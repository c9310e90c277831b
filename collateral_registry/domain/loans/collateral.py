"""What is owed and the collateral value by which a loan is judged, from the columns of judgements and events.

Of a loan with a borrowing base they are the used amount and the base, otherwise the exposure and the sum of the claims
on the loan's basis.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from collateral_registry.domain.borrowing_base.columns import NO_BASE
from collateral_registry.domain.loans.levels import LtvBasis
from valuation._typing import Int


@dataclass(frozen=True)
class ClaimSums:
    """The sums of the claims of a loan on its basis, in minor units, by conservative, last good and decision values.

    No sublimit and no reserve of a borrowing base is deducted.
    """

    conservative: int
    last_good: int
    decision: int


def owed_of(covers: Mapping[str, Any]) -> Int:
    """Returns what the loans [l] owe."""
    owed: Int = np.where(covers["base_minor"] == NO_BASE, covers["exposure_minor"], covers["used_minor"])
    return owed


def pool_of(covers: Mapping[str, Any], good: str = "") -> Int:
    """Returns the collateral value [l] of each loan.

    It is the conservative value by default. With the column prefix ``good_`` it is the value from last good values.
    """
    claims = _on_basis(covers, good)
    pool: Int = np.where(covers["base_minor"] == NO_BASE, claims, covers[f"{good}base_minor"])
    return pool


def decision_pool_of(covers: Mapping[str, Any]) -> Int:
    """Returns the collateral value [l] by which draws and releases are decided."""
    has_base = covers["base_minor"] != NO_BASE
    withheld = np.where(has_base, covers["withheld_base_minor"], _on_basis(covers, "withheld_"))
    decision: Int = pool_of(covers) - withheld
    return decision


def claim_sums(cover: Mapping[str, int]) -> ClaimSums:
    """Returns the sums of the claims of one loan on its basis."""
    claims, good, withheld = (int(_on_basis(cover, prefix)) for prefix in ("", "good_", "withheld_"))
    return ClaimSums(claims, good, claims - withheld)


def _on_basis(covers: Mapping[str, Any], prefix: str) -> Int:
    """Returns the columns of lendable or of market values with a prefix, by the basis of each loan [l]."""
    lendable = covers["basis"] == int(LtvBasis.LENDABLE)
    found: Int = np.where(lendable, covers[f"{prefix}lendable_minor"], covers[f"{prefix}market_minor"])
    return found
