"""Whether a loan or a lot stands as the facts do: before it is decided on, what waits is taken up and judged."""

from __future__ import annotations

import numpy as np

from collateral_registry.commands.pipeline.recompute import recompute
from collateral_registry.commands.stock.sync_lots import SyncResult, take_up_of
from collateral_registry.store.assets.repository import get_asset
from collateral_registry.store.engine.commits import newest_commit
from collateral_registry.store.engine.database import Connection, Write
from collateral_registry.store.loans.judgements import newest_covers
from collateral_registry.store.loans.pledges import standing_pledges_of
from collateral_registry.store.loans.repository import get_loan
from collateral_registry.store.stock.pending_lots import changes_of_assets
from valuation._typing import Int


def is_up_to_date(connection: Connection, loan_id: str) -> bool:
    """Whether a loan was judged for the business date, with all that was told of the lots behind it.

    A stock change is durable before it is taken up, and a new business date before its run has judged every loan.
    """
    loan = get_loan(connection, loan_id)
    waiting, _ = changes_of_assets(connection, _assets_behind(connection, loan.key))
    return not len(waiting) and is_judged_today(connection, loan.key)


def is_judged_today(connection: Connection, loan_key: int) -> bool:
    """Whether the newest judgement of a loan is of the business date."""
    _, day = newest_commit(connection)
    cover = newest_covers(connection, np.array([loan_key], dtype=np.int64))
    return bool(cover["market_day"][0] >= day)


def bring_up_to_date(write: Write, loan_id: str) -> None:
    """Takes up the stock that waits behind a loan, else judges it for the business date: a commit for each."""
    loan = get_loan(write.connection, loan_id)
    assets = _assets_behind(write.connection, loan.key)
    if not take_up_of(write, assets).changes:
        recompute(write, assets=assets, loans=np.array([loan.key], dtype=np.int64))


def stock_waits(connection: Connection, asset_id: str) -> bool:
    """Whether something was told of the lot that an asset is and not taken up yet; raises NotFound."""
    waiting, _ = changes_of_assets(connection, _key_of(connection, asset_id))
    return bool(len(waiting))


def take_up_stock(write: Write, asset_id: str) -> SyncResult:
    """Takes up what waits of the lot that an asset is."""
    return take_up_of(write, _key_of(write.connection, asset_id))


def _key_of(connection: Connection, asset_id: str) -> Int:
    return np.array([get_asset(connection, asset_id).key], dtype=np.int64)


def _assets_behind(connection: Connection, loan_key: int) -> Int:
    return np.unique(np.array([row.asset_key for row in standing_pledges_of(connection, loan_key)], dtype=np.int64))
