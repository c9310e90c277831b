"""Reads, as columns, the lots and known movements that booking needs, and stores the results of booking."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from zlib import crc32

import numpy as np
from sqlalchemy import BigInteger, Connection, Text, bindparam, insert, select, text as sql, update

from collateral_registry.domain.shared.quantities import MILLION
from collateral_registry.domain.stock.movement_booking import NO_SLOT, Booked, Known, Lots, Place, content
from collateral_registry.domain.stock.movements import LATE_SECONDS, Movements
from collateral_registry.store.engine.bulk import ColumnUpdate, insert_columns, new_keys
from collateral_registry.store.engine.database import Intake
from collateral_registry.store.engine.key_sets import KEYS, TEXTS, RecordSet
from collateral_registry.store.feeds.batches import BatchPlaces
from collateral_registry.store.schema.stock import (
    StockChangeRow,
    StockLotRow,
    StockMovementRow,
)

WAREHOUSE_SHARDS = 64
"""Locks that all warehouses share. One lock for each could exceed the locks that PostgreSQL has for a transaction."""


def warehouse_shard(warehouse: str) -> str:
    """Returns the name of a warehouse's shard, which serialises feeds and counts of the same warehouse."""
    return f"warehouses {crc32(warehouse.encode(errors='replace')) % WAREHOUSE_SHARDS}"


def read_lots(connection: Connection, places: Collection[Place]) -> Lots:
    """Returns the lots that exist at the given places."""
    if not places:
        return Lots()
    rows = connection.execute(_LOTS_AT, {"records": places}).all()
    columns = [*map(list, zip(*rows, strict=True))] if rows else [[] for _ in (*LOT_COLUMNS, "version")]
    lots = Lots(**dict(zip(LOT_COLUMNS, columns[:-1], strict=True)))
    lots.counted_only.update(slot for slot, version in enumerate(columns[-1]) if not version)
    lots.slot_of.update({place: slot for slot, place in enumerate(zip(lots.warehouse, lots.lot, strict=True))})
    return lots


LOT_COLUMNS = ("key", "warehouse", "lot", "good", "unit", "grade", "bin", "quantity")
"""Columns of a lot that booking reads."""


_LOT = StockLotRow.__table__
_PLACES = RecordSet({"warehouse": Text, "lot": Text}).rows
_LOTS_AT = select(_LOT.c.lot_key, *(_LOT.c[name] for name in (*LOT_COLUMNS[1:], "version"))).join_from(
    _PLACES, _LOT, (_LOT.c.warehouse == _PLACES.c.warehouse) & (_LOT.c.lot == _PLACES.c.lot)
)


def known_movements(connection: Connection, source_key: int, ids: Collection[str]) -> dict[str, Known]:
    """Returns, by id, the movements that a feed has already reported, with their quantities after corrections."""
    if not ids:
        return {}
    rows = connection.execute(_KNOWN_MOVES, {"source": source_key, "texts": ids}).all()
    return _known(connection, source_key, rows) if rows else {}


_MOVE = StockMovementRow.__table__
_IDS = TEXTS.rows
_NAMED = _MOVE.alias("named")
_KEY_OF_ID = select(_NAMED.c.movement_key).where(
    _NAMED.c.source_key == bindparam("source"), _NAMED.c.movement_id == _IDS.c.value
)

_TO_LOT = _LOT.alias()
# A subquery for each id uses the index; for a plain join, SQLite reads all movements of the feed.
_KNOWN_MOVES = (
    select(_MOVE, _LOT.c.warehouse, _LOT.c.lot, _TO_LOT.c.warehouse, _TO_LOT.c.lot)
    .join_from(_IDS, _MOVE, _MOVE.c.movement_key == _KEY_OF_ID.scalar_subquery())
    .join(_LOT, _LOT.c.lot_key == _MOVE.c.lot_key)
    .outerjoin(_TO_LOT, _TO_LOT.c.lot_key == _MOVE.c.to_lot_key)
)

_OF_FEED = _MOVE.c.source_key == bindparam("source")
_CORRECTIONS = (
    select(_MOVE.c.corrects, _MOVE.c.quantity)
    # The last condition repeats that of the partial index of corrections.
    .join_from(_IDS, _MOVE, _OF_FEED & (_MOVE.c.corrects == _IDS.c.value) & (_MOVE.c.corrects != ""))
    .order_by(_MOVE.c.movement_key)
)


def _known(connection: Connection, source_key: int, rows: Sequence[Any]) -> dict[str, Known]:
    named = {"source": source_key, "texts": [row.movement_id for row in rows]}
    corrected: dict[str, int] = {row[0]: row[1] for row in connection.execute(_CORRECTIONS, named)}
    known = {}
    for row in rows:
        place, to_place = tuple(row[-4:-2]), tuple(row[-2:]) if row.to_lot_key else None
        details = (row.quantity, row.bin, row.to_bin, row.grade, row.corrects, row.document)
        stated = content(row.kind, row.effective_us, place, to_place, *details)
        quantity = corrected.get(row.movement_id, row.quantity)
        known[row.movement_id] = Known(stated, row.kind, row.effective_us, place, to_place, quantity)
    return known


def store_lots(intake: Intake, lots: Lots, since_us: int) -> None:
    """Updates the changed lots, inserts the new ones with their keys, and queues all of them for the stock sync.

    ``since_us`` is the earliest time that the movements of the lots are about.
    """
    slots = sorted(lots.changed)
    if not slots:
        return
    new = [slot for slot in slots if not lots.key[slot]]
    _update_lots(intake, lots, [slot for slot in slots if lots.key[slot]])
    for slot, key in zip(new, new_keys(intake.connection, StockLotRow, len(new)), strict=True):
        lots.key[slot] = key
    names = ("warehouse", "lot", "good", "unit", "grade", "bin", "quantity")
    columns: dict[str, Any] = {name: [getattr(lots, name)[slot] for slot in new] for name in names}
    columns["lot_key"] = [lots.key[slot] for slot in new]
    times = {"version": 1, "opened_us": intake.received_us, "received_us": intake.received_us}
    insert_columns(intake.connection, StockLotRow, {**columns, **times}, len(new))
    intake.connection.execute(_QUEUE_LOTS, {"keys": [lots.key[slot] for slot in slots], "since": since_us})


_QUEUE_LOTS = insert(StockChangeRow).from_select(
    ["lot_key", "since_us"], select(KEYS.rows.c.value, bindparam("since", type_=BigInteger))
)


def _update_lots(intake: Intake, lots: Lots, slots: Sequence[int]) -> None:
    if slots:
        columns = [[getattr(lots, name)[slot] for slot in slots] for name in CHANGING]
        values = {"records": list(zip(*columns, strict=True)), "now": intake.received_us}
        intake.connection.execute(_UPDATE_LOTS, values)
    if lots.defined:
        defined = [slot for slot in slots if slot in lots.defined]
        columns = [[getattr(lots, name)[slot] for slot in defined] for name in ("key", "good", "unit")]
        _DEFINE_LOTS.run(intake.connection, *columns)


_DEFINE_LOTS = ColumnUpdate(StockLotRow, "lot_key", ("good", "unit"))

CHANGING = {"key": BigInteger, "quantity": BigInteger, "grade": Text, "bin": Text}
"""Columns of a lot that movements change, after its key."""


_NEW = RecordSet(CHANGING).rows
_UPDATE_LOTS = (
    update(_LOT)
    .where(_LOT.c.lot_key == _NEW.c.key)
    .values(
        {name: _NEW.c[name] for name in ("quantity", "grade", "bin")}
        | {"version": _LOT.c.version + 1, "received_us": bindparam("now")}
    )
)


REPORTED = ("movement_id", "kind", "quantity", "bin", "to_bin", "grade", "corrects", "document")
"""Columns of a movement that are stored as reported."""


def store_movements(
    intake: Intake, source_key: int, run: Movements, places: BatchPlaces, booked: Booked, lots: Lots
) -> None:
    """Appends the booked rows of a run; ``places`` locates each row [n] in its batch."""
    rows = booked.row
    whole = len(rows) == len(run)

    def accepted(column: Sequence[Any]) -> Sequence[Any]:
        return column if whole else [column[row] for row in rows]

    key = lots.key
    columns = {
        "source_key": source_key,
        "sequence": accepted(places.sequence),
        "batch_row": accepted(places.batch_row),
        **{name: accepted(getattr(run, name)) for name in REPORTED},
        "effective_us": booked.effective_us,
        "received_us": intake.received_us,
        "lot_key": [key[slot] for slot in booked.slot],
        "change": booked.change,
        "to_lot_key": [0 if slot == NO_SLOT else key[slot] for slot in booked.to_slot],
    }
    insert_columns(intake.connection, StockMovementRow, columns, len(rows))


def store_lateness(intake: Intake, lots: Lots, done: Sequence[Booked]) -> None:
    """Adds to the totals of each warehouse: the movements, the late movements, and the seconds of lateness."""
    slots = np.array([slot for booked in done for slot in booked.slot], dtype=np.int64)
    if not len(slots):
        return
    effective_us = np.array([time for booked in done for time in booked.effective_us], dtype=np.int64)
    seconds = np.maximum(intake.received_us - effective_us, 0) // MILLION
    place_of = {warehouse: place for place, warehouse in enumerate(sorted(set(lots.warehouse)))}
    place = np.array([place_of[warehouse] for warehouse in lots.warehouse], dtype=np.int64)[slots]
    sums = (
        np.bincount(place, minlength=len(place_of)),
        np.bincount(place, seconds > LATE_SECONDS, len(place_of)).astype(np.int64),
        np.bincount(place, seconds, len(place_of)).astype(np.int64),
    )
    rows = zip(place_of, *(one.tolist() for one in sums), strict=True)
    names = ("warehouse", "movement_count", "late_count", "lateness_seconds")
    intake.connection.execute(_ADD_LATENESS, [dict(zip(names, row, strict=True)) for row in rows])


_ADD_LATENESS = sql(
    "INSERT INTO stock_warehouse (warehouse, movement_count, late_count, lateness_seconds) "
    "VALUES (:warehouse, :movement_count, :late_count, :lateness_seconds) ON CONFLICT (warehouse) DO UPDATE SET "
    "movement_count = stock_warehouse.movement_count + excluded.movement_count, "
    "late_count = stock_warehouse.late_count + excluded.late_count, "
    "lateness_seconds = stock_warehouse.lateness_seconds + excluded.lateness_seconds"
)
