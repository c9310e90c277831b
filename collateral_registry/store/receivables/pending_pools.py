"""Reads and empties the queue of pools whose ledgers changed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sqlalchemy import Connection, bindparam, delete, select

from collateral_registry.domain.assets.asset_kind import Kind
from collateral_registry.store.engine.bulk import read_columns, read_keys
from collateral_registry.store.engine.key_sets import KEYS, is_one_of
from collateral_registry.store.schema.assets import AssetRow
from collateral_registry.store.schema.receivables import InvoicePoolRow, PoolChangeRow
from valuation._typing import Columns, Int


def oldest_changes(connection: Connection, limit: int) -> Columns:
    """Returns the oldest changes of pools, oldest first: ``change_key`` and ``pool_key``."""
    return read_columns(connection, _OLDEST, {"most": limit})


_CHANGE = (PoolChangeRow.change_key, PoolChangeRow.pool_key)
_OLDEST = select(*_CHANGE).order_by(PoolChangeRow.change_key).limit(bindparam("most"))


def changes_of_assets(connection: Connection, asset_keys: Int) -> Columns:
    """Returns the pending changes of the pools that are registered as these assets, oldest first."""
    return read_columns(connection, _CHANGES_OF_ASSETS, {"keys": asset_keys})


_CHANGES_OF_ASSETS = (
    select(*_CHANGE)
    .join(InvoicePoolRow, InvoicePoolRow.pool_key == PoolChangeRow.pool_key)
    .join(AssetRow, AssetRow.asset_id == InvoicePoolRow.pool_id)
    .where(is_one_of(AssetRow.asset_key, KEYS))
    .order_by(PoolChangeRow.change_key)
)


def assets_of_pools(connection: Connection, pool_keys: Int | Sequence[int]) -> Int:
    """Returns the sorted keys of the assets that are registered as these pools."""
    return np.sort(read_keys(connection, _ASSETS, {"keys": pool_keys}))


_ASSETS = (
    select(AssetRow.asset_key)
    .join(InvoicePoolRow, InvoicePoolRow.pool_id == AssetRow.asset_id)
    .where(is_one_of(InvoicePoolRow.pool_key, KEYS))
)


def entries_of_pools(connection: Connection, pool_keys: Int) -> Int:
    """Returns the number of entries of each pool [n]."""
    columns = read_columns(connection, _ENTRIES, {"keys": pool_keys})
    return columns["entry_number"][np.searchsorted(columns["pool_key"], pool_keys)]


_ENTRIES = (
    select(InvoicePoolRow.pool_key, InvoicePoolRow.entry_number)
    .where(is_one_of(InvoicePoolRow.pool_key, KEYS))
    .order_by(InvoicePoolRow.pool_key)
)


def delete_changes(connection: Connection, change_keys: Int) -> int:
    """Deletes changes from the queue and returns how many were still in it."""
    return connection.execute(_DELETE, {"keys": change_keys}).rowcount


_DELETE = delete(PoolChangeRow).where(is_one_of(PoolChangeRow.change_key, KEYS))


def ledgers_of_assets(connection: Connection) -> Columns:
    """Returns the registered pools that have entries: ``asset_key``, ``asset_id``, ``pool_key``, ``entry_number``."""
    return read_columns(connection, _LEDGERS)


_LEDGERS = (
    select(AssetRow.asset_key, AssetRow.asset_id, InvoicePoolRow.pool_key, InvoicePoolRow.entry_number)
    .join(InvoicePoolRow, InvoicePoolRow.pool_id == AssetRow.asset_id)
    .where(AssetRow.kind == int(Kind.RECEIVABLE_POOL))
    .order_by(AssetRow.asset_key)
)
