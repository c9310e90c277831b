"""Applies changed ledgers to the book: the pools are valued again, a few in each commit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from collateral_registry.store.audit.links import note_heads
from collateral_registry.store.engine.database import Connection, Write
from collateral_registry.store.receivables.ledger import keep_ledgers
from collateral_registry.store.receivables.pending_pools import (
    assets_of_pools,
    changes_of_assets,
    delete_changes,
    entries_of_pools,
    oldest_changes,
)
from collateral_registry.store.schema.receivables import InvoiceFeedRow
from valuation._typing import Int

POOLS_LIMIT = 25
"""Largest number of pools in one commit. It is small because SQLite blocks the intake during the commit."""

ENTRIES_LIMIT = 250_000
"""Number of entries of the pools of one commit, for the same reason; a single pool may have more."""

CHANGES_LIMIT = 20_000
"""Number of changes that are read to choose the pools of one commit. A pool is valued once for all of its changes."""


@dataclass(frozen=True)
class PendingPools:
    """Pools that changed, and the keys of their changes in the queue."""

    pool_keys: Int
    change_keys: Int


def find_pending_pools(connection: Connection, pools_limit: int = POOLS_LIMIT) -> PendingPools | None:
    """Returns the pools whose changes have been pending longest; None if no change is pending. Takes no lock.

    Their ledgers are read into memory here, so that the commit, which blocks the intake, reads only what changes after.
    """
    oldest = oldest_changes(connection, CHANGES_LIMIT)
    pools = oldest["pool_key"]
    if not len(pools):
        return None
    chosen = np.array(list(dict.fromkeys(pools.tolist()))[:pools_limit], dtype=np.int64)
    chosen = chosen[: max(1, int(np.searchsorted(np.cumsum(entries_of_pools(connection, chosen)), ENTRIES_LIMIT)))]
    keep_ledgers(connection, np.sort(chosen))
    return PendingPools(chosen, oldest["change_key"][np.isin(pools, chosen)])


def sync_pending_pools(write: Write, pending: PendingPools) -> int:
    """Marks the pools to be valued by their present ledgers; returns the number of changes taken from the queue.

    It is 0 if another server has applied them. A pool that is not registered is valued when it is.
    """
    deleted = delete_changes(write.connection, pending.change_keys)
    if deleted:
        note_heads(write.connection, write.facts, InvoiceFeedRow)
        write.touched.add(assets=assets_of_pools(write.connection, pending.pool_keys).tolist())
    return deleted


def sync_pools_of(write: Write, asset_keys: Int) -> int:
    """Marks the changed pools among these assets to be valued by their present ledgers, ahead of the queue."""
    changes = changes_of_assets(write.connection, asset_keys)
    return sync_pending_pools(write, PendingPools(np.unique(changes["pool_key"]), changes["change_key"]))
