"""Queues changed lots, finds the assets they are registered as, and updates those assets in bulk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection, bindparam, delete, func, insert, or_, select

from collateral_registry.domain.assets.kinds import Asset, Inventory
from collateral_registry.domain.assets.valuation_columns import quantity_in
from collateral_registry.domain.findings.over_pledging import millionths_of
from collateral_registry.domain.findings.references import MOVING_KINDS, goods_of
from collateral_registry.store.engine.asset_documents import asset_from_document
from collateral_registry.store.engine.bulk import Columns, ColumnUpdate, insert_columns, read_columns, read_keys
from collateral_registry.store.engine.database import Write
from collateral_registry.store.engine.json_documents import to_document
from collateral_registry.store.engine.key_sets import KEYS, is_one_of
from collateral_registry.store.schema.assets import (
    IS_NEWEST_OF_ASSET,
    AssetRevisionRow,
    AssetRow,
    IdentityRow,
    InventoryRow,
)
from collateral_registry.store.schema.prices import PriceSeriesRow
from collateral_registry.store.schema.stock import (
    LOT_IDENTITY,
    LotLinkRow,
    PlaceClaimRow,
    StockChangeRow,
    StockLotRow,
    StockReserveRow,
)
from collateral_registry.store.stock.lot_links import links_of_lots
from valuation._typing import Int


@dataclass(frozen=True)
class LinkedAsset:
    """An inventory asset at its newest revision, and the key of its lot."""

    lot_key: int
    asset_key: int
    asset: Asset
    revision: int
    series_unit: str | None


@dataclass(frozen=True)
class ReportedLot:
    """The reported state of a lot; ``counted`` is its quantity less the reserve, in millionths of its unit."""

    good: str
    unit: str
    grade: str
    counted: int


NO_MOVEMENT_US = 2**62
"""``since_us`` of a change that is not a movement; it is later than any count."""


def pending_changes(connection: Connection, limit: int) -> Columns:
    """Returns the oldest pending changes, oldest first: ``change_key``, ``lot_key`` and ``since_us``."""
    return read_columns(connection, _LONGEST_PENDING, {"most": limit})


_CHANGE = (StockChangeRow.change_key, StockChangeRow.lot_key, StockChangeRow.since_us)
_LONGEST_PENDING = select(*_CHANGE).order_by(StockChangeRow.change_key).limit(bindparam("most"))


def changes_of_lots(connection: Connection, lot_keys: Int) -> Columns:
    """Returns all pending changes of these lots, in the columns of ``pending_changes``."""
    return read_columns(connection, _CHANGES_OF_LOTS, {"keys": lot_keys})


_CHANGES_OF_LOTS = select(*_CHANGE).where(is_one_of(StockChangeRow.lot_key, KEYS))


def changes_of_assets(connection: Connection, asset_keys: Int) -> Columns:
    """Returns the pending changes of the lots with goods of these assets, in the columns of ``pending_changes``."""
    registered = read_columns(connection, _CHANGES_OF_ASSETS, {"keys": asset_keys})
    linked = read_columns(connection, _CHANGES_OF_LINKS, {"keys": asset_keys})
    if not len(linked["change_key"]):
        return registered
    both = {name: np.concatenate([column, linked[name]]) for name, column in registered.items()}
    _, first = np.unique(both["change_key"], return_index=True)
    return {name: column[first] for name, column in both.items()}


_CHANGES_OF_ASSETS = (
    select(*_CHANGE)
    .join(StockLotRow, StockLotRow.lot_key == StockChangeRow.lot_key)
    .join(AssetRow, AssetRow.identity == LOT_IDENTITY)
    .where(is_one_of(AssetRow.asset_key, KEYS))
    .order_by(StockChangeRow.change_key)
)


_CHANGES_OF_LINKS = (
    select(*_CHANGE)
    .join(LotLinkRow, LotLinkRow.lot_key == StockChangeRow.lot_key)
    .where(is_one_of(LotLinkRow.asset_key, KEYS))
)


def registered_lots(connection: Connection, lot_keys: Int) -> Int:
    """Returns the lots among ``lot_keys`` that are registered as assets."""
    return read_keys(connection, _REGISTERED, {"keys": lot_keys})


_REGISTERED = (
    select(StockLotRow.lot_key)
    .join(AssetRow, AssetRow.identity == LOT_IDENTITY)
    .where(is_one_of(StockLotRow.lot_key, KEYS))
)


def key_of_lot(connection: Connection, lot: Inventory) -> int | None:
    """Returns the key of the stock lot that an asset is registered as; None if a warehouse has not reported it."""
    known = select(StockLotRow.lot_key).where(StockLotRow.warehouse == lot.warehouse, StockLotRow.lot == lot.lot)
    return connection.execute(known).scalar()


def queue_lot(write: Write, lot: Inventory) -> bool:
    """Queues the lot of an asset, and returns whether a warehouse has reported it."""
    key = key_of_lot(write.connection, lot)
    if key is not None:
        write.connection.execute(insert(StockChangeRow).values(lot_key=key, since_us=NO_MOVEMENT_US))
    return key is not None


def queue_lots(write: Write, lot_keys: Int) -> None:
    """Queues lots whose counted quantity has changed."""
    columns = {"lot_key": lot_keys, "since_us": NO_MOVEMENT_US}
    insert_columns(write.connection, StockChangeRow, columns, len(lot_keys))


def delete_changes(write: Write, change_keys: Int) -> None:
    """Deletes changes that have been applied."""
    write.connection.execute(_DELETE_CHANGES, {"keys": change_keys})


_DELETE_CHANGES = delete(StockChangeRow).where(is_one_of(StockChangeRow.change_key, KEYS))


def linked_assets(connection: Connection, lot_keys: Int) -> list[LinkedAsset]:
    """Returns the assets that are registered as one of these lots or linked to one, whether or not the goods agree."""
    own_keys = {link.own_key for link in links_of_lots(connection, lot_keys)}
    lots = np.union1d(lot_keys, np.array(sorted(own_keys), dtype=np.int64)) if own_keys else lot_keys
    return [
        LinkedAsset(lot_key, asset_key, asset_from_document(document), revision, unit)
        for lot_key, asset_key, document, revision, unit in connection.execute(_LINKED_ASSETS, {"keys": lots})
    ]


_LINKED_ASSETS = (
    select(StockLotRow.lot_key, AssetRow.asset_key, AssetRevisionRow.document, AssetRow.revision, PriceSeriesRow.unit)
    .join_from(StockLotRow, AssetRow, AssetRow.identity == LOT_IDENTITY)
    .join(AssetRevisionRow, IS_NEWEST_OF_ASSET)
    .join(InventoryRow, InventoryRow.asset_key == AssetRow.asset_key)
    .outerjoin(PriceSeriesRow, PriceSeriesRow.series_key == InventoryRow.series_key)
    .where(is_one_of(StockLotRow.lot_key, KEYS))
    .order_by(AssetRow.asset_key)
)


def reported_lots(connection: Connection, lot_keys: Int) -> dict[int, ReportedLot]:
    """Returns, by key, the reported state of each of these lots; lots that no feed has reported are omitted."""
    rows = connection.execute(_REPORTED, {"keys": lot_keys})
    return {row[0]: ReportedLot(row[1], row[2], row[3], max(row[4], 0)) for row in rows}


def reported_lot_of(connection: Connection, lot: Inventory) -> ReportedLot | None:
    """Returns the reported state of the lot that an asset is registered as; None if no feed reports it."""
    key = key_of_lot(connection, lot)
    return None if key is None else reported_lots(connection, np.array([key], dtype=np.int64)).get(key)


_COUNTED = StockLotRow.quantity - func.coalesce(StockReserveRow.quantity, 0)

_REPORTED = (
    select(StockLotRow.lot_key, StockLotRow.good, StockLotRow.unit, StockLotRow.grade, _COUNTED)
    .outerjoin(StockReserveRow, StockReserveRow.lot_key == StockLotRow.lot_key)
    .where(is_one_of(StockLotRow.lot_key, KEYS), StockLotRow.version > 0)
)


def write_quantities(write: Write, changed: Sequence[tuple[LinkedAsset, Asset]]) -> None:
    """Stores new revisions of assets whose quantity or grade changed, in bulk."""
    if not changed:
        return
    keys = [tied.asset_key for tied, _ in changed]
    revisions = {
        "asset_key": keys,
        "revision": [tied.revision + 1 for tied, _ in changed],
        "seq": write.seq,
        "good": [asset.detail.good for _, asset in changed],
        "place": [asset.detail.place for _, asset in changed],
        "document": [to_document(asset) for _, asset in changed],
    }
    insert_columns(write.connection, AssetRevisionRow, revisions, len(changed))
    lots = [_lot(asset) for _, asset in changed]
    _SET_REVISION.run(write.connection, keys, revisions["revision"], [write.seq] * len(keys))
    _SET_PRICED_QUANTITY.run(write.connection, keys, [_priced_quantity(*one) for one in changed])
    _SET_CLAIMED_QUANTITY.run(write.connection, keys, [millionths_of(lot.quantity) for lot in lots])
    _SET_AGREEMENT.run(write.connection, keys, [goods_of(lot) for lot in lots])


_SET_REVISION = ColumnUpdate(AssetRow, "asset_key", ("revision", "updated_seq"))
_SET_PRICED_QUANTITY = ColumnUpdate(InventoryRow, "asset_key", ("quantity_in_series_unit",))
_SET_CLAIMED_QUANTITY = ColumnUpdate(PlaceClaimRow, "asset_key", ("quantity",))

_NAMES_A_PLACE = or_(*(IdentityRow.kind == int(kind) for kind in MOVING_KINDS))
_SET_AGREEMENT = ColumnUpdate(IdentityRow, "asset_key", ("agreement",), _NAMES_A_PLACE)


def _priced_quantity(tied: LinkedAsset, asset: Asset) -> float | None:
    return None if tied.series_unit is None else quantity_in(tied.series_unit, _lot(asset))


def _lot(asset: Asset) -> Inventory:
    if not isinstance(asset.detail, Inventory):
        message = f"assets/{asset.asset_id} is not inventory"
        raise TypeError(message)
    return asset.detail
