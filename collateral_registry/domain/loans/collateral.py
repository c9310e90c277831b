"""What is owed and the collateral value by which a loan is judged, from the columns of judgements and events.

Of a loan with a borrowing base they are the used amount and the base, otherwise the exposure and the sum of the claims
on the loan's basis.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from collateral_registry.domain.borrowing_base.columns import NO_BASE
from collateral_registry.domain.loans.levels import LtvBasis
from valuation._typing import Int


def owed_of(covers: Mapping[str, Any]) -> Int:
    """Returns what the loans [l] owe."""
    owed: Int = np.where(covers["base_minor"] == NO_BASE, covers["exposure_minor"], covers["used_minor"])
    return owed


def pool_of(covers: Mapping[str, Any], good: str = "") -> Int:
    """Returns the collateral value [l] of each loan.

    It is the conservative value by default. With the column prefix ``good_`` it is the value from last good values.
    """
    lendable = covers["basis"] == int(LtvBasis.LENDABLE)
    claims = np.where(lendable, covers[f"{good}lendable_minor"], covers[f"{good}market_minor"])
    pool: Int = np.where(covers["base_minor"] == NO_BASE, claims, covers[f"{good}base_minor"])
    return pool


def decision_pool_of(covers: Mapping[str, Any]) -> Int:
    """Returns the collateral value [l] by which draws and releases are decided."""
    lendable = covers["basis"] == int(LtvBasis.LENDABLE)
    withheld = np.where(lendable, covers["withheld_lendable_minor"], covers["withheld_market_minor"])
    has_base = covers["base_minor"] != NO_BASE
    decision: Int = pool_of(covers) - np.where(has_base, covers["withheld_base_minor"], withheld)
    return decision
