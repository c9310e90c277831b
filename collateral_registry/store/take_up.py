"""Lots that changed and the assets they are, for the book to take up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import BindParameter, Connection, bindparam, delete, func, insert, or_, select, update

from collateral_registry.domain.assets import Asset, Inventory
from collateral_registry.domain.conservation import millionths_of
from collateral_registry.domain.facts import Int
from collateral_registry.domain.identities import MOVING_KINDS, goods_of
from collateral_registry.domain.numbers import quantity_in
from collateral_registry.store.bulk import in_keys, insert_columns, read_columns
from collateral_registry.store.database import Write
from collateral_registry.store.documents import from_document, to_document
from collateral_registry.store.pledge_tables import HoldingRow, IdentityRow
from collateral_registry.store.stock_tables import LOT_IDENTITY, StockChangeRow, StockLotRow, StockReserveRow
from collateral_registry.store.tables import AssetRevisionRow, AssetRow, InventoryRow, PriceSeriesRow


@dataclass(frozen=True)
class TiedLot:
    """An inventory asset and the lot that it is: what counts of it, in millionths of the lot's unit, and its grade."""

    asset_key: int
    asset: Asset
    revision: int
    good: str
    unit: str
    grade: str
    counted: int
    series_unit: str | None


def next_changes(connection: Connection, changes_limit: int, lots_limit: int) -> tuple[Int, Int]:
    """The changes of the lots that have waited longest [c], and these lots, each once [at most lots_limit]."""
    statement = select(StockChangeRow.change_key, StockChangeRow.lot_key).order_by(StockChangeRow.change_key)
    columns = read_columns(connection, statement.limit(changes_limit))
    lots, first = np.unique(columns["lot_key"], return_index=True)
    taken = lots[np.argsort(first)[:lots_limit]]
    return columns["change_key"][np.isin(columns["lot_key"], taken)], np.sort(taken)


def changes_of_assets(connection: Connection, asset_keys: Int) -> tuple[Int, Int]:
    """The changes that wait of the lots that are these assets [c], and the lots, each once, in order."""
    statement = (
        select(StockChangeRow.change_key, StockChangeRow.lot_key)
        .join(StockLotRow, StockLotRow.lot_key == StockChangeRow.lot_key)
        .join(AssetRow, AssetRow.identity == LOT_IDENTITY)
        .where(in_keys(connection, AssetRow.asset_key, asset_keys))
        .order_by(StockChangeRow.change_key)
    )
    columns = read_columns(connection, statement)
    return columns["change_key"], np.unique(columns["lot_key"])


def any_is_asset(connection: Connection, lot_keys: Int) -> bool:
    """Whether any of the lots is registered as an asset."""
    statement = (
        select(AssetRow.asset_key)
        .join_from(StockLotRow, AssetRow, AssetRow.identity == LOT_IDENTITY)
        .where(in_keys(connection, StockLotRow.lot_key, lot_keys))
        .limit(1)
    )
    return connection.execute(statement).first() is not None


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
    taken = in_keys(write.connection, StockChangeRow.change_key, change_keys)
    write.connection.execute(delete(StockChangeRow).where(taken))


def tied_lots(connection: Connection, lot_keys: Int) -> list[TiedLot]:
    """The lots of feeds that are registered as assets: of the same warehouse and lot number, whatever good is told."""
    newest = (AssetRevisionRow.asset_key == AssetRow.asset_key) & (AssetRevisionRow.revision == AssetRow.revision)
    counted = StockLotRow.quantity - func.coalesce(StockReserveRow.quantity, 0)
    statement = (
        select(
            AssetRow.asset_key,
            AssetRevisionRow.document,
            AssetRow.revision,
            StockLotRow.good,
            StockLotRow.unit,
            StockLotRow.grade,
            counted,
            PriceSeriesRow.unit,
        )
        .join_from(StockLotRow, AssetRow, AssetRow.identity == LOT_IDENTITY)
        .join(AssetRevisionRow, newest)
        .join(InventoryRow, InventoryRow.asset_key == AssetRow.asset_key)
        .outerjoin(PriceSeriesRow, PriceSeriesRow.series_key == InventoryRow.series_key)
        .outerjoin(StockReserveRow, StockReserveRow.lot_key == StockLotRow.lot_key)
        .where(in_keys(connection, StockLotRow.lot_key, lot_keys), StockLotRow.version > 0)
        .order_by(AssetRow.asset_key)
    )
    return [
        TiedLot(row[0], from_document(Asset, row[1]), row[2], row[3], row[4], row[5], max(row[6], 0), row[7])
        for row in connection.execute(statement)
    ]


def write_quantities(write: Write, changed: Sequence[tuple[TiedLot, Asset]]) -> None:
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
    own: BindParameter[int] = bindparam("own")
    _each(
        write,
        update(AssetRow).where(AssetRow.asset_key == own).values(revision=bindparam("new"), updated_seq=write.seq),
        [{"own": tied.asset_key, "new": tied.revision + 1} for tied, _ in changed],
    )
    _each(
        write,
        update(InventoryRow).where(InventoryRow.asset_key == own).values(quantity_in_series_unit=bindparam("new")),
        [{"own": tied.asset_key, "new": _priced_quantity(tied, asset)} for tied, asset in changed],
    )
    _each(
        write,
        update(HoldingRow).where(HoldingRow.asset_key == own).values(quantity=bindparam("new")),
        [{"own": tied.asset_key, "new": millionths_of(_lot(asset).quantity)} for tied, asset in changed],
    )
    of_places = or_(*(IdentityRow.kind == int(kind) for kind in MOVING_KINDS))
    _each(
        write,
        update(IdentityRow).where(IdentityRow.asset_key == own, of_places).values(agreement=bindparam("new")),
        [{"own": tied.asset_key, "new": goods_of(_lot(asset))} for tied, asset in changed],
    )


def _each(write: Write, statement: Any, rows: list[dict[str, Any]]) -> None:  # noqa: ANN401 - an update
    write.connection.execute(statement, rows)


def _priced_quantity(tied: TiedLot, asset: Asset) -> float | None:
    return None if tied.series_unit is None else quantity_in(tied.series_unit, _lot(asset))


def _lot(asset: Asset) -> Inventory:
    if not isinstance(asset.detail, Inventory):
        message = f"assets/{asset.asset_id} is not inventory"
        raise TypeError(message)
    return asset.detail
