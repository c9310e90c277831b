"""Reads lots and movements for display, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Row, and_, func, or_, select

from collateral_registry.domain.filters.expressions import AllOf, Expression, conjuncts, tests_in
from collateral_registry.domain.filters.fields import EncodedName, Id, Number, Text, Time, enum
from collateral_registry.domain.stock.movements import MovementKind, Movements, movement_of
from collateral_registry.store.engine.filters import FilterField, FilterTable
from collateral_registry.store.engine.rows import from_row
from collateral_registry.store.schema.stock import (
    StockFeedRow,
    StockLotRow,
    StockMovementRow,
    StockReserveRow,
)
from collateral_registry.store.stock.lot_links import asset_ids_of_lots
from valuation.money import PPM

_RESERVED = func.coalesce(StockReserveRow.quantity, 0)

LOT_FILTER = FilterTable(
    warehouse=FilterField(EncodedName("warehouses"), StockLotRow.warehouse),
    lot=FilterField(Text(), StockLotRow.lot),
    good=FilterField(Text(), StockLotRow.good),
    grade=FilterField(Text(), StockLotRow.grade),
    bin=FilterField(Text(), StockLotRow.bin),
    unit=FilterField(Text(), StockLotRow.unit),
    quantity=FilterField(Number(PPM), StockLotRow.quantity),
    reserved_quantity=FilterField(Number(PPM), _RESERVED),
    open_time=FilterField(Time(), StockLotRow.opened_us),
    change_time=FilterField(Time(), StockLotRow.received_us),
)
"""Fields by which lots can be filtered."""

_LOT, _OTHER = StockLotRow.__table__.alias("lot"), StockLotRow.__table__.alias("other")


def _movement_filter(place: FromClause) -> FilterTable:
    """Returns the fields of movements, of which ``warehouse`` and ``lot`` are those of one of the two lots."""
    return FilterTable(
        feed=FilterField(Id("stockFeeds"), StockFeedRow.source_id),
        movement=FilterField(Text(), StockMovementRow.movement_id),
        kind=FilterField(enum(MovementKind, "MOVEMENT_KIND_"), StockMovementRow.kind),
        document=FilterField(Text(), StockMovementRow.document),
        corrects=FilterField(Text(), StockMovementRow.corrects),
        warehouse=FilterField(EncodedName("warehouses"), place.c.warehouse),
        lot=FilterField(Text(), place.c.lot),
        good=FilterField(Text(), _LOT.c.good),
        quantity=FilterField(Number(PPM), StockMovementRow.quantity),
        sequence=FilterField(Number(), StockMovementRow.sequence),
        effective_time=FilterField(Time(), StockMovementRow.effective_us),
        known_time=FilterField(Time(), StockMovementRow.received_us),
    )


MOVEMENT_FILTER, _TO_OTHER = _movement_filter(_LOT), _movement_filter(_OTHER)
"""Fields by which movements can be filtered; a transfer is found by either of its lots."""

_PLACE = FilterTable(warehouse=LOT_FILTER.fields["warehouse"], lot=LOT_FILTER.fields["lot"])


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


def list_lots(connection: Connection, wanted: Expression, after_key: int, limit: int) -> list[StoredLot]:
    """Returns a page of lots in the order in which they were opened."""
    lot = StockLotRow
    columns = (
        lot.lot_key,
        lot.warehouse,
        lot.lot,
        lot.good,
        lot.grade,
        lot.bin,
        lot.unit,
        lot.quantity,
        _RESERVED.label("reserved"),
    )
    statement = (
        select(*columns, lot.version, lot.opened_us, lot.received_us)
        .outerjoin(StockReserveRow, StockReserveRow.lot_key == lot.lot_key)
        .where(LOT_FILTER.where(wanted), lot.lot_key > after_key)
        .order_by(lot.lot_key)
        .limit(limit)
    )
    rows = connection.execute(statement).all()
    asset_ids = asset_ids_of_lots(connection, [row.lot_key for row in rows])
    return [from_row(StoredLot, row, key=row.lot_key, asset_ids=asset_ids.get(row.lot_key, ())) for row in rows]


def list_movements(connection: Connection, wanted: Expression, before_key: int, limit: int) -> list[StoredMovement]:
    """Returns a page of movements, most recently booked first."""
    names = [_LOT.c.warehouse, _LOT.c.lot, _LOT.c.good, _LOT.c.unit]
    statement = (
        select(
            StockMovementRow.__table__,
            StockFeedRow.source_id,
            *(column.label(f"lot_{column.name}") for column in names),
            _OTHER.c.warehouse.label("other_warehouse"),
            _OTHER.c.lot.label("other_lot"),
        )
        .join(StockFeedRow, StockFeedRow.source_key == StockMovementRow.source_key)
        .join(_LOT, _LOT.c.lot_key == StockMovementRow.lot_key)
        .outerjoin(_OTHER, _OTHER.c.lot_key == StockMovementRow.to_lot_key)
        .where(_where(wanted), StockMovementRow.movement_key < before_key)
        .order_by(StockMovementRow.movement_key.desc())
        .limit(limit)
    )
    return [_movement(row) for row in connection.execute(statement)]


def _where(wanted: Expression) -> ColumnElement[bool]:
    """Returns the condition that a movement matches with the place of either of its two lots.

    The parts about the place alone are conditions on the keys of the lots, which are indexed.
    """
    parts = conjuncts(wanted)
    named = [{test.field for test in tests_in(part)} & _PLACE.fields.keys() for part in parts]
    others = AllOf(tuple(part for part, places in zip(parts, named, strict=True) if not places))
    of_place = [part for part, places in zip(parts, named, strict=True) if places]
    if not of_place:
        return MOVEMENT_FILTER.where(others)
    pure = AllOf(tuple(part for part in of_place if all(test.field in _PLACE.fields for test in tests_in(part))))
    mixed = AllOf(tuple(part for part in of_place if part not in pure.parts))
    lots = select(StockLotRow.lot_key).where(_PLACE.where(pure))
    move = StockMovementRow
    at_origin = and_(move.lot_key.in_(lots), MOVEMENT_FILTER.where(mixed))
    at_other = and_(move.to_lot_key > 0, move.to_lot_key.in_(lots), _TO_OTHER.where(mixed))
    return and_(MOVEMENT_FILTER.where(others), or_(at_origin, at_other))


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
