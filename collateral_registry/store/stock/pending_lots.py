"""Lots that changed and the assets they are, for the book to take up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection, Delete, Select, bindparam, delete, func, insert, or_, select

from collateral_registry.domain.assets.kinds import Asset, Inventory
from collateral_registry.domain.assets.valuation_columns import quantity_in
from collateral_registry.domain.findings.over_pledging import millionths_of
from collateral_registry.domain.findings.references import MOVING_KINDS, goods_of
from collateral_registry.store.engine.bulk import insert_columns, read_columns, update_columns
from collateral_registry.store.engine.database import Write
from collateral_registry.store.engine.json_documents import from_document, to_document
from collateral_registry.store.engine.key_sets import Among, among, in_keys
from collateral_registry.store.schema.assets import AssetRevisionRow, AssetRow, IdentityRow, InventoryRow
from collateral_registry.store.schema.prices import PriceSeriesRow
from collateral_registry.store.schema.stock import (
    LOT_IDENTITY,
    PlaceClaimRow,
    StockChangeRow,
    StockLotRow,
    StockReserveRow,
)
from valuation._typing import Int


@dataclass(frozen=True)
class LinkedAsset:
    """An inventory asset and the lot that it is: what the book has of it, which no feed changes."""

    lot_key: int
    asset_key: int
    asset: Asset
    revision: int
    series_unit: str | None


@dataclass(frozen=True)
class ReportedLot:
    """What a feed tells of a lot: what counts of it, in millionths of its unit."""

    good: str
    unit: str
    grade: str
    counted: int


def waiting_changes(connection: Connection, limit: int) -> tuple[Int, Int]:
    """The changes that have waited longest [c], in their order, and the lot of each [c]."""
    columns = read_columns(connection, _WAITING, {"most": limit})
    return columns["change_key"], columns["lot_key"]


_WAITING = (
    select(StockChangeRow.change_key, StockChangeRow.lot_key)
    .order_by(StockChangeRow.change_key)
    .limit(bindparam("most"))
)


def changes_of_lots(connection: Connection, lot_keys: Int) -> Int:
    """All the changes that wait of these lots."""
    wanted, named = among(connection, lot_keys)
    return read_columns(connection, _changes_of(wanted), named)["change_key"]  # type: ignore[no-any-return] # columns are of any type


@cache
def _changes_of(wanted: Among) -> Select[Any]:
    return select(StockChangeRow.change_key).where(wanted(StockChangeRow.lot_key))


def changes_of_assets(connection: Connection, asset_keys: Int) -> tuple[Int, Int]:
    """The changes that wait of the lots that are these assets [c], in their order, and the lot of each [c]."""
    statement = (
        select(StockChangeRow.change_key, StockChangeRow.lot_key)
        .join(StockLotRow, StockLotRow.lot_key == StockChangeRow.lot_key)
        .join(AssetRow, AssetRow.identity == LOT_IDENTITY)
        .where(in_keys(connection, AssetRow.asset_key, asset_keys))
        .order_by(StockChangeRow.change_key)
    )
    columns = read_columns(connection, statement)
    return columns["change_key"], columns["lot_key"]


def registered_lots(connection: Connection, lot_keys: Int) -> Int:
    """Those of the lots that are registered as assets."""
    wanted, named = among(connection, lot_keys)
    return read_columns(connection, _registered(wanted), named)["lot_key"]  # type: ignore[no-any-return] # the same


@cache
def _registered(wanted: Among) -> Select[Any]:
    return (
        select(StockLotRow.lot_key).join(AssetRow, AssetRow.identity == LOT_IDENTITY).where(wanted(StockLotRow.lot_key))
    )


def note_lot(write: Write, lot: Inventory) -> None:
    """Has the lot of an asset taken up, where a warehouse has told of it."""
    known = select(StockLotRow.lot_key).where(StockLotRow.warehouse == lot.warehouse, StockLotRow.lot == lot.lot)
    key = write.connection.execute(known).scalar()
    if key is not None:
        write.connection.execute(insert(StockChangeRow).values(lot_key=key))


def note_lots(write: Write, lot_keys: Int) -> None:
    """Has lots taken up of which something else counts now."""
    insert_columns(write.connection, StockChangeRow, {"lot_key": lot_keys}, len(lot_keys))


def forget_changes(write: Write, change_keys: Int) -> None:
    """Drops the changes that have been taken up."""
    taken, named = among(write.connection, change_keys)
    write.connection.execute(_forgotten(taken), named)


@cache
def _forgotten(taken: Among) -> Delete:
    return delete(StockChangeRow).where(taken(StockChangeRow.change_key))


def tied_assets(connection: Connection, lot_keys: Int) -> list[LinkedAsset]:
    """The assets that the lots are registered as: of the same warehouse and lot number, whatever good is told."""
    wanted, named = among(connection, lot_keys)
    return [
        LinkedAsset(lot_key, asset_key, from_document(Asset, document), revision, unit)
        for lot_key, asset_key, document, revision, unit in connection.execute(_tied(wanted), named)
    ]


@cache
def _tied(wanted: Among) -> Select[Any]:
    newest = (AssetRevisionRow.asset_key == AssetRow.asset_key) & (AssetRevisionRow.revision == AssetRow.revision)
    own = (StockLotRow.lot_key, AssetRow.asset_key, AssetRevisionRow.document, AssetRow.revision)
    return (
        select(*own, PriceSeriesRow.unit)
        .join_from(StockLotRow, AssetRow, AssetRow.identity == LOT_IDENTITY)
        .join(AssetRevisionRow, newest)
        .join(InventoryRow, InventoryRow.asset_key == AssetRow.asset_key)
        .outerjoin(PriceSeriesRow, PriceSeriesRow.series_key == InventoryRow.series_key)
        .where(wanted(StockLotRow.lot_key))
        .order_by(AssetRow.asset_key)
    )


def told_lots(connection: Connection, lot_keys: Int) -> dict[int, ReportedLot]:
    """What feeds tell of the lots that any feed has told of, by their keys."""
    wanted, named = among(connection, lot_keys)
    rows = connection.execute(_reported(wanted), named)
    return {row[0]: ReportedLot(row[1], row[2], row[3], max(row[4], 0)) for row in rows}


@cache
def _reported(wanted: Among) -> Select[Any]:
    lot, counted = StockLotRow, StockLotRow.quantity - func.coalesce(StockReserveRow.quantity, 0)
    return (
        select(lot.lot_key, lot.good, lot.unit, lot.grade, counted)
        .outerjoin(StockReserveRow, StockReserveRow.lot_key == lot.lot_key)
        .where(wanted(lot.lot_key), lot.version > 0)
    )


def write_quantities(write: Write, changed: Sequence[tuple[LinkedAsset, Asset]]) -> None:
    """Writes new revisions of assets of which only quantity or grade changed, in bulk."""
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
    newest = {name: revisions[name] for name in ("asset_key", "revision")}
    update_columns(write.connection, AssetRow, "asset_key", {**newest, "updated_seq": [write.seq] * len(keys)})
    priced = {"asset_key": keys, "quantity_in_series_unit": [_priced_quantity(*one) for one in changed]}
    update_columns(write.connection, InventoryRow, "asset_key", priced)
    held = {"asset_key": keys, "quantity": [millionths_of(_lot(asset).quantity) for _, asset in changed]}
    update_columns(write.connection, PlaceClaimRow, "asset_key", held)
    agreed = {"asset_key": keys, "agreement": [goods_of(_lot(asset)) for _, asset in changed]}
    update_columns(write.connection, IdentityRow, "asset_key", agreed, _OF_PLACES)


_OF_PLACES = or_(*(IdentityRow.kind == int(kind) for kind in MOVING_KINDS))
"""Condition on identities that say where goods are."""


def _priced_quantity(tied: LinkedAsset, asset: Asset) -> float | None:
    return None if tied.series_unit is None else quantity_in(tied.series_unit, _lot(asset))


def _lot(asset: Asset) -> Inventory:
    if not isinstance(asset.detail, Inventory):
        message = f"assets/{asset.asset_id} is not inventory"
        raise TypeError(message)
    return asset.detail
