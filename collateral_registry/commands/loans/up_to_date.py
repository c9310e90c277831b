"""Applies pending stock and pending entries before a decision, and judges loans for the business date."""

from __future__ import annotations

import numpy as np

from collateral_registry.commands.receivables.sync_pools import sync_pools_of
from collateral_registry.commands.stock.sync_lots import sync_lots_of
from collateral_registry.domain.loans.agreements import LoanState
from collateral_registry.store.assets.repository import get_asset
from collateral_registry.store.engine.commits import newest_commit
from collateral_registry.store.engine.database import Connection, Write
from collateral_registry.store.loans.judgements import newest_judgements
from collateral_registry.store.loans.pledges import assets_of_loans, loans_of_assets
from collateral_registry.store.loans.repository import get_loan
from collateral_registry.store.receivables import pending_pools
from collateral_registry.store.stock import pending_lots
from collateral_registry.store.valuations.pool_debtors import pools_sharing_lines
from valuation._typing import Int


def active_loan(connection: Connection, loan_id: str) -> Int:
    """Returns the key of a loan as an array; empty if the loan is closed, because it is not judged any more."""
    stored = get_loan(connection, loan_id)
    return np.array([] if stored.loan.state == LoanState.CLOSED else [stored.key], dtype=np.int64)


def loans_on_lot(connection: Connection, loan_id: str, asset_id: str) -> Int:
    """Returns the keys of a loan, unless it is closed, and of all loans that an asset secures."""
    asset = np.array([get_asset(connection, asset_id).key], dtype=np.int64)
    return np.union1d(active_loan(connection, loan_id), loans_of_assets(connection, asset))


def are_up_to_date(connection: Connection, loan_keys: Int) -> bool:
    """Returns whether loans were judged for the business date with all that feeds have reported of their assets.

    A judgement can be older for two reasons. A movement of stock or an entry of an invoice is stored before it is
    applied, and a new business date begins before its revaluation run has judged every loan.
    """
    return not _is_pending(connection, loan_keys) and bool(are_judged_today(connection, loan_keys).all())


def _is_pending(connection: Connection, loan_keys: Int) -> bool:
    """Returns whether something that feeds have reported of the loans' assets is not applied yet."""
    assets = assets_of_loans(connection, loan_keys)
    lots = pending_lots.changes_of_assets(connection, assets)
    pools = pending_pools.changes_of_assets(connection, _with_sharing_pools(connection, assets))
    return bool(len(lots["change_key"]) or len(pools["change_key"]))


def _with_sharing_pools(connection: Connection, assets: Int) -> Int:
    """Returns the assets and the pools whose invoices use up a debtor's line that a pool among them needs too."""
    return np.union1d(assets, pools_sharing_lines(connection, assets))


def touch_current_facts(write: Write, loan_keys: Int) -> None:
    """Applies what is pending of the loans' assets.

    Loans that are not yet judged for the business date are touched, so that they are judged when the change is settled.
    """
    assets = assets_of_loans(write.connection, loan_keys)
    apply_pending(write, assets)
    stale = loan_keys[~are_judged_today(write.connection, loan_keys)]
    if len(stale):
        write.touched.add(assets=assets_of_loans(write.connection, stale), loans=stale)


def apply_pending(write: Write, assets: Int) -> None:
    """Applies the pending stock and the pending entries of assets, and of pools that share a debtor's line with one."""
    sync_lots_of(write, assets)
    sync_pools_of(write, _with_sharing_pools(write.connection, assets))


def are_judged_today(connection: Connection, loan_keys: Int) -> np.typing.NDArray[np.bool_]:
    """Returns whether the newest judgement of each loan [n] is for the business date."""
    _, day = newest_commit(connection)
    judgements = newest_judgements(connection, loan_keys)
    current = judgements["loan_key"][judgements["market_day"] == day]
    return np.isin(loan_keys, current)
