"""Computes cures in kind: an additional quantity of a good that already secures the loan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from collateral_registry.commands.pipeline.loan_position import position_of
from collateral_registry.commands.valuations.value import value_assets
from collateral_registry.domain.assets.kinds import Inventory
from collateral_registry.domain.loans.cure import market_value_for, quantity_for
from collateral_registry.domain.loans.levels import LtvBasis
from collateral_registry.domain.shared.units import smallest_step
from collateral_registry.store.borrowing_base.reserves import reserves_of
from collateral_registry.store.engine.database import Connection
from collateral_registry.store.loans.pledges import active_pledges_of
from collateral_registry.store.loans.repository import StoredLoan


@dataclass(frozen=True)
class CureInKind:
    """An additional quantity that would cure the loan, and its market value in minor units of the loan's currency."""

    asset_id: str
    market_minor: int
    quantity: Decimal
    unit: str


def cures_in_kind(connection: Connection, loan: StoredLoan) -> Sequence[CureInKind]:
    """Returns a cure for each pledged lot whose value is known; empty if the loan needs no cure.

    Under a borrowing base, a lot in a class with a sublimit has none, because more of it may not count. There is none
    at all while a reserve is a rate of the base.
    """
    position = position_of(connection, loan.key)
    asset_ids = sorted({row.pledge.asset_id for row in active_pledges_of(connection, loan.key)})
    if not position.collateral_cure or not asset_ids or _has_rate(connection, loan):
        return []
    sublimits = loan.loan.base_terms.sublimits if loan.loan.base_terms else ()
    cures = []
    for valued in value_assets(connection, asset_ids, loan.loan.currency):
        lot, market = valued.asset.detail, valued.row["market_minor"]
        claim_of_lot = valued.row["lendable_minor"] if position.basis == LtvBasis.LENDABLE else valued.adjusted_minor
        is_limited = any(one.contains(valued.asset.asset_class) for one in sublimits)
        if isinstance(lot, Inventory) and lot.quantity and claim_of_lot and not is_limited:
            needed = market_value_for(position.collateral_cure, market, claim_of_lot)
            quantity = quantity_for(needed, market, lot.quantity, smallest_step(lot.unit))
            cures.append(CureInKind(valued.asset.asset_id, needed, quantity, lot.unit))
    return cures


def _has_rate(connection: Connection, loan: StoredLoan) -> bool:
    """Returns whether a reserve of the loan that has not ended is a rate."""
    if loan.loan.base_terms is None:
        return False
    reserves = reserves_of(connection, np.array([loan.key], dtype=np.int64)).get(loan.key, ())
    return any(reserve.rate_ppm is not None for reserve in reserves)
