"""Reads lots and movements for display, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, or_, select

from collateral_registry.domain.stock.movements import Movements, RejectionState, movement_of
from collateral_registry.store.engine.filters import Condition, conditions
from collateral_registry.store.engine.key_sets import is_one_of
from collateral_registry.store.engine.rows import from_row
from collateral_registry.store.schema.stock import (
    StockFeedRow,
    StockLotRow,
    StockMovementRow,
    StockRejectionRow,
    StockReserveRow,
)
from collateral_registry.store.stock.feeds import Feed
from collateral_registry.store.stock.lot_links import asset_ids_of_lots

LOT_FILTERS = {
    "warehouse": StockLotRow.warehouse,
    "lot": StockLotRow.lot,
    "good": StockLotRow.good,
    "unit": StockLotRow.unit,
}
"""Fields by which lots can be filtered."""

MOVEMENT_FILTERS = {
    "feed": StockFeedRow.source_id,
    "movement": StockMovementRow.movement_id,
    "kind": StockMovementRow.kind,
    "document": StockMovementRow.document,
}
"""Fields of a movement itself by which movements can be filtered."""

PLACE_FILTERS = {"warehouse": StockLotRow.warehouse, "lot": StockLotRow.lot}
"""Fields of a lot by which movements can be filtered; a transfer is found by either of its lots."""


@dataclass(frozen=True)
class StoredLot:
    """A lot with its present and its reserved quantity, in millionths, and the assets with goods in it."""

    key: int
    warehouse: str
    lot: str
    good: str
    grade: str
    bin: str
    unit: str
    quantity: int
    reserved: int
    version: int
    opened_us: int
    received_us: int
    asset_ids: Sequence[str]


@dataclass(frozen=True)
class StoredMovement:
    """A booked movement with its feed, its row in its batch, and the change of its lot in millionths."""

    key: int
    source_id: str
    sequence: int
    batch_row: int
    movement: Movements
    change: int
    received_us: int


def open_rejections(connection: Connection, sources: Sequence[Feed]) -> dict[int, int]:
    """Returns, by feed key, the number of rejected items that are still open."""
    of_feeds = is_one_of(StockRejectionRow.source_key, [source.key for source in sources])
    is_open = StockRejectionRow.state == int(RejectionState.OPEN)
    statement = select(StockRejectionRow.source_key, func.count()).where(of_feeds, is_open)
    return {row[0]: row[1] for row in connection.execute(statement.group_by(StockRejectionRow.source_key))}


def list_lots(connection: Connection, wanted: Sequence[Condition], after_key: int, limit: int) -> list[StoredLot]:
    """Returns a page of lots in the order in which they were opened."""
    lot = StockLotRow
    reserved = func.coalesce(StockReserveRow.quantity, 0).label("reserved")
    columns = (lot.lot_key, lot.warehouse, lot.lot, lot.good, lot.grade, lot.bin, lot.unit, lot.quantity, reserved)
    statement = (
        select(*columns, lot.version, lot.opened_us, lot.received_us)
        .outerjoin(StockReserveRow, StockReserveRow.lot_key == lot.lot_key)
        .where(*conditions(LOT_FILTERS, wanted), lot.lot_key > after_key)
        .order_by(lot.lot_key)
        .limit(limit)
    )
    rows = connection.execute(statement).all()
    asset_ids = asset_ids_of_lots(connection, [row.lot_key for row in rows])
    return [from_row(StoredLot, row, key=row.lot_key, asset_ids=asset_ids.get(row.lot_key, ())) for row in rows]


def list_movements(
    connection: Connection, wanted: Sequence[Condition], before_key: int, limit: int
) -> list[StoredMovement]:
    """Returns a page of movements, most recently booked first."""
    lot, other = StockLotRow.__table__.alias("lot"), StockLotRow.__table__.alias("other")
    names = [lot.c.warehouse, lot.c.lot, lot.c.good, lot.c.unit]
    statement = (
        select(
            StockMovementRow.__table__,
            StockFeedRow.source_id,
            *(column.label(f"lot_{column.name}") for column in names),
            other.c.warehouse.label("other_warehouse"),
            other.c.lot.label("other_lot"),
        )
        .join(StockFeedRow, StockFeedRow.source_key == StockMovementRow.source_key)
        .join(lot, lot.c.lot_key == StockMovementRow.lot_key)
        .outerjoin(other, other.c.lot_key == StockMovementRow.to_lot_key)
        .where(*_where(wanted), StockMovementRow.movement_key < before_key)
        .order_by(StockMovementRow.movement_key.desc())
        .limit(limit)
    )
    return [_movement(row) for row in connection.execute(statement)]


def _where(wanted: Sequence[Condition]) -> list[ColumnElement[bool]]:
    place = [one for one in wanted if one.field in PLACE_FILTERS]
    where = conditions(MOVEMENT_FILTERS, [one for one in wanted if one.field not in PLACE_FILTERS])
    if not place:
        return where
    lots = select(StockLotRow.lot_key).where(*conditions(PLACE_FILTERS, place))
    move = StockMovementRow
    return [*where, or_(move.lot_key.in_(lots), and_(move.to_lot_key > 0, move.to_lot_key.in_(lots)))]


def _movement(row: Row[Any]) -> StoredMovement:
    """Returns the movement as reported; the good and unit, which a feed may leave out, are read from the lot."""
    item = {
        **{name: getattr(row, name) for name in ("movement_id", "kind", "effective_us", "quantity")},
        **{name: getattr(row, name) for name in ("bin", "to_bin", "grade", "corrects", "document")},
        **{name: getattr(row, f"lot_{name}") for name in ("warehouse", "lot", "good", "unit")},
        "to_warehouse": row.other_warehouse or "",
        "to_lot": row.other_lot or "",
    }
    return StoredMovement(
        row.movement_key, row.source_id, row.sequence, row.batch_row, movement_of(item), row.change, row.received_us
    )
