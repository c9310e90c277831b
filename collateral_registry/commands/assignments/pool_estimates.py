"""Estimates dilution and days until payment of a pool from its ledger, once a month and as the ledger grows."""

from __future__ import annotations

from collateral_registry.commands.pools.estimates import estimate_of
from collateral_registry.domain.receivables.estimates.pool_estimate import MODEL, PoolEstimate
from collateral_registry.domain.shared.days import date_at
from collateral_registry.store.assets.repository import StoredAsset
from collateral_registry.store.book.policies import policy_in_force
from collateral_registry.store.engine.database import Connection, Write
from collateral_registry.store.receivables.history import history_of
from collateral_registry.store.receivables.ledger import ledgers_of
from collateral_registry.store.valuations.pool_estimates import estimates_of, insert_estimate

GROWTH = 1.25
"""A ledger is estimated again within a month once its entries have grown by this factor. A design choice."""


def due_estimate(connection: Connection, asset: StoredAsset, pool_key: int, day: int) -> PoolEstimate | None:
    """Returns a new estimate of a pool as of a day; None if the stored one is still to be used."""
    ledger = ledgers_of(connection, [pool_key])[pool_key]
    if not _is_due(connection, asset, ledger.entry_number, day):
        return None
    currency = asset.asset.currency
    history = history_of(connection, pool_key, currency)
    numbers = policy_in_force(connection, day).policy.receivable_numbers(asset.asset.asset_class)
    found = estimate_of(connection, ledger, history, currency, numbers, day)
    return found if found.states_something or estimates_of(connection, [asset.key]) else None


def record_estimate(write: Write, asset: StoredAsset, estimate: PoolEstimate) -> bool:
    """Stores an estimate, by which the pool is valued from now on; returns False if a newer one was stored since."""
    if not _is_due(write.connection, asset, estimate.entry_number, estimate.day):
        return False
    insert_estimate(write, asset.key, estimate)
    write.touched.add(assets=[asset.key])
    return True


def _is_due(connection: Connection, asset: StoredAsset, entry_number: int, day: int) -> bool:
    stored = estimates_of(connection, [asset.key]).get(asset.key)
    if stored is None or stored.model != MODEL:
        return True
    newer_month = date_at(day).replace(day=1) > date_at(stored.day).replace(day=1)
    return newer_month or entry_number >= GROWTH * stored.entry_number
