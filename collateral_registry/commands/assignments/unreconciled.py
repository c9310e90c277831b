"""Keeps the reserves for the unreconciled amount of a pool's ledger."""

from __future__ import annotations

import numpy as np

from collateral_registry.domain.borrowing_base.base import Reserve, ReserveKind, ledger_owner
from collateral_registry.domain.shared.days import date_at
from collateral_registry.domain.shared.money import Money
from collateral_registry.store.assets.repository import StoredAsset
from collateral_registry.store.borrowing_base.reserves import (
    end_reserve,
    get_reserve,
    insert_reserve,
    loans_with_open_reserve,
    reserves_of,
)
from collateral_registry.store.engine.database import Write
from collateral_registry.store.loans.pledges import loans_by_asset
from collateral_registry.store.loans.repository import StoredLoan, get_loan, read_loan_names

ID_CHARACTERS = 30
"""Characters of the pool's id in that of a reserve; several pools may begin with the same."""


def reserve_unreconciled(write: Write, asset: StoredAsset, amount: Money) -> None:
    """Deducts an unreconciled amount of a pool from the base of each loan that it secures in its currency.

    An amount of 0 ends the reserve. A reserve of another amount is ended and replaced, and so is that of a loan which
    the pool does not secure any more.
    """
    asset_id = asset.asset.asset_id
    pledged = _secured_loans(write, asset.key)
    keys = pledged.union(loans_with_open_reserve(write.connection, ledger_owner(asset_id)))
    names = read_loan_names(write.connection, np.array(sorted(keys), dtype=np.int64))["loan_id"].tolist()
    for loan in (get_loan(write.connection, name) for name in names):
        deducts = loan.key in pledged and loan.loan.base_terms is not None and loan.loan.currency == amount.currency
        _replace(write, loan, asset_id, asset.key, amount.minor if deducts else 0)


def end_unsecured_reserve(write: Write, asset_key: int, asset_id: str, loan_id: str) -> None:
    """Ends the reserve of a loan for the unreconciled amount of a pool, unless the pool still secures the loan."""
    loan = get_loan(write.connection, loan_id)
    if loan.key not in _secured_loans(write, asset_key):
        _replace(write, loan, asset_id, asset_key, 0)


def _secured_loans(write: Write, asset_key: int) -> set[int]:
    return {*loans_by_asset(write.connection, np.array([asset_key], dtype=np.int64)).get(asset_key, [])}


def _replace(write: Write, loan: StoredLoan, asset_id: str, asset_key: int, amount_minor: int) -> None:
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
            reserve_id=f"unreconciled-{asset_id[:ID_CHARACTERS]}-{asset_key}-{write.seq}",
        )
        insert_reserve(write, loan.loan.loan_id, loan.key, new)
    write.touched.add(loans=[loan.key])
