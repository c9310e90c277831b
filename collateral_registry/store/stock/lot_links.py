"""Stores which lots hold goods of an asset that is registered as another lot, and reads what the asset has there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, literal_column, select, union_all

from collateral_registry.domain.stock.holdings import Flow, Holdings, LotLink, holdings
from collateral_registry.store.engine.bulk import insert_columns
from collateral_registry.store.engine.database import Write
from collateral_registry.store.engine.key_sets import KEYS, is_one_of
from collateral_registry.store.engine.rows import columns_of
from collateral_registry.store.schema.assets import AssetRow
from collateral_registry.store.schema.stock import (
    LOT_IDENTITY,
    LotLinkRow,
    PlaceClaimRow,
    StockLotRow,
    StockMovementRow,
    StockReserveRow,
)
from valuation._typing import Int

_COLUMNS = ("lot_key", "asset_key", "own_key", "after_key")


def insert_links(write: Write, links: Sequence[LotLink]) -> None:
    """Links lots to assets."""
    columns = {name: [getattr(link, name) for link in links] for name in _COLUMNS}
    insert_columns(write.connection, LotLinkRow, columns, len(links))


def delete_links_of_asset(write: Write, asset_key: int) -> None:
    """Removes the links of an asset, which is retired or registered as another lot from now on."""
    write.connection.execute(delete(LotLinkRow).where(LotLinkRow.asset_key == asset_key))


def delete_links_to_lot(write: Write, lot_key: int) -> None:
    """Removes the links of a lot, which is registered as an asset of its own from now on."""
    write.connection.execute(delete(LotLinkRow).where(LotLinkRow.lot_key == lot_key))


def links_of_lots(connection: Connection, lot_keys: Int) -> list[LotLink]:
    """Returns the links of these lots."""
    return [LotLink(*row) for row in connection.execute(_OF_LOTS, {"keys": lot_keys})]


_LINK = columns_of(LotLinkRow, *_COLUMNS)
_OF_LOTS = select(*_LINK).where(is_one_of(LotLinkRow.lot_key, KEYS))
_OF_ASSETS = select(*_LINK).where(is_one_of(LotLinkRow.asset_key, KEYS)).order_by(LotLinkRow.lot_key)


def links_at(connection: Connection, place: str, good: str) -> list[tuple[LotLink, str, str]]:
    """Returns the links of lots with a good in a warehouse, given by its folded name, with lot number and asset id."""
    found = connection.execute(_AT_PLACE, {"place": place, "good": good})
    return [(LotLink(*row[:4]), row.lot, row.asset_id) for row in found]


_AT_PLACE = (
    select(*_LINK, StockLotRow.lot, AssetRow.asset_id)
    .join_from(PlaceClaimRow, LotLinkRow, LotLinkRow.asset_key == PlaceClaimRow.asset_key)
    .join(StockLotRow, StockLotRow.lot_key == LotLinkRow.lot_key)
    .join(AssetRow, AssetRow.asset_key == LotLinkRow.asset_key)
    .where(PlaceClaimRow.place == bindparam("place"), PlaceClaimRow.good == bindparam("good"))
    .order_by(LotLinkRow.lot_key, LotLinkRow.asset_key)
)


def asset_ids_of_lots(connection: Connection, lot_keys: Sequence[int]) -> dict[int, list[str]]:
    """Returns the sorted ids of the assets with goods in each lot."""
    found: dict[int, list[str]] = {}
    for lot_key, asset_id in sorted(map(tuple, connection.execute(_IDS_OF_LOTS, {"keys": lot_keys}))):
        found.setdefault(lot_key, []).append(asset_id)
    return found


_IDS_OF_LOTS = union_all(
    select(StockLotRow.lot_key, AssetRow.asset_id)
    .join_from(StockLotRow, AssetRow, AssetRow.identity == LOT_IDENTITY)
    .where(is_one_of(StockLotRow.lot_key, KEYS)),
    select(LotLinkRow.lot_key, AssetRow.asset_id)
    .join_from(LotLinkRow, AssetRow, AssetRow.asset_key == LotLinkRow.asset_key)
    .where(is_one_of(LotLinkRow.lot_key, KEYS)),
)


def holdings_of(connection: Connection, asset_keys: Int, lot_keys: Int) -> Holdings:
    """Returns what the assets have that share lots by links with these assets or lots.

    An asset that shares no lot is omitted: it has what its registered lot holds. The quantities and the movements are
    read by statements that follow each other; a movement in between leaves its lots pending.
    """
    links = _component(connection, asset_keys, lot_keys)
    if not links:
        return Holdings({}, {})
    lots = np.array(sorted({link.lot_key for link in links}), dtype=np.int64)
    registered = {link.asset_key: link.own_key for link in links}
    registered |= {row[0]: row[1] for row in connection.execute(_ASSET_OF_LOT, {"keys": lots})}
    involved = np.union1d(lots, np.array(sorted(registered.values()), dtype=np.int64))
    flows = [Flow(*row) for row in connection.execute(_FLOWS, {"keys": involved})]
    counted = {row[0]: row[1] for row in connection.execute(_COUNTED, {"keys": involved})}
    return holdings(registered, links, flows, counted)


def _component(connection: Connection, asset_keys: Int, lot_keys: Int) -> list[LotLink]:
    """Returns all links that are connected with the assets or lots."""
    found = {*links_of_lots(connection, lot_keys)}
    found |= {LotLink(*row) for row in connection.execute(_OF_ASSETS, {"keys": asset_keys})}
    size = 0
    while len(found) > size:
        size = len(found)
        assets = np.array(sorted({link.asset_key for link in found}), dtype=np.int64)
        lots = {lot for link in found for lot in (link.lot_key, link.own_key)}
        found |= {LotLink(*row) for row in connection.execute(_OF_ASSETS, {"keys": assets})}
        found |= {*links_of_lots(connection, np.array(sorted(lots), dtype=np.int64))}
    return sorted(found, key=lambda link: (link.asset_key, link.lot_key))


_ASSET_OF_LOT = (
    select(AssetRow.asset_key, StockLotRow.lot_key)
    .join_from(StockLotRow, AssetRow, AssetRow.identity == LOT_IDENTITY)
    .where(is_one_of(StockLotRow.lot_key, KEYS))
)
_COUNTED = (
    select(StockLotRow.lot_key, StockLotRow.quantity - func.coalesce(StockReserveRow.quantity, 0))
    .outerjoin(StockReserveRow, StockReserveRow.lot_key == StockLotRow.lot_key)
    .where(is_one_of(StockLotRow.lot_key, KEYS))
)
_MOVE = StockMovementRow
_NOTHING: ColumnElement[int] = literal_column("0")
_FLOWS = select(_MOVE.movement_key, _MOVE.lot_key, _MOVE.to_lot_key, -_MOVE.change).where(
    is_one_of(_MOVE.to_lot_key, KEYS), _MOVE.to_lot_key > _NOTHING, is_one_of(_MOVE.lot_key, KEYS)
)
