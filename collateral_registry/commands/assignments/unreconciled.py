"""Keeps the reserves for the unreconciled amount of a pool's ledger."""

from __future__ import annotations

import numpy as np

from collateral_registry.domain.borrowing_base.base import Reserve, ReserveKind, ledger_owner
from collateral_registry.domain.shared.days import date_at
from collateral_registry.store.assets.repository import StoredAsset
from collateral_registry.store.borrowing_base.reserves import end_reserve, get_reserve, insert_reserve, reserves_of
from collateral_registry.store.engine.database import Write
from collateral_registry.store.loans.pledges import loans_by_asset
from collateral_registry.store.loans.repository import StoredLoan, get_loan, read_loan_names

ID_CHARACTERS = 30
"""Characters of the pool's id in that of a reserve."""


def reserve_unreconciled(write: Write, asset: StoredAsset, amount_minor: int) -> None:
    """Deducts an unreconciled amount of a pool from the base of each loan that it secures in its currency.

    An amount of 0 ends the reserve. A reserve of another amount is ended and replaced.
    """
    keys = loans_by_asset(write.connection, np.array([asset.key], dtype=np.int64)).get(asset.key, [])
    names = read_loan_names(write.connection, np.array(sorted(keys), dtype=np.int64))["loan_id"].tolist()
    for loan in (get_loan(write.connection, name) for name in names):
        if loan.loan.base_terms is not None and loan.loan.currency == asset.asset.currency:
            _replace(write, loan, asset.asset.asset_id, amount_minor)


def _replace(write: Write, loan: StoredLoan, asset_id: str, amount_minor: int) -> None:
    owner = ledger_owner(asset_id)
    open_reserves = reserves_of(write.connection, np.array([loan.key], dtype=np.int64)).get(loan.key, [])
    own = [one for one in open_reserves if one.kind == ReserveKind.UNRECONCILED and one.owner == owner]
    if [one.amount_minor for one in own] == ([amount_minor] if amount_minor else []):
        return
    for reserve in own:
        stored = get_reserve(write.connection, loan.loan.loan_id, reserve.reserve_id)
        end_reserve(write, stored, "the unreconciled amount of the ledger changed")
    if amount_minor:
        new = Reserve(
            kind=ReserveKind.UNRECONCILED,
            owner=owner,
            reason="the entries do not lead to the stated closing amount",
            first_day=date_at(write.market_day),
            amount_minor=amount_minor,
            reserve_id=f"unreconciled-{asset_id[:ID_CHARACTERS]}-{write.seq}",
        )
        insert_reserve(write, loan.loan.loan_id, loan.key, new)
    write.touched.add(loans=[loan.key])
