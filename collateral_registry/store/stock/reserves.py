"""Stores the reserves of lots, which result from their counts."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, delete, select

from collateral_registry.store.engine.bulk import insert_columns
from collateral_registry.store.engine.database import Write
from collateral_registry.store.engine.key_sets import KEYS, is_one_of
from collateral_registry.store.schema.assets import AssetRow
from collateral_registry.store.schema.stock import LOT_IDENTITY, StockLotRow, StockReserveRow
from collateral_registry.store.stock.lot_links import links_of_lots
from valuation._typing import Int


def reserves_of(connection: Connection, lot_keys: Int) -> dict[int, int]:
    """Returns the reserve of each lot that has one."""
    return {row[0]: row[1] for row in connection.execute(_RESERVES, {"keys": lot_keys})}


_RESERVES = select(StockReserveRow.lot_key, StockReserveRow.quantity).where(is_one_of(StockReserveRow.lot_key, KEYS))


def write_reserves(write: Write, reserve_of: Mapping[int, int], finding_of: Mapping[int, int]) -> None:
    """Sets the reserve of each lot with the finding that explains it; 0 removes the reserve."""
    write.connection.execute(_DELETE_RESERVES, {"keys": list(reserve_of)})
    kept = {key: quantity for key, quantity in reserve_of.items() if quantity > 0}
    columns = {
        "lot_key": list(kept),
        "quantity": list(kept.values()),
        "finding_key": [finding_of.get(key, 0) for key in kept],
        "seq": write.seq,
    }
    insert_columns(write.connection, StockReserveRow, columns, len(kept))


_DELETE_RESERVES = delete(StockReserveRow).where(is_one_of(StockReserveRow.lot_key, KEYS))


def assets_of_lots(connection: Connection, lot_keys: Int) -> dict[int, int]:
    """Returns an asset with goods in each lot: the one that is registered as the lot, else one linked to it."""
    linked = {link.lot_key: link.asset_key for link in links_of_lots(connection, lot_keys)}
    return linked | {row[0]: row[1] for row in connection.execute(_ASSETS_OF_LOTS, {"keys": lot_keys})}


_ASSETS_OF_LOTS = (
    select(StockLotRow.lot_key, AssetRow.asset_key)
    .join(AssetRow, AssetRow.identity == LOT_IDENTITY)
    .where(is_one_of(StockLotRow.lot_key, KEYS))
)
